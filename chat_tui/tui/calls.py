"""What each slash command does on the screen; `commands` has their names and words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from chat_tui.tui import commands
from chat_tui.tui.chat import Chat
from chat_tui.tui.host import Host

if TYPE_CHECKING:
    from chat_tui.engine import Engine


class Caller(Protocol):
    """The screen that commands act on."""

    chat: Chat
    strategy: str

    @property
    def host(self) -> Host:
        """The app around it."""

    async def opened(self) -> Engine:
        """The engine, as soon as it is open."""

    def choose(self, model: str | None, strategy: str) -> None:
        """Take this model, or let this strategy choose."""

    def fetch(self) -> None:
        """Fetch the built-in model."""

    async def open_history(self) -> None:
        """Open the history."""

    async def action_new_conversation(self) -> None:
        """Begin a new conversation."""

    def action_open_models(self) -> None:
        """Open the list of models."""

    def action_next_strategy(self) -> None:
        """Go to the next strategy."""

    def action_help(self) -> None:
        """Show the help."""

    def action_go_on(self) -> None:
        """Let the last answer go on."""

    async def show_route(self) -> None:
        """Show how the answer was routed."""

    async def action_quit(self) -> None:
        """Leave."""


_Call: TypeAlias = Callable[[Caller, "Engine", str], Awaitable[None]]


async def carry_out(call: commands.Call, screen: Caller) -> None:
    """Do what was typed, as soon as the engine is open. Raises `ChatTuiError`."""
    if call.name == "exit":
        await screen.action_quit()
    else:
        await _CALLS[call.name](screen, await screen.opened(), call.argument)


async def _clear(screen: Caller, _engine: Engine, _argument: str) -> None:
    await screen.action_new_conversation()


async def _continue(screen: Caller, _engine: Engine, _argument: str) -> None:
    screen.action_go_on()


async def _fetch(screen: Caller, engine: Engine, _argument: str) -> None:
    if engine.weights.ready:
        screen.host.say("The built-in model is there already")
    screen.fetch()


async def _help(screen: Caller, _engine: Engine, _argument: str) -> None:
    screen.action_help()


async def _history(screen: Caller, _engine: Engine, _argument: str) -> None:
    await screen.open_history()


async def _model(screen: Caller, engine: Engine, name: str) -> None:
    if name:
        known = [standing.model.name for standing in engine.models()]
        screen.choose(commands.chosen_model(name, known), screen.strategy)
    else:
        screen.action_open_models()


async def _strategy(screen: Caller, engine: Engine, name: str) -> None:
    if name:
        screen.choose(None, commands.chosen_strategy(name, engine.strategies()))
    else:
        screen.action_next_strategy()


async def _system(screen: Caller, _engine: Engine, text: str) -> None:
    chat, say = screen.chat, screen.host.say
    if not text:
        said = await chat.system_prompt()
        say("System prompt", said or "none", long=True)
        return
    await chat.set_system_prompt(None if text.casefold() == "default" else text)
    whose = "this conversation" if chat.conversation_id else "the next conversation"
    say(f"The system prompt of {whose} is set", await chat.system_prompt() or "none")


async def _theme(screen: Caller, _engine: Engine, name: str) -> None:
    if name:
        screen.host.use_theme(name)
    else:
        screen.host.choose_theme()


async def _undo(screen: Caller, _engine: Engine, _argument: str) -> None:
    await screen.chat.action_undo()


async def _why(screen: Caller, _engine: Engine, _argument: str) -> None:
    await screen.show_route()


_CALLS: dict[str, _Call] = {
    "clear": _clear,
    "continue": _continue,
    "fetch": _fetch,
    "help": _help,
    "history": _history,
    "model": _model,
    "strategy": _strategy,
    "system": _system,
    "theme": _theme,
    "undo": _undo,
    "why": _why,
}
