"""Filters every line that is drawn, so that no control character in it reaches the terminal."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from chat_tui.core.text.control_characters import without_controls


class ControlFilter(LineFilter):
    """Removes control characters, which have no width, from text and links; styles are not affected."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments without control characters; the same list if there are none, which is the normal case."""
        shown = [text for text, _, _ in segments]
        shown += [style.link for _, style, _ in segments if style is not None and style.link]
        line = "".join(shown)
        return segments if without_controls(line) is line else list(map(_clean, segments))


def _clean(segment: Segment) -> Segment:
    text, style, control = segment
    safe = text if control else without_controls(text)
    if style is not None and style.link and without_controls(style.link) != style.link:
        return Segment(safe, style.update_link(None), control)
    return segment if safe is text else Segment(safe, style, control)
