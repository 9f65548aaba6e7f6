"""The help: every key and every command, from their tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from chat_tui.tui import commands, keymap


class HelpScreen(ModalScreen[None]):
    """Opened by F1 or /help."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 90; max-width: 100%; height: auto; max-height: 100%;
        background: $panel; border: round $accent; border-title-color: $text; border-subtitle-color: $text-muted;
        padding: 0 1; scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q", "dismiss", "Close", show=False)]

    def __init__(self, changed: Mapping[str, str]) -> None:
        super().__init__()
        self._changed = changed

    def compose(self) -> ComposeResult:
        """One text that scrolls."""
        with VerticalScroll() as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "Esc close · Up/Down scroll"
            yield Static(self._text())

    def _text(self) -> Text:
        text = Text()
        where = ""
        for row in keymap.TABLE:
            if row.where != where:
                where = row.where
                text.append(f"\nKeys: {where}\n", style="bold")
            keys = keymap.shown(self._changed.get(row.id, row.keys))
            text.append(f"  {keys:<24}")
            text.append(f"{row.help}\n", style="dim")
        text.append("\nCommands\n", style="bold")
        for command in commands.TABLE:
            text.append(f"  {f'/{command.name} {command.argument}':<24}")
            text.append(f"{command.help}\n", style="dim")
        text.append("  //text                  ")
        text.append("send a text that begins with a slash\n", style="dim")
        return text
