"""A server on loopback that answers with bytes, however wrong: what a well-meaning server could not be made to do."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """The connection's number, from 0."""

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


Answer = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def event(text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    """One server-sent event of a chat completion."""
    delta = {} if text is None else {"content": text}
    value = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
GOOD = event("Hello") + event(None, "stop") + DONE


def head(status: str = "200 OK", kind: str = "text/event-stream", *lines: str, version: str = "1.1") -> bytes:
    """The head of a reply."""
    return "\r\n".join((f"HTTP/{version} {status}", f"content-type: {kind}", *lines, "", "")).encode()


def whole(body: bytes, status: str = "200 OK", kind: str = "application/json", *lines: str) -> bytes:
    """A reply with its length."""
    return head(status, kind, f"content-length: {len(body)}", *lines) + body


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """A chunked stream of events."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head("200 OK", "text/event-stream", "transfer-encoding: chunked") + body + (b"0\r\n\r\n" if end else b"")


def saying(*replies: bytes) -> Answer:
    """Answers with these bytes in turn, the last ones again and again, and keeps the connection."""
    left = list(replies)

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return answer


class RawServer:
    """Takes requests and lets `answer` write what it likes."""

    def __init__(self, answer: Answer, *, host: str = "127.0.0.1") -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self.closed_at: list[float] = []
        """When each client's closing was seen, on the monotonic clock."""
        self._answer, self._host = answer, host
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        # The transports that were dropped have one more turn of the loop to go.
        await asyncio.sleep(0)

    @property
    def base_url(self) -> str:
        """What belongs into a provider's `base_url`."""
        return f"http://{self._host}:{self.port}/v1"

    async def until(self, true: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until `true()`; looked at whenever something came or closed."""
        async with asyncio.timeout(seconds):
            while not true():
                self._seen.clear()
                await self._seen.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.connections = self.connections, self.connections + 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        answering: asyncio.Task[None] | None = None
        try:
            while True:
                asked = await _request(reader, number)
                self.asked.append(asked)
                self._seen.set()
                answering = asyncio.create_task(self._answered(asked, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The last is the server's own end; a stream's task has nobody who waits for it.
            pass
        finally:
            self.closed_at.append(time.monotonic())
            self._seen.set()
            if answering is not None:
                answering.cancel()
            writer.transport.abort()

    async def _answered(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await self._answer(asked, writer)
            if not writer.is_closing():
                await writer.drain()


async def _request(reader: asyncio.StreamReader, number: int) -> Asked:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(first, headers, body, number)
