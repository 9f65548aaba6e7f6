"""A text over the chat that is read and scrolled: the frame of help, route and comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from chat_tui.tui.spans import Line, SpanView

KEYS = "Esc close · Up/Down scroll"


class Reading(SpanView):
    """Lines, as many as there are at a width."""

    DEFAULT_CSS = "Reading { width: 1fr; height: auto; background: $surface; }"

    def __init__(self, lines_at: Callable[[int], Sequence[Line]]) -> None:
        super().__init__()
        self._lines_at = lines_at

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many rows as it has lines."""
        return len(self.lines(width))

    def lines(self, width: int) -> Sequence[Line]:
        """All of them."""
        return self._lines_at(width)


class ReadingScreen(ModalScreen[None]):
    """`lines_at(width)` in a frame with a title. What it shows says which key opens it: the same closes it."""

    DEFAULT_CSS = """
    ReadingScreen { align: center middle; }
    ReadingScreen > VerticalScroll {
        width: 100; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; border: round $accent; border-title-color: $text; border-subtitle-color: $text-muted;
        padding: 0 1; scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,ctrl+c", "dismiss", "Close", show=False)]

    def __init__(self, title: str, lines_at: Callable[[int], Sequence[Line]], *, keys: str = KEYS) -> None:
        super().__init__()
        self.reading = Reading(lines_at)
        self._title, self._keys = title, keys

    def compose(self) -> ComposeResult:
        """One text that scrolls."""
        with VerticalScroll() as scroll:
            scroll.border_title = self._title
            scroll.border_subtitle = self._keys
            yield self.reading
