"""The commands of line mode that say which model answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chat_tui.cli.line.command_registry import line_command
from chat_tui.cli.line.line_chat import LineChat, say
from chat_tui.cli.line.word_completion import WordCompletion, complete_argument
from chat_tui.core.errors import CommandError
from chat_tui.core.models import Model
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.answers.comparison import check_models
from chat_tui.tui.actions.slash_commands import chosen_model, chosen_strategy

_BLIND = "--blind"


def known_model(chat: LineChat, name: str) -> str:
    """Return the model that a name means. Raises `CommandError`."""
    return chosen_model(name, [status.model.name for status in chat.engine.models.status()])


def complete_model(chat: LineChat, typed: str) -> Sequence[WordCompletion]:
    """Complete the name of a model."""
    return complete_argument(typed, [status.model.name for status in chat.engine.models.status()])


def _complete_models(chat: LineChat, typed: str) -> Sequence[WordCompletion]:
    return complete_model(chat, typed.replace(",", " ").rpartition(" ")[2])


def _complete_strategy(chat: LineChat, typed: str) -> Sequence[WordCompletion]:
    return complete_argument(typed, chat.engine.models.strategies())


def _complete_switch(_: LineChat, typed: str) -> Sequence[WordCompletion]:
    return complete_argument(typed, ("on", "off"))


@line_command("model", complete_model)
async def _model(chat: LineChat, name: str) -> None:
    if name == "auto":
        await _auto(chat, "")
    elif name:
        chat.model = known_model(chat, name)
        say(f"[model {chat.model}]")
    else:
        await chat.engine.models.discover()
        say(*[f"{each.model.name}: {each.state}, {_price(each.model)}" for each in chat.engine.models.status()])
        say(f"[model {chat.model or f'chosen by the strategy {chat.strategy}'}]")


def _price(model: Model) -> str:
    if model.free:
        return "free"
    if model.price_in is None or model.price_out is None:
        return "price unknown"
    return f"${model.price_in:g} in and ${model.price_out:g} out per million tokens"


@line_command("auto")
async def _auto(chat: LineChat, _: str) -> None:
    chat.model = None
    say(f"[the strategy {chat.strategy} chooses the model]")


@line_command("strategy", _complete_strategy)
async def _strategy(chat: LineChat, name: str) -> None:
    known = chat.engine.models.strategies()
    after = (list(known).index(chat.strategy) + 1) % len(known) if chat.strategy in known else 0
    chat.strategy = chosen_strategy(name, known) if name else known[after]
    chat.model, chat.adaptive = None, chat.adaptive and not name
    say(f"[the strategy {chat.strategy} chooses the model]")


@line_command("adaptive", _complete_switch)
async def _adaptive(chat: LineChat, typed: str) -> None:
    wanted = typed.casefold()
    if wanted not in {"", "on", "off"}:
        raise CommandError(f"{shorten(typed, 40)} is neither on nor off.", "For example: /adaptive on.")
    chat.adaptive = wanted == "on" if wanted else not chat.adaptive
    on, off = "on: a fast model answers first, then the best one in detail", "off"
    say(f"[adaptive answers are {on if chat.adaptive else off}]")


@line_command("compare", _complete_models)
async def _compare(chat: LineChat, typed: str) -> None:
    words = typed.replace(",", " ").split()
    names = [known_model(chat, word) for word in words if word != _BLIND]
    if not names:
        await chat.engine.models.discover()
        names = [*await chat.engine.estimates.best_two(chat.conversation_id, "", chat.settings)]
    chat.compared, chat.is_blind = check_models(names), _BLIND in words
    told = f"{len(names)} models" if chat.is_blind else " and ".join(chat.compared)
    say(f"[{told} answer the next message, one after the other]")


@line_command("fetch")
async def _fetch(chat: LineChat, _: str) -> None:
    weights = chat.engine.weights
    if weights.ready:
        say("[the built-in model is already downloaded]")
        return
    say("[downloading the built-in model; Ctrl-C stops]")
    with chat.answers.interruptible() as interrupted:
        fetching = asyncio.ensure_future(weights.fetch())
        watch = asyncio.ensure_future(interrupted.wait())
        try:
            await asyncio.wait((fetching, watch), return_when=asyncio.FIRST_COMPLETED)
            if fetching.done():
                await fetching
        finally:
            watch.cancel()
            fetching.cancel()
    say("[downloaded]" if weights.ready else "[stopped; /fetch goes on]")


async def stop_using(chat: LineChat, name: str) -> None:
    """No longer use a found model, or those of a provider, that the user chose."""
    forgotten = await chat.engine.models.forget(name)
    if chat.model in forgotten:
        chat.model = None
    say(f"[no longer used: {', '.join(forgotten)}]")
