"""`/ws`: several requests on one socket."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat_tui.web.api.schemas import LARGE_BYTES
from chat_tui.web.api.websocket import AUTH_CHARACTERS
from tests.doubles.model_server import ModelServer
from tests.support.web_site import BEARER, TOKEN, Site, box, site


async def said(line: ClientConnection, *, until: str = "complete") -> list[dict[str, Any]]:
    """The messages up to the next one of this type."""
    messages: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not messages or messages[-1]["type"] != until:
            messages.append(json.loads(await line.recv()))
    return messages


@asynccontextmanager
async def talking(web: Site) -> AsyncIterator[ClientConnection]:
    """A socket that was let in."""
    async with connect(web.ws_url, additional_headers=BEARER, compression=None, proxy=None) as line:
        assert await said(line, until="connected") == [
            {"type": "connected", "message": "WebSocket connection established"}
        ]
        yield line


async def tell(line: ClientConnection, **message: Any) -> None:
    await line.send(json.dumps(message))


async def test_a_request_is_answered_in_camel_case(server: ModelServer) -> None:
    async with site(box(server.base_url, "t5")) as web, talking(web) as line:
        await tell(line, type="generate", requestId="a", prompt="Hi", maxTokens=200)
        start, *tokens, complete = await said(line)
    assert (start["type"], start["message"], start["requestId"]) == ("start", "Starting generation...", "a")
    assert [(token["tokenIndex"], token["requestId"]) for token in tokens] == [(n, "a") for n in range(1, 6)]
    assert all(set(token) == {"type", "requestId", "token", "tokenIndex"} for token in tokens)
    assert complete["requestId"] == complete["metadata"]["requestId"] == "a"
    assert complete["metadata"]["tokenCount"] == 5
    assert complete["metadata"]["duration"] >= 0
    assert complete["metadata"]["usage"]["totalTokens"] > 5
    assert complete["metadata"]["state"] == "complete"


@pytest.mark.parametrize("size", [0, 2 * LARGE_BYTES])
async def test_a_message_that_comes_as_bytes_is_read_like_text(server: ModelServer, size: int) -> None:
    async with site(box(server.base_url, "t5")) as web, talking(web) as line:
        await line.send(json.dumps({"type": "generate", "requestId": "a", "prompt": "Hi" + "x" * size}).encode())
        assert (await said(line))[-1]["metadata"]["tokenCount"] == 5


async def test_several_requests_run_at_once_on_one_socket(server: ModelServer) -> None:
    async with site(box(server.base_url, "t40-r200")) as web, talking(web) as line:
        for name in ("a", "b", 3):
            await tell(line, type="generate", requestId=name, prompt="Hi")
        seen: dict[Any, list[str]] = defaultdict(list)
        order: list[Any] = []
        while sum(kinds[-1] == "complete" for kinds in seen.values()) < 3:
            message = json.loads(await asyncio.wait_for(line.recv(), 5))
            seen[message["requestId"]].append(message["type"])
            order.append(message["requestId"])
    assert set(seen) == {"a", "b", 3}
    assert all(kinds == ["start", *["token"] * 40, "complete"] for kinds in seen.values())
    assert len({tuple(order[at : at + 3]) for at in range(20, 40)}) > 1 or order[20:40].count("a") < 20


async def test_a_cancelled_request_completes_as_cancelled_and_its_part_is_kept(server: ModelServer) -> None:
    async with site(box(server.base_url, "t2000-r200")) as web, talking(web) as line:
        await tell(line, type="generate", requestId="a", prompt="Hi")
        await said(line, until="token")
        await tell(line, type="cancel", requestId="a")
        complete = (await said(line))[-1]
        await server.until(lambda: server.exchanges[0].closed_by_client is not None)
        kept = await web.engine.conversations.conversation(complete["metadata"]["conversationId"])
    assert complete["metadata"]["state"] == kept.path[-1].state == "cancelled"
    assert kept.path[-1].text


async def tokens_until_silence(line: ClientConnection) -> int:
    """How many tokens come before nothing comes for a third of a second."""
    tokens = 0
    with suppress(TimeoutError):
        while json.loads(await asyncio.wait_for(line.recv(), 0.3))["type"] == "token":
            tokens += 1
    return tokens


async def test_a_paused_request_holds_and_goes_on(server: ModelServer) -> None:
    async with site(box(server.base_url, "t150-r300")) as web, talking(web) as line:
        await tell(line, type="generate", requestId="a", prompt="Hi")
        await said(line, until="token")
        await tell(line, type="pause", requestId="a")
        held = 1 + await tokens_until_silence(line)
        await tell(line, type="resume", requestId="a")
        rest = await said(line)
    assert held < 150
    assert held + len(rest) - 1 == rest[-1]["metadata"]["tokenCount"] == 150


async def test_a_pause_that_comes_at_once_holds_before_the_first_token(server: ModelServer) -> None:
    async with site(box(server.base_url, "t20-first200")) as web, talking(web) as line:
        await tell(line, type="generate", requestId="a", prompt="Hi")
        await tell(line, type="pause", requestId="a")
        told = []
        with suppress(TimeoutError):
            while "token" not in told:
                told.append(json.loads(await asyncio.wait_for(line.recv(), 0.5))["type"])
        assert "token" not in told
        await tell(line, type="resume", requestId="a")
        assert (await said(line))[-1]["metadata"]["tokenCount"] == 20


async def test_whoever_leaves_cancels_all_requests_of_the_socket(server: ModelServer) -> None:
    async with site(box(server.base_url, "t2000-r100")) as web:
        async with talking(web) as line:
            for name in "abc":
                await tell(line, type="generate", requestId=name, prompt="Hi")
            while len({json.loads(await line.recv()).get("requestId") for _ in range(12)}) < 3:
                pass
            line.transport.abort()
        await server.until(lambda: all(one.closed_by_client is not None for one in server.exchanges))


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("{not json", "not valid JSON"),
        ("[1, 2]", "object"),
        ('{"prompt":"Hi"}', "type"),
        ('{"type":"dance"}', "type"),
        (b"\x00\xff", "not valid JSON"),
        ('{"type":"generate","prompt":7,"requestId":"a"}', "prompt"),
        ('{"type":"generate","prompt":"   ","requestId":"a"}', "empty"),
        ('{"type":"generate","prompt":"Hi","maxTokens":0,"requestId":"a"}', "maxTokens"),
        ('{"type":"generate","prompt":"Hi","model":"no/such","requestId":"a"}', "Unknown model or strategy `no/such`"),
        ('{"type":"generate","prompt":"Hi","conversation":"nope","requestId":"a"}', "Conversation not found"),
        ('{"type":"cancel","requestId":"a"}', "No request with this id"),
        ('{"type":"pause"}', "requestId"),
        ('{"type":"auth","token":"guess"}', "wrong"),
        ('{"type":"generate","prompt":"Hi","x":' + "[" * 100_000, "not valid JSON"),
    ],
    ids=range(14),
)
async def test_what_is_wrong_is_told_and_the_socket_lives_on(
    server: ModelServer, message: str | bytes, told: str
) -> None:
    async with site(box(server.base_url, "t2")) as web, talking(web) as line:
        await line.send(message)
        error = (await said(line, until="error"))[-1]
        await tell(line, type="generate", prompt="Hi")
        complete = (await said(line))[-1]
    assert told in error["error"]
    assert error.get("requestId") == ("a" if '"a"' in str(message) else None)
    assert complete["requestId"]
    assert complete["metadata"]["tokenCount"] == 2


async def test_an_id_that_runs_is_not_taken_twice(server: ModelServer) -> None:
    async with site(box(server.base_url, "t30-r100")) as web, talking(web) as line:
        await tell(line, type="generate", requestId="a", prompt="Hi")
        await tell(line, type="generate", requestId="a", prompt="Hi")
        error = (await said(line, until="error"))[-1]
        assert (await said(line))[-1]["metadata"]["tokenCount"] == 30
    assert "already running" in error["error"]
    assert len(server.exchanges) == 1


async def test_a_client_that_cannot_set_a_header_says_the_token_first(server: ModelServer) -> None:
    async with (
        site(box(server.base_url, "t2")) as web,
        connect(web.ws_url, compression=None, proxy=None) as line,
    ):
        await tell(line, type="auth", token=TOKEN)
        assert (await said(line, until="connected"))[0]["message"] == "WebSocket connection established"
        await tell(line, type="generate", prompt="Hi")
        assert (await said(line))[-1]["metadata"]["tokenCount"] == 2


@pytest.mark.parametrize(
    "first",
    [
        '{"type":"auth","token":"guess"}',
        '{"type":"generate","prompt":"Hi"}',
        "x",
        b"\x00",
        '{"type":"auth"}',
        json.dumps({"type": "auth", "token": TOKEN, "more": "x" * AUTH_CHARACTERS}),
    ],
    ids=range(6),
)
async def test_whoever_says_anything_else_first_is_told_and_closed_out(server: ModelServer, first: str) -> None:
    async with (
        site(box(server.base_url, "t2")) as web,
        connect(web.ws_url, compression=None, proxy=None) as line,
    ):
        await line.send(first)
        assert [message["type"] for message in await said(line, until="error")] == ["error"]
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(line.recv(), 5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert not server.exchanges


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Host": "evil.example:3000"}, 403),
        ({"Host": "evil.example:3000", "Origin": "http://evil.example:3000"}, 403),
    ],
    ids=str,
)
async def test_the_handshake_is_refused_with_a_status(
    server: ModelServer, headers: dict[str, str], status: int
) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    async with site(box(server.base_url, "t2")) as web:
        key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        reply = await web.client.get("/ws", headers={**upgrade, **key, **headers})
    assert reply.status_code == status
    assert reply.json()["success"] is False
    assert reply.headers["x-content-type-options"] == "nosniff"
