"""The line over the chat: title, model and strategy; it opens into the list of every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from chat_tui.core.models import ModelStatus
from chat_tui.core.settings.preferred_models import PreferredModels
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.tui.actions.bindings import bindings, first_key
from chat_tui.tui.panels.model_groups import GroupedModel, group_headings, grouped_models
from chat_tui.tui.panels.model_rows import ListHeading, ModelDetail, ModelListTable, model_table, search_text
from chat_tui.tui.panels.model_sources import WAYS, SourceWay
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.row_list import Filter, RowList, matching
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, crop, crop_start

_WIDTH = 132
"""Cells of the open list, where the screen is as wide."""
_TITLE_LEAST, _TITLE_MOST = 12, 48
"""Cells for a title: figures leave it the least, and it takes no more than the most."""
_WAYS = tuple(f"{way.title} {way.help}".casefold() for way in WAYS)


class ModelsInUse(StyledLines):
    """The conversation's title, model and strategy, and the most important figures. A click opens the list of models,
    one on the strategy the list of strategies."""

    DEFAULT_CSS = """
    ModelsInUse { height: 1; width: 1fr; color: $text; background: $panel; padding: 0 1; }
    ModelsInUse:hover { background: $block-cursor-background; }
    """

    class Clicked(Message):
        """The line was clicked."""

    class StrategyClicked(Message):
        """The strategy's name was clicked."""

    def __init__(self) -> None:
        super().__init__()
        self._title = ""
        self._use = ("", "", False)
        self._figures = StreamStats()
        self._strategy_cells = range(0)
        """Where the strategy stands in the line."""

    def show_figures(self, figures: StreamStats) -> None:
        """Show these figures."""
        self._figures = figures
        self.redraw()

    def show_title(self, title: str) -> None:
        """Show this as the conversation's title; empty: it has none yet."""
        if (title := shorten(title, 200)) != self._title:
            self._title = title
            self.redraw()

    def show(self, model: str, strategy: str, fixed: bool) -> None:
        """Show this model and strategy as in use."""
        self._use = (model, strategy, fixed)
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """One line: the title at the left, where it is; at the right the figures."""
        model, strategy, fixed = self._use
        least = min(cell_len(self._title), _TITLE_LEAST)
        how = f" · {strategy or formatting.UNKNOWN}"
        room = width - cell_len(model) - len(how) - least - 2
        key = first_key("strategy.next", self.changed_keys)
        fixed_words = (f" (fixed · {key}: Auto)", " (fixed)") if fixed else ()
        how += next((words for words in fixed_words if cell_len(words) <= room), "")
        name = crop_start(model or "chosen by strategy", max(8, width - len(how) - least - (2 if least else 0)))
        in_use = (Span(name, "strong" if model else "dim"), Span(how, "dim" if fixed else "accent"))
        room = width - cell_len(name) - len(how)
        right = formatting.in_short(self._figures, min(room - least - 4, width // 2))
        room -= cell_len(right) + 2 if right else 0
        title = crop(self._title, max(0, min(room - 2, _TITLE_MOST)))
        before = (Span(title, "text"), Span("  ")) if title else ()
        begin = sum(cell_len(span.text) for span in (*before, in_use[0]))
        self._strategy_cells = range(begin + len(" · "), begin + cell_len(how))
        gap = width - begin - cell_len(how) - cell_len(right)
        return [(*before, *in_use, Span(" " * max(0, gap)), Span(right, "dim"))]

    def on_click(self, event: events.Click) -> None:
        event.stop()
        offset = event.get_content_offset(self)
        if offset is not None and offset.x in self._strategy_cells:
            self.post_message(self.StrategyClicked())
        else:
            self.post_message(self.Clicked())


class ModelListPanel(Vertical):
    """The list that opens: a filter, headings, rows, and what the keys do."""

    DEFAULT_CSS = """
    ModelListPanel {
        display: none;
        overlay: screen;
        constrain: inside inside;
        width: 100%;
        min-width: 132;
        max-width: 100vw;
        height: auto;
        max-height: 80vh;
        background: $panel;
        border: round $accent;
        border-title-color: $text;
        & > RowList { background: $panel; }
    }
    """


class ModelPicker(Widget):
    """Collapsed it shows title, model and strategy; `open` lets people choose a model."""

    DEFAULT_CSS = """
    ModelPicker { height: auto; width: 1fr; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("model list"),
        Binding("escape", "shut", "Close", show=False),
    ]

    is_open: reactive[bool] = reactive(False)
    """Whether the list is shown."""

    class Chosen(Message):
        """A model was chosen, None: the strategy shall choose. The list has closed."""

        def __init__(self, model: str | None) -> None:
            super().__init__()
            self.model = model

    class Declined(Message):
        """A model that cannot be used now was chosen; the list stays open."""

        def __init__(self, standing: ModelStatus) -> None:
            super().__init__()
            self.standing = standing

    class SourceWanted(Message):
        """A way to more models was chosen, by its name. The list has closed."""

        def __init__(self, way: str) -> None:
            super().__init__()
            self.way = way

    class FavouriteToggled(Message):
        """The model under the cursor shall be a favourite, or no longer."""

        def __init__(self, model: str) -> None:
            super().__init__()
            self.model = model

    class Opened(Message):
        """The list has opened."""

    class Closed(Message):
        """The list was closed without a choice."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._in_use = ModelsInUse()
        self._rows = RowList(self._draw, draw_head=self._draw_head)
        self._heading = ListHeading()
        self._filter = Filter(self._rows, "type to filter")
        self._detail = ModelDetail()
        self._list = ModelListPanel()
        self._mounted_list = False
        self._standings: tuple[ModelStatus, ...] = ()
        self._texts: Sequence[str] = ()
        """What the filter searches, of each grouped model."""
        self._preferred = PreferredModels()
        self._grouped: Sequence[GroupedModel] = ()
        """All models in their order, which stays while the list is open."""
        self._entries: Sequence[int | SourceWay | None] = ()
        """What the rows are; None: Auto."""
        self._heads: Mapping[int, str] = {}
        self._table = ModelListTable(0, ())
        self._model, self._strategy = "", ""
        self._fixed = False

    def compose(self) -> ComposeResult:
        """Only what is always in sight; the list comes when it is first opened."""
        yield self._in_use

    def show_figures(self, figures: StreamStats | None) -> None:
        """The figures of the answer in view, where the stats panel does not show them; None: it does."""
        self._in_use.show_figures(figures or StreamStats())

    def show_title(self, title: str) -> None:
        """Show this as the title of the conversation in view; empty: it has none yet."""
        self._in_use.show_title(title)

    def name_keys(self, changed: Mapping[str, str]) -> None:
        """The keys that the line over the chat names; `changed` holds rebound keys by id."""
        self._in_use.changed_keys = changed

    def show(self, model: str, strategy: str, *, fixed: bool = False) -> None:
        """The model and strategy in use; `fixed`: the user has chosen the model."""
        self._model, self._strategy, self._fixed = model, strategy, fixed
        self._in_use.show(model, strategy, fixed)
        if self.is_open:
            self._rows.refresh()

    def show_preferred(self, preferred: PreferredModels) -> None:
        """Mark the favourites; they and the recent models come first when the list opens the next time."""
        self._preferred = preferred
        if self.is_open:
            self._rows.refresh()

    def set_standings(self, standings: Sequence[ModelStatus]) -> None:
        """Every model with how it fares, in the order in which they are listed."""
        under = self._standing_at(self._rows.cursor) if self.is_open else None
        before, self._standings = self._standings, tuple(standings)
        if not self.is_open:
            return
        if [standing.model for standing in before] != [standing.model for standing in standings]:
            self._group()
            self._narrow(keep=under.model.name if under else "")
        else:
            # Only how they fare: nothing moves, not even where somebody has scrolled to.
            self._rows.refresh()
            self._show_detail()

    def open(self) -> None:
        """Open the list, with what is in use under the cursor, and take the focus."""
        if self.is_open:
            return
        if not self._mounted_list:
            self._mounted_list = True
            self._list.border_title = "Models"
            self.mount(self._list)
            self._list.mount(self._filter, self._heading, self._rows, self._detail)
        self.is_open = True
        with self._filter.prevent(Input.Changed):
            self._filter.value = ""
        self._list.display = True
        self._group()
        self._narrow(keep=self._model if self._fixed else "")
        self._filter.focus()
        self.post_message(self.Opened())

    def close(self) -> None:
        """Close the list without a choice."""
        if self._close_list():
            self.post_message(self.Closed())

    def _close_list(self) -> bool:
        if not self.is_open:
            return False
        self.is_open = False
        self._list.display = False
        return True

    def _group(self) -> None:
        """Put the models in their order."""
        self._grouped = grouped_models(self._standings, self._preferred)
        self._texts = [search_text(self._standings[place].model) for _, place in self._grouped]

    def _narrow(self, keep: str = "") -> None:
        """Show the models that match what is typed, the cursor on `keep` if it is among them."""
        typed = self._filter.value
        has_auto = bool(matching(typed, (self._auto.casefold(),), letters=False))
        found = [self._grouped[number] for number in matching(typed, self._texts)]
        ways = [WAYS[number] for number in matching(typed, _WAYS, letters=False)]
        models = [place for _, place in found]
        self._entries = [*([None] if has_auto else []), *models, *ways]
        self._heads = {row + has_auto: words for row, words in group_headings(found, len(self._grouped))}
        if self._heads and ways:
            # They belong to none of the groups.
            self._heads = {**self._heads, has_auto + len(models): ""}
        names = [self._standings[place].model.name for place in models]
        cursor = names.index(keep) + has_auto if keep in names else 0
        self._lay_out()
        self._rows.show(len(self._entries), cursor, heads=[(row, 1) for row in self._heads])
        self._show_detail()

    def _lay_out(self) -> None:
        """Choose columns and height. As tall as it needs to be when all are listed: typing shall not move its lower
        edge, nor the columns."""
        # 2 cells go to the border, 1 to the scrollbar.
        self._table = model_table(self._standings, min(_WIDTH, self.screen.size.width) - 3)
        self._heading.show(self._table)
        heads = list(group_headings(self._grouped, len(self._grouped)))
        needed = 1 + len(heads) + len(self._grouped) + bool(heads) + len(WAYS)
        room = 4 * self.screen.size.height // 5 - 4 - ModelDetail.HEIGHT
        self._detail.display = room >= 3
        self._rows.styles.height = min(needed, max(3, room))

    @property
    def _auto(self) -> str:
        """The row that leaves the choice to the strategy."""
        return f"Auto ({self._strategy})" if self._strategy else "Auto"

    def _show_detail(self) -> None:
        way = self._way_at(self._rows.cursor)
        text = f"{way.title}: {way.help}. It is {way.command}, too." if way is not None else ""
        self._detail.show(self._standing_at(self._rows.cursor), self._rows.count, text)

    def _entry_at(self, row: int) -> int | SourceWay | None:
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def _standing_at(self, row: int) -> ModelStatus | None:
        entry = self._entry_at(row)
        return self._standings[entry] if isinstance(entry, int) else None

    def _way_at(self, row: int) -> SourceWay | None:
        entry = self._entry_at(row)
        return entry if isinstance(entry, SourceWay) else None

    def _draw(self, row: int, width: int) -> list[Line]:
        if (way := self._way_at(row)) is not None:
            title = Span(crop(f"+ {way.title}", width), "accent")
            return [(title, Span(crop(f"  {way.help}", width - cell_len(title.text)), "dim"))]
        if (standing := self._standing_at(row)) is not None:
            name = standing.model.name
            in_use, favourite = name == self._model, name in self._preferred.favourites
            return [self._table.row(standing, in_use=in_use, fixed=in_use and self._fixed, favourite=favourite)]
        auto = Span(crop(self._auto, width - 2), "strong")
        now = f"  now {self._model}" if self._model and not self._fixed else "  picks for each question"
        return [
            (
                Span("  " if self._fixed else "▌ ", "accent"),
                auto,
                Span(crop(now, width - 2 - cell_len(auto.text)), "dim"),
            )
        ]

    def _draw_head(self, row: int, width: int) -> list[Line]:
        return [(Span(crop(f"  {self._heads[row]}", width), "secondary"),)]

    def on_resize(self) -> None:
        if self.is_open:
            under = self._standing_at(self._rows.cursor)
            self._narrow(keep=under.model.name if under else "")

    def on_descendant_blur(self) -> None:
        """Leaving the list closes it."""
        self.call_after_refresh(self._close_when_left)

    def _close_when_left(self) -> None:
        if self.is_open and self.app.app_focus and not self.has_focus_within:
            self.close()

    @on(ModelsInUse.Clicked)
    def open_or_close(self, event: ModelsInUse.Clicked) -> None:
        """A click on the header opens the list, another closes it."""
        event.stop()
        if self.is_open:
            self.close()
        else:
            self.open()

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        """Filter as one types."""
        event.stop()
        self._narrow()

    @on(RowList.Moved)
    def tell(self, event: RowList.Moved) -> None:
        """Show the details of the row under the cursor."""
        event.stop()
        self._show_detail()

    @on(RowList.Chosen)
    def choose(self, event: RowList.Chosen) -> None:
        """Enter or a click on a row."""
        event.stop()
        standing, way = self._standing_at(event.row), self._way_at(event.row)
        if way is not None:
            if self.is_open:
                # The focus leaves the list before the dialogs open, which give it back to where it was.
                self.close()
                self.post_message(self.SourceWanted(way.name))
        elif standing is not None and not standing.usable:
            self.post_message(self.Declined(standing))
        elif self._close_list():
            self.post_message(self.Chosen(standing.model.name if standing else None))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Its keys count only while the list is open."""
        return self.is_open if action in ("shut", "favourite") else True

    def action_favourite(self) -> None:
        """Make the model under the cursor a favourite, or no longer."""
        if (standing := self._standing_at(self._rows.cursor)) is not None:
            self.post_message(self.FavouriteToggled(standing.model.name))

    def action_shut(self) -> None:
        self.close()
