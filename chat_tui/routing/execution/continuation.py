"""Joins the continuation of an answer to the partial answer, without repetitions.

Models differ in how they continue: most go on after the partial answer, some repeat its last words, and some begin
again. A possible repetition is held back until it is clear how far it goes.
"""

from __future__ import annotations

SURE = 12
"""Characters that must agree before they count as a repetition."""
LOOKED_BACK = 2000
"""Characters of the part's end that may be repeated; its beginning may be, too."""


class OverlapTrimmer:
    """Takes the continuation of `part` in pieces and returns what is new; `gap` is the whitespace after the part."""

    def __init__(self, part: str, gap: str = "") -> None:
        self._part, self._gap = part, gap
        self._passed = 0
        """Characters of the gap that the continuation has begun with, so far."""
        self._blanks: list[str] = []
        """Whitespace before the first word, held back; an answer may be megabytes of it."""
        self._text = ""
        """The text from the first word on, held back."""
        self._places: list[int] | None = None
        self.open = bool(part)
        """Whether it is still undecided what is new."""

    def feed(self, piece: str) -> str:
        """Return what is known to be new by now."""
        if not self.open:
            return self._behind_gap(piece) if self._gap else piece
        if not self._text:
            self._text = piece.lstrip()
            self._blanks.append(piece[: len(piece) - len(self._text)])
        else:
            self._text += piece
        text = self._text
        if len(text) < min(SURE, len(self._part)):
            return ""
        if self._places is None:
            self._places = self._beginnings(text)
        going_on = []
        for place in self._places:
            told = self._part[place:]
            if text.startswith(told):
                return self._settle(text[len(told) :])
            if told.startswith(text):
                going_on.append(place)
        if going_on:
            self._places = going_on
            return ""
        # It began again and then differed: that is another answer.
        return self._settle("\n\n" + text if 0 in self._places else self._held_text())

    def _beginnings(self, text: str) -> list[int]:
        sure = text[:SURE]
        places = [0] if self._part.startswith(sure) else []
        place = self._part.find(sure, max(1, len(self._part) - LOOKED_BACK))
        while place > 0:
            places.append(place)
            place = self._part.find(sure, place + 1)
        return places

    def _held_text(self) -> str:
        return "".join((*self._blanks, self._text))

    def _settle(self, text: str) -> str:
        self.open, self._text, self._blanks = False, "", []
        return self._behind_gap(text)

    def _behind_gap(self, text: str) -> str:
        """Remove the whitespace with which the partial answer ends from the beginning of the text."""
        expected = self._gap[self._passed : self._passed + len(text)]
        same = len(expected)
        if not text.startswith(expected):
            same = next(at for at, (ours, theirs) in enumerate(zip(expected, text, strict=False)) if ours != theirs)
        self._passed += same
        if same < len(expected) or self._passed == len(self._gap):
            self._gap = ""
        return text[same:]

    def rest(self) -> str:
        """Return the text that was held back, at the continuation's end; empty if it was all repetition."""
        text = self._text.strip()
        if not self.open:
            return ""
        return self._settle("" if text and self._part.endswith(text) and len(text) >= SURE else self._held_text())
