"""An answer told to somebody over HTTP: as it comes, or when it is whole; whoever goes away cancels it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from math import ceil
from time import monotonic

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chat_tui.core.chunks import Chunk, End
from chat_tui.engine.answers.answer import Answer
from chat_tui.web.state import AppState

HOLD_BYTES = 8192
"""Of text that wait for a slow reader before the model is held."""
_PING = b": ping\n\n"

Encode = Callable[[Sequence[Chunk]], Awaitable[bytes]]
"""What is written for these chunks; nothing for no bytes."""


class EventStream(Response):
    """Server-sent events of one answer, written as they come and held while the reader is slow."""

    media_type = "text/event-stream"

    def __init__(
        self,
        door: AppState,
        answer: Answer,
        encode: Encode,
        headers: Mapping[str, str] | None = None,
        *,
        first: bytes = b"",
    ) -> None:
        super().__init__(None, 200, {"X-Accel-Buffering": "no", **(headers or {})})
        del self.headers["content-length"]
        self._door, self._answer, self._encode = door, answer, encode
        self._first = first
        """Written before all."""
        self._wrote = monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write it all, or as much as somebody reads."""
        with self._door.telling():
            async with cancelled_when_gone(self._door, self._answer, receive):
                if not await self.begin(scope, receive, send):
                    return
                pinging = asyncio.ensure_future(self._ping(send))
                try:
                    await self._write(send)
                finally:
                    pinging.cancel()
                    await asyncio.wait([pinging])
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def begin(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Send the head; False where another response was sent in its place."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        return True

    async def _write(self, send: Send) -> None:
        if self._first:
            await send({"type": "http.response.body", "body": self._first, "more_body": True})
        async with aclosing(self._answer.batches(tokens=1, hold_bytes=HOLD_BYTES)) as batches:
            async for chunks in batches:
                if body := await self._encode(chunks):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                    self._wrote = monotonic()

    async def _ping(self, send: Send) -> None:
        while True:
            await asyncio.sleep(self._door.ping_seconds)
            if monotonic() - self._wrote >= self._door.ping_seconds:
                with suppress(OSError):
                    # That the client has gone is told to whoever receives.
                    await send({"type": "http.response.body", "body": _PING, "more_body": True})


async def whole(door: AppState, answer: Answer, receive: Receive) -> End:
    """Wait until an answer has ended and is saved; nobody who waits for it any more cancels it."""
    with door.telling():
        async with cancelled_when_gone(door, answer, receive):
            await answer.saved.wait()
    last = End()
    async for chunk in answer.follow(len(answer) - 1):
        last = chunk if isinstance(chunk, End) else last
    return last


async def when_again(door: AppState, answer: Answer, status: int) -> dict[str, str]:
    """The header that tells when to ask again, where a status says that this may help."""
    if status not in {429, 503}:
        return {}
    return {"Retry-After": str(max(1, ceil((await door.engine()).models.resting_seconds(answer.turn.model))))}


@asynccontextmanager
async def cancelled_when_gone(door: AppState, answer: Answer, receive: Receive) -> AsyncIterator[None]:
    """Cancel an answer when the client goes away, or whoever tells it is stopped."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if not answer.ended:
            door.metrics.gone()
        await answer.cancel()

    watching = asyncio.ensure_future(watch())
    try:
        yield
    except OSError:
        # Some servers tell so that the client has gone.
        pass
    finally:
        watching.cancel()
        if not answer.ended:
            await answer.cancel()
        await asyncio.wait([watching])
