"""The rows of the model list: columns, two lines in a narrow list, and the description of one model."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from chat_tui.core.models import Model, ModelStatus
from chat_tui.core.text.control_characters import clean_line
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart, crop, crop_middle, wrap

NARROW, WIDE = 66, 104
"""Below the one a row takes two lines; from the other on it tells everything."""
STATE_WIDTH = 16
"""Cells for a model's state."""
_HEADING = ("Model", "Where", "Can", "Context", "$/M in/out", "Quality", "TTFT", "Tokens/s")
_CAN_WIDTH = 15


def standing_lines(standing: ModelStatus, width: int, *, in_use: bool = False, fixed: bool = False) -> list[Line]:
    """A model's row: one line in columns, or two lines where it is narrow. `fixed`: it is in use by choice."""
    model = standing.model
    name = clean_line(model.name, 200)
    state = clean_line(standing.state, 80)
    mark = Span("▌ " if fixed else "  ", "accent")
    name_role = ("accent" if in_use else "text") if standing.usable else "dim"
    state_role = "dim" if not standing.usable else "success" if state in ("ready", "loaded") else "warning"
    window, price = formatting.context(model.context_window), formatting.price(model.price_in, model.price_out)
    ttft, speed = formatting.ttft(standing.ttft_seconds), formatting.speed(standing.tokens_per_second)
    if width < NARROW:
        name = crop_middle(name, max(8, width - 2 - min(len(state), STATE_WIDTH) - 1))
        parts = [window, price, formatting.rate(standing.tokens_per_second), ttft]
        told = " · ".join(part for part in parts if part != formatting.UNKNOWN)
        return [
            (mark, *apart(Span(name, name_role), Span(crop(state, STATE_WIDTH), state_role), width - 3)),
            (Span("  "), Span(crop(told, width - 2), "dim")),
        ]
    cells = (name, _where(model), _abilities(model), window, price, _quality(model), ttft, speed)
    name, figures = _columns(cells, width)
    return [(mark, Span(name, name_role), Span(figures, "dim"), Span("  "), Span(crop(state, STATE_WIDTH), state_role))]


def _columns(cells: Sequence[str], width: int) -> tuple[str, str]:
    """A row's name and what else there is room for, set in columns."""
    name, where, can, window, price, quality, ttft, speed = cells
    figures = f"{window:>7} {price:>14} {speed:>9}"
    if width >= WIDE:
        figures = f" {where:<6} {can:<{_CAN_WIDTH}}{window:>7} {price:>14} {quality:>8} {ttft:>7} {speed:>9}"
    room = max(12, width - 2 - cell_len(figures) - 2 - STATE_WIDTH)
    name = crop_middle(name, room)
    return name + " " * (room - cell_len(name)), figures


def _where(model: Model) -> str:
    return "local" if model.local else "hosted"


def _abilities(model: Model) -> str:
    return " · ".join(word for word, able in (("images", model.images), ("thinks", model.thinking)) if able)


def _quality(model: Model) -> str:
    """0 to 1; marked where it is a guess."""
    if model.quality is None:
        return formatting.UNKNOWN
    return f"{formatting.ABOUT if model.guessed else ''}{model.quality:.2f}"


def search_text(model: Model) -> str:
    """The text that the filter searches: name, where it runs, abilities."""
    free = "free" if model.free else ""
    return f"{model.name} {_where(model)} {_abilities(model)} {free}".casefold()


class ListHeading(StyledLines):
    """The names of the columns, over the rows."""

    # The room at the right stands over the rows' scrollbar.
    DEFAULT_CSS = "ListHeading { width: 1fr; height: 1; padding-right: 1; background: $panel; }"

    def lines(self, width: int) -> Sequence[Line]:
        """One line; rows of two lines have no columns."""
        if width < NARROW:
            return [(Span(crop("  context · $ per million in/out · speed · TTFT", width), "dim"),)]
        name, figures = _columns(_HEADING, width)
        return [(Span(f"  {name}{figures}  State", "dim"),)]


_STRATEGY = "Each question goes to the model that the current strategy ranks best."


class ModelDetail(StyledLines):
    """All of the model under the cursor in words, below the rows."""

    HEIGHT = 3
    DEFAULT_CSS = "ModelDetail { width: 1fr; height: 3; padding: 0 2; background: $surface; }"

    def __init__(self) -> None:
        super().__init__()
        self._standing: ModelStatus | None = None
        self._rows = 0

    def show(self, standing: ModelStatus | None, rows: int) -> None:
        """Tell of this model; None: of the first row, which leaves the choice to the strategy; `rows`: are listed."""
        self._standing, self._rows = standing, rows
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """Its whole name and state, then what is known of it."""
        if self._standing is None:
            said = _STRATEGY if self._rows else "No model matches. Try fewer letters."
            return [(Span(text, "dim"),) for text in wrap(said, width, self.HEIGHT)]
        model, state = self._standing.model, clean_line(self._standing.state, 80)
        name = crop_middle(clean_line(model.name, 200), max(12, width - len(state) - 1))
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
        "images" if model.images else "",
        "thinks" if model.thinking else "",
        f"quality {_quality(model)}{' (estimate)' * model.guessed}" if model.quality is not None else "",
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
