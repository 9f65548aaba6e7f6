"""A model server on loopback that speaks OpenAI chat completions, as well or as badly as its script says.

In a test: `async with ModelServer() as server`, then `server.base_url` and `server.exchanges`. As a process of its own:
`python -m tests.doubles.model_server --rate 200 --tokens 2000` tells its address on the first line of stdout;
`GET /log` tells the exchanges, `POST /log/clear` forgets them. Times are of the monotonic clock, which processes of one
machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlsplit

from tests.doubles import tool_script
from tests.doubles.model_scripts import HOSTILE_LINE, Script, asked_for, events, last_events, parsed

_AT_ONCE = 16
"""Events in one write at full speed."""


@dataclass
class Exchange:
    """One request and how it was answered."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    started: float
    script: Script = field(default_factory=Script)
    first_token: float | None = None
    tokens_sent: int = 0
    finished: float | None = None
    """The last byte was written."""
    closed_by_client: float | None = None
    """The client closed its socket before that."""

    @property
    def active(self) -> bool:
        """Whether it is still being answered."""
        return self.finished is None and self.closed_by_client is None

    def told(self) -> dict[str, Any]:
        """Its figures for the log, without headers and body."""
        return {
            "number": self.number,
            "path": self.path,
            "messages": len(self.body.get("messages") or ()),
            "mark": self.script.mark,
            "started": self.started,
            "first_token": self.first_token,
            "tokens_sent": self.tokens_sent,
            "finished": self.finished,
            "closed_by_client": self.closed_by_client,
            "active": self.active,
        }


class ModelServer:
    """The server; `scripts` maps model ids to scripts, other requests follow the words in their question or model id,
    else `script`."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        scripts: Mapping[str, Script] | None = None,
        models: Sequence[str] = (),
        port: int = 0,
        fails: float = 0,
    ) -> None:
        """`fails` is the share of chat requests that are refused or cut, whatever their script, the same each time."""
        self.exchanges: list[Exchange] = []
        """Chat requests, in the order they came."""
        self.requests: list[str] = []
        """Every request, as `METHOD path`."""
        self.connections: set[_Connection] = set()
        self._script = script or Script()
        self._scripts = dict(scripts or {})
        self._models = tuple(models) or tuple(self._scripts) or ("sample",)
        self._port = port
        self._fails, self._chance = fails, random.Random(5)
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        tasks = [connection.close() for connection in tuple(self.connections)]
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
        await self._server.wait_closed()

    @property
    def base_url(self) -> str:
        """The address for a provider's `base_url`."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def active_streams(self) -> int:
        """Chat requests that are being answered now."""
        return sum(exchange.active for exchange in self.exchanges)

    async def until(self, true: Callable[[], bool], timeout_seconds: float = 60) -> None:
        """Wait until `true()`, which is checked whenever an exchange changes. Raises TimeoutError."""
        async with asyncio.timeout(timeout_seconds):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    def changed(self) -> None:
        """Wake those who wait for a change of an exchange."""
        self._changed.set()

    async def respond(
        self, connection: _Connection, method: str, target: str, headers: dict[str, str], raw: bytes
    ) -> None:
        """Answer one request on its connection."""
        path = urlsplit(target).path
        self.requests.append(f"{method} {path}")
        if path.endswith("/chat/completions") and method == "POST":
            await self._chat(connection, path, headers, raw)
        elif path.endswith("/embeddings") and method == "POST":
            await self._embed(connection, path, headers, raw)
        elif path.endswith("/models"):
            rows = [{"id": name, "object": "model", "created": 1, "owned_by": "tests"} for name in self._models]
            connection.whole(200, {"object": "list", "data": rows})
        elif path == "/log":
            told = [exchange.told() for exchange in self.exchanges]
            connection.whole(200, {"active": self.active_streams, "exchanges": told})
        elif path == "/log/clear":
            self.exchanges = [exchange for exchange in self.exchanges if exchange.active]
            connection.whole(200, {})
        else:
            connection.whole(404, {"error": {"message": f"no {path} here", "type": "not_found"}})

    async def _embed(self, connection: _Connection, path: str, headers: dict[str, str], raw: bytes) -> None:
        exchange = Exchange(len(self.exchanges), "POST", path, headers, _object(raw), time.monotonic())
        self.exchanges.append(exchange)
        connection.exchange = exchange
        self.changed()
        script = parsed(str(exchange.body.get("model", ""))) or Script()
        await asyncio.sleep(script.connect_seconds)
        if script.error:
            connection.whole(script.error, _error_body(script))
        elif script.body:
            connection.whole(200, {"object": "list"})
        else:
            given = exchange.body["input"]
            texts = given if isinstance(given, list) else [given]
            rows = [{"object": "embedding", "index": n, "embedding": [0.5, n]} for n, _ in enumerate(texts)]
            usage = {"prompt_tokens": 3, "total_tokens": 3}
            connection.whole(200, {"object": "list", "data": rows, "model": "m", "usage": usage})
        exchange.finished = time.monotonic()
        self.changed()

    async def _chat(self, connection: _Connection, path: str, headers: dict[str, str], raw: bytes) -> None:
        exchange = Exchange(len(self.exchanges), "POST", path, headers, _object(raw), time.monotonic())
        model = str(exchange.body.get("model", ""))
        script = exchange.script = self._scripts.get(model) or asked_for(exchange.body) or self._script
        if self._chance.random() < self._fails:
            script = exchange.script = self._chance.choice((replace(script, error=503), replace(script, cut=1)))
        self.exchanges.append(exchange)
        connection.exchange = exchange
        self.changed()
        if script.connect_seconds:
            await asyncio.sleep(script.connect_seconds)
        if script.error:
            connection.whole(script.error, _error_body(script), retry_after=script.retry_after)
        elif script.body == "reset":
            connection.abort()
        elif script.body in ("html", "garbage", "empty"):
            _odd_body(connection, script.body)
        elif script.calls:
            await _stream_calls(connection, exchange, model)
        elif script.body == "json" or not exchange.body.get("stream"):
            connection.whole(200, _completion(exchange, model))
        elif not await _stream(connection, exchange, model):
            return
        exchange.finished = time.monotonic()
        self.changed()


