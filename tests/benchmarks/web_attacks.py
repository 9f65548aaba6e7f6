"""What clients without the token, or without patience, cost `chat-tui serve`.

`python -m tests.benchmarks.web_attacks`: strangers begin a WebSocket and send as much as they can instead of the token;
strangers hold connections open; readers of long answers stand still. Told are the resident memory at most and after all
have left, and how long a stranger is tolerated. A reader costs its maximum when the model has filled all buffers: with
hundreds of readers, that takes the model some minutes (`--stand-seconds`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.benchmarks.serving import TOKEN, Serve, post, say, serving
from tests.benchmarks.subjects import ServerProcess, fresh_home

MEGABYTE = 1024 * 1024
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
GUESS = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer no\r\n\r\n"


@asynccontextmanager
async def watching(serve: Serve, what: str, after_seconds: float) -> AsyncIterator[None]:
    """Say how much memory the block takes at most, and what is left of it so many seconds later."""
    before = most = serve.megabytes()

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, serve.megabytes())
            await asyncio.sleep(0.1)

    looking = asyncio.create_task(look())
    yield
    looking.cancel()
    await asyncio.sleep(after_seconds)
    left = serve.megabytes() - before
    say(f"{what}: {most - before:.0f} MB at most, {left:.0f} MB left {after_seconds:g} s later")


def connect(url: str, *, receive_buffer: int = 0) -> socket.socket:
    """A connection to the server; with a small buffer, what is not read stays with the server."""
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    made = socket.socket()
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.connect((place.hostname, place.port))
    made.setblocking(False)
    return made


async def say_too_much(url: str, megabytes: int) -> float:
    """Begin a WebSocket, send the larger part of one message (0: nothing), and wait; returns the seconds until it is
    closed."""
    loop, began = asyncio.get_running_loop(), time.monotonic()
    with connect(url) as line:
        try:
            await loop.sock_sendall(line, HANDSHAKE)
            await loop.sock_recv(line, 4096)
            if megabytes:
                head = b"\x81\xff" + (megabytes * MEGABYTE).to_bytes(8, "big") + bytes(4)
                await loop.sock_sendall(line, head)
            for _ in range(megabytes - 1):
                await loop.sock_sendall(line, b"x" * MEGABYTE)
            while await loop.sock_recv(line, 4096):
                pass
        except OSError:
            # It was closed while this client was still sending.
            pass
    return time.monotonic() - began


async def strangers_on_websockets(serve: Serve, given: argparse.Namespace) -> None:
    """Strangers who send a large message instead of the token, or nothing, and never close."""
    for megabytes in (19, 0):
        async with watching(serve, f"{given.strangers} strangers on /ws, {megabytes} MB each", 3):
            taken = await asyncio.gather(*(say_too_much(serve.url, megabytes) for _ in range(given.strangers)))
        say(f"  a stranger was closed out after {min(taken):.1f} to {max(taken):.1f} s")


async def idle_connections(serve: Serve, given: argparse.Namespace) -> None:
    """Connections on which nothing is sent."""
    lines: list[socket.socket] = []
    async with watching(serve, f"{given.connections} connections without a request", 3):
        for _ in range(given.connections):
            lines.append(connect(serve.url))
            await asyncio.sleep(0)
        await asyncio.sleep(2)
        closed = sum(is_closed(line) for line in lines)
        for line in lines:
            line.close()
    say(f"  {closed} of them were closed at once")


def is_closed(line: socket.socket) -> bool:
    try:
        return line.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


async def wrong_tokens(serve: Serve, given: argparse.Namespace) -> None:
    """Guesses, as fast as they can be made, by so many clients at once."""
    loop, statuses = asyncio.get_running_loop(), dict[str, int]()
    until = time.monotonic() + given.guess_seconds

    async def guess() -> None:
        while time.monotonic() < until:
            with connect(serve.url) as line:
                try:
                    await loop.sock_sendall(line, GUESS)
                    reply = await loop.sock_recv(line, 4096)
                except OSError:
                    reply = b""
            status = reply[9:12].decode() or "closed"
            statuses[status] = statuses.get(status, 0) + 1

    async with watching(serve, f"guessing for {given.guess_seconds:g} s", 1):
        await asyncio.gather(*(guess() for _ in range(20)))
    told = ", ".join(f"{count / given.guess_seconds:.0f}/s {status}" for status, count in sorted(statuses.items()))
    say(f"  replies: {told}")


async def standing_readers(serve: Serve, given: argparse.Namespace) -> None:
    """Readers of long answers who read nothing for a while, then leave."""
    loop, lines = asyncio.get_running_loop(), list[socket.socket]()
    what = f"{given.readers} readers who stand still for {given.stand_seconds:g} s"
    async with watching(serve, what, 10):
        for number in range(given.readers):
            line = connect(serve.url, receive_buffer=4096)
            lines.append(line)
            await loop.sock_sendall(line, post("sse", f"[t{given.tokens}-mark{number}]", "box/sample")[0])
        await asyncio.sleep(given.stand_seconds)
        for line in lines:
            line.close()


async def measure(given: argparse.Namespace) -> None:
    """All of it."""
    model = ServerProcess()
    try:
        with fresh_home() as home, serving(home, model.url) as serve:
            await one_question(serve)
            # What readers leave behind is taken again by the next: a second round of them tells it from a leak.
            attacks = (strangers_on_websockets, idle_connections, wrong_tokens, standing_readers, standing_readers)
            for attack in attacks:
                if not given.only or attack.__name__ in given.only:
                    await attack(serve, given)
            await one_question(serve)
    finally:
        model.close()


async def one_question(serve: Serve) -> None:
    """A client with the token is answered."""
    loop = asyncio.get_running_loop()
    with connect(serve.url) as line:
        await loop.sock_sendall(line, post("sse", "[t1]", "box/sample")[0])
        reply = b""
        while b'"type":"end"' not in reply:
            got = await asyncio.wait_for(loop.sock_recv(line, 65536), 30)
            assert got, json.dumps(reply.decode("latin-1"))
            reply += got
    assert TOKEN.encode() not in reply


def main() -> None:
    """Read the command line and measure."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.web_attacks", description=__doc__)
    options.add_argument("--strangers", type=int, default=30)
    options.add_argument("--connections", type=int, default=1000)
    options.add_argument("--guess-seconds", type=float, default=5)
    options.add_argument("--readers", type=int, default=300)
    options.add_argument("--stand-seconds", type=float, default=60)
    options.add_argument("--tokens", type=int, default=20_000, help="of each answer that is not read")
    options.add_argument("--only", action="append", metavar="NAME", help="just this attack; may be repeated")
    asyncio.run(measure(options.parse_args()))


if __name__ == "__main__":
    main()
