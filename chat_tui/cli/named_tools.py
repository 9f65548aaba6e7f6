"""The tools that a command line names for a model: which they are, and the start of their servers."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from chat_tui.cli.signals import run_until_interrupted
from chat_tui.core.errors import ToolFailed
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ToolUse
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.consent import full_name, unattended_use

_NAMED_TOOLS = 50


def named_tools(options: argparse.Namespace, allowed: Sequence[str] | None = None) -> ToolUse | None:
    """Return the use of the tools that `--tool` and `--tools-allow` name, of which only these patterns are allowed, if
    there are any patterns; None if no tool is named."""
    patterns = [*(name if "." in name else f"{name}.*" for name in options.tool), *options.tools_allow]
    return unattended_use(patterns, patterns if allowed is None else allowed) if patterns else None


async def start_tools(
    engine: Engine, conversation: NewConversation | None, request: Request, interrupted: asyncio.Event
) -> int:
    """Start the tool servers that are named; returns the exit code if they cannot be used, else 0, and reports why."""
    use = request.tool_use
    if use is None:
        return 0
    wrong = _unknown_servers(engine, use)
    if not wrong:
        await run_until_interrupted(interrupted, engine.tools.prepare(conversation, request))
        if interrupted.is_set():
            return 130
        if _has_failed_servers(engine, use):
            return 1
        wrong = _unmatched_patterns(engine, use)
    write_error(wrong)
    return 2 if wrong else 0


def _unknown_servers(engine: Engine, use: ToolUse) -> str:
    """Return which tool servers are not configured, ready for stderr; empty if all are."""
    known = [status.name for status in engine.tools.backend.statuses()]
    unknown = [name for name in use.servers if name not in known]
    if not unknown:
        return ""
    there = f"Configured: {', '.join(known)}." if known else "None is configured."
    return f"chat-tui: unknown tool server {unknown[0]!r}. {there} Add one with `chat-tui tools add`.\n"


def _has_failed_servers(engine: Engine, use: ToolUse) -> bool:
    """Return whether one of the servers cannot be used, and report why."""
    failed = [
        status for status in engine.tools.backend.statuses() if status.state == "failed" and status.name in use.servers
    ]
    for status in failed:
        report_error(ToolFailed(status.problem, "Nothing was asked."))
    return bool(failed)


def _unmatched_patterns(engine: Engine, use: ToolUse) -> str:
    """Return which names and patterns fit no tool of the servers that may run, ready for stderr; empty if all do."""
    known = [full_name(tool) for tool in engine.tools.known_tools(replace(use, only=()))]
    allowed = [full_name(tool) for tool in engine.tools.known_tools(use)]
    for pattern in use.only:
        if any(fnmatchcase(name, pattern) for name in allowed):
            continue
        if any(fnmatchcase(name, pattern) for name in known):
            return refusal(pattern)
        there = f"There are: {', '.join(known[:_NAMED_TOOLS])}{', …' if len(known) > _NAMED_TOOLS else ''}."
        return (
            f"chat-tui: no tool is called {shorten(pattern, 100)!r}. Nothing was asked.\n"
            f"          {there if known else 'The tool server has none.'}\n"
        )
    return ""


def refusal(pattern: str) -> str:
    """Return, ready for stderr, that the config allows no tool of this name or pattern."""
    return (
        f"chat-tui: the config allows no tool {shorten(pattern, 100)!r} here. Nothing was asked.\n"
        "          `[tool_use] allow` names the tools that run without a person's consent.\n"
    )
