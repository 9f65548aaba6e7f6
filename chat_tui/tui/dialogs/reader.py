"""A text over the chat that is read and scrolled: help, route, statistics and comparison are such."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from chat_tui.tui.actions import bindings
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.widgets.styled_lines import Line, StyledLines


class ReaderLines(StyledLines):
    """Lines, as many as there are at a width."""

    DEFAULT_CSS = "ReaderLines { width: 1fr; height: auto; background: $surface; }"

    def __init__(self, lines_at: Callable[[int], Sequence[Line]]) -> None:
        super().__init__()
        self._lines_at = lines_at

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many rows as it has lines."""
        return len(self.lines(width))

    def lines(self, width: int) -> Sequence[Line]:
        """All of them."""
        return self._lines_at(width)


class Scroll(VerticalScroll, inherit_bindings=False):
    """Scrolls by the keys of the table."""

    DEFAULT_CSS = "Scroll { height: auto; padding: 0 1; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings.bindings("texts")]


class ReaderScreen(FramedScreen[None]):
    """`lines_at(width)` in a frame with a title."""

    KEYS: ClassVar[Sequence[str]] = ("screen.close", "text.down", "text.page_down")

    def __init__(self, title: str, lines_at: Callable[[int], Sequence[Line]]) -> None:
        super().__init__(title)
        self.reading = ReaderLines(lines_at)

    def compose(self) -> ComposeResult:
        """One text that scrolls."""
        with self.in_frame(Scroll()):
            yield self.reading

    def on_mount(self) -> None:
        """Name the keys anew when the layout tells whether there is something to scroll to."""
        for scroll in self.query(Scroll):
            self.watch(scroll, "virtual_size", self.name_keys, init=False)

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """The keys; without those that scroll where all of the text is in view."""
        scrolls = any(scroll.max_scroll_y for scroll in self.query(Scroll))
        named = zip(self.KEYS, super().keys_now(), strict=True)
        return [key for id, key in named if scrolls or not id.startswith("text.")]
