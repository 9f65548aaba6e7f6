"""A server that sends faster than anybody reads is held by back-pressure, and soon."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing

import pytest
from msgspec.structs import replace

from chat_tui.core.chunks import Token
from chat_tui.providers.http.transport import Transport
from chat_tui.routing.router import Router
from tests.wire.asking import HELLO, MODEL, line
from tests.wire.raw_server import Asked, RawServer, event, head

LEAD = 512 * 1024
"""Bytes that a server may send and nobody has read."""
EVENT = event("many words " * 20)


class Flood:
    """Sends events for ever, and counts the bytes that were taken from it."""

    def __init__(self, piece: bytes = EVENT) -> None:
        self.sent = 0
        self._piece = piece

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        # What the server's own system holds is not ours: as little as it takes.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        writer.transport.set_write_buffer_limits(0)
        writer.write(head())
        while True:
            writer.write(self._piece)
            await writer.drain()
            self.sent += len(self._piece)

    async def at_rest(self, quiet_seconds: float = 0.5) -> int:
        """The bytes, as soon as they do not grow any more. Raises `TimeoutError` where they go on growing."""
        async with asyncio.timeout(10):
            while True:
                before = self.sent
                await asyncio.sleep(quiet_seconds)
                if self.sent == before:
                    return before


@pytest.mark.parametrize("through_proxy", [False, True])
async def test_a_pause_holds_the_server_after_half_a_megabyte(through_proxy: bool) -> None:
    flood, transport = Flood(), Transport()
    async with RawServer(flood.answer) as server:
        spoken = line("http://box.invalid/v1" if through_proxy else server.base_url)
        if through_proxy:
            spoken = replace(spoken, provider=replace(spoken.provider, proxy=f"http://127.0.0.1:{server.port}"))
        router = Router([MODEL], lambda model, asked: aclosing(transport.stream(spoken, model, asked)))
        async with router.process_stream(HELLO.replace(model=MODEL.name)) as stream:
            read = 0
            async for chunk in stream:
                read += len(EVENT) * isinstance(chunk, Token)
                if read > 2_000_000:
                    break
            stream.pause()
            waiting = asyncio.ensure_future(anext(stream))
            lead = await flood.at_rest() - read
            assert lead < LEAD
            assert not waiting.done()
            stream.resume()
            await waiting
            async for chunk in stream:
                read += len(EVENT) * isinstance(chunk, Token)
                if read > 4_000_000:
                    break
    await transport.close()
