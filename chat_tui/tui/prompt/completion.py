"""The completion popup: a row for each completion, drawn over what is above the prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chat_tui.core.text.control_characters import single_line
from chat_tui.tui.widgets.styled_lines import crop

MAX_ROWS = 10
_LEFT_FREE = 9
"""Rows of the screen that stay free of it."""
MAX_NAME_CELLS = 32
"""A longer name is cut if there is help beside it."""


class CompletionItem(Struct, frozen=True):
    """One completion of the prompt's text."""

    text: str
    """The whole text of the prompt after it is taken."""
    help: str = ""
    """What it does, in a few words."""


class CompletionList(Widget):
    """A list of at most ten rows with one current row, and how many more there are.

    The prompt that it is given to moves in it and closes it.

    It is composed directly before the prompt and floats above it, so that opening it moves nothing else.
    """

    DEFAULT_CSS = """
    CompletionList {
        display: none;
        overlay: screen;
        width: 1fr;
        height: 1;
        background: $panel;
        color: $foreground;
        & .completions--help { color: $text-muted; }
        & .completions--current {
            background: $block-cursor-background; color: $text; text-style: $block-cursor-text-style;
        }
    }
    """
    COMPONENT_CLASSES = {"completions--help", "completions--current"}

    class Toggled(Message):
        """The popup has opened or closed."""

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.on_taken: Callable[[CompletionItem], None] | None = None
        self._items: Sequence[CompletionItem] = ()
        self._current = 0
        self._top = 0
        self._rows = MAX_ROWS
        """As many as there is room for."""

    @property
    def is_open(self) -> bool:
        """Whether it is on screen."""
        return bool(self._items)

    @property
    def current(self) -> CompletionItem | None:
        """The row that would be taken, or None when it is closed."""
        return self._items[self._current] if self._items else None

    def open(self, items: Sequence[CompletionItem], current: int = 0) -> None:
        """Show these rows; none closes it."""
        if items == self._items:
            return
        if bool(items) != self.is_open:
            self.post_message(self.Toggled())
        self._items = items
        self._rows = max(3, min(MAX_ROWS, self.app.size.height - _LEFT_FREE))
        self._current, self._top = current, max(0, current - self._rows + 1)
        self.display = bool(items)
        if items:
            rows = min(len(items), self._rows) + (len(items) > self._rows)
            self.styles.height = rows
            self.styles.offset = (0, -rows)
            self.refresh()

    def close(self) -> None:
        """Take it off the screen."""
        self.open(())

    def move(self, rows: int) -> None:
        """Make the row that many below (or above) the current one, round both ends."""
        if not self._items:
            return
        self._current = (self._current + rows) % len(self._items)
        self._top = min(max(self._top, self._current - self._rows + 1), self._current)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        index = self._top + y
        width = self.size.width
        style = self.rich_style
        if y == self._rows:
            told = f" {len(self._items) - self._rows} more · type to narrow, Up and Down to move"
            cells = set_cell_size(crop(told, width), width)
            return Strip([Segment(cells, self.get_component_rich_style("completions--help"))], width)
        if index >= len(self._items):
            return Strip.blank(width, style)
        item = self._items[index]
        names = max(min(cell_len(other.text), MAX_NAME_CELLS) for other in self._items[:100])
        name, help = single_line(item.text), single_line(item.help)
        name_cells = max(names, min(cell_len(name), width - 2)) if not help else names
        row_style = help_style = style
        if index == self._current:
            row_style = help_style = self.get_component_rich_style("completions--current") + Style(bold=True)
        else:
            help_style = self.get_component_rich_style("completions--help")
        left = set_cell_size(f" {set_cell_size(name, name_cells)}  ", min(width, name_cells + 3))
        room = max(0, width - cell_len(left))
        right = set_cell_size(crop(help, room), room)
        return Strip([Segment(left, row_style), Segment(right, help_style)], width)

    def on_click(self, event: Click) -> None:
        index = self._top + event.y
        if event.y < self._rows and index < len(self._items) and self.on_taken is not None:
            self.on_taken(self._items[index])
        event.stop()
