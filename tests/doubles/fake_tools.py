"""Tools that run in the test's own process, in place of tool servers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ConfigError, ToolFailed
from chat_tui.core.tools import (
    OfferedTool,
    PromptMessage,
    ServerPrompt,
    ServerResource,
    Tool,
    ToolOutput,
    ToolServerStatus,
)


def offered(name: str, server: str = "fake", *, read_only: bool = False, description: str = "") -> OfferedTool:
    """A tool whose arguments are any object."""
    return OfferedTool(Tool(name, description, {"type": "object"}), server, name, is_read_only=read_only)


class FakeTools:
    """Answers each call with the output for its tool's name: an output, an error, or an event to wait for."""

    def __init__(self, tools: Sequence[OfferedTool], **outputs: ToolOutput | ToolFailed | asyncio.Event) -> None:
        self.tools = list(tools)
        self.outputs = outputs
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.cancelled: list[str] = []
        self.started: list[tuple[str, ...]] = []
        self.released: list[tuple[str, ...]] = []
        self.is_closed = False
        self.changes: ConfigError | None = None
        """Why the config that has changed cannot be read."""
        self.problems: dict[str, str] = {}
        """Why servers cannot be started, by their names."""
        self.prompts: dict[str, Sequence[ServerPrompt]] = {}
        self.resources: dict[str, Sequence[ServerResource]] = {}
        """What servers list when they are asked for it, by their names."""
        self.messages: dict[str, Sequence[PromptMessage] | ToolFailed] = {}
        self.values: dict[str, Sequence[str]] = {}
        """What arguments of prompts are completed to, by their names."""
        self.completed: list[tuple[str, Mapping[str, str]]] = []
        self.contents: dict[str, Attachment | ToolFailed] = {}
        self.listing: asyncio.Event | None = None
        """Set when prompts and resources are listed; None: at once."""
        self.listed: list[tuple[str, ...]] = []
        self.is_listed = False

    def statuses(self) -> Sequence[ToolServerStatus]:
        servers = dict.fromkeys([*(tool.server for tool in self.tools), *self.prompts, *self.resources])
        return [
            ToolServerStatus(
                name,
                "fake",
                "failed" if name in self.problems else "stopped",
                self.problems.get(name, ""),
                tuple(tool for tool in self.tools if tool.server == name),
                tuple(self.prompts.get(name, ()) if self.is_listed else ()),
                tuple(self.resources.get(name, ()) if self.is_listed else ()),
            )
            for name in servers
        ]

    async def reload(self) -> None:
        if self.changes is not None:
            raise self.changes

    async def start(self, servers: Collection[str]) -> Sequence[OfferedTool]:
        self.started.append(tuple(servers))
        return [tool for tool in self.tools if tool.server in servers and tool.server not in self.problems]

    async def call(self, tool: OfferedTool, arguments: Mapping[str, Any]) -> ToolOutput:
        self.calls.append((tool.own_name, arguments))
        output = self.outputs.get(tool.own_name, ToolOutput(f"result of {tool.own_name}"))
        if isinstance(output, ToolFailed):
            raise output
        if isinstance(output, asyncio.Event):
            try:
                await output.wait()
            except asyncio.CancelledError:
                self.cancelled.append(tool.own_name)
                raise
            return ToolOutput(f"result of {tool.own_name}")
        return output

    async def list_contents(self, servers: Collection[str]) -> None:
        self.listed.append(tuple(servers))
        if self.listing is not None:
            await self.listing.wait()
        self.is_listed = True

    async def get_prompt(self, server: str, prompt: str, arguments: Mapping[str, str]) -> Sequence[PromptMessage]:
        self.calls.append((f"{server}:{prompt}", arguments))
        messages = self.messages[prompt]
        if isinstance(messages, ToolFailed):
            raise messages
        return messages

    async def complete_argument(
        self, server: str, prompt: str, argument: str, typed: Mapping[str, str]
    ) -> Sequence[str]:
        self.completed.append((argument, typed))
        return [value for value in self.values.get(argument, ()) if value.startswith(typed[argument])]

    async def read_resource(self, server: str, uri: str) -> Attachment:
        self.calls.append((f"{server}:{uri}", {}))
        content = self.contents[uri]
        if isinstance(content, ToolFailed):
            raise content
        return content

    async def release(self, servers: Collection[str]) -> None:
        self.released.append(tuple(servers))

    async def close(self) -> None:
        self.is_closed = True
