"""The last look at every line that is drawn: no control character in it reaches the terminal, whoever put it there."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from chat_tui.text_safety import without_controls


class ControlFilter(LineFilter):
    """Takes control characters, which have no width, out of text and links; the colours of a line are no part of it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments where there is none, which is always so unless something was not cleaned before."""
        shown = [text for text, _, _ in segments]
        shown += [style.link for _, style, _ in segments if style is not None and style.link]
        line = "".join(shown)
        return segments if without_controls(line) is line else list(map(_cleaned, segments))


def _cleaned(segment: Segment) -> Segment:
    text, style, control = segment
    safe = text if control else without_controls(text)
    if style is not None and style.link and without_controls(style.link) != style.link:
        return Segment(safe, style.update_link(None), control)
    return segment if safe is text else Segment(safe, style, control)
