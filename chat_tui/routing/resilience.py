"""Waiting with limits, cancelling and pausing: the doors into a running stream; and how long to wait before a retry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chat_tui.errors import Busy, ProviderError

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 60.0
"""A provider that wishes to wait longer is passed over."""


class Cancelled(Exception):
    """The stream was cancelled through its own door. Never leaves routing/."""


class Expired(Exception):
    """A wait took longer than its limit. Never leaves routing/."""


class Control:
    """Cancels and pauses the wait that a stream is in.

    Only the wait is ended, not the task: what runs the stream then closes the socket and says the ending itself.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self.waited_seconds = 0.0
        """Spent in waits so far; pauses do not count."""
        self._scope: asyncio.Timeout | None = None
        self._left: float | None = None
        self._counted_from: float | None = None
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
        return self._paused_before + (_time() - self._paused_from if self.paused else 0.0)

    async def wait(self, awaitable: Awaitable[T], seconds: float | None = None) -> T:
        """Wait for something, at most so long. Raises `Cancelled` or `Expired`."""
        if self.cancelled:
            if hasattr(awaitable, "close"):
                awaitable.close()
            raise Cancelled
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._scope, self._left = scope, seconds
                if not self.paused:
                    self._count()
                return await awaitable
        except TimeoutError:
            if self.cancelled:
                raise Cancelled from None
            if scope.expired():
                raise Expired from None
            raise
        finally:
            self._stop_counting()
            self._scope = None

    def _count(self) -> None:
        """The limit of the wait runs (again)."""
        self._counted_from = _time()
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(None if self._left is None else self._counted_from + self._left)

    def _stop_counting(self) -> None:
        if self._counted_from is not None:
            spent = _time() - self._counted_from
            self._counted_from = None
            self.waited_seconds += spent
            if self._left is not None:
                self._left -= spent

    def cancel(self) -> None:
        """End the wait that runs now and all that follow."""
        self.cancelled = True
        self._let_run()
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(_time())

    def pause(self) -> None:
        """Hand out nothing more; the socket is held by back-pressure, and no silence is counted."""
        if self.cancelled or self.paused:
            return
        self._running.clear()
        self._paused_from = _time()
        if self._scope is not None and not self._scope.expired():
            self._stop_counting()
            self._scope.reschedule(None)

    def resume(self) -> None:
        """Go on; a limit runs on from where it stood."""
        if self.paused:
            self._let_run()
            if self._scope is not None:
                self._count()

    def _let_run(self) -> None:
        if self.paused:
            self._paused_before = self.paused_seconds
            self._running.set()

    async def held(self) -> None:
        """Return when not paused."""
        await self._running.wait()


def delay_seconds(
    attempt: int,
    error: ProviderError,
    *,
    base: float,
    exponential: bool,
    jitter: Callable[[float, float], float],
) -> float:
    """How long to wait after this failed attempt (from 1): the provider's wish, else back-off with full jitter."""
    if isinstance(error, Busy) and error.retry_after is not None:
        return max(0.0, error.retry_after)
    longest = base * 2 ** min(attempt - 1, 16) if exponential else base
    return jitter(0.0, min(longest, LONGEST_WAIT_SECONDS))


def _time() -> float:
    return asyncio.get_running_loop().time()
