"""Keys, lone escapes, pastes and replies, told apart in what a terminal sends; knows no I/O and no clock."""

from __future__ import annotations

import re
from typing import TypeAlias

from textual import events

from chat_tui.core.text.control_characters import StreamCleaner
from chat_tui.tui.terminal.background import BackgroundTold, background_told
from chat_tui.tui.terminal.terminal_sequences import alt_key, decode

ESCAPE_SECONDS = 0.01
"""How long the rest of a sequence may take to follow its ESC; a terminal sends both in one go."""

TICK_SECONDS = 0.1
"""How long the input thread sleeps at most; what it costs to quit, and what an idle screen wakes up for."""

PASTE_SILENCE_SECONDS = 1.0
"""A paste without an ending is handed over after this long without a byte."""

SEQUENCE_SILENCE_SECONDS = 0.5
"""A reply or a key that was cut is given up after this long without a byte."""

PASTE_LIMIT = 16 * 1024 * 1024
"""Characters of one paste that are kept; what goes beyond is dropped, never typed."""

_ESC = "\x1b"
_PASTE_START = "\x1b[200~"
_PASTE_END = "\x1b[201~"
_STRING_ENDS = ("\x07", "\x1b", "\\")
_MOUSE = "\x1b[<"
_COMMAND = "\x1b]"
_LONGEST_REPLY = 64
_LONGEST_SEQUENCE = 4096
"""Characters; text from an input method is as long as what was composed."""
_UNFINISHED = re.compile(
    rf"(?<!\x1b)\x1b++(?:[P\]_^X]|\[\[|\[M.{{0,2}}|\[(?!\d\d?\$\Z)[ -?]{{0,{_LONGEST_SEQUENCE}}})?\Z", re.DOTALL
)
_MAYBE_END = re.compile(r"\x1b(?:\[(?:2(?:01?)?)?)?\Z")
# A device control, operating system, privacy or application string; or a control sequence beyond all bounds.
_STRING = re.compile(rf"\x1b(?:[P\]_^X]|\[[ -?]{{{_LONGEST_SEQUENCE},}}\Z)")
_STRING_END = re.compile(r"[\x07\x9c]|\x1b\\|(?=[\x00-\x1f])")
_SEQUENCE_END = re.compile(r"[@-~]|(?=[\x00-\x1f\x7f])")
_REST_OF_REPLY = re.compile(r"\\|\[[?>=]|\]\d|P[\d>!]|_G")
"""What follows an Esc that was none: a slow line had cut a reply behind it."""
# Nobody types this many characters between two reads, so they are the rest of a paste that had stalled.
_BURST = 32

Piece: TypeAlias = str | events.InputEvent | events.Paste | BackgroundTold
"""Text for the key parser, or an event that is ready."""


