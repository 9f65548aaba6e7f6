"""Which tools a request may use: those that the config allows to programs, or those of a person's conversation."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.settings.conversation_settings import ConversationSettings
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ToolUse
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.consent import unattended_use
from chat_tui.web.api.schemas import GenerationOptions
from chat_tui.web.errors import ApiError


def check_servers(engine: Engine, servers: Sequence[str]) -> tuple[str, ...]:
    """Return the names without repetitions. Raises `ApiError` if a tool server is unknown."""
    known = [status.name for status in engine.tools.backend.statuses()]
    for name in servers:
        if name not in known:
            there = f"Known: {', '.join(known)}." if known else "None is configured."
            raise ApiError(400, f"Unknown tool server `{shorten(name, 80)}`. {there}", param="tools")
    return tuple(dict.fromkeys(servers))


def choose_tool_use(engine: Engine, asked: GenerationOptions) -> ToolUse | None:
    """Return the tools of a request; None for those of its conversation. Nobody can be asked about the calls of a
    program, so it gets no others than those that the config allows.

    Raises `ApiError` if a tool server is unknown, or none of its tools is allowed."""
    servers = check_servers(engine, asked.tools or ())
    if asked.ask_tools:
        return None
    allowed = engine.config.tool_use.allow
    for name in servers:
        if not unattended_use([f"{name}.*"], allowed).servers:
            words = f"No tool of `{name}` may run without a person's consent."
            raise ApiError(400, f"{words} `[tool_use] allow` in the config names those that may.", param="tools")
    return unattended_use([f"{name}.*" for name in servers], allowed)


async def start_servers(engine: Engine, use: ToolUse | None) -> None:
    """Start the tool servers that a program has named. Raises `ApiError` if one cannot be used."""
    if use is None or not use.servers:
        return
    await engine.tools.backend.start(use.servers)
    for status in engine.tools.backend.statuses():
        if status.state == "failed" and status.name in use.servers:
            raise ApiError(502, f"{status.problem} Nothing was asked.", param="tools")


def settings_of_new(engine: Engine, asked: GenerationOptions) -> ConversationSettings:
    """Return the settings with which a conversation begins: a person's tools belong to it. Raises `ApiError`."""
    if not asked.ask_tools:
        return ConversationSettings()
    use = ToolUse(servers=check_servers(engine, asked.tools)) if asked.tools else None
    return ConversationSettings(web_search=asked.web_search, tools=use)


def check_unchanged(asked: GenerationOptions) -> None:
    """Raise `ApiError` if a person's request would change the tools of its conversation."""
    if asked.ask_tools and asked.tools is not None:
        words = "With `askTools`, `tools` can only be set for a new conversation."
        raise ApiError(400, f"{words} PUT /api/conversations/ID/tools changes them.", param="tools")
