"""A running reply, as its reader sees it."""

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
        # A task that still reads is released first: a generator that runs cannot be closed.
        self._control.cancel()
        async with self._reading:
            await self._bursts.aclose()
            self._ended = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        while True:
            while self._control.paused:
                await self._control.wait_until_resumed()
            if self._ready:
                return self._ready.popleft()
            if self._ended:
                raise StopAsyncIteration
            # The reader and a task that cancels read in turns.
            async with self._reading:
                self._add(await anext(self._bursts, None))

    def _add(self, burst: Sequence[Chunk] | None) -> None:
        """Make a burst ready to be read; None ends the stream."""
        if burst is None:
            self._ended = True
        else:
            self._ready.extend(burst)

    @property
    def paused(self) -> bool:
        """Whether it is paused."""
        return self._control.paused

    async def cancel(self) -> None:
        """Cancel the reply; returns when the socket is closed. What has arrived can still be read, then the `End`."""
        self._control.cancel()
        # A reader in another task is interrupted in its wait; the rest is read here.
        while not self._ended:
            async with self._reading:
                self._add(await anext(self._bursts, None))

    def pause(self) -> None:
        """Pause the reply by back-pressure; nothing is lost and no time limit runs."""
        self._control.pause()

    def resume(self) -> None:
        """End a pause."""
        self._control.resume()
