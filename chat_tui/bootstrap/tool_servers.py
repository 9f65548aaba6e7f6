"""Builds the engine's tools from the config: its tool servers, and the program's own tools."""

from __future__ import annotations

import os
from collections.abc import Mapping

from chat_tui.config.schema import Config
from chat_tui.tools.tool_server import ConfiguredServer
from chat_tui.tools.tool_servers import ToolServers


def build_tool_servers(config: Config, *, environ: Mapping[str, str] = os.environ) -> ToolServers:
    """Return the tool servers of the config; nothing is started."""
    return ToolServers([ConfiguredServer(row, environ=environ) for row in config.tools if row.enabled])
