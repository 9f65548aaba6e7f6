"""Finds the tool calls in an answer of a model that writes them as text, where its server does not read them.

Text is held back only while it may still be a call; what turns out to be none is text. Calls in code are talked about.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from copy import copy

from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.providers.catalogue.model_name import bare_id
from chat_tui.providers.dialects.parsing.thinking_marks import CodeMarks
from chat_tui.providers.dialects.parsing.written.call_grammar import (
    OPENINGS,
    CallReader,
    MoreNeeded,
    NoCall,
    WrittenCall,
)

HELD_LIMIT = 200_000
"""Characters that are held while they may be a call; more are text."""
CANDIDATES_LIMIT = 1000
"""Beginnings of calls that turned out to be text; after so many the answer is about them."""
BLANKS_LIMIT = 64
"""Blank characters before bare JSON; after more of them it is no call."""

_OPENING = lazy_pattern("|".join(map(re.escape, OPENINGS)))
_LONGEST = max(map(len, OPENINGS)) - 1
_NEVER_WRITE = lazy_pattern(r"gpt-(?!oss)|chatgpt|o\d|claude|gemini|grok|sonar|nova-|command-")
"""Families whose servers read all calls."""


def may_write_calls(model_id: str) -> bool:
    """Return whether calls of this model may come as text, judged by its id."""
    return _NEVER_WRITE.match(bare_id(model_id)) is None


class WrittenCalls:
    """Reads one answer. `tools` are the names of the tools, each with those of its parameters that are text; with
    `marked_only`, JSON without marks is no call, since the answer itself is to be JSON."""

    def __init__(self, tools: Mapping[str, Collection[str]], *, marked_only: bool = False) -> None:
        self._tools = tools
        self._marked_only = marked_only
        self._held = ""
        self._reader: CallReader | None = None
        """Reads the held text, which begins like a call."""
        self._is_fresh = True
        """Only blanks have come."""
        self._is_behind_call = False
        """Blanks behind a call are dropped."""
        self._blanks = ""
        """Blanks at the beginning of the answer, before what may be a call."""
        self._candidates = 0
        self._code = CodeMarks()
        self._unscanned: list[str] = []
        """Text that the marks of code have not seen yet."""
        self._line_has_text = False
        self.swallowed = 0
        """Characters that were no text."""

    def feed(self, piece: str) -> Sequence[str | WrittenCall]:
        """Return the text and the calls that are decided now."""
        if not self._held and not self._is_fresh and not self._is_behind_call and not _may_begin(piece):
            if not piece:
                return ()
            self._note_text(piece)
            return (piece,)
        return self._read(self._held + piece, is_last=False)

    def rest(self, *, natural: bool) -> Sequence[str | WrittenCall]:
        """Return what is held, at the end. `natural`: the model has ended it; of what was cut nothing is a call."""
        held, self._held = self._held, ""
        if natural:
            return self._read(held, is_last=True)
        held, self._blanks, self._reader = self._blanks + held, "", None
        return [held] if held else []

    def _read(self, text: str, *, is_last: bool) -> list[str | WrittenCall]:
        found: list[str | WrittenCall] = []
        self._held, start = "", 0
        while start < len(text):
            place = self._next_candidate(text, start)
            if place is None:
                stop = len(text) if is_last else self._decided_until(text, start)
                self._add_text(text[start:stop], found)
                self._held = text[stop:]
                break
            self._add_text(text[start:place], found, before_call=True)
            length = self._read_candidate(text[place:], found, is_last=is_last)
            if length is None:
                self._held = text[place:]
                break
            start = place + length
        return found

    def _read_candidate(self, text: str, found: list[str | WrittenCall], *, is_last: bool) -> int | None:
        """Read what begins like a call; returns how many characters were read, None if more are needed."""
        reader = self._reader or CallReader(self._tools)
        self._reader = None
        try:
            calls, length = reader.read(text, is_last=is_last)
        except MoreNeeded:
            if len(text) <= HELD_LIMIT:
                self._reader = reader
                return None
        except NoCall:
            pass
        else:
            found += calls
            self._pass_call(length)
            return length
        length = _opening_length(text)
        if text.startswith("`") and length == len(text) and not is_last:
            # A run of backticks is not cut.
            return None
        self._candidates += 1
        self._add_text(text[:length], found)
        return length

    def _next_candidate(self, text: str, start: int) -> int | None:
        """Return where the next call may begin."""
        if self._reader is not None:
            return start
        if self._candidates >= CANDIDATES_LIMIT:
            return None
        if self._is_fresh and not self._marked_only:
            blanks = len(text) - start - len(text[start:].lstrip())
            if blanks <= BLANKS_LIMIT and text[start + blanks : start + blanks + 1] in ("{", "["):
                # "[TOOL_CALLS]" is read as such.
                return start + blanks
        for opening in _OPENING.finditer(text, start):
            if self._may_be_call(text[start : opening.start()], opening.group()):
                return opening.start()
        return None

    def _may_be_call(self, before: str, opening: str) -> bool:
        """Return whether a beginning behind this text is neither in code nor in the middle of a sentence."""
        line = before.rpartition("\n")[2]
        if opening == "```":
            has_text = bool(line.strip()) or ("\n" not in before and self._line_has_text)
            if self._marked_only or has_text:
                return False
        self._code.feed("".join(self._unscanned))
        self._unscanned.clear()
        code = copy(self._code)
        code.feed(before)
        return not code.inside

    def _decided_until(self, text: str, start: int) -> int:
        """Return where the end of the text begins that may become the beginning of a call."""
        if self._candidates >= CANDIDATES_LIMIT:
            return len(text)
        tail = text[max(start, len(text) - _LONGEST) :]
        ticks = min(len(text) - start, len(text) - len(text.rstrip("`")))
        sizes = range(len(tail), 0, -1)
        size = next((size for size in sizes if any(each.startswith(tail[-size:]) for each in OPENINGS)), 0)
        stop = len(text) - max(size, ticks)
        is_blank = self._is_fresh and stop - start <= BLANKS_LIMIT and not text[start:stop].strip()
        return start if is_blank else stop

    def _add_text(self, text: str, found: list[str | WrittenCall], *, before_call: bool = False) -> None:
        if self._is_behind_call:
            bare = text.lstrip()
            self.swallowed += len(text) - len(bare)
            text = bare
        elif self._is_fresh and before_call and not text.strip():
            self._blanks += text
            return
        text, self._blanks = self._blanks + text, ""
        if text:
            self._is_behind_call = False
            self._note_text(text)
            found.append(text)

    def _note_text(self, text: str) -> None:
        self._is_fresh = self._is_fresh and not text.strip()
        self._unscanned.append(text)
        _, line_end, line = text.rpartition("\n")
        self._line_has_text = bool(line.strip()) or (not line_end and self._line_has_text)

    def _pass_call(self, length: int) -> None:
        self.swallowed += len(self._blanks) + length
        # What is behind a call is a new paragraph.
        self._blanks, self._code = "", CodeMarks()
        self._unscanned.clear()
        self._is_fresh, self._is_behind_call, self._line_has_text = False, True, False


def _opening_length(text: str) -> int:
    """Return the length of what a text begins with that has turned out to be no call."""
    if text.startswith("`"):
        return len(text) - len(text.lstrip("`"))
    opening = _OPENING.match(text)
    return len(opening.group()) if opening else 1


def _may_begin(piece: str) -> bool:
    """Return whether a piece may contain or begin the beginning of a call."""
    return "<" in piece or "[" in piece or "`" in piece
