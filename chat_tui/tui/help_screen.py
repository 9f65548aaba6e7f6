"""The help: every key and every command, from their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from chat_tui.tui import commands, keymap
from chat_tui.tui.spans import Line, Span, SpanView, crop, wrap

_COLUMN = 26
"""Cells for the keys; fewer where it is narrow."""


def help_lines(changed: Mapping[str, str], width: int) -> list[Line]:
    """Keys and commands, what they do beside them; `changed` holds rebound keys by id."""
    lines: list[Line] = []
    where = ""
    for row in keymap.TABLE:
        if row.where != where:
            where = row.where
            lines += [(), (Span(f"Keys: {where}", "accent"),)]
        lines += _row(keymap.shown(changed.get(row.id, row.keys)), row.help, width)
    lines += [(), (Span("Commands", "accent"),)]
    for command in commands.TABLE:
        lines += _row(f"/{command.name} {command.argument}".strip(), command.help, width)
    return lines[1:] + _row("//text", "send a text that begins with a slash", width)


def _row(name: str, help: str, width: int) -> list[Line]:
    column = min(_COLUMN, max(10, width // 3))
    told = wrap(help, max(10, width - column - 2), 6)
    first = Span(crop(name, column).ljust(column) + "  ", "strong")
    return [(first if not place else Span(" " * (column + 2)), Span(text, "dim")) for place, text in enumerate(told)]


class HelpLines(SpanView):
    """The help's lines, as many as it has."""

    DEFAULT_CSS = "HelpLines { width: 1fr; height: auto; background: $surface; }"

    def __init__(self, changed: Mapping[str, str]) -> None:
        super().__init__()
        self._changed = changed

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many rows as it has lines."""
        return len(self.lines(width))

    def lines(self, width: int) -> Sequence[Line]:
        """Every key and every command."""
        return help_lines(self._changed, width)


class HelpScreen(ModalScreen[None]):
    """Opened by F1 or /help."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 100; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $accent; border-title-color: $text; border-subtitle-color: $text-muted;
        padding: 0 1; scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,ctrl+c", "dismiss", "Close", show=False)]

    def __init__(self, changed: Mapping[str, str]) -> None:
        super().__init__()
        self._changed = changed

    def compose(self) -> ComposeResult:
        """One text that scrolls."""
        with VerticalScroll() as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "Esc close · Up/Down scroll"
            yield HelpLines(self._changed)
