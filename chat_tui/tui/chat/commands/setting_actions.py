"""Handlers of /settings, and of /set, /thinking, /max-tokens and /context, which change one conversation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from chat_tui.core.errors import CommandError
from chat_tui.core.settings.conversation_settings import DEFAULT, NAMES, ConversationSettings
from chat_tui.core.settings.exchange_choice import parse_choice
from chat_tui.core.settings.setting_change import parse_change
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.chat.commands.context import CommandContext

if TYPE_CHECKING:
    from chat_tui.config.schema import Config
    from chat_tui.config.setting_list import Override
    from chat_tui.engine.engine import Engine

_OWN = "this conversation"
_LIVE = frozenset(("theme", "model", "strategy"))
"""Settings that take effect at once."""


async def open_settings(context: CommandContext) -> None:
    """Show all settings of the config file in an editable list."""
    engine = await context.engine.wait()
    from chat_tui.config.paths import config_file
    from chat_tui.tui.dialogs.settings import SettingsScreen
    from chat_tui.tui.theme.palette import names, theme_folders

    def check(key: str, value: Any) -> None:
        if key == "theme" and value is not None:
            # The app redraws with the theme, and refuses one that cannot be used.
            context.host.use_theme(value)

    def apply(key: str, config: Config) -> None:
        if key != "theme":
            context.models.choose(config.model, config.strategy)

    prompt = await context.chat.session.system_prompt()
    choices = {"theme": names(theme_folders()), "strategy": engine.models.strategies()}
    screen = SettingsScreen(
        config_file(),
        choices=choices,
        live=_LIVE,
        check=check,
        apply=apply,
        overrides=partial(_overrides, context, prompt),
    )
    context.chat.app.push_screen(screen)


def _overrides(context: CommandContext, system_prompt: str) -> dict[str, Override]:
    """Return what takes precedence over the config now: this conversation, its preset, and the model in use."""
    from chat_tui.config.setting_list import Override

    session, models = context.chat.session, context.models
    found = {
        "model": Override(models.model, "chosen here", "change it with /model", only_if_other=True),
        "strategy": Override(models.strategy, "chosen here", "change it with /strategy", only_if_other=True),
        "system_prompt": Override(system_prompt, _OWN, "back with /system default", only_if_other=True),
    }
    if session.preset is not None:
        values = {f"request.{name}": getattr(session.preset, name, None) for name in NAMES}
        source = f"preset {session.preset.name}"
        found |= {
            key: Override(value, source, "back with /preset none")
            for key, value in values.items()
            if value not in (None, ())
        }
    for name in NAMES:
        if session.own_settings.value(name):
            found["memory.enabled" if name == "memory" else f"request.{name}"] = Override(
                getattr(session.own_settings, name), _OWN, f"back with /set {name} {DEFAULT}"
            )
    return found


async def set_typed(context: CommandContext, typed: str) -> None:
    """Handle `/set NAME VALUE`, `/set NAME default` and `/set default`; without a value, show the settings. Raises
    `CommandError`, `HistoryError`."""
    change = parse_change(typed)
    name, own = change.name, context.chat.session.own_settings
    if not change.value:
        await _show(context, name)
    elif not name:
        await _change(context, change.apply(own), "The conversation has no settings of its own now")
    else:
        own = change.apply(own)
        whose = "this conversation" if context.chat.session.conversation_id else "the next conversation"
        value = DEFAULT if change.is_reset else own.value(name)
        told = f"{name.replace('_', ' ').capitalize()} for {whose}: {value}"
        more = _why_without_search(context) if name == "web_search" and own.web_search else ""
        await _change(context, own, told, more or ("" if change.is_reset else f"/set {name} {DEFAULT} resets it."))


def _why_without_search(context: CommandContext) -> str:
    """Return why no answer will search the web; empty if the model, or one that a strategy may choose, can."""
    engine, asked = context.engine.engine, context.chat.session.settings()
    if engine is None:
        return ""
    searching = [each.model.name for each in engine.models.status() if each.model.web_search]
    chosen = asked.model or (engine.config.model if asked.strategy is None else None)
    if chosen and chosen not in searching:
        return f"{shorten(chosen, 80)} cannot search the web: choose another with /model."
    return "" if searching else "None of your models can search the web: OpenAI's own can."


async def _change(context: CommandContext, settings: ConversationSettings, told: str, more: str = "") -> None:
    await context.chat.session.set_own_settings(settings)
    context.chat.estimate.show()
    context.chat.estimate.refresh()
    context.host.say(told, more)


async def _show(context: CommandContext, only: str) -> None:
    """Show the settings, or only one, and where each comes from."""
    engine = await context.engine.wait()
    rows = [f"{name}: {_describe(context, engine, name)}" for name in ([only] if only else NAMES)]
    context.host.say("Settings of this conversation", " · ".join(rows), long=True)


def _describe(context: CommandContext, engine: Engine, name: str) -> str:
    own, preset = context.chat.session.own_settings, context.chat.session.preset
    if own.value(name):
        return f"{own.value(name)} (this conversation)"
    for source, where in ((preset, "preset"), (engine.config.request, "config")):
        value = getattr(source, name, None)
        if value is not None and value != ():
            return f"{ConversationSettings(**{name: value}).value(name)} ({where})"
    if name == "memory":
        return f"{'on' if engine.config.memory.enabled else 'off'} (config)"
    return "off" if name == "web_search" else "the model's default"


async def choose_exchange(context: CommandContext, typed: str) -> None:
    """Handle `/context NUMBER include|exclude|auto`. Raises `CommandError`, `HistoryError`."""
    engine, session = await context.engine.wait(), context.chat.session
    if session.conversation_id is None:
        raise CommandError("This conversation is empty.", "Ask something first.")
    shown = await engine.estimates.context(session.conversation_id, session.settings())
    choice = parse_choice(typed, shown)
    await engine.conversations.keep(session.conversation_id, choice.exchange.question, choice.kept)
    context.chat.estimate.refresh()
    context.host.say(f"{choice.told[:1].upper()}{choice.told[1:]}", "/context shows what will be sent.")
