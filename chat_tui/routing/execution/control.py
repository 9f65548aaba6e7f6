"""Waits with limits, cancels and pauses a running stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from time import monotonic
from typing import TypeVar, cast

T = TypeVar("T")

CLOCK_SECONDS = 0.001
"""A timer may ring so much too early."""
OVERTIME_SECONDS = 0.01
"""What has reached the socket when a limit runs out is read within this time."""
WATCH_SECONDS = 1.0
"""While a limit counts a timer rings at least this often, to notice that the process was stopped."""
STOPPED_SECONDS = 0.5
"""A timer that rings so much too late means that the process was stopped (SIGSTOP, a sleeping machine, a busy loop)."""
CATCH_UP_SECONDS = 1.0
"""After such a stop no limit runs out before this time: what arrived meanwhile is read first."""


class Cancelled(Exception):
    """The stream was cancelled through its own door. Never leaves routing/."""


class Expired(Exception):
    """A wait took longer than its limit. Never leaves routing/."""


class StreamControl:
    """Cancels and pauses the wait that a stream is in.

    Only the wait is ended, not the task: what runs the stream then closes the socket and says the ending itself.
    It does what `asyncio.timeout` would, with one timer for all waits of the stream: they end within microseconds,
    and a timer each would cost more than all else that the router does for a token.

    Seconds in which the process was stopped count for no limit (the first `WATCH_SECONDS` of a stop may).
    """

    def __init__(self) -> None:
        self.cancelled = False
        self.waited_seconds = 0.0
        """Spent in waits so far; pauses and stops do not count."""
        self.stopped_seconds = 0.0
        """In which the process was stopped during a wait that had a limit."""
        self._waiting: asyncio.Task[object] | None = None
        self._ended = False
        self._left: float | None = None
        self._counted_from: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._overtime = False
        self._caught_up_at = 0.0
        self._running = asyncio.Event()
        self._running.set()
        self._paused_from = 0.0
        self._paused_before = 0.0

    @property
    def paused(self) -> bool:
        """No chunk is handed out now."""
        return not self._running.is_set()

    @property
    def paused_seconds(self) -> float:
        """All pauses together, the one that lasts included."""
        return self._paused_before + (monotonic() - self._paused_from if self.paused else 0.0)

    async def wait(self, awaitable: Awaitable[T], seconds: float | None = None) -> T:
        """Wait for something, at most so long. Raises `Cancelled` or `Expired`."""
        if self.cancelled:
            if hasattr(awaitable, "close"):
                awaitable.close()
            raise Cancelled
        task = self._waiting = cast("asyncio.Task[object]", asyncio.current_task())
        others = task.cancelling()
        self._ended, self._left = False, seconds
        # Where no time is left, one overtime is for all waits: keep-alives would prolong the limit for ever.
        self._overtime = self._overtime and seconds is not None and seconds <= 0
        if not self.paused:
            self._count()
        try:
            return await awaitable
        except asyncio.CancelledError:
            # Where somebody else has cancelled the task too, that goes on.
            if self._ended and task.cancelling() - 1 <= others:
                raise (Cancelled if self.cancelled else Expired) from None
            raise
        finally:
            self._stop_counting()
            self._waiting = None
            if self._ended:
                task.uncancel()

    def _end_wait(self) -> None:
        if self._waiting is not None and not self._ended:
            self._ended = True
            self._waiting.cancel()

    def _count(self) -> None:
        """The limit of the wait runs (again)."""
        self._counted_from = monotonic()
        if self._left is not None:
            self._left = max(self._left, self._caught_up_at - self._counted_from)
            self._set_timer(self._counted_from + self._left)

    def _stop_counting(self) -> None:
        if self._counted_from is not None:
            spent = monotonic() - self._counted_from
            self._counted_from = None
            self.waited_seconds += spent
            if self._left is not None:
                self._left -= spent

    def _set_timer(self, due: float) -> None:
        """See to it that `_ring` comes no later than this; one that comes earlier sets the timer anew."""
        now = monotonic()
        due = min(due, now + WATCH_SECONDS)
        if self._timer is not None and self._timer_due <= due:
            return
        self.close()
        self._timer_due = due
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - now), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = monotonic()
        if self._counted_from is None or self._left is None:
            return
        if (late := now - self._timer_due) > STOPPED_SECONDS:
            self._leave_out(late, now)
        due = self._counted_from + self._left
        if due - now > CLOCK_SECONDS:
            self._set_timer(due)
        elif not self._overtime:
            # The loop may ring before it has looked at the sockets.
            self._overtime = True
            self._set_timer(now + OVERTIME_SECONDS)
        else:
            self._end_wait()

    def _leave_out(self, stopped: float, now: float) -> None:
        """The process was stopped for so long: the wait's limit has stood still, and what came meanwhile is read."""
        assert self._counted_from is not None
        assert self._left is not None
        self.stopped_seconds += stopped
        self._counted_from += min(stopped, now - self._counted_from)
        self._caught_up_at = now + CATCH_UP_SECONDS
        self._left = max(self._left, self._caught_up_at - self._counted_from)
        self._overtime = False

    def close(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cancel(self) -> None:
        """End the wait that runs now and all that follow."""
        self.cancelled = True
        self._let_run()
        # What has come in this very moment is taken first.
        asyncio.get_running_loop().call_soon(self._end_wait)

    def pause(self) -> None:
        """Hand out nothing more; the socket is held by back-pressure, and no silence is counted."""
        if self.cancelled or self.paused:
            return
        self._running.clear()
        self._paused_from = monotonic()
        self._stop_counting()

    def resume(self) -> None:
        """Go on; a limit runs on from where it stood."""
        if self.paused:
            self._let_run()
            if self._waiting is not None:
                self._count()

    def _let_run(self) -> None:
        if self.paused:
            self._paused_before = self.paused_seconds
            self._running.set()

    async def held(self) -> None:
        """Return when not paused."""
        await self._running.wait()
