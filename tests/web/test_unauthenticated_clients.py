"""What clients without the token, or without patience, can do: little, and none of it shows what others have said."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import uvicorn
from msgspec.structs import replace
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from chat_tui.config.schema import Web
from chat_tui.web.middleware.idle_timeout import IdleTimeout
from chat_tui.web.middleware.private_errors import PrivateErrors, PrivateFault
from chat_tui.web.state import UNAUTHENTICATED_SOCKETS
from tests.doubles.model_server import ModelServer
from tests.support.web_site import BEARER, TOKEN, box, site, until


async def test_a_fault_is_told_with_its_place_and_without_its_words() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError(f"what somebody has asked: {scope['path']}")

    async def receive() -> Message:
        return {}

    async def send(_: Message) -> None:
        pass

    asked = {"type": "http", "path": "/secret"}
    with pytest.raises(PrivateFault) as caught:
        await PrivateErrors(broken)(asked, receive, send)
    told = "".join(traceback.format_exception(caught.value))
    assert "ValueError" in told
    assert "in broken" in told
    assert "/secret" not in told


async def test_whoever_leaves_within_a_body_is_no_fault(server: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    async with site(box(server.base_url, "t2")) as web:
        host, port = web.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /generate HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 99\r\n\r\n"
        writer.write(f'{head}{{"prompt":'.encode())
        await until(lambda: bool(web.server.server_state.tasks))
        writer.transport.abort()
        await until(lambda: not web.server.server_state.tasks)
    assert caplog.text == ""


async def test_sockets_that_say_no_token_are_bounded_and_use_up_nothing(server: ModelServer) -> None:
    config = replace(box(server.base_url, "t2"), web=Web(requests_per_minute=3))
    async with site(config) as web, AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(connect(web.ws_url, proxy=None)) for _ in range(UNAUTHENTICATED_SOCKETS)
        ]
        with pytest.raises(InvalidStatus) as refused:
            await stack.enter_async_context(connect(web.ws_url, proxy=None))
        assert refused.value.response.status_code == 429
        async with connect(web.ws_url, additional_headers=BEARER, proxy=None) as line:
            assert "connected" in str(await line.recv())
        assert (await web.post("/generate", prompt="Hi")).status_code == 200
        await asyncio.gather(*(line.close() for line in lines))
        async with connect(web.ws_url, proxy=None) as line:
            await line.send(f'{{"type":"auth","token":"{TOKEN}"}}')
            assert "connected" in str(await line.recv())


class Hasty(IdleTimeout):
    head_seconds = 0.2


@asynccontextmanager
async def hasty_server() -> AsyncIterator[tuple[str, int]]:
    """A server that answers after half a second."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.5)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, http=Hasty, lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve([listening]))
        await until(lambda: server.started)
        yield listening.getsockname()
        server.should_exit = True
        await serving


@pytest.mark.parametrize("before", ["", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"], ids=["first", "second"])
async def test_a_head_that_never_ends_is_not_waited_for(before: str) -> None:
    async with hasty_server() as address:
        reader, writer = await asyncio.open_connection(*address)
        if before:
            writer.write(before.encode())
            # An answer may take longer than a head.
            assert b"204" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
