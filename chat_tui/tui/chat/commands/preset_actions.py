"""Handlers of /preset and /analyse: they set the preset of the conversation in view, or of the next one."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING

from chat_tui.config import presets
from chat_tui.core.attachments import attachment
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.settings.conversation_settings import with_tools_of
from chat_tui.core.settings.preset import Preset, parse_values, question_about, with_values
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.chat.commands.context import CommandContext
from chat_tui.tui.prompt.argument_completion import NO_PRESET
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.host import ListChoice

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine

_PATH = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|((?:\\.|[^\s\\])+))(.*)""", re.DOTALL)


async def take(context: CommandContext, engine: Engine, typed: str) -> None:
    """`/preset NAME [values] [message]`, `/preset none`, or the list of all. Raises `ChatTuiError`."""
    name, _, values = typed.partition(" ")
    if not name:
        await _choose(context, engine)
    elif name.casefold() == NO_PRESET:
        await _set_preset(context, None)
        context.host.say("No preset is in use")
    else:
        preset = await asyncio.to_thread(presets.find, name, presets.folders())
        named, message = parse_values(preset, values)
        await use(context, engine, with_values(preset, named))
        if message:
            context.submission.ask(message)


async def use(context: CommandContext, engine: Engine, preset: Preset) -> None:
    """Use a preset, and the model that it names. Raises `ChatTuiError`."""
    await _set_preset(context, preset)
    if preset.model or preset.strategy:
        context.models.choose(preset.model, preset.strategy or context.models.strategy)
    asked = ""
    if preset.as_you_type_seconds is not None:
        name, costs = _model(context, engine)
        # Its price is shown: choosing the preset agrees to it.
        context.submission.live_preview().paid.add(name)
        asked = f" As you type, it asks {shorten(name, 80) or 'no model'}{costs}."
    context.host.say(f"Preset: {preset.words()}", f"{shorten(preset.description, 200)}.{asked}", long=True)


async def _set_preset(context: CommandContext, preset: Preset | None) -> None:
    session = context.chat.session
    await session.set_preset(preset)
    if preset is not None and preset.tools:
        await session.set_own_settings(with_tools_of(preset, session.own_settings))
    context.chat.estimate.show()


def _model(context: CommandContext, engine: Engine) -> tuple[str, str]:
    """Return the model that would answer now, and its price in words."""
    asked = context.chat.session.settings()
    name = asked.model or engine.models.first_choice(asked.strategy or context.models.strategy)
    model = next((standing.model for standing in engine.models.status() if standing.model.name == name), None)
    if model is None:
        return name, ""
    price = formatting.price(model.price_in, model.price_out)
    costs = (
        "free" if model.free else f"{price} per million tokens" if price != formatting.UNKNOWN else "price not known"
    )
    return name, f" ({costs})"


async def _choose(context: CommandContext, engine: Engine) -> None:
    """Let the user choose a preset from a list."""
    found, wrong = await asyncio.to_thread(presets.read_all, presets.folders())
    context.presets = found
    for error in wrong:
        context.host.tell(error)
    used = context.chat.session.preset.name if context.chat.session.preset is not None else ""
    choices = [
        ListChoice(
            preset.name,
            partial(_begin, context, engine, preset),
            help=preset.description,
            note="in use" if preset.name == used else "",
            marked=preset.name == used,
        )
        for preset in found
    ]
    if used:
        choices.append(ListChoice(NO_PRESET, partial(_begin, context, engine, None), help="stop using a preset"))
    context.host.choose("Presets", choices)


async def _begin(context: CommandContext, engine: Engine, preset: Preset | None) -> None:
    try:
        if preset is None:
            await take(context, engine, NO_PRESET)
        else:
            await use(context, engine, preset)
    except ChatTuiError as error:
        context.host.tell(error)


async def analyse(context: CommandContext, engine: Engine, typed: str) -> None:
    """`/analyse FILE [question]`: asks in a new conversation. Raises `ChatTuiError`."""
    match = _PATH.fullmatch(typed)
    if match is None:
        raise CommandError("No file was named.", "Type /analyse FILE and then your question.")
    path = match.group(1) or match.group(2) or re.sub(r"\\(.)", r"\1", match.group(3) or "")
    file = await asyncio.to_thread(_read, path)
    preset = await asyncio.to_thread(presets.find, "analyse", presets.folders())
    if context.chat.conversation.is_busy or context.chat.conversation.turns:
        # The next question of the conversation before is not affected.
        await context.conversations.clear()
    await use(context, engine, preset)
    context.submission.ask(match.group(4).strip() or question_about(preset, [file.name]), [file])


def _read(path: str) -> Attachment:
    return attachment.read(expand_home(path))
