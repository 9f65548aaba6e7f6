"""A list of rows of one height, drawn only where it is seen: as quick with 10,000 rows as with ten."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.widget_keys import WidgetKeys
from chat_tui.tui.widgets.line_input import LineInput
from chat_tui.tui.widgets.styled_lines import Line, RoleStyles, strip_of

_LETTERS_LIMIT = 1_000
"""Among more texts than these only whole words are looked for."""


def matching(typed: str, texts: Sequence[str], *, letters: bool = True) -> Sequence[int]:
    """The places of the texts (casefolded by the caller) that hold every typed word, in any order; where none does
    and they are not too many, with `letters`, of those that hold the letters of each word in their order."""
    words = typed.casefold().split()
    found: Sequence[int] = range(len(texts))
    # The longest word first: it leaves the fewest for the others.
    for word in sorted(words, key=len, reverse=True):
        found = [place for place in found if word in texts[place]]
    if found or not letters or len(texts) > _LETTERS_LIMIT:
        return found
    return [place for place, text in enumerate(texts) if all(_has_letters_in_order(word, text) for word in words)]


def _has_letters_in_order(word: str, text: str) -> bool:
    """Whether a text contains the letters of a word in their order, with others in between."""
    at = 0
    for letter in word:
        at = text.find(letter, at) + 1
        if not at:
            return False
    return True


class _Places:
    """The line of each row: all rows have one height, some have headings above them."""

    def __init__(self, height: int = 1, heads: Sequence[tuple[int, int]] = ()) -> None:
        self.height = height
        self._rows = [row for row, _ in heads]
        self._sums = [0, *accumulate(lines for _, lines in heads)]
        self._tops = [row * height + above for row, above in zip(self._rows, self._sums, strict=False)]

    def lines(self, count: int) -> int:
        """Return the number of lines that `count` rows take."""
        return count * self.height + self._sums[bisect_left(self._rows, count)]

    def top(self, row: int) -> tuple[int, int]:
        """The first line of a row's heading, and of the row itself; the same where it has none."""
        before = bisect_left(self._rows, row)
        has_head = before < len(self._rows) and self._rows[before] == row
        first = row * self.height + self._sums[before]
        return first, row * self.height + self._sums[before + has_head]

    def at(self, y: int) -> tuple[int, int]:
        """The row on this line, and which of its lines it is: a negative one counts a heading's lines from its end."""
        head = bisect_right(self._tops, y) - 1
        if head < 0:
            return divmod(y, self.height)
        part = y - self._tops[head] - (self._sums[head + 1] - self._sums[head])
        if part < 0:
            return self._rows[head], part
        row, part = divmod(part, self.height)
        return self._rows[head] + row, part


