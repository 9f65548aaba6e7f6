"""The servers of local models: each is started at its first request and stopped after a while without requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chat_tui.core.errors import LocalModelError
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.local.server import LocalServer, ServerAddress


class ServerPool:
    """Starts and stops servers, by the name of their model."""

    def __init__(self, servers: dict[str, LocalServer], idle_seconds: float | None) -> None:
        self._servers = servers
        self._idle_seconds = idle_seconds
        """None: they are never stopped."""
        self._busy = dict.fromkeys(servers, 0)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unloading: dict[str, asyncio.Task[None]] = {}

    def add(self, name: str, server: LocalServer) -> None:
        """Add the server of a model that is new here; one that is known keeps its server."""
        if name not in self._servers:
            self._servers[name] = server
            self._busy[name] = 0

    def __contains__(self, name: str) -> bool:
        return name in self._servers

    def alive(self, name: str) -> bool:
        """Whether its child is running."""
        return self._servers[name].alive

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[ServerAddress]:
        """The address of the model's server, which is not stopped meanwhile. Raises `LocalModelError`."""
        if timer := self._timers.pop(name, None):
            timer.cancel()
        self._busy[name] += 1
        try:
            if unloading := self._unloading.get(name):
                await asyncio.wait([unloading])
            try:
                address = await self._servers[name].address()
            except LocalModelError as error:
                raise _error_of_model(name, error) from error
            yield address
        finally:
            self._busy[name] -= 1
            if not self._busy[name] and self._idle_seconds is not None:
                loop = asyncio.get_running_loop()
                self._timers[name] = loop.call_later(self._idle_seconds, self._unload, name)

    def _unload(self, name: str) -> None:
        self._timers.pop(name, None)
        if not self._busy[name]:
            self._unloading[name] = asyncio.ensure_future(self._servers[name].stop())
            self._unloading[name].add_done_callback(lambda _: self._unloading.pop(name, None))

    async def close(self) -> None:
        """Stop all servers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        if self._unloading:
            await asyncio.wait(list(self._unloading.values()))


def _error_of_model(name: str, error: LocalModelError) -> LocalModelError:
    """Return the error as one of the named model: a server does not know which model it runs."""
    if name == LOCAL_MODEL:
        return error
    title = error.title.replace("The built-in model", name, 1)
    return type(error)(title, error.hint, provider="local", model=name)
