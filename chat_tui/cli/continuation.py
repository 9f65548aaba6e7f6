"""`-c` and `--in`: a question of the command line that goes on with an earlier conversation."""

from __future__ import annotations

import argparse
from typing import TypeAlias

from msgspec.structs import replace

from chat_tui.core.processes.console import write_error
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import ToolUse
from chat_tui.engine.conversations.continuation import Continuation, find_continuation
from chat_tui.engine.engine import Engine

Target: TypeAlias = str | NewConversation
"""The conversation of a question: the id of a stored one, or one that the question begins."""


def continuation_error(options: argparse.Namespace) -> str:
    """Return why the options cannot go together, ready for stderr; empty if they can."""
    if not options.conversation:
        return ""
    if options.no_save or options.private:
        return (
            "chat-tui: a saved conversation cannot go on without being saved. Nothing was asked.\n"
            "          Leave out -n, or -c and --in.\n"
        )
    if options.preset is not None:
        return (
            "chat-tui: a preset is chosen when a conversation begins. Nothing was asked.\n"
            "          Leave out -p, or -c and --in.\n"
        )
    return ""


async def continue_conversation(
    engine: Engine, options: argparse.Namespace, system: str | None, request: Request
) -> tuple[str, Request]:
    """Return the id of the conversation that the options name, and the request as it goes on there, and say so on
    stderr.

    A model, a strategy and tools that the request names replace those of the conversation. Raises `HistoryError`.
    """
    found = await find_continuation(engine.conversations, options.conversation)
    own_model = request.model is None and request.strategy is None
    if own_model:
        model, strategy = found.choice(engine.models.strategies())
        request = request.replace(model=model, strategy=strategy)
    if request.tool_use is None:
        request = request.replace(tool_use=_unattended_tools(engine, found))
    if system is not None:
        await engine.conversations.set_system_prompt(found.conversation.id, system)
    if not options.quiet:
        goes_on = "".join(f" · {label}" for label in found.labels(own_model=own_model))
        write_error(f"[continues “{shorten(found.conversation.title, 60)}”{goes_on}]\n")
    return found.conversation.id, request


def _unattended_tools(engine: Engine, found: Continuation) -> ToolUse | None:
    """Return the use of the conversation's tools where nobody can be asked: only calls that were allowed always run.

    Servers that are not in the config any more are left out.
    """
    use = found.settings.tools
    if use is None or not use.servers:
        return None
    known = [status.name for status in engine.tools.backend.statuses()]
    return replace(use, servers=tuple(name for name in use.servers if name in known), asks=False)
