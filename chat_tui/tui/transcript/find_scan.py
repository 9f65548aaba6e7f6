"""A search through the turns of the open conversation, in slices: from those in view to the end, then from the top."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import chain
from threading import Event
from typing import NamedTuple, TypeVar

from chat_tui.conversation import Turn
from chat_tui.tui.transcript.found import Hit
from chat_tui.tui.transcript.turn_matches import TurnMatches

SLICE_SECONDS = 0.02

T = TypeVar("T")


class Match(NamedTuple):
    """A place where the words stand: the turn, and which of the matches in that turn."""

    turn: int
    nth: int


class _Counts:
    """How many matches each turn has, for turns that are added from the top down."""

    def __init__(self) -> None:
        self._turns: list[int] = []
        self._sums: list[int] = []

    @property
    def total(self) -> int:
        return self._sums[-1] if self._sums else 0

    def add(self, turn: int, count: int) -> None:
        self._turns.append(turn)
        self._sums.append(self.total + count)

    def number(self, match: Match) -> int:
        """How many stand before this one."""
        before = bisect_left(self._turns, match.turn)
        return (self._sums[before - 1] if before else 0) + match.nth

    def at(self, number: int) -> Match:
        """The one with so many before it."""
        place = bisect_right(self._sums, number)
        return Match(self._turns[place], number - (self._sums[place - 1] if place else 0))


class FindScan:
    """One search. Await `advance` until it is `complete`; all else tells what has been found so far.

    Only counts are kept for each turn, so that a million matches take no more room than the turns that have them.
    """

    def __init__(self, turns: Sequence[Turn], wanted: str, top: Hit, *, slice_seconds: float = SLICE_SECONDS) -> None:
        """`top`: the first line in view, from which on matches are looked for."""
        self.wanted = wanted
        self._turns, self._top, self._slice_seconds = turns, top, slice_seconds
        self._left = chain(range(top.turn, len(turns)), range(min(top.turn, len(turns))))
        self._below, self._above = _Counts(), _Counts()
        """In the turn in view and those behind it; in those before it."""
        self._passed = 0
        """Matches of the turn in view that stand above the view."""
        self.complete = False

    @property
    def total(self) -> int:
        """Matches found so far."""
        return self._above.total + self._below.total

    async def advance(self) -> None:
        """Look through some more turns, on a thread. A cancel ends that within a millisecond or two."""
        for turn, counts in await _stoppable(self._slice):
            self._take(turn, counts)

    async def locate(self, match: Match) -> Hit:
        """In which block a match stands."""
        return await _stoppable(lambda stopped: self._located(match, stopped))

    def _slice(self, stopped: Callable[[], bool]) -> list[tuple[int, Sequence[int]]]:
        matches = TurnMatches(self.wanted, stopped)
        found: list[tuple[int, Sequence[int]]] = []
        end = time.monotonic() + self._slice_seconds
        for turn in self._left:
            in_view = turn == self._top.turn
            counts = matches.block_counts(self._turns[turn]) if in_view else [matches.count(self._turns[turn])]
            found.append((turn, counts))
            if stopped() or time.monotonic() >= end:
                return found
            matches.pause()
        # The thread is done with it before anybody looks.
        self.complete = True
        return found

    def _take(self, turn: int, counts: Sequence[int]) -> None:
        if turn == self._top.turn:
            self._passed = sum(counts[: self._top.block])
        if count := sum(counts):
            (self._below if turn >= self._top.turn else self._above).add(turn, count)

    def _located(self, match: Match, stopped: Callable[[], bool]) -> Hit:
        nth = match.nth
        last = Hit(match.turn, 0, 0)
        for block, count in enumerate(TurnMatches(self.wanted, stopped).block_counts(self._turns[match.turn])):
            if nth < count:
                return Hit(match.turn, block, nth)
            nth -= count
            if count:
                last = Hit(match.turn, block, count - 1)
        return last

    def first(self) -> Match | None:
        """The first match in view or below, behind the last one the first of all; None while it is not known."""
        if self._below.total > self._passed:
            return self._below.at(self._passed)
        if self._above.total:
            return self._above.at(0)
        return self._below.at(0) if self.complete and self._below.total else None

    def number(self, match: Match) -> int:
        """How many of those found so far stand before this one."""
        if match.turn < self._top.turn:
            return self._above.number(match)
        return self._above.total + self._below.number(match)

    def moved(self, match: Match, step: int) -> Match | None:
        """The match after (1) or before (-1) this one, round the ends; None while it has not been found yet."""
        if not self.total:
            return None
        number = self.number(match) + step
        if not self.complete and not self._is_next(match, number):
            return None
        number %= self.total
        border = self._above.total
        return self._above.at(number) if number < border else self._below.at(number - border)

    def _is_next(self, match: Match, number: int) -> bool:
        """Whether no match that is still to be found stands between this one and its neighbour of that number.

        Above the view is looked last, from the top down: what is still to be found stands right above the view.
        """
        border = self._above.total
        if match.turn < self._top.turn:
            return 0 <= number < border or (number < 0 and self._below.total > 0)
        return border <= number < self.total or (number >= self.total and border > 0)


async def _stoppable(work: Callable[[Callable[[], bool]], T]) -> T:
    """Work on a thread, which a cancel stops."""
    stopped = Event()
    try:
        return await asyncio.to_thread(work, stopped.is_set)
    except asyncio.CancelledError:
        stopped.set()
        raise
