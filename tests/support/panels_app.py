"""The side panels on a bare screen, with sample data."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from chat_tui.core.conversation import ConversationSummary
from chat_tui.core.models import Model, ModelStatus
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.tui.history.sidebar import HistorySidebar
from chat_tui.tui.panels.model_picker import ModelPicker
from chat_tui.tui.panels.stats_panel import StatsPanel
from tests.doubles.fake_engine import MODEL, NOW

EVIL = "\x1b]52;c;aGk=\x07[red]evil[/red]\x1b[2J\x9b31m\x00\nnext"

ANSWERING = StreamStats(
    model=MODEL,
    strategy="balanced",
    phase="answering",
    phase_seconds=3.14,
    ttft_seconds=0.341,
    gap_p50_seconds=0.024,
    gap_p95_seconds=0.061,
    rate=41.2,
    rate_estimated=True,
    sparkline=(1.0, 20.0, 40.0),
    prompt_tokens=412,
    completion_tokens=1234,
    prompt_estimated=True,
    completion_estimated=True,
    context_tokens=1646,
    context_window=2048,
    duration_seconds=4.2,
)

LOCAL = ModelStatus(Model(MODEL, 2048, 0, 0, local=True), 0.34, 41.0)
MINI = ModelStatus(Model("openai/gpt-4o-mini", 128_000, 0.15, 0.6), 0.6, 88.0)
CLAUDE = ModelStatus(Model("anthropic/claude", 200_000, 3, 15), state="no key", usable=False)


def summaries(count: int) -> list[ConversationSummary]:
    """`count` conversations, newest first."""
    return [
        ConversationSummary(f"c{n}", f"Conversation {n}", NOW, NOW - timedelta(hours=n), 4, MODEL) for n in range(count)
    ]


class CountedStats(StatsPanel):
    """Records which lines are rendered."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        super().__init__(clock=clock)
        self.asked: list[int] = []

    def render_line(self, y: int) -> Strip:
        self.asked.append(y)
        return super().render_line(y)


class Panels(App[None]):
    """An app with the panels; keeps the messages that they post."""

    AUTO_FOCUS = None
    CSS = "#left { width: 28; } #right { width: 32; } #middle { width: 1fr; }"
    BINDINGS = [Binding("escape", "escaped", "Esc")]

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.stats = CountedStats(clock=clock)
        self.picker = ModelPicker()
        self.history = HistorySidebar(clock=lambda: NOW)
        self.posted: list[Message] = []
        self.escapes = 0

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="left"):
                yield self.history
            yield Input(id="middle")
            with Vertical(id="right"):
                yield self.picker
                yield self.stats

    @on(ModelPicker.Chosen)
    @on(ModelPicker.Declined)
    @on(ModelPicker.Opened)
    @on(ModelPicker.FavouriteToggled)
    @on(ModelPicker.Closed)
    @on(HistorySidebar.Opened)
    def keep(self, message: Message) -> None:
        self.posted.append(message)

    def action_escaped(self) -> None:
        self.escapes += 1

    def seen(self, widget: Widget) -> str:
        """The text of a widget on the screen."""
        region = widget.region
        strips = self.screen._compositor.render_strips()[region.y : region.bottom]
        return "\n".join(strip.crop(region.x, region.right).text.rstrip() for strip in strips)
