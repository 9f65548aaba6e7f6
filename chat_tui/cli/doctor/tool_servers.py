"""Checks whether the programs of the tool servers can be found. None is started."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import msgspec

from chat_tui.cli.doctor.finding import Finding
from chat_tui.config.schema import Config
from chat_tui.core.errors import ToolFailed
from chat_tui.tools.launch import launch_of, shown_source
from chat_tui.tools.sdk import install_command, is_installed

_SECTION = "tool servers"


class ToolServerFacts(msgspec.Struct, frozen=True):
    """A tool server of the config."""

    name: str
    source: str
    """Its command or address without secrets."""
    is_enabled: bool = True
    is_remote: bool = False
    fault: ToolFailed | None = None
    """Why it cannot be started."""


class ToolFacts(msgspec.Struct, frozen=True):
    """The tool servers of the config."""

    servers: tuple[ToolServerFacts, ...] = ()
    has_sdk: bool = True
    """Whether the package that they need is installed."""


def read_tool_servers(config: Config, environ: Mapping[str, str] = os.environ) -> ToolFacts:
    """Look for the programs. Blocks."""
    servers = []
    for row in config.tools:
        fault = None
        try:
            launch_of(row, environ)
        except ToolFailed as error:
            fault = error
        servers.append(ToolServerFacts(row.name, shown_source(row), row.enabled, bool(row.url), fault))
    return ToolFacts(tuple(servers), is_installed())


def check_tool_servers(facts: ToolFacts) -> Iterator[Finding]:
    """Yield the findings about each tool server."""
    if not facts.servers:
        yield Finding(_SECTION, "none", "ok", "none is configured")
        return
    if not facts.has_sdk:
        text = "tool servers need the package `mcp`, which is not installed"
        yield Finding(_SECTION, "mcp", "problem", text, f"Run: {install_command()}")
    for server in facts.servers:
        if not server.is_enabled:
            yield Finding(_SECTION, server.name, "ok", f"not enabled: {server.source}")
        elif server.fault is not None:
            yield Finding(_SECTION, server.name, "problem", server.fault.title, server.fault.hint)
        else:
            what = "was not asked" if server.is_remote else "its program was found"
            yield Finding(_SECTION, server.name, "ok", f"{what}: {server.source}")
