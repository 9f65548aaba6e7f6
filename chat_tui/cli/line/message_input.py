"""What a person types in line mode."""

from __future__ import annotations

import asyncio
import os
import select
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from chat_tui.cli.line.word_completion import Complete
from chat_tui.core.processes import console
from chat_tui.core.processes.install_command import install_command

if TYPE_CHECKING:
    from chat_tui.cli.line.line_editor import LineEditor

PROMPT, MORE = "You: ", "... "
"""Before the first line of a message, and before the others."""
REQUIREMENT = "prompt_toolkit>=3.0.43"
"""As in the extra `line` in pyproject.toml."""
_CONTINUES = "\\"
"""At the end of a line: the text goes on with the next one."""
_BLOCK = '"""'
"""On a line of its own: begins and ends a message of several lines."""
_READ_BYTES = 1 << 16
_INTERRUPT: Literal[True] = True
_QueuedLine: TypeAlias = str | Literal[True] | None
"""A line, an interrupt, or None for the end of the input."""


class MessageInput(Protocol):
    """Reads what a person types."""

    @property
    def was_typed(self) -> bool:
        """Whether the last message was typed on a keyboard as a whole, so that `@path` in it names a file."""

    async def read(self) -> str | None:
        """Return the next message; None at the end of the input. Raises `KeyboardInterrupt` for Ctrl-C."""

    async def edit(self, text: str) -> str | None:
        """Let a person change a text; returns None, and says nothing, if it was left as it is."""

    async def ask(self, question: str) -> str | None:
        """Ask something that is answered in one line; None at the end of the input, and for Ctrl-C."""

    def interrupt(self) -> None:
        """Handle the signal of Ctrl-C: end a `read` or `ask` that waits."""


def open_input(earlier: Sequence[str], complete: Complete, environment: Mapping[str, str]) -> MessageInput:
    """Return the input of this process; `earlier` are the last prompts, newest first."""
    if sys.stdin is None or not sys.stdin.isatty():
        return PlainInput()
    if environment.get("TERM", "dumb") == "dumb" or not console.output_is_terminal():
        return PlainInput(PROMPT)
    if find_spec("prompt_toolkit") is None:
        console.write_error(f"[{install_command(REQUIREMENT)} adds Tab and the last prompts.]\n")
        return PlainInput(PROMPT)
    return TerminalInput(earlier, complete)


async def read_message(read_line: Callable[[str], Awaitable[str | None]]) -> str | None:
    """Return the next message of one or several lines; None at the end of the input. `read_line` gets the prompt."""
    lines: list[str] = []
    is_block = False
    while True:
        line = await read_line(MORE if lines or is_block else PROMPT)
        if line is None:
            return "\n".join(lines) if lines else None
        if line.strip() == _BLOCK and (is_block or not lines):
            if is_block:
                return "\n".join(lines)
            is_block = True
        elif is_block:
            lines.append(line)
        elif line.endswith(_CONTINUES):
            lines.append(line.removesuffix(_CONTINUES))
        else:
            return "\n".join([*lines, line])


