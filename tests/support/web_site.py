"""The web server on its own port, in the test's event loop, with a store in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from msgspec.structs import replace

from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.config.schema import Config, ProviderRow
from chat_tui.core.errors import ChatTuiError
from chat_tui.engine.engine import Engine
from chat_tui.web.server import Server, bind_socket
from chat_tui.web.sign_in.sign_ins import SignIns
from chat_tui.web.state import PING_SECONDS, AppState

TOKEN = "let-me-in"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Site:
    """A running web server, and a client for it."""

    def __init__(self, url: str, state: AppState, engine: Engine, server: Server, client: httpx.AsyncClient) -> None:
        self.url, self.state, self.engine, self.server, self.client = url, state, engine, server, client

    @property
    def ws_url(self) -> str:
        """The address of the WebSocket."""
        return f"ws{self.url.removeprefix('http')}/ws"

    async def post(self, path: str, **body: Any) -> httpx.Response:
        """Send a POST request with these fields as JSON."""
        return await self.client.post(path, json=body)

    async def events(self, path: str = "/stream", **body: Any) -> list[dict[str, Any]]:
        """All events of a stream."""
        return [event async for event in self.follow(path, **body)]

    async def follow(self, path: str = "/stream", **body: Any) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a stream as they come."""
        async with self.client.stream("POST", path, json=body) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"].startswith("text/event-stream")
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


def box(base_url: str, *models: str, **settings: Any) -> Config:
    """A config with one server of models, `box`, fixed to the first of them."""
    row = ProviderRow("box", base_url=base_url, models=models, max_concurrent_streams=1000)
    return replace(Config(providers=(row,), model=f"box/{models[0]}" if models else None), **settings)


async def until(true: Callable[[], bool]) -> None:
    """Wait until `true` returns True. Raises TimeoutError."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def at_rest(count: Callable[[], int]) -> int:
    """The count, after it has started to grow and has stopped."""
    before = 0
    async with asyncio.timeout(20):
        while not before or before != count():
            before = count()
            await asyncio.sleep(0.3)
    return before


@asynccontextmanager
async def site(
    config: Config,
    *,
    opener: Callable[[], Awaitable[Engine]] | None = None,
    told: list[ChatTuiError] | None = None,
    ping_seconds: float = PING_SECONDS,
    sign_ins: SignIns | None = None,
) -> AsyncIterator[Site]:
    """A running web server with this config."""
    heard = told if told is not None else []

    async def own() -> Engine:
        return await open_engine(config, save=False, tell=heard.append, environ={}, known={})

    ready = asyncio.Event()
    with bind_socket("127.0.0.1", 0, TOKEN, config.web.reader_seconds) as listening:
        state = AppState(config, TOKEN, opener or own, tell=heard.append, ping_seconds=ping_seconds, sign_ins=sign_ins)
        server = Server(state, ready.set)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with asyncio.timeout(10):
            await ready.wait()
        limits = httpx.Limits(max_connections=None)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        try:
            async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=20) as client:
                yield Site(url, state, await state.engine(), server, client)
        finally:
            server.should_exit = True
            await serving
