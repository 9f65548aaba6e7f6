"""The empty rows under an answer that streams, so that the pane moves on once in some lines and not with each."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

ROWS = 3
"""So many are left, more where text keeps coming faster than anybody reads: each move is a whole pane to be drawn."""
FAST_STEP_SECONDS = 0.25
"""Whoever reads moves on less often."""
FOLDED_ROOM = 12
"""So many rows may stay empty where something was folded away, rather than that what is read moves."""


class ScrollSlack:
    """How many rows are empty at the bottom of a pane that follows."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._reserved = self._fast_steps = 0
        self._stepped_at = 0.0

    def forget(self) -> None:
        """Nothing is left empty any more."""
        self._reserved = 0

    def rows(self, total: int, height: int, *, live: bool) -> int:
        """Return the number of empty rows below `total` lines. Those that are left when streaming ends stay."""
        if total <= height:
            self._reserved = 0
        elif not 0 <= self._reserved - total <= FOLDED_ROOM:
            self._reserved = total + self._step(height) if live else 0
        return min(max(self._reserved - total, 0), height - 1)

    def _step(self, height: int) -> int:
        """The rows to move on by."""
        now = self._clock()
        self._fast_steps = self._fast_steps + 1 if now - self._stepped_at < FAST_STEP_SECONDS else 0
        self._stepped_at = now
        step = ROWS << min(max(self._fast_steps - 1, 0), 2)
        return max(ROWS, min(step, height // 3))
