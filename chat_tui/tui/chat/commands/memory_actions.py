"""Handlers of /remember, /forget and /memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from chat_tui.config.memory.user_memory import MemoryLine
from chat_tui.core.errors import CommandError
from chat_tui.core.text.counts import count_of
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.chat.commands.context import CommandContext
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.host import ListChoice, report_errors

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

_WORDS = 80
"""Characters of a line in a notice."""


async def remember(context: CommandContext, engine: Engine, words: str) -> None:
    """`/remember WORDS`. Raises `CommandError`, `ConfigError`."""
    if not words:
        raise CommandError("There is nothing to remember.", "For example: /remember I use metric units")
    words = " ".join(words.split())
    if not await engine.memory.remember(words):
        context.host.say("This is remembered already", shorten(words, _WORDS))
        return
    context.chat.undo.push(
        f"forget “{shorten(words, _WORDS)}”", "It is no longer remembered", partial(_forget_words, engine, words)
    )
    context.chat.estimate.refresh()
    more = _why_unused(context, engine) or "It is sent with your questions; /memory shows all of it."
    context.host.say(f"Remembered: {shorten(words, _WORDS)}", more)


async def _forget_words(engine: Engine, words: str) -> None:
    found = [line for line in await engine.memory.find(words) if line.words == words]
    await engine.memory.forget(found[-1:])


def _why_unused(context: CommandContext, engine: Engine) -> str:
    """Return why questions here are asked without the memory; empty if they are not."""
    session = context.chat.session
    if engine.conversations.is_private(session.conversation_id):
        return "Private conversations are asked without it."
    if session.own_settings.memory is False:
        return "This conversation is asked without it; /set memory default changes that."
    if session.own_settings.memory is None and not engine.config.memory.enabled:
        return "It is not sent: `[memory] enabled` is off in the config."
    return ""


async def forget(context: CommandContext, engine: Engine, words: str) -> None:
    """`/forget WORDS` or `/forget MODEL`: where several things are meant, a list asks which. Raises `CommandError`,
    `ConfigError`."""
    chosen = await engine.models.chosen_models()
    if not words:
        context.host.say("Found models that you chose", ", ".join(chosen) or "none", long=True)
        return
    models = [model for model in chosen if words in (model, model.partition("/")[0])]
    lines = await engine.memory.find(words) if engine.memory.file is not None else []
    if lines and (models or len(lines) > 1):
        context.host.choose("Forget which?", _choices(context, engine, lines, words if models else ""))
    elif lines:
        await _forget_lines(context, engine, lines)
    elif models:
        await _stop_using(context, engine, words)
    else:
        raise _nothing_found(words, chosen)


def _nothing_found(words: str, chosen: Sequence[str]) -> CommandError:
    title = f"{shorten(words, _WORDS)} is in no remembered line, and is not a found model that you chose."
    return CommandError(title, f"There are: {', '.join(chosen)}." if chosen else "/memory shows what is remembered.")


def _choices(context: CommandContext, engine: Engine, lines: Sequence[MemoryLine], model: str) -> list[ListChoice]:
    rows = [ListChoice(shorten(line.words, 200), partial(_forget_chosen, context, engine, [line])) for line in lines]
    if len(lines) > 1:
        rows.append(ListChoice(f"All {len(lines)} lines", partial(_forget_chosen, context, engine, lines)))
    if model:
        rows.append(
            ListChoice(
                shorten(model, 80),
                partial(_stop_chosen, context, engine, model),
                help="no longer use this found model or provider",
            )
        )
    return rows


async def _forget_chosen(context: CommandContext, engine: Engine, lines: Sequence[MemoryLine]) -> None:
    await report_errors(context.host, _forget_lines(context, engine, lines))


async def _stop_chosen(context: CommandContext, engine: Engine, model: str) -> None:
    await report_errors(context.host, _stop_using(context, engine, model))


async def _forget_lines(context: CommandContext, engine: Engine, lines: Sequence[MemoryLine]) -> None:
    removed = await engine.memory.forget(lines)
    if not removed:
        context.host.say("It was forgotten already")
        return
    told = shorten(removed[0].words, _WORDS) if len(removed) == 1 else count_of(len(removed), "line")
    context.chat.undo.push(
        f"remember “{told}” again", f"Remembered again: {told}", partial(engine.memory.restore, removed)
    )
    context.chat.estimate.refresh()
    context.host.say(f"Forgotten: {told}", "/undo brings it back.")


async def _stop_using(context: CommandContext, engine: Engine, name: str) -> None:
    forgotten = await engine.models.forget(name)
    if context.models.model in forgotten:
        context.models.choose(None, context.models.strategy)
    context.host.say("No longer used", ", ".join(forgotten))


async def show(context: CommandContext, engine: Engine, typed: str) -> None:
    """`/memory`, `/memory folder on` and `/memory folder off`. Raises `CommandError`, `ConfigError`."""
    words = typed.casefold().split()
    if words in (["folder", "on"], ["folder", "off"]):
        await _use_folder(context, engine, words[1] == "on")
    elif words:
        raise CommandError(
            f"/memory does not know “{shorten(typed, 40)}”.",
            "/memory shows what is remembered; /memory folder on sends the notes of this folder.",
        )
    else:
        from chat_tui.tui.dialogs.memory import MemoryScreen

        view = await engine.memory.view()
        context.chat.app.push_screen(MemoryScreen(view, _why_unused(context, engine)))


async def _use_folder(context: CommandContext, engine: Engine, use: bool) -> None:
    offer = await engine.memory.use_folder(use)
    context.chat.estimate.refresh()
    name = offer.file.name if offer.file is not None else ""
    if not use:
        context.host.say(f"{name} of this folder is not sent")
        return
    tokens = formatting.tokens(offer.tokens, estimated=True)
    more = _why_unused(context, engine) or f"{tokens} tokens; if the file changes, you are asked again."
    context.host.say(f"{name} of this folder is sent with your questions", more)
