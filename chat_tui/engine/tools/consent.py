"""Which tools a conversation offers, and which calls run without being asked about. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from chat_tui.core.tools import CONSENTS_LIMIT, GivenConsent, OfferedTool, ToolUse

Verdict = Literal["run", "ask", "refuse"]


def full_name(tool: OfferedTool) -> str:
    """Return `server.tool`, as people write it."""
    return f"{tool.server}.{tool.own_name}"


def consent_to(tool: OfferedTool, arguments: Mapping[str, Any]) -> GivenConsent:
    """Return the consent that allows this call and later ones of the tool: to the tool as a model reads it now, so that
    one that was changed afterwards is asked about again, and to the host of a tool that visits addresses."""
    host = _host_in(arguments.get(tool.host_argument)) if tool.host_argument else ""
    return GivenConsent(full_name(tool), _fingerprint(tool, host), host)


def is_valid(consent: GivenConsent, tool: OfferedTool) -> bool:
    """Return whether a consent still allows calls of this tool: it was not changed meanwhile."""
    return consent.fingerprint == _fingerprint(tool, consent.host)


def _fingerprint(tool: OfferedTool, host: str) -> str:
    content = msgspec.json.encode((tool.server, tool.own_name, tool.tool, host), order="deterministic")
    return sha256(content).hexdigest()


def _host_in(address: object) -> str:
    try:
        return (urlsplit(address).hostname or "").lower() if isinstance(address, str) else ""
    except ValueError:
        return ""


def select_tools(use: ToolUse, tools: Sequence[OfferedTool]) -> Sequence[OfferedTool]:
    """Return the tools of these that are offered: of the servers that are on, without those that are switched off. Of
    those that a program has named, only what runs without being asked about."""
    on = [tool for tool in tools if tool.server in use.servers and full_name(tool) not in use.off]
    if not use.only:
        return on
    named = [tool for tool in on if _matches(full_name(tool), use.only)]
    return named if use.asks else [tool for tool in named if _matches(full_name(tool), use.allow)]


def decide(use: ToolUse, tool: OfferedTool, arguments: Mapping[str, Any]) -> Verdict:
    """Return what happens with a call of this tool before anybody is asked."""
    name = full_name(tool)
    if _matches(name, use.allow) or consent_to(tool, arguments) in use.consents:
        return "run"
    if tool.is_read_only and use.allows_read_only:
        return "run"
    return "ask" if use.asks else "refuse"


def was_changed(use: ToolUse, tool: OfferedTool, arguments: Mapping[str, Any]) -> bool:
    """Return whether such calls were allowed before the tool was changed."""
    now = consent_to(tool, arguments)
    given = [each for each in use.consents if (each.tool, each.host) == (now.tool, now.host)]
    return bool(given) and now not in given


def with_consent(use: ToolUse, given: GivenConsent) -> ToolUse:
    """Return the use with one more consent; it replaces an earlier one to the same tool and host."""
    others = [each for each in use.consents if (each.tool, each.host) != (given.tool, given.host)]
    return msgspec.structs.replace(use, consents=(*others, given)[-CONSENTS_LIMIT:])


def without_consents(use: ToolUse, taken_back: Collection[GivenConsent]) -> ToolUse:
    """Return the use without these consents: such calls are asked about again."""
    return msgspec.structs.replace(use, consents=tuple(each for each in use.consents if each not in taken_back))


def unattended_use(named: Sequence[str], allowed: Sequence[str]) -> ToolUse:
    """Return the use of tools where nobody can be asked: those that match both a named and an allowed pattern
    (`server.tool`, with `*` and `?` in the tool) are offered and run, no others."""
    servers = dict.fromkeys(pattern.partition(".")[0] for pattern in named)
    usable = tuple(name for name in servers if any(_matches(name, [each.partition(".")[0]]) for each in allowed))
    return ToolUse(usable, only=tuple(named), allow=tuple(allowed), asks=False) if usable else ToolUse()


def _matches(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
