"""The tool servers of an engine that has none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chat_tui.core.errors import ToolFailed
from chat_tui.core.tools import OfferedTool, ToolOutput, ToolServerStatus


class NoTools:
    """A `ToolBackend` without tool servers."""

    def statuses(self) -> Sequence[ToolServerStatus]:
        return ()

    async def start(self, servers: Collection[str]) -> Sequence[OfferedTool]:
        return ()

    async def call(self, tool: OfferedTool, arguments: Mapping[str, Any]) -> ToolOutput:
        raise ToolFailed(f"There is no tool server {tool.server}.", "Add it with `chat-tui tools add`.")

    async def release(self, servers: Collection[str]) -> None:
        pass

    async def close(self) -> None:
        pass
