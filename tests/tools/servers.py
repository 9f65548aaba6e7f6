"""The scripted tool server as rows of a config."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chat_tui.config.schema import ToolRow
from chat_tui.core.tools import OfferedTool
from chat_tui.tools.sdk import is_installed
from chat_tui.tools.tool_server import ConfiguredServer
from chat_tui.tools.tool_servers import ToolServers

SCRIPT = Path(__file__).parents[1] / "doubles" / "tool_server.py"
needs_sdk = pytest.mark.skipif(not is_installed(), reason="the extra `tools` is not installed")


def row(name: str = "box", *options: str, **settings: Any) -> ToolRow:
    """A row with the scripted server."""
    return ToolRow(name, sys.executable, ("-I", str(SCRIPT), *options), **settings)


@asynccontextmanager
async def running(*rows: ToolRow, **settings: Any) -> AsyncIterator[ToolServers]:
    """Tool servers, which are closed at the end."""
    servers = ToolServers([ConfiguredServer(each) for each in rows], **settings)
    try:
        yield servers
    finally:
        await servers.close()


def named(tools: Any, own_name: str) -> OfferedTool:
    """The tool that its server calls so."""
    found: OfferedTool = next(tool for tool in tools if tool.own_name == own_name)
    return found


async def until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until it is so. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
