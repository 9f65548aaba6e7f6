"""A search through the turns of the open conversation, in slices: from those in view to the end, then from the top."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from threading import Event
from typing import NamedTuple, TypeVar

from chat_tui.core.conversation import Turn
from chat_tui.tui.transcript.find import FindHit
from chat_tui.tui.transcript.model.parts import TurnPart
from chat_tui.tui.transcript.turn_matches import TurnMatches

SLICE_SECONDS = 0.02

T = TypeVar("T")


class FindMatch(NamedTuple):
    """A match: its turn, and its number among the matches of that turn.

    The turn in view is counted as two: what is in view or below, and what is `above` that.
    """

    turn: int
    nth: int
    above: bool = False


class _Counts:
    """How many matches each turn has, for turns that are added from the top down, a long one part by part."""

    def __init__(self) -> None:
        self._turns: list[int] = []
        self._sums: list[int] = []

    @property
    def total(self) -> int:
        return self._sums[-1] if self._sums else 0

    def add(self, turn: int, count: int) -> None:
        if self._turns and self._turns[-1] == turn:
            self._sums[-1] += count
            return
        self._turns.append(turn)
        self._sums.append(self.total + count)

    def number(self, match: FindMatch) -> int:
        """How many stand before this one."""
        before = bisect_left(self._turns, match.turn)
        return (self._sums[before - 1] if before else 0) + match.nth

    def at(self, number: int) -> FindMatch:
        """The match with this many before it."""
        place = bisect_right(self._sums, number)
        return FindMatch(self._turns[place], number - (self._sums[place - 1] if place else 0))


class FindScan:
    """One search. Await `advance` until it is `complete`; all else tells what has been found so far.

    Only counts are kept for each turn, so that a million matches take no more room than the turns that have them.
    """

    def __init__(
        self,
        turns: Sequence[Turn],
        wanted: str,
        top: FindHit,
        parts: Sequence[TurnPart] = (),
        *,
        slice_seconds: float = SLICE_SECONDS,
    ) -> None:
        """`top`: the first line in view, from which on matches are looked for; `parts`: those of its turn, where they
        are known, since splitting a long answer takes longer than a first match may."""
        self.wanted = wanted
        self._turns, self._top, self._slice_seconds = turns, top, slice_seconds
        self._matches = TurnMatches(wanted)
        self._parts, self._in_view = parts, list[str]()
        """The blocks of the turn in view."""
        self._counts = self._all_counts()
        self._below, self._above = _Counts(), _Counts()
        """From the line in view on; above it."""
        self.complete = False

    @property
    def total(self) -> int:
        """Matches found so far."""
        return self._above.total + self._below.total

    async def advance(self) -> None:
        """Look through some more turns, on a thread. A cancel ends that within a millisecond or two."""
        for turn, above, count in await _stoppable(self._slice):
            (self._above if above else self._below).add(turn, count)

    async def locate(self, match: FindMatch) -> FindHit:
        """The block of a match."""
        return await _stoppable(lambda stopped: self._locate(match, stopped))

    def _slice(self, stopped: Callable[[], bool]) -> list[tuple[int, bool, int]]:
        self._matches.stopped = stopped
        found: list[tuple[int, bool, int]] = []
        end = time.monotonic() + self._slice_seconds
        for turn, above, count in self._counts:
            if count:
                found.append((turn, above, count))
            if stopped() or time.monotonic() >= end:
                return found
        # The thread is done with it before anybody looks.
        self.complete = not stopped()
        return found

    def _all_counts(self) -> Iterator[tuple[int, bool, int]]:
        """From the line in view to the end, then from the top: the turn, whether that is above, and a count of it."""
        matches, turns, (top, block, _) = self._matches, self._turns, self._top
        if top < len(turns):
            turn = turns[top]
            known = (part.block.source for part in self._parts if part.kind == "body" and part.block is not None)
            self._in_view = list(known if self._parts else matches.blocks(turn))
            for count in matches.block_counts(turn.role, islice(self._in_view, block, None)):
                yield top, False, count
        for number in chain(range(top + 1, len(turns)), range(min(top, len(turns)))):
            counted = False
            for count in matches.counts(turns[number]):
                counted = True
                yield number, number < top, count
            if not counted:
                yield number, number < top, 0
            matches.pause()
        if self._in_view:
            for count in matches.block_counts(turns[top].role, islice(self._in_view, block)):
                yield top, True, count

    def _locate(self, match: FindMatch, stopped: Callable[[], bool]) -> FindHit:
        matches, turn = TurnMatches(self.wanted, stopped), self._turns[match.turn]
        in_view = match.turn == self._top.turn
        first = self._top.block if in_view and not match.above else 0
        blocks = islice(self._in_view, first, None) if in_view else matches.blocks(turn)
        nth = match.nth
        last = FindHit(match.turn, first, 0)
        for block, count in enumerate(matches.block_counts(turn.role, blocks), first):
            if nth < count:
                return FindHit(match.turn, block, nth)
            nth -= count
            if count:
                last = FindHit(match.turn, block, count - 1)
        return last

    def first(self) -> FindMatch | None:
        """The first match in view or below, behind the last one the first of all; None while it is not known."""
        if self._below.total:
            return self._below.at(0)
        return self._from_above(0) if self._above.total else None

    def _from_above(self, number: int) -> FindMatch:
        match = self._above.at(number)
        return match._replace(above=match.turn == self._top.turn)

    def _is_above(self, match: FindMatch) -> bool:
        return match.above or match.turn < self._top.turn

    def number(self, match: FindMatch) -> int:
        """How many of those found so far stand before this one."""
        if self._is_above(match):
            return self._above.number(match)
        return self._above.total + self._below.number(match)

    def step_from(self, match: FindMatch, step: int) -> FindMatch | None:
        """The match after (1) or before (-1) this one, round the ends; None while it has not been found yet."""
        if not self.total:
            return None
        number = self.number(match) + step
        if not self.complete and not self._is_next(match, number):
            return None
        number %= self.total
        border = self._above.total
        return self._from_above(number) if number < border else self._below.at(number - border)

    def _is_next(self, match: FindMatch, number: int) -> bool:
        """Whether no match that is still to be found stands between this one and its neighbour of that number.

        Above the view is looked last, from the top down: what is still to be found stands right above the view.
        """
        border = self._above.total
        if self._is_above(match):
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
