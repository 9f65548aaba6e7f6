"""The conversations, at the left of the screen: in groups by time, newest first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct
from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from chat_tui.core.conversation import ConversationSummary
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.actions import bindings
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.row_list import Filter, RowList, matching
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, crop_start, wrap

_RUNNING, _UNSEEN = "●", "◆"
"""An answer streams now; one has ended and nobody has seen it yet."""
_ASKS = "?"
"""A tool call waits for a person."""
_MODEL, _TIME = 24, 6
"""Cells of a row's model at most, and of its time at least."""
_NOTHING = "No conversations yet."


def summary_lines(
    summary: ConversationSummary,
    width: int,
    when: str,
    *,
    current: bool,
    running: bool,
    asks: bool = False,
    height: int = 2,
) -> list[Line]:
    """A conversation's row: its title, `when` it was used last, what it has cost and who answered.

    Of two lines, or of one, where what does not fit beside the title is left out.
    """
    mark = Span("▌" if current else " ", "accent")
    title = summary.title or "Untitled"
    badge = Span(_RUNNING, "success") if running else Span(_UNSEEN, "warning") if summary.unseen else Span("")
    badge = Span(_ASKS, "warning") if asks else badge
    name = Span(title, "strong" if current or summary.unseen else "text")
    model = summary.model.rpartition("/")[2]
    cost = formatting.cost(summary.cost) if summary.cost and summary.cost > 0 else ""
    if height == 1:
        return [(mark, *_one_line(name, badge, (cost, crop_start(model, _MODEL), when), width - 2))]
    first: Line = (Span(crop(title, width - 2), name.role),)
    if badge.text:
        first = apart(name, badge, width - 2)
    left = " · ".join(filter(None, (when, cost)))
    rest = width - 2 - len(left) - 1
    second = apart(Span(left, "dim"), Span(crop_start(model, rest) if rest > 3 else "", "dim"), width - 2)
    return [(mark, *first), (mark, *second)]


def _one_line(name: Span, badge: Span, notes: tuple[str, str, str], width: int) -> Line:
    """Title, badge, cost, model and time in one line; the time has a column of its own."""
    cost, model, when = notes
    right = when.rjust(_TIME)
    for note in (model, cost):
        if note and cell_len(name.text) + cell_len(right) + cell_len(note) + 6 <= width:
            right = f"{note}  {right}"
    left = width - cell_len(right) - 1
    if not badge.text or left < 4:
        return apart(name, Span(right, "dim"), width)
    return (*apart(name, badge, left), Span(" "), Span(right, "dim"))


def heads_of(groups: Sequence[tuple[int, str]]) -> list[tuple[int, int]]:
    """Return the row and the height of each heading: an empty line separates a group from the one above."""
    return [(row, 2 if row else 1) for row, _ in groups]


def group_lines(name: str, row: int, width: int) -> list[Line]:
    """A group's heading."""
    line: Line = (Span(crop(f" {name}", width), "secondary"),)
    return [(), line] if row else [line]


def local_now() -> datetime:
    """The time, in this machine's zone."""
    return datetime.now().astimezone()


class DeletedLink(Struct, frozen=True):
    """The row at the end of a list that opens the deleted conversations."""

    count: int


def deleted_link(count: int, width: int) -> list[Line]:
    """That row's one line."""
    return [(Span(crop(f" Deleted ({count:,})", width), "dim"),)]


class HistoryHeading(StyledLines):
    """The list's name and how many there are."""

    DEFAULT_CSS = "HistoryHeading { height: 1; width: 1fr; padding: 0 1; background: $panel; }"

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._count = ""

    def show(self, found: int, total: int, more: bool = False) -> None:
        """Show how many of all conversations are listed; `more`: there are more than `total`."""
        self._count = f"{total:,}{'+' * more}" if found == total else f"{found:,} of {total:,}{'+' * more}"
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """One line."""
        return [apart(Span(self._title, "strong"), Span(self._count, "dim"), width)]


class NoHistory(StyledLines):
    """Says that there is nothing to list."""

    DEFAULT_CSS = "NoHistory { height: 1fr; width: 1fr; padding: 1; background: $surface; }"

    def __init__(self, text: str = _NOTHING) -> None:
        super().__init__()
        self.text = text

    def lines(self, width: int) -> Sequence[Line]:
        """The note, wrapped."""
        return [(Span(line, "dim"),) for line in wrap(self.text, width, 6)]


