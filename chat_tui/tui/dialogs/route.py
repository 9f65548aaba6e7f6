"""How an answer was routed: models that were considered or excluded, each try, what others would have picked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from chat_tui.core.conversation import Turn
from chat_tui.core.route import Alternative, Candidate, Route, Seam, Try
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.memory_text import MemoryText
from chat_tui.core.text.prompt_features import level_of, without_level
from chat_tui.core.tools import ToolCall
from chat_tui.core.usage.token_estimate import memory_tokens
from chat_tui.tui.dialogs.reader import ReaderScreen
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import Line, Span, crop, wrap

_COLUMN = 30
"""Cells for a model's name; fewer where it is narrow."""
_MARK = 10
"""Cells for a score, a price or a number, and blanks behind it."""
_BAR = 12
"""Cells of the bar that shows how hard a prompt is."""
_ARGUMENTS = 400
"""Characters of a call's arguments that are looked at; half of them are shown."""
_NO_ERRORS = ("answered", "cancelled")
FIXED = "fixed"
"""Stands for a strategy where the user has chosen the model."""
_MEMORY_LINES = 40
"""Lines of a file of the memory that are shown."""
_SHORTEST = 0.05
"""Seconds: a shorter wait would be told as none."""


def route_lines(turn: Turn, route: Route, width: int) -> list[Line]:
    """The route in lines of this width."""
    asked = f"; task: {route.needs}" if route.needs and route.difficulty is None else ""
    served = f" (the server says: {turn.served_model})" if turn.served_model else ""
    chosen = "you have chosen it" if route.strategy == FIXED else f"chosen by {route.strategy}"
    lines = _text(f"{turn.model} answered{served}, {chosen}{asked}", width)
    lines += _section("Prompt", [_prompt(route, width)] if route.difficulty is not None else [])
    lines += _section("Notes", [_text(note, width) for note in route.notes])
    estimated = any(candidate.success is not None for candidate in route.candidates)
    legend = [_text("Chance of a good answer, estimated price and time", width)] if estimated else []
    lines += _section("Candidates", [*legend, *(_candidate(candidate, width) for candidate in route.candidates)])
    if route.left_out:
        why = "; ".join(f"{count:,} excluded: {reason}" for reason, count in route.left_out_for.items())
        lines += _text(f"and {route.left_out:,} more" + (f" ({why})" if why else ""), width)
    lines += _section("Tries", [_try(entry, width) for entry in route.tries])
    lines += _section("Memory that was sent", [row for each in route.memory for row in _memory(each, width)])
    lines += _section("Tool calls", [_call(call, width) for call in turn.calls])
    lines += _section("Seams", [_seam(seam, width) for seam in route.seams])
    lines += _section("What other strategies would have picked", [_other(other, width) for other in route.others])
    return lines


def _section(title: str, rows: Sequence[list[Line]]) -> list[Line]:
    if not rows:
        return []
    return [(), (Span(title, "accent"),), *(line for row in rows for line in row)]


def _text(text: str, width: int) -> list[Line]:
    return [(Span(line, "dim"),) for line in wrap(text, width, 6)]


