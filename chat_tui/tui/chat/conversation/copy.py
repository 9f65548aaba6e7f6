"""Copying and saving messages and code blocks, and going from code block to code block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from chat_tui.core.conversation import Turn, summary_title
from chat_tui.core.errors import CommandError
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets.host import Host, ListChoice, report_errors

if TYPE_CHECKING:
    from chat_tui.markdown.code_blocks import CodeBlock

_NOT_IN_LANGUAGES = lazy_pattern(r"[^\w+#.\-]+")
_NO_CODE = ("This answer has no code block", "Choose another with Up and Down; [ and ] jump between code blocks.")


class TranscriptCopies:
    """Copies and saves an answer, its code blocks, or the whole conversation. `turns` returns the turns in view; a
    running answer with the text that has arrived."""

    def __init__(self, transcript: Transcript, turns: Callable[[], Sequence[Turn]]) -> None:
        self._transcript, self._turns = transcript, turns

    @property
    def _host(self) -> Host:
        return cast("Host", self._transcript.app)

    def copy_all(self) -> None:
        """Copy the whole conversation."""
        text = "\n\n".join(f"## {_who(turn)}\n\n{turn.text}" for turn in self._turns())
        self._copy(f"{text}\n" if text else "")

    def _copy(self, text: str) -> None:
        if text:
            self._transcript.post_message(Transcript.CopyAsked(text))
        else:
            self._host.say("There is nothing to copy yet")

    def copy(self, argument: str) -> None:
        """`/copy`: the answer, `all`, or a code block's number. Raises `CommandError`."""
        if argument.casefold() == "all":
            self.copy_all()
        elif argument:
            from chat_tui.tui.actions import code_file

            codes = self._transcript.viewport.codes()
            number, _ = code_file.parse_argument(argument, len(codes))
            self._copy_code(number, codes[number - 1])
        else:
            self._copy(self._transcript.viewport.copy_text())

    async def save(self, argument: str) -> None:
        """`/save`: save a code block as a file. Raises `ChatTuiError`."""
        codes = self._transcript.viewport.codes()
        if not codes:
            raise CommandError(f"{_NO_CODE[0]}.", _NO_CODE[1])
        from chat_tui.tui.actions import code_file

        number, named = code_file.parse_argument(argument, len(codes))
        await self._save(number, codes[number - 1], named)

    def act_on_code(self, what: str) -> None:
        """`copy` or `save` the marked code block, else one chosen from a list; or go to the one `after` or
        `before`. The name of a saved file ends as the language asks."""
        if what == "copy":
            self._with_code("Copy which code block?", self._copy_code)
        elif what == "save":
            self._with_code("Save which code block?", self._save_soon)
        elif not self._transcript.viewport.go_to_code(1 if what == "after" else -1):
            self._host.say("There is no code block further " + ("down" if what == "after" else "up"))

    def question_before_saving(self) -> str:
        """Return the confirmation question before `save` writes a file; empty if it shows a list, or has
        nothing to save."""
        codes, marked = self._transcript.viewport.codes(), self._transcript.viewport.marked_code
        number = marked if marked is not None and marked <= len(codes) else 1 if len(codes) == 1 else None
        if number is None:
            return ""
        from chat_tui.tui.actions import code_file

        return f"Save the code as {code_file.suggested_name(codes[number - 1], number)} in the current folder?"

    def _with_code(self, what: str, act: Callable[[int, CodeBlock], object]) -> None:
        codes, marked = self._transcript.viewport.codes(), self._transcript.viewport.marked_code
        if marked is not None and marked <= len(codes):
            act(marked, codes[marked - 1])
        elif len(codes) == 1:
            act(1, codes[0])
        elif not codes:
            self._host.say(*_NO_CODE)
        else:
            self._host.choose(what, [_item(number, code, act) for number, code in enumerate(codes, 1)])

    def _copy_code(self, number: int, code: CodeBlock) -> None:
        self._transcript.post_message(Transcript.CopyAsked(code.text))

    def _save_soon(self, number: int, code: CodeBlock) -> None:
        self._transcript.run_worker(report_errors(self._host, self._save(number, code)), group="save")

    async def _save(self, number: int, code: CodeBlock, named: str = "") -> None:
        from chat_tui.tui.actions import code_file, export_file

        file = code_file.path_of(named, code_file.suggested_name(code, number))
        hint = "The code is unchanged. Try another file: /save 1 ~/code.py"
        content = await asyncio.to_thread(code_file.content_of, code)
        written = await asyncio.to_thread(export_file.write, content, file, hint)
        what = "Image" if isinstance(content, bytes) else "Code block"
        self._host.say(f"{what} {number} saved", str(written), long=True)


def _who(turn: Turn) -> str:
    if turn.role == "summary":
        return summary_title(turn)
    return "You" if turn.role == "user" else turn.model or turn.role.capitalize()


def _item(number: int, code: CodeBlock, act: Callable[[int, CodeBlock], object]) -> ListChoice:
    """Return a row of the list: number, language and length, and the first line."""
    from chat_tui.markdown.inline.data_images import describe_image

    if image := describe_image(code.text):
        return ListChoice(f"{number} · image · {image.text}", lambda: act(number, code))
    language = _NOT_IN_LANGUAGES.sub("", shorten(code.language, 30))
    count = code.text.count("\n") + 1
    told = " · ".join(filter(None, [str(number), language, f"{count:,} line{'s' if count != 1 else ''}"]))
    return ListChoice(told, lambda: act(number, code), help=code.first_line)
