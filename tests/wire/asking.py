"""Asks a loopback server through the transport, and looks at what came and at what went wrong."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import aclosing

from chat_tui.core import errors
from chat_tui.core.chunks import Chunk, End, Metadata, Token
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.providers.endpoint import Endpoint
from chat_tui.providers.http.transport import Transport

KEY = "local-hunter2-QWERTYUIOP-7"
MODEL = Model("box/tiny")
HELLO = Request(prompt="hello")


def line(base_url: str, key: str = KEY, dialect: str = "openai") -> Endpoint:
    return Endpoint(Provider("box", dialect, base_url, api_key_env="BOX_KEY"), key)


async def ask(
    transport: Transport,
    base_url: str,
    request: Request = HELLO,
    dialect: str = "openai",
    model: Model = MODEL,
) -> tuple[list[Chunk], errors.ProviderError | None]:
    """The chunks, `waiting` left out, and the error."""
    chunks: list[Chunk] = []
    caught: errors.ProviderError | None = None
    try:
        async with aclosing(transport.stream(line(base_url, dialect=dialect), model, request)) as bursts:
            async for burst in bursts:
                chunks += [c for c in burst if not (isinstance(c, Metadata) and c.event == "waiting")]
    except errors.ProviderError as error:
        caught = error
    if caught is not None:
        assert (caught.provider, caught.model) == ("box", model.name)
        assert "hunter2" not in f"{caught!r} {caught} {caught.__cause__!r}"
    return chunks, caught


async def said(transport: Transport, base_url: str, request: Request = HELLO) -> str:
    chunks, error = await ask(transport, base_url, request)
    assert error is None, error
    assert isinstance(chunks[-1], End)
    return text_of(chunks)


def text_of(chunks: Sequence[Chunk]) -> str:
    return "".join(chunk.token for chunk in chunks if isinstance(chunk, Token))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
