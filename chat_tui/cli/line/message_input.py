"""What a person types in line mode."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from chat_tui.core.processes import console
from chat_tui.core.processes.install_command import install_command

if TYPE_CHECKING:
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

PROMPT = "You: "
REQUIREMENT = "prompt_toolkit>=3.0.43"
"""As in the extra `line` in pyproject.toml."""
_CONTINUES = "\\"
"""At the end of a line: the text goes on with the next one."""
_READ_BYTES = 1 << 16
Complete = Callable[[str], Iterable[str]]
"""Returns the completions of the text before the cursor, each as what replaces its last word."""


class MessageInput(Protocol):
    """Reads what a person types."""

    async def read(self) -> str | None:
        """Return the next message; None at the end of the input. Raises `KeyboardInterrupt` for Ctrl-C."""

    async def ask(self, question: str) -> str | None:
        """Ask something that is answered in one line; None at the end of the input, and for Ctrl-C."""


def open_input(earlier: Sequence[str], complete: Complete, environment: Mapping[str, str]) -> MessageInput:
    """Return the input of this process; `earlier` are the last prompts, newest first."""
    if sys.stdin is None or not sys.stdin.isatty() or not console.output_is_terminal():
        return PlainInput()
    if environment.get("TERM", "dumb") == "dumb":
        return PlainInput(PROMPT)
    if find_spec("prompt_toolkit") is None:
        console.write_error(f"[{install_command(REQUIREMENT)} adds Tab and the last prompts.]\n")
        return PlainInput(PROMPT)
    return TerminalInput(earlier, complete)


class PlainInput:
    """Lines of standard input: a pipe, a file, or a terminal that can do nothing but show what is written."""

    def __init__(self, prompt: str = "") -> None:
        self._prompt = prompt
        self._lines: asyncio.Queue[str | None] | None = None
        self._has_ended = False

    async def read(self) -> str | None:
        """Return the next message; None at the end of the input."""
        lines: list[str] = []
        while True:
            line = await self.ask(self._prompt, end="")
            if line is None:
                return "\n".join(lines) if lines else None
            if not line.endswith(_CONTINUES):
                return "\n".join([*lines, line])
            lines.append(line.removesuffix(_CONTINUES))

    async def ask(self, question: str, *, end: str = "\n") -> str | None:
        """Write the question, and return the next line; None at the end of the input."""
        console.write_error(f"{question}{end}" if question else "")
        if self._lines is None:
            self._lines = asyncio.Queue()
            # A daemon, which a read that never ends does not keep from ending.
            reading = partial(_read_lines, asyncio.get_running_loop(), self._lines)
            threading.Thread(target=reading, name="standard input", daemon=True).start()
        line = None if self._has_ended else await self._lines.get()
        self._has_ended = line is None
        return line


def _read_lines(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str | None]) -> None:
    """Put each line of standard input into the queue, and None at its end. Blocks.

    Not by `sys.stdin`, whose lock the thread would hold when the interpreter ends.
    """
    rest, data = b"", b"begin"
    # The loop is closed when the program ends.
    with suppress(RuntimeError):
        while data:
            try:
                data = os.read(0, _READ_BYTES)
            except OSError:
                data = b""
            *whole, rest = (rest + data).split(b"\n")
            for line in [*whole, rest] if rest and not data else whole:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode("utf-8", "replace").rstrip("\r"))
        loop.call_soon_threadsafe(lines.put_nowait, None)


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
