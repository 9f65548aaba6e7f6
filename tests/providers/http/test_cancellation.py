"""Waiting is told, and a cancel at any point leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from chat_tui.core import errors
from chat_tui.core.chunks import Chunk, End, Metadata
from chat_tui.providers.http.transport import Transport
from chat_tui.routing.execution.stream import Stream
from chat_tui.routing.router import Router
from tests.support.time_limits import in_time, within
from tests.wire.asking import HELLO, MODEL, ask, line, text_of
from tests.wire.raw_server import DONE, GOOD, Answer, Asked, RawServer, chunked, event, head, saying


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


# -- waiting and cancelling --------------------------------------------------------------------------------------------


async def test_waiting_is_told_before_the_head_comes(transport: Transport) -> None:
    head_may_come = asyncio.Event()

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await head_may_come.wait()
        writer.write(chunked(GOOD))

    async with (
        RawServer(answer) as server,
        aclosing(transport.stream(line(server.base_url), MODEL, HELLO)) as bursts,
    ):
        assert list(await asyncio.wait_for(anext(bursts), 1)) == [Metadata("waiting", model="box/tiny")]
        head_may_come.set()
        rest = [chunk async for burst in bursts for chunk in burst]
    assert text_of(rest) == "Hello"


async def _never(asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _stalling(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(chunked(event("Hel"), event("lo"), end=False))
    await asyncio.Event().wait()


async def _in_an_errors_body(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(head("500 No", "text/plain", "content-length: 10"))
    await asyncio.Event().wait()


@pytest.mark.parametrize("answer", [_never, _stalling, _in_an_errors_body])
@pytest.mark.parametrize("rest", [0.0, 0.05])
@in_time
async def test_a_cancel_closes_the_socket_within_50_ms_and_leaves_no_task(
    transport: Transport, answer: Answer, rest: float
) -> None:
    async with RawServer(answer) as server:
        before = asyncio.all_tasks()
        asking = asyncio.create_task(ask(transport, server.base_url))
        await server.until(lambda: bool(server.asked))
        serving = asyncio.all_tasks() - before - {asking}
        await asyncio.sleep(rest)
        began = time.monotonic()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.until(lambda: bool(server.closed_at))
        within(server.closed_at[0] - began, 0.05)
        left = {task for task in asyncio.all_tasks() - before - serving if "RawServer" not in repr(task.get_coro())}
        assert left == set()


def open_sockets() -> set[str]:
    """This process's sockets, by inode; looked up where the system tells."""
    found = set()
    for file in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.add(str(file.readlink()))
    return {name for name in found if name.startswith("socket:")}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell of open sockets")
@in_time
async def test_a_cancel_while_connecting_leaves_nothing(transport: Transport) -> None:
    # A backlog that is full: the connection is never accepted.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        before, open_before = asyncio.all_tasks(), open_sockets()
        asking = asyncio.create_task(ask(transport, f"http://127.0.0.1:{port}/v1"))
        await asyncio.sleep(0.1)
        assert not asking.done()
        assert len(open_sockets() - open_before) == 1
        began = time.monotonic()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        within(time.monotonic() - began, 0.05)
        assert asyncio.all_tasks() - before == set()
        assert open_sockets() - open_before == set()
        for filler in fillers:
            filler.close()


async def test_a_connect_that_takes_too_long_is_too_slow() -> None:
    transport = Transport(connection_seconds=0.2)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        _, error = await ask(transport, f"http://127.0.0.1:{port}/v1")
        for filler in fillers:
            filler.close()
    await transport.close()
    assert isinstance(error, errors.TooSlow)


async def test_the_streams_reader_may_leave_at_any_chunk(transport: Transport) -> None:
    async with RawServer(saying(chunked(event("a"), event("b"), event(None, "stop"), DONE))) as server:
        for leave_after in range(1, 5):
            before = asyncio.all_tasks()
            async with aclosing(transport.stream(line(server.base_url), MODEL, HELLO)) as bursts:
                seen = 0
                async for _ in bursts:
                    seen += 1
                    if seen == leave_after:
                        break
            left = {task for task in asyncio.all_tasks() - before if "RawServer" not in repr(task.get_coro())}
            assert left == set()


@pytest.mark.parametrize("answer", [_never, _stalling])
@in_time
async def test_the_routers_cancel_closes_the_socket_within_50_ms_and_keeps_the_part(
    transport: Transport, answer: Answer
) -> None:
    async with RawServer(answer) as server:
        router = Router([MODEL], lambda model, asked: aclosing(transport.stream(line(server.base_url), model, asked)))
        async with router.process_stream(HELLO.replace(model=MODEL.name)) as stream:
            reading = asyncio.create_task(_all(stream))
            await server.until(lambda: bool(server.asked))
            await asyncio.sleep(0.05)
            began = time.monotonic()
            await stream.cancel()
            await server.until(lambda: bool(server.closed_at))
            within(server.closed_at[0] - began, 0.05)
            chunks = await reading
    assert isinstance(chunks[-1], End)
    assert chunks[-1].state == "cancelled"
    assert text_of(chunks) == ("Hello" if answer is _stalling else "")


async def _all(stream: Stream) -> list[Chunk]:
    return [chunk async for chunk in stream]
