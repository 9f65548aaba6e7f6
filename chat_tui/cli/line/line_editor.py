"""The line editor of line mode. The only module that uses prompt_toolkit, an extra, which is imported with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import CompleteStyle

from chat_tui.cli.line.word_completion import Complete


class LineEditor:
    """Reads lines at a terminal. `earlier` are the last prompts, newest first."""

    def __init__(self, earlier: Sequence[str], complete: Complete) -> None:
        self.has_pasted = False
        """Whether something was pasted since this was last set."""
        output = create_output()
        if isinstance(output, Vt100_Output):
            # The terminal is not asked where the cursor is: only a menu needs to know, for which the screen would be
            # scrolled.
            output.enable_cpr = False
        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory([*reversed(earlier)]),
            completer=_WordCompleter(complete),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            key_bindings=self._keys(),
            enable_open_in_editor=True,
            enable_suspend=True,
            reserve_space_for_menu=0,
            output=output,
        )
        self._asking: PromptSession[str] = PromptSession(reserve_space_for_menu=0, output=output)

    async def read(self, prompt: str, text: str = "") -> str:
        """Return a line, or several if they were pasted or Alt+Enter was pressed; `text` is there at first. Raises
        `EOFError` for Ctrl-D, `KeyboardInterrupt` for Ctrl-C."""
        return await self._session.prompt_async(prompt, default=text)

    async def ask(self, question: str) -> str:
        """Return the line that answers a question. Raises as `read` does."""
        return await self._asking.prompt_async(question)

    def _keys(self) -> KeyBindings:
        """Alt+Enter begins a new line. Ctrl+J sends, like Enter: so an Enter comes that was typed ahead."""
        keys = KeyBindings()

        def insert_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        def paste(event: KeyPressEvent) -> None:
            self.has_pasted = True
            event.current_buffer.insert_text(event.data.replace("\r\n", "\n").replace("\r", "\n"))

        keys.add("escape", "enter")(insert_line)
        keys.add(Keys.BracketedPaste)(paste)
        return keys


class _WordCompleter(Completer):
    def __init__(self, complete: Complete) -> None:
        self._complete = complete

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        return [Completion(each.text, -each.replaces) for each in self._complete(document.text_before_cursor)]
