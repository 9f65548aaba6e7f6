"""The rows of the model list: columns where they hold something, and the description of one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from chat_tui.core.models import Model, ModelStatus
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, crop_middle, wrap

FAVOURITE = "★"
STATE_WIDTH = 16
"""Cells for a model's state."""
_KINDS = ("code", "math", "writing", "long")
"""Kinds of task whose quality is told if it differs from the general one."""
_LEAST_STATE = 11
_MARK_WIDTH = 2
_LEAST_NAME = 24
"""Columns are left out before a longer name is cut to this many cells."""


class ModelColumn(NamedTuple):
    """A column of the list beside the models' ids."""

    title: str
    width: int
    value: Callable[[ModelStatus], str]
    """The text of a model in it; empty or `UNKNOWN`: it has none."""
    left: bool = False

    def cell(self, text: str) -> str:
        """A text in this column, with the gap before it."""
        shown = crop(text, self.width)
        room = " " * (self.width - cell_len(shown))
        return f"  {shown}{room}" if self.left else f" {room}{shown}"

    @property
    def cells(self) -> int:
        """Cells that it takes, with the gap before it."""
        return self.width + 1 + self.left


class ModelListTable(NamedTuple):
    """The columns of a list of models at a width."""

    name_width: int
    columns: tuple[ModelColumn, ...]

    def heading(self) -> Line:
        """The names of the columns, over the rows."""
        titles = "".join(column.cell(column.title) for column in self.columns)
        return (Span(f"  {_pad('Model', self.name_width)}{titles}".rstrip(), "dim"),)

    def row(self, standing: ModelStatus, *, in_use: bool = False, fixed: bool = False, favourite: bool = False) -> Line:
        """A model's row. `fixed`: it is in use by choice."""
        name_role = ("accent" if in_use else "text") if standing.usable else "dim"
        mark = "▌" if fixed else " "
        name = crop_middle(standing.model.name, self.name_width)
        spans = [
            Span(f"{mark}{FAVOURITE if favourite else ' '}", "accent"),
            Span(_pad(name, self.name_width), name_role),
        ]
        for column in self.columns:
            role = _state_role(standing) if column.title == _STATE.title else "dim"
            spans.append(Span(column.cell(column.value(standing)), role))
        return tuple(spans)


def _pad(name: str, width: int) -> str:
    return name + " " * (width - cell_len(name))


def _state_role(standing: ModelStatus) -> str:
    if not standing.usable:
        return "dim"
    return "success" if standing.state == "loaded" else "warning"


