"""A web server on loopback with prepared pages, and a resolver of hosts that leads to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager


class PageServer:
    """Answers each path with a prepared reply; remembers the requests."""

    def __init__(self) -> None:
        self.replies: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head)
        reply = self.replies.get(head.split()[1], b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        try:
            writer.write(reply)
            await writer.drain()
            if reply.endswith(b"never ends"):
                await reader.read()
        except ConnectionError:
            # The page was too long.
            pass
        finally:
            writer.close()

    def serve(self, path: str, body: bytes, kind: str = "text/html; charset=utf-8", *headers: str) -> None:
        lines = ["HTTP/1.1 200 OK", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.replies[path] = "\r\n".join(lines).encode() + body

    def redirect(self, path: str, location: str) -> None:
        lines = ["HTTP/1.1 302 Found", f"Location: {location}", "Content-Length: 0", "", ""]
        self.replies[path] = "\r\n".join(lines).encode()


class Names:
    """A resolver of hosts."""

    def __init__(self, **hosts: Sequence[str]) -> None:
        self.hosts = {name.replace("_", "."): list(found) for name, found in hosts.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.hosts.get(host, [])


def loopback(ip: str) -> bool:
    return ip == "127.0.0.1"


@asynccontextmanager
async def serving() -> AsyncIterator[PageServer]:
    """A running server."""
    server = PageServer()
    listening = await asyncio.start_server(server.answer, "127.0.0.1")
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
