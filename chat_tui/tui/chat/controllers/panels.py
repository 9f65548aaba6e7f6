"""The panels around the chat: history list at the left, head line above, figures at the right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget

from chat_tui.tui.chat.controllers.panel_layout import PanelLayout
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.history.sidebar import HistorySidebar
from chat_tui.tui.panels.model_picker import ModelPicker
from chat_tui.tui.panels.stats_panel import StatsPanel

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine
    from chat_tui.tui.panels.insights import InsightsPanel

_INSIGHTS, _UNFOLDED, _FOLDED = "insights", "unfolded", "folded"
"""The place in the store for whether the insights are unfolded, and its values."""


class ChatPanels:
    """Builds the panels of a screen, and shows those that fit."""

    def __init__(self, screen: Screen[None], chat: ChatView, clock: Callable[[], datetime]) -> None:
        self._screen, self._chat = screen, chat
        self._layout = PanelLayout({})
        self.picker = ModelPicker(id="picker")
        self.stats = StatsPanel(id="stats")
        self.history = HistorySidebar(clock=clock, id="history")
        self.insights: InsightsPanel | None = None
        """None while it is folded."""
        self._focused_before: Widget | None = None
        """The widget that had the focus when the terminal became too small."""

    def compose(self) -> ComposeResult:
        """From left to right: history, chat with head line, panels at the side."""
        self._layout = PanelLayout(self._chat.host.kept.panels)
        with Horizontal(id="body"):
            yield self.history
            with Vertical(id="middle"):
                yield self.picker
                yield self._chat
            with Vertical(id="side"):
                yield self.stats

    def arrange(self, width: int, height: int) -> None:
        """Show the open panels that fit into this size."""
        screen = self._screen
        shown = self._layout.at(width, height)
        screen.set_class(shown.narrow, "-narrow")
        screen.set_class(shown.low, "-low")
        self._notice_size(shown.too_small)
        self.history.display = shown.history
        self.stats.display = shown.stats
        if self.insights is not None:
            self.insights.display = shown.insights
        self.stats.unfold(self.insights is not None and shown.insights)
        figures = self.stats.display or (self.insights is not None and self.insights.display)
        screen.set_class(not figures, "-no-figures")
        margin = 0 if shown.narrow else shown.margin
        for widget in (self.picker, self._chat):
            widget.styles.padding = (0, margin - margin // 2, 0, margin // 2)
        self.show_speed()

    def _notice_size(self, too_small: bool) -> None:
        """Focus the prompt while the screen is too small: in other widgets, letters would be commands with an
        invisible effect."""
        screen = self._screen
        if too_small and not screen.has_class("-too-small"):
            self._focused_before = screen.focused
            self._chat.prompt.focus()
        elif not too_small and self._focused_before is not None:
            self._focused_before.focus()
            self._focused_before = None
        screen.set_class(too_small, "-too-small")

    def _want(self, panel: str, *, open: bool) -> None:
        """Open or close a panel, now and in every terminal of about this width."""
        name = self._layout.want(panel, self._screen.size.width, open=open)
        self.arrange(*self._screen.size)
        if name:
            host = self._chat.host
            host.keep(msgspec.structs.replace(host.kept, panels={**host.kept.panels, name: open}))

    def toggle_history(self) -> None:
        """Show or hide the history list."""
        self._want("history", open=not self.history.display)
        if self.history.display:
            self.history.take_focus()
        else:
            self._chat.prompt.focus()

    def _toggle_stats(self) -> None:
        """Show or hide the stats panel; the history list is closed if there is no room for both."""
        if self.history.display and self._layout.excludes_both(self._screen.size.width):
            self.toggle_history()
            self._want("stats", open=True)
        else:
            self._want("stats", open=not self.stats.display)

    def toggle(self, panel: str) -> None:
        """Show or hide `history` or `stats`."""
        if panel == "history":
            self.toggle_history()
        else:
            self._toggle_stats()

    @property
    def history_covers_chat(self) -> bool:
        """Whether the history list covers the chat, as there is no room beside it."""
        return self._screen.has_class("-narrow") and self.history.display

    def uncover_chat(self) -> None:
        """Close a history list that covers the chat, once another widget is used."""
        if self.history_covers_chat and not self.history.has_focus_within:
            self._want("history", open=False)

    def show_speed(self) -> None:
        """Show the speed beside the model while the stats panel is hidden."""
        self.picker.show_figures(None if self.stats.display else self.stats.figures)

    async def _fold_insights(self, folded: bool) -> None:
        if folded and self.insights is not None:
            fold, self.insights = self.insights, None
            await fold.remove()
        elif not folded and self.insights is None:
            from chat_tui.tui.panels.insights import InsightsPanel

            self.insights = InsightsPanel(self._chat.conversation.last_answer, self._chat.host.tell, id="insights")
            self.insights.display = False
            await self._screen.query_one("#side").mount(self.insights)
        self.arrange(*self._screen.size)

    async def restore_insights(self, engine: Engine) -> None:
        """Unfold the insights if they were unfolded when the program ended, or if the config says so."""
        kept = await engine.places.get(_INSIGHTS)
        if kept == _UNFOLDED or (not kept and engine.config.display.insights):
            await self._fold_insights(False)

    async def toggle_insights(self, engine: Engine) -> None:
        """Unfold or fold the insights and the remaining figures; the choice is stored."""
        unfold = self.insights is None or not self.insights.display
        self._layout.want_insights(open=unfold)
        if unfold and not self.stats.display and not self._screen.has_class("-narrow"):
            self._toggle_stats()
        await self._fold_insights(not unfold)
        await engine.places.set(_INSIGHTS, _UNFOLDED if unfold else _FOLDED)
