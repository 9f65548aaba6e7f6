"""Builds the engine's tools from the config: its tool servers, and the program's own tools."""

from __future__ import annotations

import os
from collections.abc import Mapping

from chat_tui.config.schema import Config
from chat_tui.engine.protocols import ToolBackend


def build_tool_servers(config: Config, *, environ: Mapping[str, str] = os.environ) -> ToolBackend | None:
    """Return the tool servers of the config, None if there are none; nothing is started."""
    rows = [row for row in config.tools if row.enabled]
    if not rows:
        return None
    # Most configs have no tool servers: the start does not wait for the modules that run them.
    from chat_tui.tools.tool_server import ConfiguredServer
    from chat_tui.tools.tool_servers import ToolServers

    return ToolServers([ConfiguredServer(row, environ=environ) for row in rows])