class InputSplitter:
    """Tells keys, lone escapes and pastes apart in what a terminal sends, and drops replies that nobody waits for.

    Whoever reads the terminal waits `patience` seconds for more, then calls `feed` with what came or `silence`.
    """

    def __init__(self, escape_seconds: float = ESCAPE_SECONDS, paste_limit: int = PASTE_LIMIT) -> None:
        self._escape_seconds = escape_seconds
        self._paste_limit = paste_limit
        self._held = ""
        self._paste: _Paste | None = None
        self._behind: str | None = None
        """What came behind the paste's ending, which was none if there is another."""
        self._string_end: re.Pattern[str] | None = None
        """Inside a string that is dropped: what ends it."""
        self._command = ""
        """The beginning of an operating system command, after its introducer; it may be the reply to a query."""
        self._told_escape = False
        """A moment ago, since nothing had followed."""
        self._quiet_seconds = 0.0
        self._stalled = False

    @property
    def patience(self) -> float:
        """Seconds to wait for more before `silence` is to be called."""
        lone = self._paste is None and self._string_end is None and self._held and not self._held.strip(_ESC)
        return self._escape_seconds if lone or self._behind is not None else TICK_SECONDS

    def feed(self, text: str) -> list[Piece]:
        """Return the input that is complete after this text."""
        pieces: list[Piece] = []
        text = self._join(text, pieces)
        self._quiet_seconds, self._held, self._told_escape = 0.0, "", False
        if self._stalled and text:
            self._stalled = False
            if _goes_on(text):
                self._paste = _Paste(self._paste_limit)
        while text:
            if self._string_end is not None:
                text = self._drop_string(self._string_end, text, pieces)
            elif self._paste is None:
                text = self._keys(text, pieces)
            elif self._behind is None:
                text = self._take_paste(self._paste, text)
            else:
                text = self._after(self._paste, self._behind, text, pieces)
        return pieces

    def silence(self) -> list[Piece]:
        """Return the input that is complete after `patience` seconds without more."""
        waited, self._told_escape = self.patience, False
        if self._paste is None:
            return self._silent_keys(waited)
        if self._behind is not None:
            behind = self._behind
            return [self._end(self._paste), *self.feed(behind)]
        self._quiet_seconds += waited
        if self._quiet_seconds < PASTE_SILENCE_SECONDS:
            return []
        self._paste.add(self._held)
        self._held, self._stalled = "", True
        return [self._end(self._paste)]

    def _silent_keys(self, waited: float) -> list[Piece]:
        if self._string_end is None and not self._held.strip(_ESC):
            held, self._held, self._told_escape = self._held, "", bool(self._held)
            return [events.Key("escape", _ESC) for _ in held]
        self._quiet_seconds += waited
        if self._string_end is not None and self._held:
            # The end of the string was cut.
            self._string_end, self._held, self._told_escape = None, "", True
        if self._quiet_seconds < SEQUENCE_SILENCE_SECONDS:
            return []
        held, self._held, self._string_end = self._held, "", None
        return _abandon(held)

    def _join(self, text: str, pieces: list[Piece]) -> str:
        """The text behind what is held of a sequence. A single character after a silence is a key that was pressed, and
        not the rest of a sequence that has stalled, unless it could be its end."""
        held = self._held
        if self._told_escape and _REST_OF_REPLY.match(text):
            return text[1:] if text[0] == "\\" else _ESC + text
        if self._paste is not None or self._quiet_seconds < TICK_SECONDS or len(text) != 1 or text in _STRING_ENDS:
            return held + text
        if self._string_end is not None:
            self._string_end = None
            return text
        if len(held.lstrip(_ESC)) == 1:
            pieces += _abandon(held)
            return text
        return held + text

    def _drop_string(self, end: re.Pattern[str], text: str, pieces: list[Piece]) -> str:
        """Drops what belongs to a string, after reading the one reply that is asked for; the rest begins behind it."""
        found = end.search(text)
        if self._command:
            self._command += text[: found.start() if found else None][:_LONGEST_REPLY]
        if found is None:
            return ""
        if text.endswith(_ESC) and found.start() == len(text) - 1:
            self._held = _ESC
            return ""
        self._string_end = None
        command, self._command = self._command, ""
        if (told := background_told(command.removeprefix(_COMMAND))) is not None and found.group():
            pieces.append(told)
        return text[found.end() :]

    def _end(self, paste: _Paste) -> events.Paste:
        self._paste = self._behind = None
        return events.Paste(paste.text())

    def _keys(self, text: str, pieces: list[Piece]) -> str:
        """Takes the keys at the beginning of the text; the rest begins inside a paste."""
        before, start, rest = text.partition(_PASTE_START)
        string = _STRING.search(before)
        if string and (start or string.end() < len(text) or string.end() - string.start() > _LONGEST_SEQUENCE):
            before, start, rest = text[: string.start()], string[0], text[string.end() :]
        if start:
            keys = before.rstrip(_ESC)
            pieces += _decode(keys)
            pieces += [events.Key("escape", _ESC) for _ in range(len(before) - len(keys))]
            if start == _PASTE_START:
                self._paste = _Paste(self._paste_limit)
            else:
                self._string_end = _SEQUENCE_END if start[1] == "[" else _STRING_END
                self._command = start if start == _COMMAND else ""
            return rest
        if undecided := _UNFINISHED.search(text):
            self._held = undecided.group()
            text = text[: undecided.start()]
        pieces += _decode(text)
        return ""

    def _take_paste(self, paste: _Paste, text: str) -> str:
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
        self._cleaner = StreamCleaner()
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


def _decode(keys: str) -> list[Piece]:
    """Nothing where nothing is left of them: an empty text would end Textual's parser."""
    text = decode(keys)
    return [text] if text else []


def _abandon(held: str) -> list[Piece]:
    """Return what is left of a sequence that was not completed: at most Alt with its first character."""
    begun = held.lstrip(_ESC)
    escapes: list[Piece] = [events.Key("escape", _ESC) for _ in range(len(held) - len(begun) - 1)]
    return [*escapes, alt_key(begun)] if len(begun) == 1 else escapes