class PlainInput:
    """Lines of standard input: a pipe, a file, or a terminal that can do nothing but show what is written."""

    was_typed = False

    def __init__(self, prompt: str = "", descriptor: int = 0) -> None:
        """`descriptor` is the file that is read: standard input."""
        self._has_prompt, self._descriptor = bool(prompt), descriptor
        self._lines: asyncio.Queue[_QueuedLine] | None = None
        self._has_ended = False
        self.is_waiting = False
        """Whether a line is waited for."""

    async def read(self) -> str | None:
        """Return the next message; None at the end of the input. Raises `KeyboardInterrupt` for Ctrl-C."""
        return await read_message(self._read_line)

    async def edit(self, text: str) -> str | None:
        """Let a person type a text anew; returns None if nothing is typed."""
        console.write_error(f"[now: {text}]\n[type it anew; an empty line leaves it as it is]\n")
        try:
            return await self.read() or None
        except KeyboardInterrupt:
            return None

    async def ask(self, question: str) -> str | None:
        """Write the question, and return the next line; None at the end of the input, and for Ctrl-C."""
        console.write_error(f"{question}\n")
        try:
            return await self._next_line()
        except KeyboardInterrupt:
            return None

    def interrupt(self) -> None:
        """End a `read` or `ask` that waits."""
        if self.is_waiting and self._lines is not None:
            self._lines.put_nowait(_INTERRUPT)

    async def _read_line(self, prompt: str) -> str | None:
        # A line that was pasted or typed ahead is on the screen already: what follows would stand behind its prompt.
        is_there = self._lines is not None and not self._lines.empty()
        if self._has_prompt and not is_there:
            console.write_error(prompt)
        return await self._next_line()

    async def _next_line(self) -> str | None:
        if self._has_ended:
            return None
        if self._lines is None:
            self._lines = asyncio.Queue()
            # A daemon, which a read that never ends does not keep from ending.
            reading = partial(_read_lines, self._descriptor, asyncio.get_running_loop(), self._lines)
            threading.Thread(target=reading, name="standard input", daemon=True).start()
        self.is_waiting = True
        try:
            line = await self._lines.get()
        finally:
            self.is_waiting = False
        if line is _INTERRUPT:
            console.write_error("\n")
            raise KeyboardInterrupt
        self._has_ended = line is None
        return line


def _read_lines(descriptor: int, loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[_QueuedLine]) -> None:
    """Put each line of a file into the queue, and None at its end. Blocks.

    Not by `sys.stdin`, whose lock the thread would hold when the interpreter ends.
    """
    rest, data = b"", b"begin"
    # The loop is closed when the program ends.
    with suppress(RuntimeError):
        while data:
            data = _read_available(descriptor)
            *whole, rest = (rest + data).split(b"\n")
            there = [*whole, rest] if rest and not data else whole
            texts = [line.decode("utf-8", "replace").rstrip("\r") for line in there]
            loop.call_soon_threadsafe(_put_all, lines, texts)
        loop.call_soon_threadsafe(lines.put_nowait, None)


def _read_available(descriptor: int) -> bytes:
    """Return what has come, at least a byte; nothing at the end. A terminal gives the lines of a paste one by one."""
    data = b""
    try:
        while not data or (len(data) < _READ_BYTES and select.select([descriptor], [], [], 0)[0]):
            more = os.read(descriptor, _READ_BYTES)
            if not more:
                break
            data += more
    except (OSError, ValueError):
        # As at the end: what has come is used.
        return data
    return data


def _put_all(lines: asyncio.Queue[_QueuedLine], texts: Sequence[str]) -> None:
    """Put the lines that came together into the queue at once, so that none of them is prompted for."""
    for text in texts:
        lines.put_nowait(text)


class TerminalInput:
    """A line editor with the last prompts and completion by Tab, whose list is printed below, as in a shell."""

    def __init__(self, earlier: Sequence[str], complete: Complete) -> None:
        from chat_tui.cli.line.line_editor import LineEditor

        self._editor: LineEditor = LineEditor(earlier, complete)

    @property
    def was_typed(self) -> bool:
        """Whether nothing of the last message was pasted."""
        return not self._editor.has_pasted

    async def read(self) -> str | None:
        """Return the next message; None after Ctrl-D. Raises `KeyboardInterrupt` for Ctrl-C."""
        self._editor.has_pasted = False
        try:
            return await read_message(self._editor.read)
        except EOFError:
            return None

    async def edit(self, text: str) -> str | None:
        """Let a person change a text in the line editor; None after Ctrl-D and Ctrl-C, and if it is the same."""
        try:
            typed = await self._editor.read("Edit: ", text)
        except (EOFError, KeyboardInterrupt):
            return None
        return typed if typed.strip() and typed != text else None

    async def ask(self, question: str) -> str | None:
        """Ask something that is answered in one line; None after Ctrl-D and Ctrl-C."""
        try:
            return await self._editor.ask(f"{question} ")
        except (EOFError, KeyboardInterrupt):
            return None

    def interrupt(self) -> None:
        """Do nothing: the editor reads Ctrl-C as a key."""