def model_table(standings: Sequence[ModelStatus], width: int) -> ModelListTable:
    """Columns for these models in `width` cells: those that tell something of any of them, as many as there is room
    for beside the longest id."""
    longest = max((cell_len(standing.model.name) for standing in standings), default=0)
    room = max(1, width - _MARK_WIDTH)
    left = room - max(min(longest, room * 2 // 3), min(_LEAST_NAME, room))
    shown = []
    for column in _BY_IMPORTANCE:
        if column is _STATE:
            column = _fit(column, standings)
        if _tells_something(column, standings) and column.cells <= left:
            shown.append(column)
            left -= column.cells
    order = [column.title for column in _COLUMNS]
    columns = tuple(sorted(shown, key=lambda column: order.index(column.title)))
    most = room - sum(column.cells for column in columns)
    return ModelListTable(min(max(longest, _LEAST_NAME), most), columns)


def _fit(column: ModelColumn, standings: Sequence[ModelStatus]) -> ModelColumn:
    """The column as wide as its longest text, within bounds."""
    longest = max((cell_len(column.value(standing)) for standing in standings), default=0)
    return column._replace(width=min(STATE_WIDTH, max(_LEAST_STATE, longest)))


def _tells_something(column: ModelColumn, standings: Sequence[ModelStatus]) -> bool:
    """Whether the models of a list have values there; a place that all of them share is none."""
    values = {column.value(standing) for standing in standings}
    return len(values) > 1 if column is _WHERE else bool(values - {"", formatting.UNKNOWN})


def _where(model: Model) -> str:
    return "local" if model.local else "hosted"


def _abilities(model: Model) -> str:
    return " · ".join(word for word, able in (("images", model.images), ("thinks", model.thinking)) if able)


def _quality(model: Model) -> str:
    """0 to 1; marked where it is a guess."""
    if model.quality is None:
        return formatting.UNKNOWN
    return f"{formatting.ABOUT if model.guessed else ''}{model.quality:.2f}"


def _state(standing: ModelStatus) -> str:
    """The state in words; empty for `ready`, which needs none."""
    return "" if standing.state == "ready" else formatting.model_state(standing.state)


_WHERE = ModelColumn("Where", 6, lambda standing: _where(standing.model), left=True)
_CAN = ModelColumn("Can", 15, lambda standing: _abilities(standing.model), left=True)
_CONTEXT = ModelColumn("Context", 7, lambda standing: formatting.context(standing.model.context_window))
_PRICE = ModelColumn(
    "$/M in/out", 14, lambda standing: formatting.price(standing.model.price_in, standing.model.price_out)
)
_QUALITY = ModelColumn("Quality", 8, lambda standing: _quality(standing.model))
_TTFT = ModelColumn("TTFT", 7, lambda standing: formatting.ttft(standing.ttft_seconds))
_SPEED = ModelColumn("Tokens/s", 8, lambda standing: formatting.speed(standing.tokens_per_second))
_STATE = ModelColumn("State", STATE_WIDTH, lambda standing: _state(standing), left=True)
_COLUMNS = (_WHERE, _CAN, _CONTEXT, _PRICE, _QUALITY, _TTFT, _SPEED, _STATE)
_BY_IMPORTANCE = (_STATE, _PRICE, _CONTEXT, _SPEED, _WHERE, _CAN, _QUALITY, _TTFT)


def search_text(model: Model) -> str:
    """The text that the filter searches: name, where it runs, abilities."""
    free = "free" if model.free else ""
    return f"{model.name} {_where(model)} {_abilities(model)} {free}".casefold()


class ListHeading(StyledLines):
    """The names of the columns, over the rows."""

    # The room at the right stands over the rows' scrollbar.
    DEFAULT_CSS = "ListHeading { width: 1fr; height: 1; padding-right: 1; background: $panel; }"

    def __init__(self) -> None:
        super().__init__()
        self._table = ModelListTable(0, ())

    def show(self, table: ModelListTable) -> None:
        """Name the columns of this table."""
        self._table = table
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """One line."""
        return [self._table.heading()]


_STRATEGY = "Each question goes to the model that the current strategy ranks best."


class ModelDetail(StyledLines):
    """All of the model under the cursor in words, below the rows."""

    HEIGHT = 3
    DEFAULT_CSS = "ModelDetail { width: 1fr; height: 3; padding: 0 2; background: $surface; }"

    def __init__(self) -> None:
        super().__init__()
        self._standing: ModelStatus | None = None
        self._text = ""

    def show(self, standing: ModelStatus | None, rows: int, text: str = "") -> None:
        """Describe this model; None: show the text, or explain the first row, which leaves the choice to the strategy.
        `rows`: the number of rows in the list."""
        self._standing = standing
        self._text = text or (_STRATEGY if rows else "No model matches. Try fewer letters.")
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """Its whole name and state, then what is known of it."""
        if self._standing is None:
            return [(Span(text, "dim"),) for text in wrap(self._text, width, self.HEIGHT)]
        model, state = self._standing.model, formatting.model_state(self._standing.state)
        name = crop_middle(model.name, max(12, width - len(state) - 1))
        lines: list[Line] = [apart(Span(name, "strong"), Span(state, "dim"), width)]
        return lines + [
            (Span(text, "text"),) for text in _fill_lines(description_parts(self._standing), width, self.HEIGHT - 1)
        ]


def description_parts(standing: ModelStatus) -> list[str]:
    """A model's description in words, beginning with what the row has no room for."""
    model = standing.model
    price = formatting.price(model.price_in, model.price_out)
    parts = [
        "runs on this machine" if model.local else "hosted",
        f"{model.not_for_chat}: no strategy chooses it" if model.not_for_chat else "",
        "images" if model.images else "",
        "thinks" if model.thinking else "",
        "searches the web" if model.web_search else "",
        f"quality {_quality(model)}{' (estimate)' * model.guessed}" if model.quality is not None else "",
        *(f"{kind} {value:.2f}" for kind in _KINDS if (value := model.qualities.get(kind)) is not None),
        f"first token {formatting.ttft(standing.ttft_seconds)}" if standing.ttft_seconds is not None else "",
        formatting.rate(standing.tokens_per_second) if standing.tokens_per_second is not None else "",
        f"{formatting.context(model.context_window)} context" if model.context_window else "",
        "free" if model.free else f"{price} per million in/out" if price != formatting.UNKNOWN else "price unknown",
    ]
    return [part for part in parts if part]


def _fill_lines(parts: Sequence[str], width: int, limit: int) -> list[str]:
    """The parts on at most `limit` lines, none broken; what does not fit is left out."""
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]} · {part}" if lines[-1] else part
        if cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(crop(part, width))
    return lines[:limit]
