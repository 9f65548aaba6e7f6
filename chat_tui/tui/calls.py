"""What each slash command does on the screen; `commands` has their names and words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from chat_tui.tui import commands

if TYPE_CHECKING:
    from chat_tui.engine import Engine
    from chat_tui.tui.chat_screen import ChatScreen

_Call: TypeAlias = Callable[["ChatScreen", "Engine", str], Awaitable[None]]


async def carry_out(call: commands.Call, screen: ChatScreen) -> None:
    """Do what was typed, as soon as the engine is open. Raises `ChatTuiError`."""
    if call.name == "exit":
        await screen.action_quit()
    else:
        await _CALLS[call.name](screen, await screen.opened(), call.argument)


async def _clear(screen: ChatScreen, _engine: Engine, _argument: str) -> None:
    await screen.action_new_conversation()


async def _fetch(screen: ChatScreen, engine: Engine, _argument: str) -> None:
    if engine.weights.ready:
        screen.chat_app.say("The built-in model is there already")
    screen.fetch()


async def _help(screen: ChatScreen, _engine: Engine, _argument: str) -> None:
    screen.action_help()


async def _history(screen: ChatScreen, _engine: Engine, _argument: str) -> None:
    await screen.open_history()


async def _model(screen: ChatScreen, engine: Engine, name: str) -> None:
    if name:
        known = [standing.model.name for standing in engine.models()]
        screen.choose(commands.chosen_model(name, known), screen.strategy)
    else:
        screen.action_open_models()


async def _strategy(screen: ChatScreen, engine: Engine, name: str) -> None:
    if name:
        screen.choose(None, commands.chosen_strategy(name, engine.strategies()))
    else:
        screen.action_next_strategy()


async def _system(screen: ChatScreen, _engine: Engine, text: str) -> None:
    chat, say = screen.chat, screen.chat_app.say
    if not text:
        said = await chat.system_prompt()
        say("System prompt", said or "none", long=True)
        return
    await chat.set_system_prompt(None if text.casefold() == "default" else text)
    whose = "this conversation" if chat.conversation_id else "the next conversation"
    say(f"The system prompt of {whose} is set", await chat.system_prompt() or "none")


async def _theme(screen: ChatScreen, _engine: Engine, name: str) -> None:
    if name:
        screen.chat_app.use_theme(name)
    else:
        screen.chat_app.choose_theme()


_CALLS: dict[str, _Call] = {
    "clear": _clear,
    "fetch": _fetch,
    "help": _help,
    "history": _history,
    "model": _model,
    "strategy": _strategy,
    "system": _system,
    "theme": _theme,
}
