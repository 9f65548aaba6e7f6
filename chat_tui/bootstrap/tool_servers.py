"""Builds the engine's tools from the config: its tool servers, and the program's own tools."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chat_tui.config import paths
from chat_tui.config.load import OWN_TOOLS
from chat_tui.config.schema import Config
from chat_tui.config.watched_file import WatchedConfigFile
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.tools import OfferedTool, PromptMessage, ToolOutput, ToolServerStatus

if TYPE_CHECKING:
    from chat_tui.tools.builtin.own_tools import OwnTools
    from chat_tui.tools.tool_server import ToolServer
    from chat_tui.tools.tool_servers import ToolServers


class LateToolServers:
    """The engine's `ToolBackend`, which is built at its first use: most sessions use no tools, and the start does not
    wait for the modules that run them."""

    def __init__(
        self, config: Config, *, environ: Mapping[str, str] = os.environ, file: WatchedConfigFile | None = None
    ) -> None:
        """`file` is where the config comes from; None: it cannot change."""
        self._config, self._environ, self._file = config, environ, file
        self._built: ToolServers | None = None

    @property
    def _servers(self) -> ToolServers:
        if self._built is None:
            self._built = build_tool_servers(self._config, environ=self._environ)
        return self._built

    def statuses(self) -> Sequence[ToolServerStatus]:
        """Every tool server with its status, in the order of the config, the program's own tools last."""
        return self._servers.statuses()

    async def reload(self) -> None:
        """Use the tool servers that the config names now. Raises `ConfigError`."""
        config = await asyncio.to_thread(self._file.read_changed) if self._file is not None else None
        if config is None:
            return
        before, self._config = self._config, config
        if self._built is None:
            return
        same = {row.name for row in config.tools if row in before.tools and row.enabled}
        same |= {OWN_TOOLS} if config.tool_use == before.tool_use else set()
        await self._built.replace(make_tool_servers(config, environ=self._environ), keep=same)

    async def start(self, servers: Collection[str]) -> Sequence[OfferedTool]:
        """Start those servers that do not run and return their tools; for no servers it only loads what lists them."""
        return await (await self._load()).start(servers)

    async def _load(self) -> ToolServers:
        if self._built is None:
            # The imports take longer than the event loop may wait.
            built = await asyncio.to_thread(build_tool_servers, self._config, environ=self._environ)
            # Another caller may have been faster.
            self._built = self._built or built
        return self._built

    async def call(self, tool: OfferedTool, arguments: Mapping[str, Any]) -> ToolOutput:
        """Run a tool. Raises `ToolFailed`."""
        return await self._servers.call(tool, arguments)

    async def list_contents(self, servers: Collection[str]) -> None:
        """Start those servers that do not run, and wait until their statuses have their prompts and resources."""
        await (await self._load()).list_contents(servers)

    async def get_prompt(self, server: str, prompt: str, arguments: Mapping[str, str]) -> Sequence[PromptMessage]:
        """Return the messages of a prompt. Raises `ToolFailed`."""
        return await (await self._load()).get_prompt(server, prompt, arguments)

    async def complete_argument(
        self, server: str, prompt: str, argument: str, typed: Mapping[str, str]
    ) -> Sequence[str]:
        """Return values that complete the one that is typed for an argument of a prompt. Raises `ToolFailed`."""
        return await (await self._load()).complete_argument(server, prompt, argument, typed)

    async def read_resource(self, server: str, uri: str) -> Attachment:
        """Return the content of a resource as a file to attach. Raises `ToolFailed`."""
        return await (await self._load()).read_resource(server, uri)

    async def release(self, servers: Collection[str]) -> None:
        """Stop those servers after a while without calls."""
        if self._built is not None:
            await self._built.release(servers)

    async def close(self) -> None:
        """Stop all servers."""
        if self._built is not None:
            await self._built.close()


def build_tool_servers(config: Config, *, environ: Mapping[str, str] = os.environ) -> ToolServers:
    """Return the tool servers of the config and the program's own tools; nothing is started."""
    from chat_tui.tools.tool_servers import ToolServers

    return ToolServers(make_tool_servers(config, environ=environ))


def make_tool_servers(config: Config, *, environ: Mapping[str, str] = os.environ) -> Sequence[ToolServer]:
    """Return each tool server of the config, and last the program's own tools."""
    from chat_tui.tools.tool_server import ConfiguredServer

    servers: list[ToolServer] = [
        ConfiguredServer(row, environ=environ, token_file=paths.tool_token_file(row.name))
        for row in config.tools
        if row.enabled
    ]
    return [*servers, build_own_tools(config)]


def build_own_tools(config: Config) -> OwnTools:
    """Return the program's own tools, as the config allows them."""
    from chat_tui.tools.builtin.own_tools import OwnTools
    from chat_tui.tools.builtin.page_reader import PageReader

    folders = [folder for text in config.tool_use.folders if (folder := paths.expand(text)) is not None]
    return OwnTools(folders, PageReader() if config.tool_use.fetch_page else None)
