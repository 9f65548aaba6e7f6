"""Keys, lone escapes and pastes, told apart in what a terminal sends; knows no I/O and no clock."""

from __future__ import annotations

import re
import sys
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
_MOUSE = "\x1b[<"
_UNFINISHED = re.compile(r"\x1b+(?:\[[\d:;]{0,40})?\Z")
_MAYBE_END = re.compile(r"\x1b(?:\[(?:2(?:01?)?)?)?\Z")
# Without those that begin a sequence, and without the word moves of macOS, which Textual knows.
_ALT = re.compile(r"\x1b([0-9ac-eg-zA-NQ-WYZ])")
# Keys as kitty writes them. All of those that end with "u", and of the others those that tell more than Textual knows.
_KITTY = re.compile(r"\x1b\[(?:([\d:;]*)u|([\d;]*:[\d:;]*)([~A-HP-S]))")
_ALT_OR_CTRL, _LET_GO, _ASCII = 2 | 4, "3", 127
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
        self._behind: str | None = None
        """What came behind the paste's ending, which was none if there is another."""
        self._quiet_seconds = 0.0
        self._stalled = False

    @property
    def patience(self) -> float:
        """Seconds to wait for more before `silence` is to be called."""
        lone = self._paste is None and self._held and not self._held.strip(_ESC)
        return self._escape_seconds if lone or self._behind is not None else TICK_SECONDS

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
            if self._paste is None:
                text = self._keys(text, pieces)
            elif self._behind is None:
                text = self._pasted(self._paste, text)
            else:
                text = self._after(self._paste, self._behind, text, pieces)
        return pieces

    def silence(self) -> list[Piece]:
        """What is decided now that nothing came for `patience` seconds."""
        waited = self.patience
        if self._paste is None:
            held, self._held = self._held, ""
            if held.strip(_ESC):
                return [held]
            return [events.Key("escape", _ESC) for _ in held]
        if self._behind is not None:
            behind = self._behind
            return [self._end(self._paste), *self.feed(behind)]
        self._quiet_seconds += waited
        if self._quiet_seconds < PASTE_SILENCE_SECONDS:
            return []
        self._paste.add(self._held)
        self._held, self._stalled = "", True
        return [self._end(self._paste)]

    def _end(self, paste: _Paste) -> events.Paste:
        self._paste = self._behind = None
        return events.Paste(paste.text())

    def _keys(self, text: str, pieces: list[Piece]) -> str:
        """Takes the keys at the beginning of the text; the rest begins inside a paste."""
        before, start, rest = text.partition(_PASTE_START)
        if start:
            keys = before.rstrip(_ESC)
            pieces += [_readable(keys)] if keys else []
            pieces += [events.Key("escape", _ESC) for _ in range(len(before) - len(keys))]
            self._paste = _Paste(self._paste_limit)
            return rest
        if undecided := _UNFINISHED.search(text):
            self._held = undecided.group()
            text = text[: undecided.start()]
        if text:
            pieces.append(_readable(text))
        return ""

    def _pasted(self, paste: _Paste, text: str) -> str:
        """Takes what belongs to the paste; the rest begins behind its ending."""
        inside, end, rest = text.partition(_PASTE_END)
        if end:
            self._behind = ""
        elif undecided := _MAYBE_END.search(inside):
            self._held = undecided.group()
            inside = inside[: undecided.start()]
        paste.add(inside)
        return rest

    def _after(self, paste: _Paste, behind: str, text: str, pieces: list[Piece]) -> str:
        """What comes behind an ending without a pause was in the pasted text if another ending follows, unless another
        paste begins right there: nobody types between two pastes that come at once."""
        looked = max(0, len(behind) - len(_PASTE_END))
        mouse = behind.startswith(_MOUSE)
        behind += text
        end = behind.find(_PASTE_END, looked)
        # A mouse that moves on does not hold a paste.
        if behind.startswith(_PASTE_START) or (mouse and end < 0):
            pieces.append(self._end(paste))
            return behind
        if end < 0 and len(behind) <= self._paste_limit:
            self._behind = behind
            return ""
        paste.add(behind if end < 0 else behind[:end])
        self._behind = ""
        return "" if end < 0 else behind[end + len(_PASTE_END) :]


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


def _goes_on(text: str) -> bool:
    """Whether this is the rest of a paste that had stalled, and not somebody who types again."""
    start, end = text.find(_PASTE_START), text.find(_PASTE_END)
    if start >= 0:
        return 0 <= end < start
    return end >= 0 or len(text) >= _BURST


def _readable(keys: str) -> str:
    """Keys that Textual would misread or stumble over, as it reads them. Alt with a digit it would take for a sign of
    macOS, and with a letter for one that is typed too; as kitty writes them they are what they are."""
    return _ALT.sub(lambda found: f"\x1b[{ord(found[1])};3u", _KITTY.sub(_plain, keys))


def _plain(found: re.Match[str]) -> str:
    """A key of kitty's protocol as far as Textual knows it; empty for one that is let go, or is none. With Alt or Ctrl
    a key of another alphabet is the one that a Latin keyboard has in its place."""
    fields = [*(found[1] or found[2] or "").split(";"), "", ""]
    codes, modifiers, text = fields[:3]
    code, _, others = codes.partition(":")
    latin = others.partition(":")[2]
    held, _, change = modifiers.partition(":")
    numbers = [number for number in (code, latin, held, *text.split(":")) if number]
    if not code or change == _LET_GO or not all(map(_is_character, numbers)):
        return ""
    if latin and int(code) > _ASCII and int(held or 1) - 1 & _ALT_OR_CTRL:
        code = latin
    rest = f";{held};{text}" if text else f";{held}" if held else ""
    return f"\x1b[{code}{rest}{found[3] or 'u'}"


def _is_character(number: str) -> bool:
    """Surrogates cannot be written anywhere."""
    return len(number) < 8 and int(number) <= sys.maxunicode and not 0xD800 <= int(number) < 0xE000
