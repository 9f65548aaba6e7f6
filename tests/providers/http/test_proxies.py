"""A proxy stands between: it leads to TLS too, it is named where it is what fails, and its password is not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trustme

from chat_tui import __version__
from chat_tui.core import errors
from chat_tui.core.models import Provider
from chat_tui.providers.endpoint import Endpoint
from chat_tui.providers.http.transport import Transport
from tests.wire.asking import HELLO, KEY, MODEL, free_port, said, text_of
from tests.wire.raw_server import GOOD, RawServer, chunked, head, saying

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


async def asked(transport: Transport, provider: Provider) -> str:
    bursts = [burst async for burst in transport.stream(Endpoint(provider, KEY), MODEL, HELLO)]
    return text_of([chunk for burst in bursts for chunk in burst])


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port at which `serve` is asked; its connections are closed at the end."""
    serving: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                await serve(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.wait_for(asyncio.gather(*serving), 5)


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(head("200 OK", "text/event-stream", "connection: close") + GOOD)
    await writer.drain()


class Tunnel:
    """A proxy that leads every CONNECT to one port."""

    def __init__(self, port: int) -> None:
        self.heads: list[str] = []
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        its_reader, its_writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(65536):
                    target.write(data)
                    await target.drain()
            target.close()
            await target.wait_closed()

        await asyncio.gather(pass_on(reader, its_writer), pass_on(its_reader, writer))


@pytest.mark.parametrize("by", ["row", "environment"])
async def test_https_goes_through_a_proxy_that_sees_neither_key_nor_question(
    transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    authority, own = trustme.CA(), tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(own))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("models.invalid").configure_cert(context)
    async with listening(answering, context) as port:
        tunnel = Tunnel(port)
        async with listening(tunnel.serve) as proxy_port:
            proxy = f"http://me:hunter2@127.0.0.1:{proxy_port}"
            monkeypatch.setenv("HTTPS_PROXY", proxy if by == "environment" else "http://127.0.0.1:9")
            row = Provider("box", base_url="https://models.invalid/v1", verify=str(own), proxy=proxy * (by == "row"))
            assert await asked(transport, row) == "Hello"
            await transport.close()
    assert tunnel.heads[0].startswith("CONNECT models.invalid:443 ")
    assert "proxy-authorization: basic " in tunnel.heads[0].lower()
    assert KEY not in "".join(tunnel.heads)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("by", ["row", "environment"])
async def test_a_proxy_that_is_dead_is_named_without_its_password(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, scheme: str, by: str
) -> None:
    port = free_port()
    proxy = f"http://me:hunter2@127.0.0.1:{port}"
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", proxy if by == "environment" else "")
    row = Provider("box", base_url=f"{scheme}://models.invalid/v1", proxy=proxy * (by == "row"))
    with pytest.raises(errors.Unreachable) as caught:
        await asked(transport, row)
    assert f"The proxy 127.0.0.1:{port}" in caught.value.title
    assert ("`proxy`" if by == "row" else f"{scheme.upper()}_PROXY") in caught.value.hint
    assert "hunter2" not in caught.value.title + caught.value.hint


async def test_a_proxy_that_refuses_is_named_with_what_it_says(transport: Transport) -> None:
    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    async with listening(refusing) as port:
        row = Provider("box", base_url="https://models.invalid/v1", proxy=f"http://127.0.0.1:{port}")
        with pytest.raises(errors.Unreachable) as caught:
            await asked(transport, row)
    assert f"The proxy 127.0.0.1:{port}" in caught.value.title
    assert "407" in caught.value.title


async def test_the_server_is_told_who_asks(transport: Transport) -> None:
    async with RawServer(saying(chunked(GOOD))) as server:
        assert await said(transport, server.base_url) == "Hello"
        assert server.asked[0].headers["user-agent"] == f"chat-tui/{__version__}"


@pytest.mark.parametrize("given_up_by", ["cancel", "time limit"])
@pytest.mark.parametrize("through_proxy", [False, True])
async def test_a_connection_that_is_given_up_in_tls_greetings_is_closed_within_50_ms(
    through_proxy: bool, given_up_by: str
) -> None:
    greeted, closed = asyncio.Event(), asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if through_proxy:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await reader.read(1)
        greeted.set()
        await reader.read()
        closed.set()

    transport = Transport(connection_seconds=0.5 if given_up_by == "time limit" else 20)
    async with listening(mute) as port:
        proxy, base_url = f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port}/v1"
        row = Provider("box", base_url="https://models.invalid/v1", proxy=proxy) if through_proxy else None
        asking = asyncio.create_task(asked(transport, row or Provider("box", base_url=base_url)))
        await asyncio.wait_for(greeted.wait(), 5)
        if given_up_by == "cancel":
            asking.cancel()
        await asyncio.wait([asking])
        await asyncio.wait_for(closed.wait(), 0.05)
        assert asking.cancelled() or isinstance(asking.exception(), errors.TooSlow)
        await transport.close()


@pytest.mark.parametrize("written", ["127.0.0.1:{}", " HTTP://127.0.0.1:{} ", "http://127.0.0.1:{}"])
async def test_a_proxy_may_be_written_without_its_scheme(transport: Transport, written: str) -> None:
    async with RawServer(saying(chunked(GOOD))) as proxy:
        provider = Provider("box", base_url="http://box.invalid/v1", proxy=written.format(proxy.port))
        assert await asked(transport, provider) == "Hello"
    assert proxy.asked[0].line.startswith("POST http://box.invalid/v1/chat/completions")
