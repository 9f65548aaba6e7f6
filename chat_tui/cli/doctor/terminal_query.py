"""Asks the terminal how wide it draws an emoji, and whether it has kitty's keyboard protocol."""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Callable

import msgspec

QUERY_SECONDS = 1.0
"""For all answers; a slow line takes longer than a local terminal."""
_EMOJI = "\N{THUMBS UP SIGN}"
_QUERY = f"\r{_EMOJI}\x1b[6n\r\x1b[K\x1b[?u\x1b[c"
"""An emoji, where the cursor is then, the keyboard protocol, and what every terminal answers last: its attributes."""
_POSITION = re.compile(rb"\x1b\[\d{1,5};(\d{1,5})R")
_KEYS = re.compile(rb"\x1b\[\?\d{1,5}u")
_ATTRIBUTES = re.compile(rb"\x1b\[\?[\d;]{0,100}c")
_MOST_BYTES = 4096


class TerminalAnswers(msgspec.Struct, frozen=True):
    """What the terminal has answered."""

    emoji_columns: int | None = None
    """None: not known."""
    has_kitty_keys: bool | None = None
    """None: not known."""


def is_in_foreground(source: int) -> bool:
    """Return whether this process has the terminal, so that it may ask it."""
    try:
        return os.tcgetpgrp(source) == os.getpgrp()
    except OSError:
        return False


def ask_terminal(source: int, write: Callable[[str], None], seconds: float = QUERY_SECONDS) -> TerminalAnswers:
    """Return what the terminal answers within the time. Blocks. Nothing stays on the screen.

    `source` is the terminal's file descriptor. What is typed meanwhile is lost. In the background this would stop the
    process.
    """
    import termios
    import tty

    try:
        before = termios.tcgetattr(source)
        tty.setcbreak(source, termios.TCSANOW)
    except termios.error:
        return TerminalAnswers()
    try:
        write(_QUERY)
        return parse_answers(_read(source, time.monotonic() + seconds))
    finally:
        # An answer that comes too late is not left to the shell.
        termios.tcsetattr(source, termios.TCSAFLUSH, before)


def _read(source: int, end: float) -> bytes:
    said = b""
    while len(said) < _MOST_BYTES and not _ATTRIBUTES.search(said):
        ready, _, _ = select.select([source], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            break
        try:
            piece = os.read(source, 1024)
        except OSError:
            break
        if not piece:
            break
        said += piece
    return said


def parse_answers(said: bytes) -> TerminalAnswers:
    """Return what the bytes that a terminal has sent mean."""
    position = _POSITION.search(said)
    is_complete = _ATTRIBUTES.search(said) is not None
    has_keys = True if _KEYS.search(said) else False if is_complete else None
    return TerminalAnswers(int(position[1]) - 1 if position else None, has_keys)
