"""The help: every key and every command, from their tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from chat_tui.tui.actions import bindings, slash_commands
from chat_tui.tui.actions.keys import TABLE
from chat_tui.tui.dialogs.reader import ReaderScreen
from chat_tui.tui.widgets.styled_lines import Line, Span, crop, wrap

_COLUMN = 26
"""Cells for the keys; fewer where it is narrow."""
_FIXED = "cannot be rebound"


def help_lines(changed: Mapping[str, str], width: int, here: str = "") -> list[Line]:
    """Keys and commands, what they do beside them, the keys of `here` first; `changed` holds rebound keys by id."""
    lines: list[Line] = []
    where = ""
    for row in sorted(TABLE, key=lambda row: row.where != here):
        if row.where != where:
            where = row.where
            lines += [(), (Span(f"Keys: {where}", "accent"),)]
        help = f"{row.help} ({_FIXED})" if row.fixed else row.help
        lines += _row(bindings.format_keys(changed.get(row.id, row.keys)), help, width)
    lines += [(), (Span("Commands", "accent"),)]
    for command in slash_commands.commands():
        lines += _row(command.usage, command.help, width)
    return lines[1:] + _row("//text", "send text that starts with a slash", width)


def log_lines(file: Path | None, width: int) -> list[Line]:
    """The path of the debug log, if one is written."""
    if file is None:
        return []
    text = f"A debug log is being written to {file}. It holds no keys and no messages."
    return [(Span("Debug log", "accent"),), *((Span(line),) for line in wrap(text, max(10, width), 4)), ()]


def _row(name: str, help: str, width: int) -> list[Line]:
    column = min(_COLUMN, max(10, width // 3))
    told = wrap(help, max(10, width - column - 2), 6)
    first = Span(crop(name, column).ljust(column) + "  ", "strong")
    return [(first if not place else Span(" " * (column + 2)), Span(text, "dim")) for place, text in enumerate(told)]


class HelpScreen(ReaderScreen):
    """Opened by F1 or /help."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1", "close", "Close", id="help.open", show=False)]

    def __init__(self, changed: Mapping[str, str], here: str = "", *, log_file: Path | None = None) -> None:
        super().__init__("Help", lambda width: [*log_lines(log_file, width), *help_lines(changed, width, here)])
