"""The tool servers of an engine that has none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ToolFailed
from chat_tui.core.tools import OfferedTool, PromptMessage, ToolOutput, ToolServerStatus


class NoTools:
    """A `ToolBackend` without tool servers."""

    def statuses(self) -> Sequence[ToolServerStatus]:
        return ()

    async def reload(self) -> None:
        pass

    async def start(self, servers: Collection[str]) -> Sequence[OfferedTool]:
        return ()

    async def call(self, tool: OfferedTool, arguments: Mapping[str, Any]) -> ToolOutput:
        raise _unknown(tool.server)

    async def list_contents(self, servers: Collection[str]) -> None:
        pass

    async def get_prompt(self, server: str, prompt: str, arguments: Mapping[str, str]) -> Sequence[PromptMessage]:
        raise _unknown(server)

    async def complete_argument(
        self, server: str, prompt: str, argument: str, typed: Mapping[str, str]
    ) -> Sequence[str]:
        raise _unknown(server)

    async def read_resource(self, server: str, uri: str) -> Attachment:
        raise _unknown(server)

    async def release(self, servers: Collection[str]) -> None:
        pass

    async def close(self) -> None:
        pass


def _unknown(server: str) -> ToolFailed:
    return ToolFailed(f"There is no tool server {server}.", "Add it with `chat-tui tools add`.")
