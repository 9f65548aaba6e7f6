"""Looks for servers on this machine's usual ports: all at once, without the slow HTTP client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from chat_tui import __version__
from chat_tui.providers.dialects.dialect import Json, parsed

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.3
"""For all ports together."""
_HOSTS = ("127.0.0.1", "[::1]")
LIST_LIMIT = 4 * 1024 * 1024
"""The most bytes of one list of models."""


class PortCandidate(msgspec.Struct, frozen=True):
    """Where a server may answer."""

    port: int
    path: str
    """The path of its list of models."""


class ProbeAnswer(msgspec.Struct, frozen=True):
    """What a server has answered."""

    status: int
    listing: Json = None
    """None if it is not JSON."""
    host: str = "127.0.0.1"
    """This machine's address at which it was found, as written in a URL."""


async def scan(places: Mapping[str, PortCandidate], seconds: float = LOOK_SECONDS) -> dict[str, ProbeAnswer]:
    """Return what the servers that listen answer within the time, by name."""
    asking = {asyncio.ensure_future(_ask(place)): name for name, place in places.items()}
    if not asking:
        return {}
    try:
        done, _ = await asyncio.wait(asking, timeout=seconds)
        answers = {asking[task]: task.result() for task in done}
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    return {name: answer for name, answer in answers.items() if answer is not None}


async def _ask(place: PortCandidate) -> ProbeAnswer | None:
    """Return the answer of the server that listens on IPv4, or else on IPv6 only."""
    for host in _HOSTS:
        if (answered := await _ask_at(host, place)) is not None:
            return answered
    return None


async def _ask_at(host: str, place: PortCandidate) -> ProbeAnswer | None:
    try:
        reader, writer = await asyncio.open_connection(host.strip("[]"), place.port, limit=LIST_LIMIT)
    except OSError:
        return None
    try:
        # HTTP/1.0: the body comes whole and ends with the connection.
        about = f"Host: {host}:{place.port}\r\nUser-Agent: chat-tui/{__version__}"
        writer.write(f"GET {place.path} HTTP/1.0\r\n{about}\r\nAccept: application/json\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        body = await _body(reader, head.lower())
    except (OSError, EOFError, asyncio.LimitOverrunError, ValueError):
        return None
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    status = head.split("\r\n")[0].split(" ")[1:2]
    log.info("http: GET %s:%d %s -> %s", host, place.port, place.path, status)
    if not head.startswith("HTTP/") or not status or not status[0].isdigit():
        return None
    try:
        return ProbeAnswer(int(status[0]), parsed(body), host)
    except ValueError:
        return ProbeAnswer(int(status[0]), host=host)


async def _body(reader: asyncio.StreamReader, head: str) -> bytes:
    """Return the body, by its length or up to the end; some servers send chunks although they were asked not to."""
    if "transfer-encoding: chunked" in head:
        parts: list[bytes] = []
        size = 0
        while length := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            size += length
            if size > LIST_LIMIT:
                return b""
            parts.append(await reader.readexactly(length))
            await reader.readexactly(2)
        return b"".join(parts)
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name == "content-length" and value.strip().isdigit():
            return await reader.readexactly(min(int(value), LIST_LIMIT))
    return await _read_to_end(reader)


async def _read_to_end(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while len(body) < LIST_LIMIT and (piece := await reader.read(65536)):
        body += piece
    return body
