"""A small reverse proxy on loopback: it serves another server below a path, as nginx's `location /chat/` does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


@asynccontextmanager
async def reverse_proxy(
    target: str, location: str, *, strips: bool = True, headers: Mapping[str, str] | None = None
) -> AsyncIterator[str]:
    """Serve `target` below `location` and yield the address of that. `strips`: the location is removed from the path;
    `headers` are added to each request. Other paths get 404."""
    place = urlsplit(target)

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.rstrip("\r\n").split("\r\n")
        method, path, version = line.split(" ")
        if path != location and not path.startswith(f"{location}/"):
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if strips:
            path = path.removeprefix(location) or "/"
        if not any(field.lower().startswith("upgrade:") for field in fields):
            # One request for each connection, so that only the first head has to be read.
            fields = [field for field in fields if not field.lower().startswith("connection:")]
            fields.append("Connection: close")
        fields += [f"{name}: {value}" for name, value in (headers or {}).items()]
        back, forth = await asyncio.open_connection(place.hostname, place.port)
        try:
            forth.write("\r\n".join([f"{method} {path} {version}", *fields, "", ""]).encode("latin-1"))
            await asyncio.gather(pipe(reader, forth), pipe(back, writer))
        finally:
            forth.close()

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await serve(reader, writer)
        finally:
            writer.close()

    running: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve_and_close(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{location}"
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
