"""Copies text by the surest way that the place has, and says which that was.

The desktop's own program where its display is there; tmux's buffer; else the terminal is asked by OSC 52, which gives
no answer. A program that fails, or takes too long, is passed over for the next way.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from chat_tui.core.errors import ClipboardError
from chat_tui.core.processes import child_process
from chat_tui.core.processes.clipboard_programs import ClipboardProgram, copy_programs
from chat_tui.core.text.control_characters import clean

PROGRAM_SECONDS = 2.0
"""So long a program may take."""
OSC_BYTES = 75_000
"""Terminals drop longer sequences, and say nothing."""
_SCREEN_BYTES = 700
"""GNU screen passes sequences on in pieces of so many bytes."""

Run: TypeAlias = Callable[["ClipboardProgram", bytes], bool]
"""Gives a program the text; whether it took it. Blocking."""


class CopyResult(msgspec.Struct, frozen=True):
    """How a text was copied, in words."""

    title: str
    more: str


def sequence(text: str, environment: Mapping[str, str]) -> str:
    """OSC 52 for this text, wrapped for the multiplexers on the way to the terminal. Raises `ClipboardError`."""
    data = text.encode("utf-8", "replace")
    if len(data) > OSC_BYTES:
        raise ClipboardError(
            f"Nothing was copied: {len(text):,} characters are too many for the terminal.",
            "Only the terminal can copy here. Use /save for a code block, or /export for the conversation.",
        )
    plain = f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"
    if environment.get("TMUX"):
        return "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environment.get("STY"):
        pieces = [plain[at : at + _SCREEN_BYTES] for at in range(0, len(plain), _SCREEN_BYTES)]
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return plain


def run(program: ClipboardProgram, data: bytes) -> bool:
    """Run a program with these bytes. It may leave a child that serves them for as long as the desktop runs, so that
    its output is not waited for, and its environment holds no key.
    """
    try:
        command = child_process.program_command(program.command, os.environ, allowed=child_process.CLIPBOARD)
        done = child_process.run(command, data, seconds=PROGRAM_SECONDS, catch=False, new_session=True)
    except OSError:
        return False
    return done.code == 0


class Clipboard:
    """Copies; `send` writes to the terminal."""

    def __init__(
        self,
        send: Callable[[str], None],
        environment: Mapping[str, str],
        run: Run = run,
        find: Callable[[str], str | None] | None = None,
    ) -> None:
        self._send, self._environment, self._run, self._find = send, environment, run, find
        self._in_turn = asyncio.Lock()

    async def copy(self, text: str) -> CopyResult:
        """Copy, without what a terminal would obey. Raises `ClipboardError`."""
        async with self._in_turn:
            cleaned, title = await asyncio.to_thread(self._by_program, text)
            if not title:
                self._send(sequence(cleaned, self._environment))
        more = f"{len(cleaned):,} character{'s' if len(cleaned) != 1 else ''}"
        if not title:
            title, more = "Sent to the terminal's clipboard", f"{more}; terminals do not confirm this"
        return CopyResult(title, more if cleaned == text else f"{more}, without control characters")

    def _by_program(self, text: str) -> tuple[str, str]:
        """The cleaned text, and what is told; empty where no program took it."""
        cleaned = clean(text)
        for program in copy_programs(self._environment, self._find):
            if self._run(program, cleaned.encode(program.encoding, "replace")):
                return cleaned, program.told
        return cleaned, ""
