"""What may follow a slash command, as it is offered while it is typed: models, strategies, themes, titles, presets.

Each of these functions is an `ArgumentCompletion`.
"""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.config.strategy_help import STRATEGY_HELP
from chat_tui.core.models import ModelStatus
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.actions.slash_commands import CompletionRow, CompletionSources
from chat_tui.tui.panels.model_sources import WAYS
from chat_tui.tui.widgets import formatting

MOST = 50
NO_PRESET = "none"
"""The argument that ends the use of a preset."""
_ENOUGH = 2
"""Models that can be compared."""


def models(typed: str, sources: CompletionSources) -> Sequence[CompletionRow]:
    """All models, with state and price."""
    return _match(typed, [(status.model.name, _price(status)) for status in sources.models()])


def several_models(typed: str, sources: CompletionSources) -> Sequence[CompletionRow]:
    """The models that are not named yet, for the last of several names; none once enough are named."""
    at = max(typed.rfind(" "), typed.rfind(",")) + 1
    before, last = typed[:at], typed[at:]
    named = set(before.replace(",", " ").split())
    if not last and len(named) >= _ENOUGH:
        # Enter shall send what is there, and not take another.
        return ()
    rows = [(status.model.name, _price(status)) for status in sources.models() if status.model.name not in named]
    return [(before + name, help) for name, help in _match(last, rows)]


def strategies(typed: str, sources: CompletionSources) -> Sequence[CompletionRow]:
    """All strategies."""
    return _match(typed, [(name, STRATEGY_HELP.get(name, "")) for name in sources.strategies()])


def on_off(typed: str, _sources: CompletionSources) -> Sequence[CompletionRow]:
    """On or off."""
    return _match(typed, [("on", ""), ("off", "")])


def memory(typed: str, _sources: CompletionSources) -> Sequence[CompletionRow]:
    """Whether the notes of the folder are sent."""
    return _match(typed, [("folder on", "send the notes of this folder"), ("folder off", "do not send them")])


def consents(typed: str, _sources: CompletionSources) -> Sequence[CompletionRow]:
    """The ways to allow a tool call; without one it runs once."""
    rows = [("always", "this tool in this conversation"), ("edit", "with other arguments"), ("show", "all of it")]
    return _match(typed, rows)


def providers(typed: str, _sources: CompletionSources) -> Sequence[CompletionRow]:
    """The ways to more models, and the removal of a key."""
    return _match(typed, [*((way.name, f"{way.title}: {way.help}") for way in WAYS), ("remove", "remove a key")])


def themes(typed: str, sources: CompletionSources) -> Sequence[CompletionRow]:
    """All themes."""
    return _match(typed, [(name, "") for name in sources.themes()])


def titles(typed: str, sources: CompletionSources) -> Sequence[CompletionRow]:
    """The titles in the history list."""
    return _match(typed, [(title, "") for title in dict.fromkeys(sources.titles())])


def presets(typed: str, sources: CompletionSources) -> Sequence[CompletionRow]:
    """All presets; after a preset's name the choices of its first variable, after `name=` those of that one."""
    known = sources.presets()
    name, space, value = typed.partition(" ")
    if not space:
        rows = [(preset.name, preset.description) for preset in known]
        end = [(NO_PRESET, "stop using a preset")] if known else []
        return [row for row in [*rows, *end] if row[0].startswith(name.casefold())]
    preset = next((preset for preset in known if preset.name == name), None)
    if preset is None or not preset.variables:
        return []
    before, sign, begun = value.rpartition("=")
    named = preset.variable_name(before.rpartition(" ")[2]) if sign else next(iter(preset.variables))
    if named is None:
        return []
    variable = preset.variable(named)
    choices = (choice for choice in variable.choices if choice.casefold().startswith(begun.casefold()))
    return [(f"{name} {before}{sign}{shorten(choice, 80)}", variable.help) for choice in choices]


_SETTING_VALUES = {
    "temperature": (("0", "most predictable"), ("0.3", ""), ("0.7", ""), ("1", "the default of most models")),
    "max_tokens": (("500", ""), ("1000", ""), ("4000", ""), ("16000", "")),
    "thinking": (("off", ""), ("low", ""), ("medium", ""), ("high", "")),
    "web_search": (("on", ""), ("off", "")),
    "memory": (("on", ""), ("off", "")),
    "top_p": (("0.5", ""), ("0.9", ""), ("1", "")),
    "stop": (),
    "seed": (("1", "the same seed tends to give the same answer"),),
}
"""Suggested values by the name of a setting; others are allowed."""
_SETTING_HELP = {
    "temperature": "0 to 2: how varied the answers are",
    "max_tokens": "maximum length of an answer in tokens",
    "thinking": "reasoning effort: off, low, medium or high",
    "web_search": "on or off: the provider's own web search",
    "memory": "on or off: what you have asked to remember",
    "top_p": "0 to 1: sample from the most likely tokens only",
    "stop": "texts at which the answer ends",
    "seed": "whole number for repeatable answers",
}
_NO_SETTING = "default"


def conversation_settings(typed: str, _sources: CompletionSources) -> Sequence[CompletionRow]:
    """The names of a conversation's own settings; after a name, its values."""
    name, space, value = typed.partition(" ")
    if not space:
        rows = _match(name, [*_SETTING_HELP.items(), (_NO_SETTING, "reset all of them")])
        # A blank leads on to the values.
        return [(f"{row} " if row in _SETTING_HELP else row, help) for row, help in rows]
    name = name.casefold().replace("-", "_")
    return [(f"{name} {known}", help) for known, help in _setting_values(name, value)]


def thinking_levels(typed: str, _sources: CompletionSources) -> Sequence[CompletionRow]:
    """The levels of reasoning effort."""
    return _setting_values("thinking", typed)


def temperatures(typed: str, _sources: CompletionSources) -> Sequence[CompletionRow]:
    """Some temperatures."""
    return _setting_values("temperature", typed)


def token_limits(typed: str, _sources: CompletionSources) -> Sequence[CompletionRow]:
    """Some maximum lengths of an answer."""
    return _setting_values("max_tokens", typed)


def _setting_values(name: str, typed: str) -> Sequence[CompletionRow]:
    if name not in _SETTING_VALUES:
        return ()
    rows = [*_SETTING_VALUES[name], (_NO_SETTING, "what the preset or the config says")]
    return [row for row in rows if row[0].startswith(typed.strip().casefold())]


def _match(typed: str, rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the rows that begin with what is typed, then those that contain it."""
    wanted = typed.strip().casefold()
    first = [row for row in rows if row[0].casefold().startswith(wanted)]
    rest = [row for row in rows if wanted in row[0].casefold() and row not in first]
    return [*first, *rest][:MOST]


def _price(standing: ModelStatus) -> str:
    model = standing.model
    price = "free" if model.free else formatting.price(model.price_in, model.price_out)
    return f"{standing.state} · {price}" if price != formatting.UNKNOWN else standing.state
