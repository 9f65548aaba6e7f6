"""One running reply, as its reader holds it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from types import TracebackType
from typing import Self

from chat_tui.core.chunks import Chunk
from chat_tui.routing.execution.control import StreamControl


class Stream:
    """Async-iterable of chunks, used as `async with`; leaving it closes the socket.

    The last chunk is an `End`, also after `cancel()`. A chunk is read from the socket only when it is asked for.
    """

    def __init__(self, bursts: AsyncGenerator[Sequence[Chunk], None], control: StreamControl) -> None:
        self._bursts = bursts
        self._control = control
        self._ready: deque[Chunk] = deque()
        self._reading = asyncio.Lock()
        self._ended = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Whoever still reads is let go first: a generator that runs cannot be closed.
        self._control.cancel()
        async with self._reading:
            await self._bursts.aclose()
            self._ended = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        while True:
            while self._control.paused:
                await self._control.held()
            if self._ready:
                return self._ready.popleft()
            if self._ended:
                raise StopAsyncIteration
            await self._pull()

    async def _pull(self) -> None:
        """Read the next burst; the reader and whoever cancels take turns."""
        async with self._reading:
            if self._ended:
                return
            try:
                self._ready.extend(await anext(self._bursts))
            except StopAsyncIteration:
                self._ended = True

    @property
    def paused(self) -> bool:
        """No chunk is handed out now."""
        return self._control.paused

    async def cancel(self) -> None:
        """End the reply; returns when the socket is closed. What had come can still be read, and then the `End`."""
        self._control.cancel()
        # A reader in another task sees the cancel in the wait it is in; what is left is read here.
        while not self._ended:
            await self._pull()

    def pause(self) -> None:
        """Hold the reply by back-pressure; nothing is lost and no silence is counted."""
        self._control.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        self._control.resume()
