"""Waits with limits, cancels and pauses a running stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from time import monotonic
from typing import TypeVar, cast

T = TypeVar("T")

CLOCK_SECONDS = 0.001
"""How much too early a timer may fire."""
OVERTIME_SECONDS = 0.01
"""What has reached the socket when a limit runs out is read within this time."""
WATCH_SECONDS = 1.0
"""While a limit runs, the timer fires at least this often, to notice that the process was stopped."""
STOPPED_SECONDS = 0.5
"""A timer that fires this late means that the process was stopped (SIGSTOP, a sleeping machine, a busy loop)."""
CATCH_UP_SECONDS = 1.0
"""After such a stop no limit runs out before this time: what arrived meanwhile is read first."""


class Cancelled(Exception):
    """The stream was cancelled by `StreamControl.cancel`. Never leaves routing/."""


class Expired(Exception):
    """A wait took longer than its limit. Never leaves routing/."""


class StreamControl:
    """Cancels and pauses the wait that a stream is in.

    Only the wait is ended, not the task: the code that runs the stream then closes the socket and sends the ending.
    It does what `asyncio.timeout` does, with one timer for all waits of the stream: most end within microseconds, and
    a timer for each would cost more than all else that the router does for a token.

    Time in which the process was stopped counts for no limit (except up to `WATCH_SECONDS` of each stop). `parts` are
    the controls of streams that this one is made of: they are cancelled, paused and resumed with it.
    """

    def __init__(self, parts: Iterable[StreamControl] = ()) -> None:
        self._parts = tuple(parts)
        self.cancelled = self.paused = False
        self.waited_seconds = 0.0
        """Spent in waits so far, without pauses and stops."""
        self.stopped_seconds = 0.0
        """How long the process was stopped during waits with a limit."""
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
    def paused_seconds(self) -> float:
        """The length of all pauses, the current one included."""
        return self._paused_before + (monotonic() - self._paused_from if self.paused else 0.0)

    async def wait(self, awaitable: Awaitable[T], seconds: float | None = None) -> T:
        """Wait for something, at most this long (None: no limit). Raises `Cancelled` or `Expired`."""
        if self.cancelled:
            if hasattr(awaitable, "close"):
                awaitable.close()
            raise Cancelled
        task = self._waiting = cast("asyncio.Task[object]", asyncio.current_task())
        others = task.cancelling()
        self._ended, self._left = False, seconds
        # With no time left, there is one overtime for all waits; else keep-alives would extend the limit for ever.
        self._overtime = self._overtime and seconds is not None and seconds <= 0
        if not self.paused:
            self._count()
        try:
            return await awaitable
        except asyncio.CancelledError:
            # If the task was cancelled from elsewhere, too, that cancel is raised.
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
        """Start (again) to count the time of the wait."""
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
        """Let `_on_timer` run no later than this; if it runs earlier, it sets the timer anew."""
        now = monotonic()
        due = min(due, now + WATCH_SECONDS)
        if self._timer is not None and self._timer_due <= due:
            return
        self.close()
        self._timer_due = due
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - now), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = monotonic()
        if self._counted_from is None or self._left is None:
            return
        if (late := now - self._timer_due) > STOPPED_SECONDS:
            self._forgive_stop(late, now)
        due = self._counted_from + self._left
        if due - now > CLOCK_SECONDS:
            self._set_timer(due)
        elif not self._overtime:
            # The timer may fire before the loop has looked at the sockets.
            self._overtime = True
            self._set_timer(now + OVERTIME_SECONDS)
        else:
            self._end_wait()

    def _forgive_stop(self, stopped: float, now: float) -> None:
        """Extend the wait's limit by the time of a stop, so that what arrived meanwhile is read."""
        assert self._counted_from is not None
        assert self._left is not None
        self.stopped_seconds += stopped
        self._counted_from += min(stopped, now - self._counted_from)
        self._caught_up_at = now + CATCH_UP_SECONDS
        self._left = max(self._left, self._caught_up_at - self._counted_from)
        self._overtime = False

    def close(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cancel(self) -> None:
        """End the current wait and all later ones."""
        self.cancelled = True
        self._end_pause()
        for part in self._parts:
            part.cancel()
        # Data that has just arrived is read first.
        asyncio.get_running_loop().call_soon(self._end_wait)

    def pause(self) -> None:
        """Pause the stream by back-pressure; its limits do not run."""
        for part in self._parts:
            part.pause()
        if self.cancelled or self.paused:
            return
        self._running.clear()
        self.paused = True
        self._paused_from = monotonic()
        self._stop_counting()

    def resume(self) -> None:
        """End the pause; a limit continues from where it was."""
        for part in self._parts:
            part.resume()
        if self.paused:
            self._end_pause()
            if self._waiting is not None:
                self._count()

    def _end_pause(self) -> None:
        if self.paused:
            self._paused_before = self.paused_seconds
            self._running.set()
            self.paused = False

    async def wait_until_resumed(self) -> None:
        """Return as soon as the stream is not paused."""
        await self._running.wait()
