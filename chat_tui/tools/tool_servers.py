"""All tool servers: the engine's `ToolBackend`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ToolFailed
from chat_tui.core.tools import OfferedTool, PromptMessage, ToolOutput, ToolServerStatus
from chat_tui.tools.tool_names import with_unique_names
from chat_tui.tools.tool_server import ToolServer

IDLE_SECONDS = 120.0
"""How long a server that was released runs on without calls."""


class ToolServers:
    """Starts, calls and stops the servers, by their names."""

    def __init__(self, servers: Sequence[ToolServer], *, idle_seconds: float = IDLE_SECONDS) -> None:
        """`servers` in the order of the config, the program's own tools last."""
        self._servers = {server.name: server for server in servers}
        self._idle_seconds = idle_seconds
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopping: dict[str, asyncio.Task[None]] = {}

    def statuses(self) -> Sequence[ToolServerStatus]:
        """Every tool server with its status, in the order of the config, the program's own tools last."""
        return [server.status() for server in self._servers.values()]

    async def replace(self, servers: Sequence[ToolServer], *, keep: Collection[str]) -> None:
        """Have these servers from now on, but go on with those of the names in `keep`. Others are stopped, except while
        they are busy: these are kept, too."""
        now = {server.name: server for server in servers}
        kept = {name: server for name, server in self._servers.items() if name in keep or server.is_busy}
        left = [server for name, server in self._servers.items() if name not in kept]
        self._servers = {**now, **kept}
        for server in left:
            if timer := self._timers.pop(server.name, None):
                timer.cancel()
        await asyncio.gather(*(server.stop() for server in left))

    async def start(self, servers: Collection[str]) -> Sequence[OfferedTool]:
        """Start those servers that do not run and return their tools, in a stable order with unique names.

        A server that cannot start is left out; its status says why. A cancel stops what was starting.
        """
        chosen = [server for name, server in self._servers.items() if name in servers]
        async with asyncio.TaskGroup() as tasks:
            started = [tasks.create_task(self._start(server)) for server in chosen]
        return with_unique_names(tool for task in started for tool in task.result())

    async def _start(self, server: ToolServer) -> Sequence[OfferedTool]:
        await self._keep(server.name)
        try:
            return await server.start()
        except ToolFailed:
            return ()

    async def call(self, tool: OfferedTool, arguments: Mapping[str, Any]) -> ToolOutput:
        """Run a tool, bounded in time and size. Raises `ToolFailed` if its server is gone or took too long."""
        server = self._server(tool.server)
        was_released = tool.server in self._timers
        await self._keep(tool.server)
        try:
            return await server.call(tool.own_name, arguments)
        finally:
            if was_released:
                self._start_timer(tool.server)

    async def list_contents(self, servers: Collection[str]) -> None:
        """Start those servers that do not run, and wait until their statuses have their prompts and resources.

        The status of a server that cannot start says why. Those that no question uses stop after a while.
        """
        async with asyncio.TaskGroup() as tasks:
            for name in self._servers:
                if name in servers:
                    tasks.create_task(self._list_contents(name))

    async def _list_contents(self, name: str) -> None:
        with contextlib.suppress(ToolFailed):
            async with self._borrow(name) as server:
                await server.list_contents()

    async def get_prompt(self, server: str, prompt: str, arguments: Mapping[str, str]) -> Sequence[PromptMessage]:
        """Return the messages of a prompt, bounded in time and size. Raises `ToolFailed`."""
        async with self._borrow(server) as found:
            return await found.get_prompt(prompt, arguments)

    async def complete_argument(
        self, server: str, prompt: str, argument: str, typed: Mapping[str, str]
    ) -> Sequence[str]:
        """Return values that complete the one that is typed for an argument of a prompt; `typed` has those of the other
        arguments, too. Raises `ToolFailed`."""
        async with self._borrow(server) as found:
            return await found.complete_argument(prompt, argument, typed)

    async def read_resource(self, server: str, uri: str) -> Attachment:
        """Return the content of a resource as a file to attach, bounded in time and size. Raises `ToolFailed`."""
        async with self._borrow(server) as found:
            return await found.read_resource(uri)

    @contextlib.asynccontextmanager
    async def _borrow(self, name: str) -> AsyncIterator[ToolServer]:
        """Give a server for a request that belongs to no question: afterwards it stops after a while, unless a question
        uses it. Raises `ToolFailed`."""
        server = self._server(name)
        is_used = server.status().state in ("ready", "starting") and name not in self._timers
        await self._keep(name)
        try:
            yield server
        finally:
            if not is_used:
                self._start_timer(name)

    def _server(self, name: str) -> ToolServer:
        if (server := self._servers.get(name)) is None:
            raise ToolFailed(f"There is no tool server {name}.", "`chat-tui tools list` lists them.")
        return server

    async def release(self, servers: Collection[str]) -> None:
        """Stop those servers after a while without calls."""
        for name in servers:
            if name in self._servers:
                self._start_timer(name)

    async def close(self) -> None:
        """Stop all servers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        if self._stopping:
            await asyncio.wait(list(self._stopping.values()))

    async def _keep(self, name: str) -> None:
        """Do not stop this server; waits until it has stopped if that has begun."""
        if timer := self._timers.pop(name, None):
            timer.cancel()
        if stopping := self._stopping.get(name):
            await asyncio.wait([stopping])

    def _start_timer(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(self._idle_seconds, self._stop_idle, name)

    def _stop_idle(self, name: str) -> None:
        self._timers.pop(name, None)
        server = self._servers[name]
        if server.is_busy:
            self._start_timer(name)
            return
        self._stopping[name] = asyncio.ensure_future(server.stop())
        self._stopping[name].add_done_callback(lambda _: self._stopping.pop(name, None))
