"""Which models are compared: a list to choose two to four of, with what all of them may cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingsMap, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from chat_tui.core.models import ModelStatus
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.answers.comparison import FEWEST, MOST
from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.widget_keys import WidgetKeys
from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.panels.model_rows import search_text
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.host import Host
from chat_tui.tui.widgets.row_list import Filter, RowList, matching
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop


class ChosenLine(StyledLines):
    """Who is chosen, and what all may cost."""

    DEFAULT_CSS = "ChosenLine { width: 1fr; height: 2; padding: 0 1; background: $surface; }"

    def __init__(self) -> None:
        super().__init__()
        self._told = ("", "")

    def show(self, names: str, costs: str) -> None:
        """These names, and these words on the price."""
        self._told = (names, costs)
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """Two lines."""
        names, costs = self._told
        return [(Span(crop(names, width), "text"),), (Span(crop(costs, width), "accent"),)]


class CompareChoice(FramedScreen[tuple[str, ...]]):
    """Dismissed with the models' names in the order in which they were chosen, None for no choice."""

    DEFAULT_CSS = """
    CompareChoice > .frame { height: auto; }
    CompareChoice RowList { height: auto; max-height: 16; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "close", "Close", id="compare.open", show=False),
    ]
    KEYS = ("rival.toggle", "list.choose", "screen.close")
    WORDS: ClassVar[Mapping[str, str]] = {"list.choose": "compare"}

    def __init__(
        self,
        standings: Sequence[ModelStatus],
        chosen: Sequence[str],
        costs: Callable[[Sequence[str]], Awaitable[str]],
    ) -> None:
        super().__init__(f"Compare {FEWEST} to {MOST} models")
        self._standings = [one for one in standings if one.usable or one.model.name in chosen]
        self._texts = [search_text(one.model) for one in self._standings]
        self._found: Sequence[int] = range(len(self._standings))
        self._chosen = list(chosen)
        self._costs = costs
        self._rows = RowList(self._draw)
        self._filter = Filter(self._rows, "type to filter", keys=_KEYS, choose=self.take)
        self._line = ChosenLine()

    def compose(self) -> ComposeResult:
        """The filter, the rows, what is chosen."""
        with self.in_frame(Vertical()):
            yield self._filter
            yield self._rows
            yield self._line

    def on_mount(self) -> None:
        """At the first row."""
        # As tall as it needs to be when all are listed: typing shall not move its lower edge.
        self._rows.styles.height = max(2, min(len(self._standings), self.app.size.height - 8))
        self._filter.focus()
        self._rows.show(len(self._found))
        self._show_costs()

    def _draw(self, row: int, width: int) -> list[Line]:
        standing = self._standings[self._found[row]]
        model, name = standing.model, standing.model.name
        place = self._chosen.index(model.name) + 1 if model.name in self._chosen else 0
        mark = Span(f"[{place or ' '}] ", "mark" if place else "dim")
        price = "free" if model.free else formatting.price(model.price_in, model.price_out)
        right = Span(f"{formatting.model_state(standing.state)} · {price:>9}", "dim")
        return [(mark, *apart(Span(name, "strong" if place else "text"), right, width - 5))]

    def _show_costs(self) -> None:
        self.run_worker(self._update_costs(tuple(self._chosen)), exclusive=True)

    async def _update_costs(self, chosen: tuple[str, ...]) -> None:
        names = ", ".join(shorten(name, 60) for name in chosen) or "none selected"
        self._line.show(names, "")
        self._line.show(names, await self._costs(chosen))

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        """Filter as one types."""
        event.stop()
        self._narrow()

    def _narrow(self) -> None:
        found = matching(self._filter.value, self._texts)
        if found != self._found:
            self._found = found
            self._rows.show(len(found))

    @on(RowList.Chosen)
    def toggle_there(self, event: RowList.Chosen) -> None:
        """A click on a row."""
        event.stop()
        self.action_toggle_rival()

    def action_toggle_rival(self) -> None:
        """Choose the model under the cursor, or no longer."""
        self._narrow()
        if self._rows.cursor >= len(self._found):
            return
        name = self._standings[self._found[self._rows.cursor]].model.name
        if name in self._chosen:
            self._chosen.remove(name)
        elif len(self._chosen) < MOST:
            self._chosen.append(name)
        else:
            cast("Host", self.app).say(f"{MOST} models are already selected", "Deselect one with Space.")
        self._rows.show(len(self._found), self._rows.cursor)
        self._show_costs()

    def take(self) -> None:
        """These are compared."""
        if len(self._chosen) < FEWEST:
            cast("Host", self.app).say(f"Select at least {FEWEST} models", "Space selects the current row.")
        else:
            self.dismiss(tuple(self._chosen))


_KEYS = WidgetKeys(BindingsMap(bindings.bindings("choice")))
"""Names have no blanks in them: Space is for choosing."""
