"""Tells Textual how far a pane is scrolled, without the layout that its own setters would cause."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.widget import Widget

SCROLLBAR_SECONDS = 0.5
"""Between two drawings of the scroll bar while an answer streams: its thumb hardly moves then."""


class ScrollPosition:
    """The scroll position of one pane, and its vertical scroll bar."""

    def __init__(self, pane: ScrollView, clock: Callable[[], float] = monotonic) -> None:
        self._pane = pane
        self._clock = clock
        self._painted_at = 0.0

    def set(self, y: int, height: int, *, streams: bool) -> None:
        """`y` of `height` lines is at the top; `streams`: an answer grows at the end."""
        pane = self._pane
        size = Size(pane.size.width, height)
        moved = size != pane.virtual_size or y != pane.scroll_y
        pane.set_reactive(Widget.virtual_size, size)
        pane.set_reactive(Widget.scroll_y, float(y))
        pane.set_reactive(Widget.scroll_target_y, float(y))
        now = self._clock()
        if not pane.show_vertical_scrollbar or (streams and now - self._painted_at < SCROLLBAR_SECONDS):
            return
        bar = pane.vertical_scrollbar
        if moved or bar.window_virtual_size != height:
            self._painted_at = now
            bar.window_size = pane.size.height
            bar.window_virtual_size = height
            bar.position = y
