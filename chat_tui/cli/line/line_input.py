"""What a person types in line mode."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from chat_tui.core.processes import console

if TYPE_CHECKING:
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

PROMPT = "You: "
_CONTINUES = "\\"
"""At the end of a line: the text goes on with the next one."""
_LINE_BYTES = 16 * 1024 * 1024
Complete = Callable[[str], Iterable[str]]
"""Returns the completions of the text before the cursor, each as what replaces its last word."""


class LineInput(Protocol):
    """Reads what a person types."""

    async def read(self) -> str | None:
        """Return the next message; None at the end of the input. Raises `KeyboardInterrupt` for Ctrl-C."""

    async def ask(self, question: str) -> str | None:
        """Ask something that is answered in one line; None at the end of the input, and for Ctrl-C."""


def open_line_input(earlier: Sequence[str], complete: Complete) -> LineInput:
    """Return the input of this process; `earlier` are the last prompts, newest first."""
    if sys.stdin is not None and sys.stdin.isatty() and console.output_is_terminal():
        return TerminalInput(earlier, complete)
    return PipeInput()


class PipeInput:
    """Lines of standard input that is no terminal."""

    def __init__(self) -> None:
        self._reader: asyncio.StreamReader | None = None

    async def read(self) -> str | None:
        """Return the next message; None at the end of the input."""
        lines: list[str] = []
        while True:
            line = await self._line()
            if line is None:
                return "\n".join(lines) if lines else None
            if not line.endswith(_CONTINUES):
                return "\n".join([*lines, line])
            lines.append(line.removesuffix(_CONTINUES))

    async def ask(self, question: str) -> str | None:
        """Write the question, and return the next line."""
        console.write_error(f"{question}\n")
        return await self._line()

    async def _line(self) -> str | None:
        if self._reader is None:
            self._reader = await self._open()
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            line = error.partial
            if not line:
                return None
        return line.decode("utf-8", "replace").rstrip("\r\n")

    async def _open(self) -> asyncio.StreamReader:
        reader = asyncio.StreamReader(limit=_LINE_BYTES)
        if sys.stdin is None or sys.stdin.closed:
            reader.feed_eof()
            return reader
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
        except ValueError:
            # A regular file, which is never waited for.
            reader.feed_data(await asyncio.to_thread(sys.stdin.buffer.read, _LINE_BYTES))
            reader.feed_eof()
        return reader


class TerminalInput:
    """A line editor with the last prompts and completion by Tab, whose list is printed below, as in a shell."""

    def __init__(self, earlier: Sequence[str], complete: Complete) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory
        from prompt_toolkit.shortcuts import CompleteStyle

        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory([*reversed(earlier)]),
            completer=_completer(complete),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            key_bindings=_new_line_keys(),
            enable_open_in_editor=True,
        )
        self._asking: PromptSession[str] = PromptSession()

    async def read(self) -> str | None:
        """Return the next message; None after Ctrl-D. Raises `KeyboardInterrupt` for Ctrl-C."""
        lines: list[str] = []
        while True:
            try:
                line = await self._session.prompt_async(PROMPT if not lines else "... ")
            except EOFError:
                return None
            if not line.endswith(_CONTINUES):
                return "\n".join([*lines, line])
            lines.append(line.removesuffix(_CONTINUES))

    async def ask(self, question: str) -> str | None:
        """Ask something that is answered in one line; None after Ctrl-D and Ctrl-C."""
        try:
            return await self._asking.prompt_async(f"{question} ")
        except (EOFError, KeyboardInterrupt):
            return None


def _completer(complete: Complete) -> Completer:
    from prompt_toolkit.completion import Completer, Completion

    class WordCompleter(Completer):
        def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
            text = document.text_before_cursor
            last = text.rpartition(" ")[2]
            return (Completion(word, -len(last)) for word in complete(text))

    return WordCompleter()


def _new_line_keys() -> KeyBindings:
    """Alt+Enter begins a new line. Ctrl+J sends, like Enter: so an Enter comes that was typed ahead."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    def insert_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    keys.add("escape", "enter")(insert_line)
    return keys