class RowList(ScrollView, can_focus=True):
    """Rows with a cursor. `draw(row, width)` gives the lines of a row, `draw_head` those that stand above it and that
    the cursor passes by; both are asked for what is in sight only."""

    DEFAULT_CSS = """
    RowList {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        & > .rows--cursor {
            background: $block-cursor-blurred-background; text-style: $block-cursor-blurred-text-style;
        }
        & > .rows--lit { background: $block-cursor-background; text-style: $block-cursor-text-style; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor", "rows--lit"}
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings.bindings("lists")]

    lit: reactive[bool] = reactive(False)
    """Whether keys act on it now: the cursor is drawn bright."""

    class Chosen(Message):
        """Enter or a click chose the row of this number."""

        def __init__(self, rows: RowList, row: int) -> None:
            super().__init__()
            self.rows = rows
            self.row = row

        @property
        def control(self) -> RowList:
            return self.rows

    class Moved(Message):
        """The cursor has moved."""

    def __init__(
        self,
        draw: Callable[[int, int], Sequence[Line]],
        *,
        row_height: int = 1,
        draw_head: Callable[[int, int], Sequence[Line]] = lambda row, width: (),
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._styles_of_roles = RoleStyles(self)
        self._draw, self._draw_head = draw, draw_head
        self._places = _Places(row_height)
        self.count = 0
        self.cursor = 0

    def show(
        self, count: int, cursor: int = 0, row_height: int | None = None, heads: Sequence[tuple[int, int]] = ()
    ) -> None:
        """There are `count` rows now, all to be drawn anew; the cursor stands on the given one and is in sight.

        `heads`: (row, lines above it) for the rows under a heading, in order.
        """
        self.count = max(0, count)
        self._places = _Places(row_height or self._places.height, heads)
        self.cursor = min(max(0, cursor), max(0, self.count - 1))
        self.virtual_size = Size(self.scrollable_content_region.width, self._places.lines(self.count))
        self.refresh()
        self._into_sight()

    def extend(self, count: int, heads: Sequence[tuple[int, int]] = ()) -> None:
        """Add rows at the end, `count` in all. Cursor and view stay."""
        self.count = max(self.count, count)
        self._places = _Places(self._places.height, heads)
        self.virtual_size = Size(self.scrollable_content_region.width, self._places.lines(self.count))
        self.refresh()

    def redraw_row(self, row: int) -> None:
        """Draw one row again."""
        self.refresh_lines(self._places.top(row)[1], self._places.height)

    def look_at_cursor(self) -> None:
        """Scroll the cursor to the middle, if there are enough rows."""
        middle = self._places.top(self.cursor)[0] - self.scrollable_content_region.height // 2
        self.scroll_to(y=max(0, middle), animate=False, force=True)

    def line_of(self, row: int) -> int:
        """The line of the window on which a row begins; it may be outside."""
        return self._places.top(row)[1] - self.scroll_offset.y

    def move(self, by: int) -> None:
        """Move the cursor by a number of rows, stopping at the ends."""
        before, self.cursor = self.cursor, min(max(0, self.cursor + by), max(0, self.count - 1))
        if before != self.cursor:
            self.redraw_row(before)
            self.redraw_row(self.cursor)
            self.post_message(self.Moved())
        self._into_sight()

    def page(self, by: int) -> None:
        """Move the cursor by a number of windows."""
        self.move(by * max(1, self.scrollable_content_region.height // self._places.height - 1))

    def choose(self) -> None:
        """Choose the row under the cursor."""
        if self.count:
            self.post_message(self.Chosen(self, self.cursor))

    def _into_sight(self) -> None:
        height = self.scrollable_content_region.height
        head, top = self._places.top(self.cursor)
        bottom = top + self._places.height
        if bottom - head <= height:
            top = head
        if height <= 0:
            # Not laid out yet: `on_resize` comes back here.
            return
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True)
        elif bottom > self.scroll_offset.y + height:
            self.scroll_to(y=bottom - height, animate=False, force=True)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_of_roles.forget()

    def on_resize(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, self._places.lines(self.count))
        self._into_sight()

    def watch_has_focus(self, value: bool) -> None:
        super().watch_has_focus(value)
        self.lit = value

    def action_move(self, by: int) -> None:
        self.move(by)

    def action_page(self, by: int) -> None:
        self.page(by)

    def action_choose(self) -> None:
        self.choose()

    def on_click(self, event: events.Click) -> None:
        row, part = self._places.at(event.y + self.scroll_offset.y)
        if 0 <= row < self.count and part >= 0:
            event.stop()
            self.move(row - self.cursor)
            self.choose()

    def render_line(self, y: int) -> Strip:
        """One line, as Textual's compositor asks for it."""
        width = self.scrollable_content_region.width
        row, part = self._places.at(y + self.scroll_offset.y)
        if row >= self.count:
            return Strip.blank(width, self._styles_of_roles.style("text"))
        ground = ""
        if row == self.cursor and part >= 0:
            ground = "rows--lit" if self.lit else "rows--cursor"
        lines = self._draw(row, width) if part >= 0 else self._draw_head(row, width)
        line = lines[part] if -len(lines) <= part < len(lines) else ()
        return strip_of(line, width, lambda role: self._styles_of_roles.style(role, ground))


class Filter(LineInput):
    """An input over a `RowList`: what is typed is for the owner to filter by, the cursor keys and Enter go to the
    rows. Where there are no rows, Enter posts `Input.Submitted`."""

    DEFAULT_CSS = """
    Filter, Filter:focus {
        border: none;
        height: 1;
        padding: 0 1;
        background: $panel;
        & > .input--placeholder { color: $text-muted; }
    }
    """
    # Home and End move in what is typed.
    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in bindings.bindings("lists") if binding.key not in ("home", "end")),
        Binding("ctrl+home", "move(-1000000)", "First", id="list.first", show=False),
        Binding("ctrl+end", "move(1000000)", "Last", id="list.last", show=False),
        # By these ids the keys that are bound to them come before what an input does with those keys.
        *(Binding("escape", "pass_on", "Leave", id=id, show=False) for id in ("screen.close", "answer.cancel")),
    ]

    def __init__(
        self,
        rows: RowList,
        placeholder: str,
        *,
        keys: WidgetKeys | None = None,
        choose: Callable[[], None] | None = None,
        id: str | None = None,
    ) -> None:
        """`keys` come before what an input does with them; `choose` is called for Enter instead of the rows."""
        super().__init__(placeholder=placeholder, id=id, select_on_focus=False, max_length=200)
        self._rows, self._own_keys, self._choose = rows, keys, choose

    def watch_has_focus(self, value: bool) -> None:
        super().watch_has_focus(value)
        self._rows.lit = value

    async def on_key(self, event: events.Key) -> None:
        """Run the actions of the filter's own keys."""
        for action in self._own_keys.actions(event.key, self.app._keymap) if self._own_keys is not None else ():
            event.stop()
            event.prevent_default()
            await self.app.run_action(action, self)

    def action_pass_on(self) -> None:
        """Leave the key to the parent widget."""
        raise SkipAction

    def action_move(self, by: int) -> None:
        self._rows.move(by)

    def action_page(self, by: int) -> None:
        self._rows.page(by)

    def action_choose(self) -> None:
        if self._choose is not None:
            self._choose()
        elif self._rows.count:
            self._rows.choose()
        else:
            self.post_message(self.Submitted(self, self.value))