def _row(name: str, mark: str, text: str, width: int, role: str = "dim") -> list[Line]:
    column = min(_COLUMN, max(12, width // 3))
    first = Span(crop(name, column).ljust(column) + " ", "strong")
    mark = mark.ljust(_MARK)
    told = wrap(text, max(8, width - column - _MARK - 1), 6) or [""]
    gap = Span(" " * (column + _MARK + 1))
    return [(first, Span(mark, "text"), Span(told[0], role)), *((gap, Span(line, role)) for line in told[1:])]


def _candidate(candidate: Candidate, width: int) -> list[Line]:
    if candidate.out:
        return _row(candidate.model, "excluded", candidate.out, width, "warning")
    # A value stays beside its name, and the dot with what it follows.
    parts = "\xa0· ".join([*_estimates(candidate), *(f"{name}\xa0{v:.2f}" for name, v in candidate.scores.items())])
    if candidate.success is not None:
        # None is certain.
        mark = f"{min(candidate.success, 0.99):.0%}"
    else:
        mark = "" if candidate.score is None else f"{candidate.score:.3f}"
    return _row(candidate.model, mark, " · ".join(filter(None, [candidate.note, parts])), width)


def _estimates(candidate: Candidate) -> list[str]:
    if candidate.success is None:
        return []
    price = _price(candidate.price) or "price unknown"
    return [part.replace(" ", "\xa0") for part in (price, f"about {formatting.seconds(candidate.seconds)}")]


def _price(dollars: float | None) -> str:
    """An estimated price; empty if it is unknown."""
    return "" if dollars is None else formatting.about_cost(dollars) if dollars else "free"


def _prompt(route: Route, width: int) -> list[Line]:
    """How hard the prompt was judged, in words and as a bar, and what else it asks for."""
    difficulty = route.difficulty or 0.0
    filled = round(_BAR / (1.0 + math.exp(-difficulty)))
    level, bar = f"{level_of(difficulty):<{_MARK}} ", "█" * filled + "░" * (_BAR - filled)
    needs = crop(without_level(route.needs), max(0, width - len(level) - _BAR - 2))
    return [
        (
            Span(crop(level, width), "strong"),
            Span(crop(bar, max(0, width - len(level))), "accent"),
            Span(f"  {needs}" if needs else "", "dim"),
        )
    ]


def _try(entry: Try, width: int) -> list[Line]:
    waited = (
        f", after a wait of {formatting.seconds(entry.waited_seconds)}" if entry.waited_seconds >= _SHORTEST else ""
    )
    rung = f", chosen by {entry.strategy}" if entry.strategy else ""
    place = f" at {entry.address}" if entry.address else ""
    reason = f": {entry.reason}" if entry.reason else ""
    took = formatting.seconds(entry.duration_seconds)
    # The reason says in words what the kind of an error says to programs.
    outcome = entry.outcome if entry.outcome in _NO_ERRORS else "failed"
    served = f" by {entry.served_model}" if entry.served_model else ""
    text = f"{outcome}{served}{place} after {took}{waited}{rung}{reason}"
    return _row(entry.model, f"try {entry.attempt}", text, width, "dim" if entry.outcome == "answered" else "warning")


def _call(call: ToolCall, width: int) -> list[Line]:
    return _row(call.name, "", shorten(" ".join(call.arguments[:_ARGUMENTS].split()), _ARGUMENTS // 2), width)


def _memory(sent: MemoryText, width: int) -> list[list[Line]]:
    """The name of a file with its tokens, and the beginning of its text."""
    about = f"{sent.name} · {formatting.tokens(memory_tokens(sent), estimated=True)} tokens"
    lines = sent.text.split("\n")
    more = f"and {len(lines) - _MEMORY_LINES:,} more lines" if len(lines) > _MEMORY_LINES else ""
    shown = filter(None, [*lines[:_MEMORY_LINES], more])
    return [[(Span(crop(about, width), "strong"),)], *(_text(line, width) for line in shown)]


def _seam(seam: Seam, width: int) -> list[Line]:
    text = f"continued after {seam.at_characters:,} characters. {seam.reason}".strip()
    return _row(seam.model, "", text, width)


def _other(other: Alternative, width: int) -> list[Line]:
    model = f"{other.model} (price unknown)" if other.model and other.price is None else other.model or "nothing"
    return _row(other.strategy, _price(other.price), model, width)


class RouteScreen(ReaderScreen):
    """Opened by w on an answer, or /why."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("w", "close", "Close", id="answer.route", show=False)]

    def __init__(self, turn: Turn, route: Route) -> None:
        super().__init__("Why this answer", lambda width: route_lines(turn, route, width))
