"""Lines of styled text for widgets that draw themselves: a line is spans, a span is text with the name of a role."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

ROLES = ("text", "strong", "dim", "line", "accent", "secondary", "success", "warning", "error")
"""The roles that `ROLE_CSS` colours."""
ROLE_CLASSES = frozenset(f"span--{role}" for role in ROLES)
ROLE_CSS = """
    & > .span--text { color: $text; }
    & > .span--strong { color: $text; text-style: bold; }
    & > .span--dim { color: $text-muted; }
    & > .span--line { color: $border-blurred; }
    & > .span--accent { color: $accent; }
    & > .span--secondary { color: $secondary; }
    & > .span--success { color: $success; }
    & > .span--warning { color: $warning; }
    & > .span--error { color: $error; }
"""
"""Goes inside a widget's own rule; the widget has `ROLE_CLASSES` among its component classes."""


class Span(NamedTuple):
    """A piece of a line; its text holds no control characters."""

    text: str
    role: str = "text"
    """What it is, such as `text`, `dim`, `accent`: the widget knows the style."""


Line: TypeAlias = tuple[Span, ...]


def crop(text: str, width: int) -> str:
    """The text in at most `width` cells, with `…` where it was cut."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    return set_cell_size(text, width - 1).rstrip() + "…"


def crop_start(text: str, width: int) -> str:
    """The same cut at its beginning: the end of a model's name tells more than its start."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[1:]
    return f"…{text}"[: max(0, width)]


def apart(left: Span, right: Span, width: int) -> Line:
    """One at the left, one at the right; the left one is cut when both do not fit, and goes when nothing is left."""
    shown = Span(crop(right.text, width), right.role)
    taken = cell_len(shown.text)
    room = width - taken - 1
    if room < 2:
        return (Span(" " * (width - taken)), shown)
    first = Span(crop(left.text, room), left.role)
    return (first, Span(" " * (width - taken - cell_len(first.text))), shown)


def wrap(text: str, width: int, limit: int) -> list[str]:
    """The text on at most `limit` lines, broken at spaces where there are any."""
    lines: list[str] = []
    rest = text.strip()
    while rest and len(lines) < limit:
        if cell_len(rest) <= width or width < 1:
            return [*lines, crop(rest, width)]
        if len(lines) == limit - 1:
            return [*lines, crop(rest, width)]
        head = set_cell_size(rest, width).rstrip()
        # A wide character that does not fit is a blank at the end of `head`; one of no width must still go on.
        length = max(1, len(head))
        at = rest.rfind(" ", 0, length + 1)
        if at > 0:
            length = at
        lines.append(rest[:length].rstrip())
        rest = rest[length:].lstrip()
    return lines


def strip_of(line: Line, width: int, style_of: Callable[[str], Style], ground: Style) -> Strip:
    """The line as a strip of exactly `width` cells on `ground`."""
    segments = [Segment(span.text, ground + style_of(span.role)) for span in line if span.text]
    return Strip(segments).adjust_cell_length(width, ground)


def role_style(widget: Widget, role: str) -> Style:
    """How the widget's theme writes this role, without a ground."""
    return widget.get_component_rich_style(f"span--{role}", partial=True)


class SpanView(Widget):
    """Draws the lines that `lines` gives; `redraw` repaints only those that have changed."""

    DEFAULT_CSS = f"SpanView {{ {ROLE_CSS} }}"
    COMPONENT_CLASSES: ClassVar[set[str]] = {*ROLE_CLASSES}
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._drawn: Sequence[Line] = ()
        self._drawn_width = -1

    def lines(self, width: int) -> Sequence[Line]:
        """What stands there now, in lines of at most `width` cells."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Ask for the lines again and repaint those that differ."""
        width = self.size.width
        if width <= 0:
            return
        before, self._drawn, self._drawn_width = self._drawn, self.lines(width), width
        for y in range(max(len(before), len(self._drawn))):
            old = before[y] if y < len(before) else ()
            new = self._drawn[y] if y < len(self._drawn) else ()
            if old != new:
                self.refresh(Region(0, y, width, 1))

    def render_line(self, y: int) -> Strip:
        """One line, as Textual's compositor asks for it."""
        width = self.size.width
        if width != self._drawn_width:
            self._drawn, self._drawn_width = self.lines(width), width
        line = self._drawn[y] if y < len(self._drawn) else ()
        return strip_of(line, width, lambda role: role_style(self, role), self.rich_style)


def text_of(lines: Sequence[Line]) -> str:
    """What the lines say, without styles."""
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)
