"""Which tools a conversation offers, and which calls run without being asked about. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from chat_tui.core.tools import OfferedTool, ToolUse

Verdict = Literal["run", "ask", "refuse"]


def full_name(tool: OfferedTool) -> str:
    """Return `server.tool`, as people write it."""
    return f"{tool.server}.{tool.own_name}"


def fingerprint(tool: OfferedTool, arguments: Mapping[str, Any]) -> str:
    """Return a hash of what consent is given for: all that a model reads of the tool, so that a tool that was changed
    afterwards is asked about again, and the host of a tool that visits addresses."""
    host = _host_in(arguments.get(tool.host_argument)) if tool.host_argument else ""
    content = msgspec.json.encode((tool.server, tool.own_name, tool.tool, host), order="deterministic")
    return sha256(content).hexdigest()


def _host_in(address: object) -> str:
    try:
        return (urlsplit(address).hostname or "").lower() if isinstance(address, str) else ""
    except ValueError:
        return ""


def select_tools(use: ToolUse, tools: Sequence[OfferedTool]) -> Sequence[OfferedTool]:
    """Return the tools of these that are offered: of the servers that are on, without those that are switched off."""
    on = [tool for tool in tools if tool.server in use.servers and full_name(tool) not in use.off]
    return [tool for tool in on if _matches(full_name(tool), use.only)] if use.only else on


def decide(use: ToolUse, tool: OfferedTool, arguments: Mapping[str, Any]) -> Verdict:
    """Return what happens with a call of this tool before anybody is asked."""
    name = full_name(tool)
    if _matches(name, use.allow) or fingerprint(tool, arguments) in use.consented:
        return "run"
    if tool.is_read_only and use.allows_read_only:
        return "run"
    return "ask" if use.asks else "refuse"


def unattended_use(servers: Sequence[str], allowed: Sequence[str]) -> ToolUse:
    """Return the use of these servers where nobody can be asked: only tools that an allowed pattern names are offered
    and run."""
    usable = tuple(name for name in servers if any(_matches(name, [each.partition(".")[0]]) for each in allowed))
    return ToolUse(usable, only=tuple(allowed), allow=tuple(allowed), asks=False) if usable else ToolUse()


def _matches(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def choose_tools(named: Sequence[str], patterns: Sequence[str]) -> ToolUse | None:
    """Return the use of tools where nobody can be asked: those that are named (`server` or `server.tool`) and those
    that match a pattern (`server.tool`, with `*` and `?` in the tool) are offered and run, no others. None: no tool."""
    allowed = [*(name if "." in name else f"{name}.*" for name in named), *patterns]
    if not allowed:
        return None
    servers = dict.fromkeys(pattern.partition(".")[0] for pattern in allowed)
    return ToolUse(tuple(servers), only=tuple(allowed), allow=tuple(allowed), asks=False)
