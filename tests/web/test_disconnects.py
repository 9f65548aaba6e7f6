"""Clients who go away, who read slowly, and servers that stop: nothing runs on, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import Any

import pytest
from msgspec.structs import replace
from websockets.asyncio.client import connect

from chat_tui.config.schema import Web
from tests.doubles.model_server import ModelServer
from tests.support.web_site import BEARER, TOKEN, Site, at_rest, box, site, until

SOON_SECONDS = 0.1
"""In which the upstream must have been cancelled; some tests allow more for a busy machine."""


def request(path: str, **body: Any) -> bytes:
    raw = json.dumps(body).encode()
    head = f"Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(raw)}"
    return f"POST {path} HTTP/1.1\r\n{head}\r\n\r\n".encode() + raw


async def raw_line(web: Site, path: str, *, receives: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request on a socket of its own; `receives`: the bytes that its system takes ahead of the reader."""
    line = socket.socket()
    line.setblocking(False)
    if receives:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", int(web.url.rpartition(":")[2])))
    reader, writer = await asyncio.open_connection(sock=line, limit=1024)
    writer.write(request(path, prompt="Hi"))
    return reader, writer


@pytest.mark.parametrize("path", ["/stream", "/generate"])
async def test_whoever_goes_away_cancels_the_answer_and_the_part_is_kept(server: ModelServer, path: str) -> None:
    async with site(box(server.base_url, "t2000-r200")) as web:
        _, writer = await raw_line(web, path)
        await server.until(lambda: len(server.exchanges) == 1)
        await until(lambda: server.exchanges[0].tokens_sent > 5)
        left = time.monotonic()
        writer.transport.abort()
        await server.until(lambda: server.exchanges[0].closed_by_client is not None)
        closed = server.exchanges[0].closed_by_client
        (kept,) = await web.engine.conversations.summaries()
        await until(lambda: not web.engine.running())
        turn = (await web.engine.conversations.conversation(kept.id)).path[-1]
    assert closed is not None
    assert closed - left < SOON_SECONDS * 5
    assert turn.state == "cancelled"
    assert len(turn.text.split()) >= 4


async def test_a_client_that_leaves_before_the_first_token_cancels_too(server: ModelServer) -> None:
    async with site(box(server.base_url, "t20-first60000")) as web:
        _, writer = await raw_line(web, "/stream")
        await server.until(lambda: len(server.exchanges) == 1)
        writer.close()
        await server.until(lambda: server.exchanges[0].closed_by_client is not None)


async def test_a_slow_reader_is_held_and_loses_nothing(server: ModelServer) -> None:
    tokens = 60_000
    async with site(box(server.base_url, f"t{tokens}")) as web:
        reader, writer = await raw_line(web, "/stream", receives=8192)
        await server.until(lambda: len(server.exchanges) == 1)
        sent = await at_rest(lambda: server.exchanges[0].tokens_sent)
        assert sent < tokens * 3 // 4
        # What waits for the reader: the system's buffer, the server's, and a little text.
        (answer,) = web.state.running()
        assert len(answer._log) < 4000
        async with asyncio.timeout(30):
            raw = b""
            while not raw.endswith(b"0\r\n\r\n"):
                raw += await reader.read(1 << 16)
        writer.close()
    assert raw.count(b'"type":"token"') == tokens
    assert raw.count(b'"type":"end"') == 1


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system cuts no line of a reader who sleeps")
async def test_a_reader_who_never_reads_is_taken_for_gone(server: ModelServer) -> None:
    config = replace(box(server.base_url, "t60000"), web=Web(reader_seconds=0.3))
    async with site(config) as web:
        _, writer = await raw_line(web, "/stream", receives=4096)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with connect(web.ws_url, additional_headers=BEARER, compression=None, proxy=None, max_queue=1) as line:
            line.transport.pause_reading()
            await line.send(json.dumps({"type": "generate", "requestId": "a", "prompt": "Hi"}))
            await server.until(lambda: [one.closed_by_client is not None for one in server.exchanges] == [True, True])
            line.transport.abort()
        writer.transport.abort()


async def stop(web: Site, seconds: float) -> None:
    at_once = asyncio.Event()
    if not seconds:
        at_once.set()
    await web.state.stop(seconds, at_once)


async def test_at_a_stop_running_answers_may_end_and_no_new_ones_begin(server: ModelServer) -> None:
    async with site(box(server.base_url, "t50-r100")) as web:
        stream = web.follow(prompt="Hi")
        await anext(stream)
        stopping = asyncio.create_task(stop(web, 10))
        await asyncio.sleep(0)
        refused = await web.post("/generate", prompt="Hi")
        events = [event async for event in stream]
        await stopping
    assert refused.status_code == 503
    assert [event["type"] for event in events] == [*["token"] * 50, "end"]
    assert events[-1]["metadata"]["state"] == "complete"


async def test_what_does_not_end_in_time_is_cancelled_told_and_kept(server: ModelServer) -> None:
    async with site(box(server.base_url, "t5000-r100")) as web:
        stream = web.follow(prompt="Hi")
        whole = asyncio.create_task(web.post("/generate", prompt="Hi"))
        start = await anext(stream)
        await anext(stream)
        await server.until(lambda: len(server.exchanges) == 2)
        await stop(web, 0.1)
        last = [event async for event in stream][-1]
        kept = await web.engine.conversations.conversation(start["metadata"]["conversationId"])
        cut = await whole
    assert last["type"] == "end"
    assert last["metadata"]["state"] == kept.path[-1].state == "cancelled"
    assert kept.path[-1].text
    assert (cut.status_code, cut.json()["success"]) == (503, False)


async def test_an_idle_line_is_kept_alive(server: ModelServer) -> None:
    async with (
        site(box(server.base_url, "t2-first300"), ping_seconds=0.1) as web,
        web.client.stream("POST", "/stream", json={"prompt": "Hi"}) as response,
    ):
        lines = [line async for line in response.aiter_lines() if line]
    assert 1 <= lines.count(": ping") < 10
    assert lines[-1].startswith('data: {"type":"end"')


async def test_a_slow_socket_is_held_and_loses_nothing(server: ModelServer) -> None:
    tokens = 60_000
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        site(box(server.base_url, f"t{tokens}")) as web,
        connect(web.ws_url, additional_headers=headers, compression=None, proxy=None, max_queue=1) as line,
    ):
        await line.send(json.dumps({"type": "generate", "requestId": "a", "prompt": "Hi"}))
        sent = await at_rest(lambda: server.exchanges[0].tokens_sent if server.exchanges else 0)
        assert sent < tokens * 3 // 4
        seen = 0
        async with asyncio.timeout(30):
            while (message := json.loads(await line.recv()))["type"] != "complete":
                seen += message["type"] == "token"
    assert seen == message["metadata"]["tokenCount"] == tokens
