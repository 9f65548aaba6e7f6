"""What is copied and saved of the turns in view, the way from code block to code block, and wide tables."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.core.text.control_characters import clean, clean_line
from chat_tui.markdown.code_blocks import CodeBlock
from chat_tui.tui.chat.conversation.session import KeptChat
from chat_tui.tui.transcript.transcript import Transcript
from chat_tui.tui.widgets.host import ListChoice

_NOT_IN_LANGUAGES = re.compile(r"[^\w+#.\-]+")
_NO_CODE = ("There is no code block in this answer", "Up and Down choose another; [ and ] go from block to block.")


class ChatCopies(KeptChat):
    """Copies of an answer, of its code blocks and of the whole conversation."""

    def action_copy_all(self) -> None:
        """Copy the whole conversation."""
        text = "\n\n".join(f"## {_who(turn)}\n\n{turn.text}" for turn in self.turns)
        if text:
            self.post_message(Transcript.CopyAsked(f"{text}\n"))
        else:
            self.host.say("There is nothing to copy yet")

    def action_copy_code(self) -> None:
        """Copy the marked code block, else the one that is chosen in a list."""
        self._with_code("Copy which code block?", self._copy_code)

    def action_save_code(self) -> None:
        """Save the marked code block, else the one that is chosen in a list, under a name by its language."""
        self._with_code("Save which code block?", self._save_soon)

    def action_code(self, step: int) -> None:
        """Go to the code block after (1) or before (-1)."""
        if not self.transcript.viewport.go_to_code(step):
            self.host.say("There is no code block further " + ("down" if step > 0 else "up"))

    def action_select(self) -> None:
        """Select by keyboard."""
        self.transcript.begin_selecting()

    def action_table(self, step: int) -> None:
        """Scroll wide tables sideways."""
        if not self.transcript.viewport.scroll_tables(step):
            self.host.say("No table goes on " + ("there: this is its end" if step > 0 else "before its first column"))

    def copy(self, argument: str) -> None:
        """`/copy`: the answer, `all`, or a code block's number. Raises `CommandError`."""
        if argument.casefold() == "all":
            self.action_copy_all()
        elif argument:
            from chat_tui.tui.actions import code_file

            number, _ = code_file.wanted(argument, len(self.transcript.viewport.codes()))
            self._copy_code(number, self.transcript.viewport.codes()[number - 1])
        elif text := self.transcript.viewport.copy_text():
            self.post_message(Transcript.CopyAsked(text))
        else:
            self.host.say("There is nothing to copy yet")

    async def save(self, argument: str) -> None:
        """`/save`: write a code block into a file. Raises `ChatTuiError`."""
        codes = self.transcript.viewport.codes()
        if not codes:
            raise CommandError(f"{_NO_CODE[0]}.", _NO_CODE[1])
        from chat_tui.tui.actions import code_file

        number, named = code_file.wanted(argument, len(codes))
        await self._save(number, codes[number - 1], named)

    def _with_code(self, what: str, act: Callable[[int, CodeBlock], object]) -> None:
        codes, marked = self.transcript.viewport.codes(), self.transcript.viewport.marked_code
        if marked is not None and marked <= len(codes):
            act(marked, codes[marked - 1])
        elif len(codes) == 1:
            act(1, codes[0])
        elif not codes:
            self.host.say(*_NO_CODE)
        else:
            self.host.choose(what, [_item(number, code, act) for number, code in enumerate(codes, 1)])

    def _copy_code(self, number: int, code: CodeBlock) -> None:
        self.post_message(Transcript.CopyAsked(code.text))

    def _save_soon(self, number: int, code: CodeBlock) -> None:
        self.run_worker(self.told(self._save(number, code)), group="save")

    async def _save(self, number: int, code: CodeBlock, named: str = "") -> None:
        from chat_tui.tui.actions import code_file, export_file

        file = code_file.path_of(named, code_file.suggested_name(code.language, number))
        hint = "The code is still here. Name another file: /save 1 ~/code.py"
        text = clean(code.text)
        written = await asyncio.to_thread(export_file.write, text if text.endswith("\n") else f"{text}\n", file, hint)
        self.host.say(f"Code block {number} is saved", str(written), long=True)

    async def told(self, work: Awaitable[None]) -> None:
        """Do it; what goes wrong is told."""
        try:
            await work
        except ChatTuiError as error:
            self.host.tell(error)


def _who(turn: Turn) -> str:
    return "You" if turn.role == "user" else clean_line(turn.model, 80) or turn.role.capitalize()


def _item(number: int, code: CodeBlock, act: Callable[[int, CodeBlock], object]) -> ListChoice:
    """A row of the list: number, language and length; beside it the first line."""
    language = _NOT_IN_LANGUAGES.sub("", clean_line(code.language, 30))
    count = code.text.count("\n") + 1
    told = " · ".join(filter(None, [str(number), language, f"{count:,} line{'s' if count != 1 else ''}"]))
    return ListChoice(told, lambda: act(number, code), help=code.first_line)
