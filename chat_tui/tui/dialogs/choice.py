"""A list over the chat from which one thing is chosen: the command palette, themes, presets, code blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from chat_tui.tui.actions.ranking import rank_texts, search_text
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.widgets.host import ListChoice
from chat_tui.tui.widgets.row_list import Filter, RowList
from chat_tui.tui.widgets.styled_lines import Line, Span, apart, crop

_NAME = 30
"""Cells for a name that help stands beside, at most."""
_SHORTEST_HELP = 24
"""Cells; with fewer a row has no help."""
_FEW = 3
"""So many choices, or fewer, are not filtered."""
_EDGES = 4
"""Rows that are not for choices: the frame, the filter, and the line where nothing matches."""


def choice_line(choice: ListChoice, column: int, width: int) -> Line:
    """A choice in one row: its name, help from `column` on, at the right its note."""
    note = Span(f"{choice.note} ", "accent" if choice.marked else "dim")
    if not choice.help or width - column - cell_len(note.text) < _SHORTEST_HELP:
        return (Span(" "), *apart(Span(choice.name, "text"), note, width - 1))
    left = set_cell_size(f" {crop(choice.name, column - 2)}", column)
    return (Span(left, "text"), *apart(Span(choice.help, "dim"), note, width - column))


class ChoiceScreen(FramedScreen[ListChoice]):
    """Dismissed with what was chosen, None to leave things as they are. The cursor begins at the marked one; `look`
    hears of each one that the cursor comes to, and of the marked one when nothing is chosen."""

    DEFAULT_CSS = """
    ChoiceScreen { align: center top; }
    /* What is looked at is the screen behind the list. */
    ChoiceScreen.-looks { background: transparent; align: right top; }
    ChoiceScreen > .frame { width: 100; height: auto; margin-top: 2; }
    ChoiceScreen.-looks > .frame { width: 56; }
    ChoiceScreen RowList { background: $surface; }
    """
    KEYS = ("list.choose", "screen.close")
    WORDS: ClassVar[Mapping[str, str]] = {"list.choose": "choose"}

    def __init__(
        self, title: str, choices: Sequence[ListChoice], look: Callable[[ListChoice], object] | None = None
    ) -> None:
        super().__init__(title)
        self.set_class(look is not None, "-looks")
        self._choices, self._look = choices, look
        self._texts = [search_text(row.name, row.words, row.help, grave=row.grave) for row in choices]
        self._used = [row.used for row in choices]
        self._first = next((place for place, choice in enumerate(choices) if choice.marked), 0)
        names = [cell_len(choice.name) for choice in choices if choice.help]
        self._column = min(_NAME, max(names, default=0)) + 3
        self._shown: Sequence[int] = ()
        self._heads: dict[int, str] = {}
        self._rows = RowList(self._draw, draw_head=self._draw_head)
        # The input has the keys, if there is one.
        self._rows.can_focus = len(choices) <= _FEW
        self._filter = Filter(self._rows, "type to filter")

    def compose(self) -> ComposeResult:
        """The input above, unless all rows are seen at a glance; what it leaves below."""
        with self.in_frame(Vertical()):
            if not self._rows.can_focus:
                yield self._filter
            yield self._rows

    def on_mount(self) -> None:
        """Ready for keys."""
        (self._rows if self._rows.can_focus else self._filter).focus()
        self._narrow(self._first)

    def on_resize(self, event: events.Resize) -> None:
        """As tall as all the choices are, where there is room: typing does not move the lower edge."""
        super().on_resize(event)
        # On a low screen nothing is to spare for a margin.
        margin = 2 if event.size.height >= 24 else 0
        self.query_one(".frame").styles.margin = (margin, 0, 0, 0)
        groups = len({choice.group for choice in self._choices if choice.group})
        needed = len(self._choices) + max(0, 2 * groups - 1)
        self._rows.styles.height = max(1, min(needed, event.size.height - _EDGES - 2 * margin))

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        """Filter as one types."""
        event.stop()
        self._narrow(0 if event.value.strip() else self._first)

    def _narrow(self, cursor: int) -> None:
        typed = self._filter.value.strip()
        self._shown = rank_texts(typed, self._texts, self._used)
        groups = [""] + [self._choices[place].group for place in self._shown]
        begun = [row for row in range(len(self._shown)) if groups[row + 1] != groups[row]]
        self._heads = {row: groups[row + 1] for row in begun} if not typed else {}
        heads = [(row, 2 if row else 1) for row in self._heads]
        self._rows.show(len(self._shown), cursor, heads=heads)
        self._show_detail()

    def _draw(self, row: int, width: int) -> list[Line]:
        return [choice_line(self._choices[self._shown[row]], self._column, width)]

    def _draw_head(self, row: int, width: int) -> list[Line]:
        head: Line = (Span(crop(f" {self._heads[row]}", width), "accent"),)
        return [(), head] if row else [head]

    @on(RowList.Moved)
    def tell(self, event: RowList.Moved) -> None:
        """Show the details of the row under the cursor."""
        event.stop()
        self._show_detail()

    def _show_detail(self) -> None:
        if self._look is not None and self._rows.cursor < len(self._shown):
            self._look(self._choices[self._shown[self._rows.cursor]])

    @on(RowList.Chosen)
    def choose(self, event: RowList.Chosen) -> None:
        """Enter or a click on a row."""
        event.stop()
        self.dismiss(self._choices[self._shown[event.row]])

    def action_close(self) -> None:
        """All stays as it was."""
        if self._look is not None and self._choices:
            self._look(self._choices[self._first])
        self.dismiss(None)
