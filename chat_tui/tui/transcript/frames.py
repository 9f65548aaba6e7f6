"""When panes paint: what asks within one frame is painted together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

FRAME_SECONDS = 1 / 15
"""Least time between two paintings while text streams in."""


class Frames:
    """One timer for all panes that share it. Nothing runs while nothing asks.

    With several `panes`, one is painted after the other, each at most once in `seconds`, so that a key can be handled
    in between.
    """

    def __init__(self, seconds: float = FRAME_SECONDS, *, panes: int = 1) -> None:
        self._each = seconds
        self._least = self._seconds = seconds / panes
        self._staggered = panes > 1
        self._waiting: dict[Callable[[], None], None] = {}
        self._last: dict[Callable[[], None], float] = {}
        """When each pane was painted last, where they are staggered."""
        self._timer: asyncio.TimerHandle | None = None
        self._painted_at = 0.0

    def ask(self, paint: Callable[[], None]) -> None:
        """Paint soon: at once when the last painting was long enough ago."""
        self._waiting[paint] = None
        if self._timer is None:
            self._wait()

    def is_asked(self, paint: Callable[[], None]) -> bool:
        """Whether it is still to be painted."""
        return paint in self._waiting

    def forget(self, paint: Callable[[], None]) -> None:
        """Drop a request to paint."""
        self._waiting.pop(paint, None)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def note_painted(self, started: float) -> None:
        """Record a painting that began at `started`, in a frame or out of turn."""
        self._painted_at = monotonic()
        # On a slow machine painting takes a quarter of the time at most.
        self._seconds = max(self._least, 4 * (self._painted_at - started))

    def _next(self) -> Callable[[], None]:
        return min(self._waiting, key=lambda paint: self._last.get(paint, 0.0))

    def _wait(self) -> None:
        due = self._painted_at + self._seconds
        if self._staggered:
            due = max(due, self._last.get(self._next(), 0.0) + self._each)
        wait = due - monotonic()
        if wait > 0:
            self._timer = asyncio.get_running_loop().call_later(wait, self._paint)
        else:
            self._paint()

    def _paint(self) -> None:
        self._timer = None
        begun = monotonic()
        if self._staggered:
            paint = self._next()
            del self._waiting[paint]
            paint()
            self._last[paint] = begun
        else:
            waiting, self._waiting = self._waiting, {}
            for paint in waiting:
                paint()
        self.note_painted(begun)
        if self._staggered and self._waiting:
            self._wait()
