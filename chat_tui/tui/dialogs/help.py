"""The help: what people do most, then every key and every command, from the table of actions."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from chat_tui.config.paths import config_file
from chat_tui.tui.actions import bindings, reference
from chat_tui.tui.actions.action import Action
from chat_tui.tui.actions.table import TABLE, TOPICS
from chat_tui.tui.dialogs.reader import ReaderScreen
from chat_tui.tui.widgets.styled_lines import Line, Span, crop, wrap

_COLUMN = 26
"""Cells for the keys; fewer where it is narrow."""
_FIXED = "cannot be rebound"
_MAIN_PLACES = ("", "everywhere", "prompt")
"""Most topics are about them."""


def help_lines(changed: Mapping[str, str], width: int, here: str = "") -> list[Line]:
    """The ten things that people do, the keys of `here`, then all actions by topic; `changed` holds rebound keys by
    id."""
    lines: list[Line] = [(Span("Most used", "accent"),)]
    for way, help in reference.essentials(changed):
        lines += _row(way, help, width)
    nearest = tuple(action for action in TABLE if action.where == here) if here not in _MAIN_PLACES else ()
    for topic, actions in ((f"Keys: {here}", nearest), *TOPICS.items()):
        lines += [(), (Span(topic, "accent"),)] if actions else []
        for action in actions:
            lines += _row(*_names(action, changed), width)
    return lines


def _names(action: Action, changed: Mapping[str, str]) -> tuple[str, str]:
    """An action's keys, or its command where it has none; and what it does."""
    keys = changed.get(action.id, action.keys)
    help = f"{action.description} ({_FIXED})" if action.fixed and action.keys else action.description
    if not keys:
        return action.usage or action.name, help
    # The dot stays on the line of the words before it, and the command in one piece.
    usage = action.usage.replace(" ", "\xa0")
    return bindings.format_keys(keys), f"{help}\xa0· {usage}" if usage else help


def log_lines(file: Path | None, width: int) -> list[Line]:
    """The path of the debug log, if one is written."""
    if file is None:
        return []
    text = f"A debug log is being written to {file}. It holds no keys and no messages."
    return [(Span("Debug log", "accent"),), *((Span(line),) for line in wrap(text, max(10, width), 4)), ()]


def config_lines(width: int) -> list[Line]:
    """The path of the config file, which may not exist yet."""
    file = config_file()
    missing = "" if file.exists() else " (it does not exist yet)"
    text = f"The config file is {file}{missing}. /settings shows and changes it."
    return [(), (Span("Settings", "accent"),), *((Span(line),) for line in wrap(text, max(10, width), 4))]


def _row(name: str, help: str, width: int) -> list[Line]:
    column = min(_COLUMN, max(10, width // 3))
    names, told = wrap(name, column, 4), wrap(help, max(10, width - column - 2), 6)
    return [
        (Span(crop(name, column).ljust(column) + "  ", "strong"), Span(text, "dim"))
        for name, text in zip_longest(names, told, fillvalue="")
    ]


class HelpScreen(ReaderScreen):
    """Opened by F1 or /help."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "close", "Close", id="help.open", show=False),
        Binding("question_mark", "close", "Close", id="help.here", show=False),
    ]

    def __init__(self, changed: Mapping[str, str], here: str = "", *, log_file: Path | None = None) -> None:
        super().__init__(
            "Help", lambda width: [*log_lines(log_file, width), *help_lines(changed, width, here), *config_lines(width)]
        )
