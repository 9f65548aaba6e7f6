"""Waiting with limits, cancelling and pausing: the doors into a running stream; and how long to wait before a retry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chat_tui.errors import Overloaded, ProviderError, RateLimited

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
        self._scope: asyncio.Timeout | None = None
        self._limit: float | None = None
        self._running = asyncio.Event()
        self._running.set()

    @property
    def paused(self) -> bool:
        """No chunk is handed out now."""
        return not self._running.is_set()

    async def wait(self, awaitable: Awaitable[T], seconds: float | None = None) -> T:
        """Wait for something, at most so long. Raises `Cancelled` or `Expired`."""
        if self.cancelled:
            if hasattr(awaitable, "close"):
                awaitable.close()
            raise Cancelled
        self._limit = seconds
        scope = asyncio.timeout(None if self.paused else seconds)
        try:
            async with scope:
                self._scope = scope
                return await awaitable
        except TimeoutError:
            if self.cancelled:
                raise Cancelled from None
            if scope.expired():
                raise Expired from None
            raise
        finally:
            self._scope = None

    def cancel(self) -> None:
        """End the wait that runs now and all that follow."""
        self.cancelled = True
        self._running.set()
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    def pause(self) -> None:
        """Hand out nothing more; the socket is held by back-pressure, and no silence is counted."""
        if self.cancelled:
            return
        self._running.clear()
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(None)

    def resume(self) -> None:
        """Go on."""
        self._running.set()
        if self._scope is not None and self._limit is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time() + self._limit)

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
    if isinstance(error, (RateLimited, Overloaded)) and error.retry_after is not None:
        return error.retry_after
    return jitter(0.0, base * 2 ** (attempt - 1) if exponential else base)
