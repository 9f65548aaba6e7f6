"""Words that are looked for in the open conversation: where they stand in its turns, and in the lines as painted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from chat_tui.conversation import Turn
from chat_tui.finding import Range, find
from chat_tui.markdown.blocks import Splitter
from chat_tui.markdown.plain_text import PlainSplitter
from chat_tui.text_safety import Cleaner
from chat_tui.tui.transcript.wrapping import Line

KEPT_PARTS = 200
YIELD_SECONDS = 0.0001
_YIELD_BLOCKS = 32
_YIELD_CHARACTERS = 8_000
"""So much is looked at or split in about a millisecond."""
_MARKUP = re.compile(r"[*_`~]+")


class Hit(NamedTuple):
    """Where the words stand: the turn, its block, and which of the hits in that block."""

    turn: int
    block: int
    nth: int


class Texts:
    """The texts of the turns block by block, split once. Used on a thread."""

    def __init__(self) -> None:
        self._blocks: dict[str, list[str]] = {}

    def hits(self, turns: Sequence[Turn], wanted: str, is_current: Callable[[], bool]) -> list[Hit]:
        """Every place where the words stand, from the top down; ends early when the answer is not wanted any more."""
        hits: list[Hit] = []
        for place, turn in enumerate(turns):
            for number, block in enumerate(self._of(turn)):
                if number % _YIELD_BLOCKS == 0:
                    _let_others()
                    if not is_current():
                        return hits
                count = len(find(block, wanted))
                if turn.role == "assistant" and (plain := _MARKUP.sub("", block)) != block:
                    # As it is read: `some **bold** words` are found by `bold words`.
                    count = max(count, len(find(plain, wanted)))
                hits += [Hit(place, number, nth) for nth in range(count)]
        return hits

    def _of(self, turn: Turn) -> list[str]:
        blocks = self._blocks.get(turn.id)
        if blocks is None:
            splitter = Splitter() if turn.role == "assistant" else PlainSplitter()
            cleaner, text = Cleaner(), turn.text
            for at in range(0, len(text), _YIELD_CHARACTERS):
                _let_others()
                splitter.feed(cleaner.feed(text[at : at + _YIELD_CHARACTERS]))
            splitter.feed(cleaner.rest())
            splitter.finish()
            blocks = [block.source for block in splitter.closed]
            if turn.state != "streaming":
                self._blocks[turn.id] = blocks
        return blocks


def _let_others() -> None:
    """The screen goes first: a thread that only computes would hold it 5 ms at a time."""
    time.sleep(YIELD_SECONDS)


class Span(NamedTuple):
    """Some characters of a line's text."""

    line: int
    start: int
    end: int
    hit: int
    """Which of the hits in these lines it belongs to."""


def spans_in(lines: Sequence[Line], wanted: str) -> list[Span]:
    """Where the words stand in lines as they are painted, also where a line was broken within them."""
    pieces: list[str] = []
    for line in lines:
        pieces += [line.text, line.joint]
    spans: list[Span] = []
    for number, (start, end) in enumerate(find("".join(pieces), wanted)):
        at = 0
        for index, line in enumerate(lines):
            first, last = max(start - at, 0), min(end - at, len(line.text))
            if first < last:
                spans.append(Span(index, first, last, number))
            at += len(line.text) + len(line.joint)
            if at >= end:
                break
    return spans


class Painted:
    """The words that are looked for now, and where they stand in the lines that are in view."""

    def __init__(self) -> None:
        self.wanted = ""
        self.now: tuple[int, int, int] | None = None
        """The turn, the part and the hit in it that was gone to."""
        self._known: dict[int, tuple[Sequence[Line], list[Span]]] = {}

    def want(self, wanted: str) -> None:
        """Look for these words from now on; empty: for none."""
        self.wanted, self.now = wanted, None
        self._known.clear()

    def spans(self, lines: Sequence[Line]) -> list[Span]:
        """Where they stand in a part's lines; kept as long as the lines are."""
        known = self._known.get(id(lines))
        if known is None or known[0] is not lines:
            if len(self._known) > KEPT_PARTS:
                self._known.clear()
            known = self._known[id(lines)] = lines, spans_in(lines, self.wanted)
        return known[1]

    def ranges(self, turn: int, part: int, line: int, lines: Sequence[Line]) -> list[tuple[Range, bool]]:
        """Where they stand in one of a part's lines, each with whether it is the one that was gone to."""
        if not self.wanted:
            return []
        return [
            ((span.start, span.end), self.now == (turn, part, span.hit))
            for span in self.spans(lines)
            if span.line == line
        ]