class ConversationRows(RowList):
    """The rows; a letter typed on them begins to filter."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings.bindings("history list", inner=True)]

    class Typed(Message):
        """A character was typed; empty: the filter is only to be opened."""

        def __init__(self, character: str) -> None:
            super().__init__()
            self.character = character

    async def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character:
            event.stop()
            event.prevent_default()
            if event.key in self.app._keymap.get("history.filter", "slash").split(","):
                await self.app.run_action("filter", self)
            else:
                self.post_message(self.Typed(event.character))

    def action_filter(self) -> None:
        """Open the filter."""
        self.post_message(self.Typed(""))


class HistorySidebar(Widget):
    """The conversations that are saved; typing filters them, Enter opens one."""

    DEFAULT_CSS = """
    HistorySidebar {
        width: 1fr;
        height: 1fr;
        layout: vertical;
        background: $surface;
        & > RowList { height: 1fr; background: $surface; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear the filter", id="answer.cancel", show=False),
        *bindings.bindings("history list"),
    ]

    class Opened(Message):
        """A conversation shall be opened."""

        def __init__(self, conversation_id: str) -> None:
            super().__init__()
            self.conversation_id = conversation_id

    class DeletedOpened(Message):
        """The deleted conversations shall be shown."""

    class Filtered(Message):
        """The filter was opened: all conversations are wanted."""

    def __init__(
        self, *, title: str = "History", clock: Callable[[], datetime] = local_now, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._heading = HistoryHeading(title)
        self._rows = ConversationRows(self._draw, row_height=2, draw_head=self._draw_head)
        self._filter = Filter(self._rows, "filter by title")
        self._nothing = NoHistory()
        # Shown and hidden one by one: a class on the whole would style every child anew, 10 ms.
        self._filter.display = self._rows.display = False
        self._summaries: tuple[ConversationSummary, ...] = ()
        self._more = False
        self._deleted = 0
        self._texts: list[str] | None = None
        self._found: Sequence[int] = ()
        self._groups: dict[int, str] = {}
        self._same: frozenset[str] = frozenset()
        """Titles that several conversations have."""
        self._current = ""
        self._answering: frozenset[str] = frozenset()
        self._asking: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        """Heading, filter, rows."""
        yield self._heading
        yield self._filter
        yield self._rows
        yield self._nothing

    @property
    def is_filtered(self) -> bool:
        """The filter is open."""
        return self._filter.display

    def show(self, summaries: Sequence[ConversationSummary], *, more: bool = False, deleted: int = 0) -> None:
        """List these, in this order (newest first); cursor and filter stay where they are. `more`: they are not all;
        `deleted`: so many deleted ones can be restored."""
        under = self.under
        self._more, self._deleted = more, deleted
        self._summaries = tuple(summaries)
        self._texts = None
        self._narrow(keep=under.id if under else self._current)

    def set_current(self, conversation_id: str) -> None:
        """Mark the conversation that is open; the cursor goes there unless keys act on the list."""
        self._current = conversation_id
        if not self._rows.lit:
            self._narrow(keep=conversation_id)
        self._rows.refresh()

    def set_running(self, conversation_ids: Collection[str], asking: Collection[str] = ()) -> None:
        """Mark the conversations in which an answer runs, and those in which a tool call waits for a person."""
        running, waiting = frozenset(conversation_ids), frozenset(asking)
        if (running, waiting) != (self._answering, self._asking):
            self._answering, self._asking = running, waiting
            self._rows.refresh()

    def take_focus(self) -> None:
        """Let keys act on the rows; without any there is nothing to act on, and the focus stays where it is."""
        (self._filter if self._filter.display else self._rows).focus()

    @property
    def titles(self) -> Sequence[str]:
        """Of the conversations that are listed."""
        return [summary.title for summary in self._summaries]

    @property
    def under(self) -> ConversationSummary | None:
        """The conversation under the cursor."""
        cursor = self._rows.cursor
        return self._summaries[self._found[cursor]] if cursor < len(self._found) else None

    def place_of_title(self) -> Region:
        """The screen region of the title under the cursor."""
        window = self._rows.content_region
        return Region(window.x + 1, window.y + self._rows.line_of(self._rows.cursor), window.width - 2, 1)

    def _narrow(self, keep: str | None = None) -> None:
        typed = self._filter.value
        if typed.strip():
            if self._texts is None:
                self._texts = [summary.title.casefold() for summary in self._summaries]
            self._found = matching(typed, self._texts)
        else:
            self._found = range(len(self._summaries))
        cursor = 0
        if keep:
            cursor = next((row for row, place in enumerate(self._found) if self._summaries[place].id == keep), 0)
        self._heading.show(len(self._found), len(self._summaries), self._more)
        # The row behind the last conversation opens the deleted ones.
        links = bool(self._deleted and not typed.strip())
        self._rows.display = bool(self._found) or links
        self._nothing.display = not self._rows.display
        self._nothing.text = f"No title contains “{shorten(typed, 60)}”." if self._summaries else _NOTHING
        self._nothing.redraw()
        from chat_tui.tui.history.groups import groups, same_titles

        self._same = same_titles(self._summaries)
        begun = groups(self._summaries, self._found, self._clock())
        self._groups = dict(begun)
        heads = [*heads_of(begun), *([(len(self._found), 1)] if links else [])]
        self._rows.show(len(self._found) + links, cursor, heads=heads)

    def _draw_head(self, row: int, width: int) -> list[Line]:
        return group_lines(self._groups[row], row, width) if row in self._groups else [()]

    def _draw(self, row: int, width: int) -> list[Line]:
        if row == len(self._found):
            return deleted_link(self._deleted, width)
        summary = self._summaries[self._found[row]]
        from chat_tui.tui.history.groups import time_in_group

        return summary_lines(
            summary,
            width,
            time_in_group(summary, self._clock(), exact=summary.title in self._same),
            current=summary.id == self._current,
            running=summary.id in self._answering,
            asks=summary.id in self._asking,
        )

    @on(ConversationRows.Typed)
    def begin_filter(self, event: ConversationRows.Typed) -> None:
        """A letter typed on the rows goes to the filter, which opens."""
        event.stop()
        if not self._filter.display:
            self._filter.display = True
            self.post_message(self.Filtered())
        self._filter.focus()
        if event.character:
            self._filter.insert_text_at_cursor(event.character)

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        """Filter as one types."""
        event.stop()
        self._narrow()

    @on(RowList.Chosen)
    def open_row(self, event: RowList.Chosen) -> None:
        """Enter or a click on a row."""
        event.stop()
        if event.row == len(self._found):
            self.post_message(self.DeletedOpened())
        else:
            self.post_message(self.Opened(self._summaries[self._found[event.row]].id))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc is its own only while the filter is open."""
        return self._filter.display if action == "clear" else True

    def action_clear(self) -> None:
        """Close the filter and list all again."""
        under = self.under
        had_focus = self._filter.has_focus
        with self._filter.prevent(Input.Changed):
            self._filter.value = ""
        self._filter.display = False
        self._narrow(keep=under.id if under else None)
        if had_focus:
            self._rows.focus()
