"""Handlers of /tools, and the tools that a preset switches on."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from chat_tui.core.errors import CommandError
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import GivenConsent, ToolUse
from chat_tui.tui.chat.commands.context import CommandContext
from chat_tui.tui.widgets.host import report_errors

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine


async def open_tools(context: CommandContext, engine: Engine) -> None:
    """Show the tool servers, to be switched on and off in the conversation in view."""
    from chat_tui.tui.dialogs.tools import ToolsScreen

    session, backend = context.chat.session, engine.tools.backend
    await report_errors(context.host, backend.reload())
    conversation_id = session.conversation_id or ""
    started: set[str] = set()

    async def change(use: ToolUse) -> None:
        await report_errors(context.host, use_tools(context, use))

    async def take_back(consents: Collection[GivenConsent]) -> None:
        await report_errors(context.host, engine.tools.take_back(conversation_id, consents))

    async def start(names: Collection[str]) -> None:
        started.update(names)
        await backend.start(names)
        await backend.list_contents(names)

    def release(_: None) -> None:
        context.chat.run_worker(backend.release(started), group="beside")

    screen = ToolsScreen(
        backend.statuses,
        await session.read_tools(),
        change=change,
        take_back=take_back,
        start=start,
        price=_price(context, engine),
    )
    context.chat.app.push_screen(screen, release)


async def switch_server(context: CommandContext, engine: Engine, name: str) -> None:
    """Switch a tool server on or off in the conversation in view. Raises `CommandError`, `HistoryError`."""
    known = [status.name for status in engine.tools.backend.statuses()]
    if name not in known:
        there = f"There are: {', '.join(known)}." if known else "Add one with `chat-tui tools add NAME -- COMMAND`."
        raise CommandError(f"There is no tool server {shorten(name, 40)}.", there)
    use = (await context.chat.session.read_tools()).switch(name)
    await use_tools(context, use)
    context.host.say(f"{name} is {'on' if name in use.servers else 'off'} in this conversation")


async def use_tools(context: CommandContext, use: ToolUse) -> None:
    """Use these tools in the conversation in view, or in the one that begins with the next question. Raises
    `HistoryError`."""
    session, chat = context.chat.session, context.chat
    known = session.own_settings.tools or ToolUse()
    tools = msgspec.structs.replace(known, servers=use.servers, off=use.off)
    await session.set_own_settings(msgspec.structs.replace(session.own_settings, tools=tools))
    chat.estimate.show()
    chat.estimate.refresh()


def _price(context: CommandContext, engine: Engine) -> float | None:
    """The price of a million tokens that are sent to the model that would answer now, in US dollars."""
    asked = context.chat.session.settings()
    name = asked.model or engine.models.first_choice(asked.strategy or context.models.strategy)
    return next((each.model.price_in for each in engine.models.status() if each.model.name == name), None)
