"""Lines of styled text for widgets that draw themselves: a line is spans, a span is text with the name of a role."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeAlias
from weakref import ref

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from chat_tui.core.text.control_characters import single_line
from chat_tui.tui.theme.palette import readable

EDGES = 6
"""Cells of a frame's lower edge that are for the frame itself, where words stand in it."""
_SHORTEST_MIDDLE = 5
"""Cells below which both ends of a text would say nothing."""
_COLOUR = re.compile("#[0-9a-fA-F]{6}|ansi_([a-z_]+)")

ROLES: Mapping[str, tuple[str, bool]] = {
    "text": ("text", False),
    "strong": ("text", True),
    "dim": ("text-muted", False),
    "line": ("border-blurred", False),
    "accent": ("accent", False),
    "mark": ("accent", True),
    "secondary": ("secondary", False),
    "success": ("success", False),
    "warning": ("warning", False),
    "error": ("error", False),
    "removed": ("error", False),
    "added": ("success", False),
}
"""The theme's variable that colours a role, and whether it is bold.

Read from the theme and not by component classes: Textual works out the rules of every class of every widget, which cost
a third of the start."""


class Span(NamedTuple):
    """A piece of a line."""

    text: str
    """Control characters in it are not drawn: `strip_of` removes them."""
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
    """Cut a text at its beginning, at a slash if possible: the end of a model's name matters more than its start. What
    is left of `router/openai/model` shows the cut, as it would be the id of another provider's model."""
    if cell_len(text) <= width:
        return text
    behind = text.partition("/")[2]
    if "/" in behind:
        behind = f"…/{behind}"
    if behind and cell_len(behind) <= width:
        return behind
    while text and cell_len(text) > width - 1:
        text = text[1:]
    return f"…{text}"[: max(0, width)]


def crop_middle(text: str, width: int) -> str:
    """Cut a path or a model's id in its middle: what it begins with stays up to the first slash, or for a third of the
    width, and its end stays too."""
    if cell_len(text) <= width:
        return text
    if width < _SHORTEST_MIDDLE:
        return crop(text, width)
    first = text.find("/", 1) + 1
    head = set_cell_size(text, first if 0 < first <= width // 2 else width // 3).rstrip()
    room, tail = width - cell_len(head) - 1, text[-width:]
    while cell_len(tail) > room:
        tail = tail[1:]
    return f"{head}…{tail}"


def apart(left: Span, right: Span, width: int) -> Line:
    """Return a line with one span at the left and one at the right; the left one is cut or dropped for want of room."""
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


def strip_of(line: Line, width: int, style_of: Callable[[str], Style]) -> Strip:
    """The line as a strip of exactly `width` cells; `style_of` tells how a role is written, ground and all.

    Whatever a widget draws itself passes here, and loses control characters and line breaks."""
    segments = [Segment(single_line(span.text), style_of(span.role)) for span in line if span.text]
    return Strip(segments).adjust_cell_length(width, style_of("text"))


class RoleStyles:
    """How a widget's theme writes each role, looked up once: Textual forgets it with every refresh.

    `changed` is for the widget's `notify_style_update`."""

    def __init__(self, widget: Widget) -> None:
        self._widget = ref(widget)
        self._known: dict[tuple[str, str], Style] = {}

    def forget(self) -> None:
        """Forget the cached styles: the theme or a style rule has changed."""
        self._known.clear()

    def style(self, role: str, ground: str = "") -> Style:
        """The style of a role on the widget's ground, or on that of one of its component classes."""
        known = self._known.get((role, ground))
        if known is None:
            widget = self._widget()
            assert widget is not None, "its own widget asks for it"
            known = widget.rich_style + _pen(widget.app.theme_variables, role)
            if ground:
                known = _on_ground(known, widget.get_component_rich_style(ground, partial=True))
            self._known[role, ground] = known
        return known


def _pen(variables: Mapping[str, str], role: str) -> Style:
    """A role's colour; where the theme leaves it to Textual, the widget's own stays."""
    name, bold = ROLES[role]
    colour = _COLOUR.fullmatch(variables.get(name, ""))
    struck = role == "removed" or None
    if colour is None:
        return Style(bold=bold or None, strike=struck)
    # In the terminal's own palette only an attribute is sure to look dim.
    faint = (role == "dim" and colour[1] is not None) or None
    return Style(color=colour[1] or colour[0], bold=bold or None, strike=struck, dim=faint)


def _on_ground(style: Style, ground: Style) -> Style:
    """On another ground, where it can be read; a reversed one is of one colour."""
    if ground.reverse:
        return style + Style(color="default", bgcolor="default", reverse=True, dim=False)
    colours = (style.color, ground.bgcolor)
    if all(colour is not None and colour.is_system_defined is False and not colour.is_default for colour in colours):
        pen, under = (colour.get_truecolor().hex for colour in colours if colour is not None)
        style += Style(color=readable(pen, under))
    return style + Style(bgcolor=ground.bgcolor, bold=ground.bold or None, underline=ground.underline or None)


class StyledLines(Widget):
    """Draws the lines that `lines` gives; `redraw` repaints only those that have changed."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._styles_of_roles = RoleStyles(self)
        self._drawn: Sequence[Line] = ()
        self._drawn_width = -1
        self.changed_keys: Mapping[str, str] = {}
        """Rebound keys by id, for sentences that name keys."""

    def lines(self, width: int) -> Sequence[Line]:
        """The content, in lines of at most `width` cells."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Ask for the lines again and repaint those that differ."""
        width = self.size.width
        if width <= 0:
            # Not laid out, or hidden: asked again when it is seen.
            self._drawn_width = -1
            return
        before, self._drawn, self._drawn_width = self._drawn, self.lines(width), width
        changed = [
            Region(0, y, width, 1)
            for y, (old, new) in enumerate(zip_longest(before, self._drawn, fillvalue=()))
            if old != new
        ]
        if changed:
            self.refresh(*changed)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_of_roles.forget()

    def render_line(self, y: int) -> Strip:
        """One line, as Textual's compositor asks for it."""
        width = self.size.width
        if width != self._drawn_width:
            self._drawn, self._drawn_width = self.lines(width), width
        line = self._drawn[y] if y < len(self._drawn) else ()
        return strip_of(line, width, self._styles_of_roles.style)


def text_of(lines: Sequence[Line]) -> str:
    """The text of the lines, without styles."""
    return "\n".join("".join(single_line(span.text) for span in line).rstrip() for line in lines)
