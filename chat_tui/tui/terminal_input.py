"""Keys, lone escapes and pastes, told apart in what a terminal sends; knows no I/O and no clock."""

from __future__ import annotations

import re
from typing import TypeAlias

from textual import events

from chat_tui.text_safety import Cleaner

ESCAPE_SECONDS = 0.01
"""How long the rest of a sequence may take to follow its ESC; a terminal sends both in one go."""

TICK_SECONDS = 0.1
"""How long the input thread sleeps at most; what it costs to quit, and what an idle screen wakes up for."""

PASTE_SILENCE_SECONDS = 1.0
"""A paste without an ending is handed over after this long without a byte."""

PASTE_LIMIT = 16 * 1024 * 1024
"""Characters of one paste that are kept; what goes beyond is dropped, never typed."""

_ESC = "\x1b"
_PASTE_START = "\x1b[200~"
_PASTE_END = "\x1b[201~"
_MAYBE_START = re.compile(r"\x1b+(?:\[(?:2(?:00?)?)?)?\Z")
_MAYBE_END = re.compile(r"\x1b(?:\[(?:2(?:01?)?)?)?\Z")
# Without those that begin a sequence, and without the word moves of macOS, which Textual knows.
_ALT = re.compile(r"\x1b([0-9ac-eg-zA-NQ-WYZ])")
# Nobody types this many characters between two reads, so they are the rest of a paste that had stalled.
_BURST = 32

Piece: TypeAlias = str | events.InputEvent | events.Paste
"""Text for the key parser, or an event that is ready."""


class InputSplitter:
    """Tells keys, lone escapes and pastes apart in what a terminal sends; knows no I/O and no clock.

    Whoever reads the terminal waits `patience` seconds for more, then calls `feed` with what came or `silence`.
    """

    def __init__(self, escape_seconds: float = ESCAPE_SECONDS, paste_limit: int = PASTE_LIMIT) -> None:
        self._escape_seconds = escape_seconds
        self._paste_limit = paste_limit
        self._held = ""
        self._paste: _Paste | None = None
        self._quiet_seconds = 0.0
        self._stalled = False

    @property
    def patience(self) -> float:
        """Seconds to wait for more before `silence` is to be called."""
        lone = self._paste is None and self._held and not self._held.strip(_ESC)
        return self._escape_seconds if lone else TICK_SECONDS

    def feed(self, text: str) -> list[Piece]:
        """What is decided now that this text has come."""
        self._quiet_seconds = 0.0
        text, self._held = self._held + text, ""
        if self._stalled and text:
            self._stalled = False
            if _goes_on(text):
                self._paste = _Paste(self._paste_limit)
        pieces: list[Piece] = []
        while text:
            text = self._keys(text, pieces) if self._paste is None else self._pasted(self._paste, text, pieces)
        return pieces

    def silence(self) -> list[Piece]:
        """What is decided now that nothing came for `patience` seconds."""
        waited = self.patience
        if self._paste is None:
            held, self._held = self._held, ""
            if held.strip(_ESC):
                return [held]
            return [events.Key("escape", _ESC) for _ in held]
        self._quiet_seconds += waited
        if self._quiet_seconds < PASTE_SILENCE_SECONDS:
            return []
        paste, self._paste, self._stalled = self._paste, None, True
        paste.add(self._held)
        self._held = ""
        return [events.Paste(paste.text())]

    def _keys(self, text: str, pieces: list[Piece]) -> str:
        """Takes the keys at the beginning of the text; the rest begins inside a paste."""
        before, start, rest = text.partition(_PASTE_START)
        if start:
            keys = before.rstrip(_ESC)
            pieces += [keys] if keys else []
            pieces += [events.Key("escape", _ESC) for _ in range(len(before) - len(keys))]
            self._paste = _Paste(self._paste_limit)
            return rest
        if undecided := _MAYBE_START.search(text):
            self._held = undecided.group()
            text = text[: undecided.start()]
        if text:
            # Textual would take Alt with a digit for a sign of macOS, and with a letter for one that is typed too; as
            # kitty writes them they are what they are.
            pieces.append(_ALT.sub(lambda found: f"\x1b[{ord(found[1])};3u", text))
        return ""

    def _pasted(self, paste: _Paste, text: str, pieces: list[Piece]) -> str:
        """Takes what belongs to the paste; the rest begins behind its ending."""
        end = _ending(text)
        if end < 0:
            if undecided := _MAYBE_END.search(text):
                self._held = undecided.group()
                text = text[: undecided.start()]
            paste.add(text)
            return ""
        paste.add(text[:end])
        self._paste = None
        pieces.append(events.Paste(paste.text()))
        return text[end + len(_PASTE_END) :]


class _Paste:
    """A paste that is still coming: cleaned piece by piece, so that a large one never holds the interpreter long."""

    def __init__(self, limit: int) -> None:
        self._cleaner = Cleaner()
        self._parts: list[str] = []
        self._room = limit
        self._return = ""

    def add(self, text: str) -> None:
        text = text[: self._room]
        self._room -= len(text)
        text, self._return = self._return + text, ""
        if text.endswith("\r"):
            # The newline of this CRLF may be in the next piece.
            text, self._return = text[:-1], "\r"
        self._parts.append(self._cleaner.feed(text.replace("\r\n", "\n").replace("\r", "\n")))

    def text(self) -> str:
        if self._return:
            self._return = ""
            self._parts.append(self._cleaner.feed("\n"))
        return "".join([*self._parts, self._cleaner.rest()])


def _ending(text: str) -> int:
    """Where the paste ends. Of several endings the last one counts: the others were inside the pasted text, unless
    another paste begins right behind the first. Nobody types between two pastes that are read at once."""
    first = text.find(_PASTE_END)
    if text.startswith(_PASTE_START, first + len(_PASTE_END)):
        return first
    return text.rfind(_PASTE_END)


def _goes_on(text: str) -> bool:
    """Whether this is the rest of a paste that had stalled, and not somebody who types again."""
    start, end = text.find(_PASTE_START), text.find(_PASTE_END)
    if start >= 0:
        return 0 <= end < start
    return end >= 0 or len(text) >= _BURST