class _Connection(asyncio.Protocol):
    """One client's connection: reads requests, one answered after the other."""

    def __init__(self, server: ModelServer) -> None:
        self.exchange: Exchange | None = None
        self._server = server
        self._buffer = b""
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._next_request()

    def eof_received(self) -> bool:
        self._gone()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()
        self._server.connections.discard(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _gone(self) -> None:
        if self.exchange is not None and self.exchange.active:
            self.exchange.closed_by_client = time.monotonic()
            self._server.changed()
        self._writable.set()
        if self._task is not None:
            self._task.cancel()

    def _next_request(self) -> None:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found or self._task is not None:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        method, target, _ = lines[0].split(" ", 2)
        self._task = asyncio.create_task(self._server.respond(self, method, target, headers, rest[:length]))
        self._task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self.exchange = None
        if not task.cancelled():
            task.result()
            self._next_request()

    def close(self) -> asyncio.Task[None] | None:
        """End the connection at once; returns the task that was answering, to be awaited."""
        task = self._task
        if self.exchange is not None and self.exchange.active:
            # Ended by us: not to be taken for the client's doing.
            self.exchange.finished = time.monotonic()
        if task is not None:
            task.cancel()
        self._transport.abort()
        return task

    def abort(self) -> None:
        """Drop the connection as a dying server does."""
        if self.exchange is not None:
            self.exchange.finished = time.monotonic()
        self._transport.abort()

    def _write(self, raw: bytes) -> None:
        # Into a connection that the client has closed, asyncio complains of each write after the fifth.
        if not self._transport.is_closing():
            self._transport.write(raw)

    def head(self, status: int, content_type: str, *lines: str) -> None:
        """Write the head of a response."""
        text = "\r\n".join((f"HTTP/1.1 {status} Told", f"content-type: {content_type}", *lines))
        self._write(f"{text}\r\n\r\n".encode("latin-1"))

    def whole(self, status: int, body: object, *, retry_after: float | None = None) -> None:
        """Write a whole response of JSON."""
        raw = json.dumps(body).encode()
        more = () if retry_after is None else (f"retry-after: {retry_after:g}",)
        self.head(status, "application/json", f"content-length: {len(raw)}", *more)
        self._write(raw)

    def plain(self, content_type: str, raw: bytes) -> None:
        """Write a whole response of any bytes, status 200."""
        self.head(200, content_type, f"content-length: {len(raw)}")
        self._write(raw)

    async def piece(self, raw: bytes) -> None:
        """Write one piece of a chunked body, and wait while the client is slow."""
        if raw:
            # An empty piece would be the end of the body.
            self._write(b"%x\r\n%b\r\n" % (len(raw), raw))
        if not self._writable.is_set():
            await self._writable.wait()

    def last_piece(self) -> None:
        """End a chunked body."""
        self._write(b"0\r\n\r\n")


async def _stream_calls(connection: _Connection, exchange: Exchange, model: str) -> None:
    """Stream an answer that uses the tools that are offered."""
    connection.head(200, "text/event-stream; charset=utf-8", "transfer-encoding: chunked", "cache-control: no-cache")
    shell = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    for choice in tool_script.choices(exchange.body, exchange.script.calls):
        exchange.tokens_sent += 1
        await connection.piece(f"data: {json.dumps({**shell, 'choices': [choice]})}\n\n".encode())
    usage = json.dumps({**shell, "choices": [], "usage": _usage(exchange)})
    await connection.piece(f"data: {usage}\n\ndata: [DONE]\n\n".encode())
    connection.last_piece()


async def _stream(connection: _Connection, exchange: Exchange, model: str) -> bool:
    """Stream the scripted answer; False when the connection was dropped by the script."""
    script = exchange.script
    connection.head(200, "text/event-stream; charset=utf-8", "transfer-encoding: chunked", "cache-control: no-cache")
    await _quiet(connection, script, script.first_seconds)
    told = HOSTILE_LINE if script.hostile else model
    exchange.first_token = start = time.monotonic()
    held: list[bytes] = []
    for index, event in enumerate(events(script, told, exchange.number)):
        if index == script.cut:
            await connection.piece(b"".join(held))
            await asyncio.sleep(0.02)
            connection.abort()
            return False
        if index == script.stall:
            await connection.piece(b"".join(held))
            await _quiet(connection, script, float("inf"))
        exchange.tokens_sent = index + 1
        if script.rate:
            early = start + index / script.rate - time.monotonic()
            if early > 0:
                await asyncio.sleep(early)
            await connection.piece(event)
        else:
            held.append(event)
            if len(held) == _AT_ONCE:
                await connection.piece(b"".join(held))
                held.clear()
    wanted = (exchange.body.get("stream_options") or {}).get("include_usage") and script.usage
    usage = _usage(exchange) if wanted else None
    await connection.piece(b"".join(held) + last_events(script, told, exchange.number, usage))
    connection.last_piece()
    return True


async def _quiet(connection: _Connection, script: Script, seconds: float) -> None:
    """Send nothing for `seconds`, except keep-alive comments if the script has them."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(left, 0.05 if script.keepalive else 3600))
        if script.keepalive:
            await connection.piece(b": keep-alive\n\n")


def _odd_body(connection: _Connection, kind: str) -> None:
    if kind == "html":
        page = f"<html><title>Sign in</title><body>{HOSTILE_LINE}</body></html>".encode("utf-8", "replace")
        connection.plain("text/html; charset=utf-8", page)
    elif kind == "empty":
        connection.plain("text/event-stream", b"")
    else:
        connection.plain("text/event-stream", b"data: {not json\n\n\xff\xfe\x00data\n\ndata: [1, 2]\n\n")


def _error_body(script: Script) -> object:
    text = HOSTILE_LINE if script.hostile else f"scripted error {script.error}"
    return {"error": {"message": text, "type": "scripted", "code": script.error}}


def _completion(exchange: Exchange, model: str) -> object:
    text = "".join(exchange.script.pieces())
    exchange.tokens_sent = len(exchange.script.pieces())
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": exchange.script.finish}
    shell = {"id": f"chatcmpl-{exchange.number}", "object": "chat.completion", "created": 1, "model": model}
    return {**shell, "choices": [choice], "usage": _usage(exchange)}


def _usage(exchange: Exchange) -> dict[str, int]:
    prompt = len(json.dumps(exchange.body.get("messages"))) // 4
    sent = exchange.tokens_sent
    return {"prompt_tokens": prompt, "completion_tokens": sent, "total_tokens": prompt + sent}


def _object(raw: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        body = json.loads(raw)
        if isinstance(body, dict):
            return body
    return {}


async def _serve(script: Script, port: int, fails: float, until_eof: bool) -> None:
    async with ModelServer(script, port=port, fails=fails) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        if until_eof:
            await asyncio.to_thread(sys.stdin.buffer.read)
        else:
            await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted, or until stdin ends with `--until-eof`."""
    options = argparse.ArgumentParser(prog="python -m tests.doubles.model_server", description=__doc__)
    options.add_argument("--rate", type=float, default=0, help="tokens a second, 0 for full speed")
    options.add_argument("--tokens", type=int, default=200)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--fails", type=float, default=0, help="share of requests that fail, such as 0.05")
    options.add_argument("--until-eof", action="store_true", help="end when stdin does")
    given = options.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(Script(tokens=given.tokens, rate=given.rate), given.port, given.fails, given.until_eof))


if __name__ == "__main__":
    main()
