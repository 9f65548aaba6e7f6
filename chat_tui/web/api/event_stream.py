"""Sends an answer over HTTP, as a stream or after its end; when the client disconnects, the answer is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from math import ceil
from time import monotonic
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chat_tui.core.chunks import End
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.tools.steps import (
    StepChunk,
    cancel_steps,
    have_ended,
    merge_ends,
    merged_batches,
    saved_answers,
)
from chat_tui.web.state import AppState

HOLD_BYTES = 2048
"""Bytes of text that wait for a slow reader before the model has to wait."""
_PING = b": ping\n\n"

Encode = Callable[[Sequence[Any]], Awaitable[bytes]]
"""Encodes chunks, those of an answer with tools as `StepChunk`; no bytes mean that nothing is sent."""
Open = Callable[[Scope], Awaitable[Response | Mapping[str, str]]]
"""Waits until a stream can begin; returns its further headers, or the response that is sent instead."""


class EventStream(Response):
    """Server-sent events of one answer, or of several at once; a slow reader slows down the models."""

    media_type = "text/event-stream"

    def __init__(
        self,
        state: AppState,
        answer: Answer,
        encode: Encode,
        headers: Mapping[str, str] | None = None,
        *,
        first: bytes = b"",
        open: Open | None = None,
        others: Sequence[tuple[Answer, Encode]] = (),
    ) -> None:
        super().__init__(None, 200, {"X-Accel-Buffering": "no", **(headers or {})})
        del self.headers["content-length"]
        self._state = state
        self._streams = [(answer, encode), *others]
        self._first = first
        """Sent first."""
        self._open = open
        self._wrote = monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream until its end or until the client disconnects."""
        with self._state.serving_reader():
            async with cancel_on_disconnect(self._state, [answer for answer, _ in self._streams], receive):
                opened = await self._open(scope) if self._open is not None else {}
                if isinstance(opened, Response):
                    await opened(scope, receive, send)
                    return
                self.headers.update(opened)
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                pinging = asyncio.ensure_future(self._ping(send))
                try:
                    await self._write(send)
                finally:
                    pinging.cancel()
                    await asyncio.wait([pinging])
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        if self._first:
            await send({"type": "http.response.body", "body": self._first, "more_body": True})
        if len(self._streams) == 1:
            await self._write_answer(*self._streams[0], send)
            return
        writing = [asyncio.ensure_future(self._write_answer(*stream, send)) for stream in self._streams]
        try:
            await asyncio.gather(*writing)
        finally:
            for task in writing:
                task.cancel()
            await asyncio.wait(writing)

    async def _write_answer(self, answer: Answer, encode: Encode, send: Send) -> None:
        async with aclosing(batches_of(answer)) as batches:
            async for chunks in batches:
                if body := await encode(chunks):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                    self._wrote = monotonic()

    async def _ping(self, send: Send) -> None:
        while True:
            await asyncio.sleep(self._state.ping_seconds)
            if monotonic() - self._wrote >= self._state.ping_seconds:
                with suppress(OSError):
                    # That the client has gone is told to whoever receives.
                    await send({"type": "http.response.body", "body": _PING, "more_body": True})


async def wait_for_all(state: AppState, answers: Sequence[Answer], receive: Receive) -> None:
    """Wait until all answers have ended and are saved; cancels them if the client disconnects."""
    with state.serving_reader():
        async with cancel_on_disconnect(state, answers, receive):
            for answer in answers:
                async for _ in saved_answers(answer):
                    pass


async def wait_for_end(state: AppState, answer: Answer, receive: Receive) -> End:
    """Wait until an answer with all that follows its tool calls has ended and is saved; cancels it if the client
    disconnects."""
    await wait_for_all(state, [answer], receive)
    ends = list[End]()
    async for step in saved_answers(answer):
        ends += [chunk for chunk in step.chunks[-1:] if isinstance(chunk, End)]
    return merge_ends(ends) if ends else End()


def batches_of(answer: Answer) -> AsyncGenerator[Sequence[StepChunk], None]:
    """Return the chunks of an answer in batches, with all that follows its tool calls."""
    if answer.offer is None:
        return answer.batches(tokens=1, hold_bytes=HOLD_BYTES)
    return merged_batches(answer, tokens=1, hold_bytes=HOLD_BYTES)


async def retry_after(state: AppState, answer: Answer, status: int) -> dict[str, str]:
    """Return a `Retry-After` header for statuses that make sense to retry."""
    if status not in {429, 503}:
        return {}
    return {"Retry-After": str(max(1, ceil((await state.engine()).models.resting_seconds(answer.turn.model))))}


@asynccontextmanager
async def cancel_on_disconnect(state: AppState, answers: Sequence[Answer], receive: Receive) -> AsyncIterator[None]:
    """Cancel answers when their client disconnects or the sender is stopped."""

    async def watch() -> None:
        await wait_for_disconnect(receive)
        if not all(map(have_ended, answers)):
            state.metrics.count_disconnect()
        await cancel_all(answers)

    watching = asyncio.ensure_future(watch())
    try:
        yield
    except OSError:
        # Some servers tell so that the client has gone.
        pass
    finally:
        watching.cancel()
        await cancel_all(answers)
        await asyncio.wait([watching])


async def cancel_all(answers: Sequence[Answer]) -> None:
    """Cancel the answers that have not ended, and stop their tool calls."""
    await asyncio.gather(*(cancel_steps(answer) for answer in answers if not have_ended(answer)))


async def wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
