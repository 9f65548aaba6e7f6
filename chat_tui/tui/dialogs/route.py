"""How an answer was routed: models that were considered or excluded, each try, what others would have picked."""

from __future__ import annotations

import math
from typing import ClassVar

from textual.binding import Binding, BindingType

from chat_tui.core.conversation import Turn
from chat_tui.core.route import Route
from chat_tui.engine.answers.route_report import ReportRow, ReportSection, report_route
from chat_tui.tui.dialogs.reader import ReaderScreen
from chat_tui.tui.widgets.styled_lines import Line, Span, crop, wrap

_COLUMN = 30
"""Cells for a model's name; fewer where it is narrow."""
_MARK = 10
"""Cells for a score, a price or a number, and blanks behind it."""
_BAR = 12
"""Cells of the bar that shows how hard a prompt is."""


def route_lines(turn: Turn, route: Route, width: int) -> list[Line]:
    """The route in lines of this width."""
    report = report_route(turn, route)
    lines = _text(report.answered, width)
    for section in report.sections:
        if section.rows:
            lines += [(), (Span(section.title, "accent"),)]
        lines += _text(section.legend, width) if section.legend else []
        for row in section.rows:
            lines += _row_lines(section, row, route, width)
        lines += _text(section.rest, width) if section.rest else []
    return lines


def _row_lines(section: ReportSection, row: ReportRow, route: Route, width: int) -> list[Line]:
    if section.kind == "prompt":
        return [_prompt(row, route.difficulty or 0.0, width)]
    if section.kind == "notes":
        return _text(row.text, width)
    if section.kind == "memory":
        name: Line = (Span(crop(row.name, width), "strong"),)
        return [name, *(line for text in row.text.split("\n") for line in _text(text, width))]
    return _row(row, width)


def _text(text: str, width: int) -> list[Line]:
    return [(Span(line, "dim"),) for line in wrap(text, width, 6)]


def _row(row: ReportRow, width: int) -> list[Line]:
    role = "warning" if row.warns else "dim"
    column = min(_COLUMN, max(12, width // 3))
    first = Span(crop(row.name, column).ljust(column) + " ", "strong")
    told = wrap(row.text, max(8, width - column - _MARK - 1), 6) or [""]
    gap = Span(" " * (column + _MARK + 1))
    mark = Span(row.mark.ljust(_MARK), "text")
    return [(first, mark, Span(told[0], role)), *((gap, Span(line, role)) for line in told[1:])]


def _prompt(row: ReportRow, difficulty: float, width: int) -> Line:
    """How hard the prompt was judged, in words and as a bar, and what else it asks for."""
    filled = round(_BAR / (1.0 + math.exp(-difficulty)))
    level, bar = f"{row.name:<{_MARK}} ", "█" * filled + "░" * (_BAR - filled)
    needs = crop(row.text, max(0, width - len(level) - _BAR - 2))
    return (
        Span(crop(level, width), "strong"),
        Span(crop(bar, max(0, width - len(level))), "accent"),
        Span(f"  {needs}" if needs else "", "dim"),
    )


class RouteScreen(ReaderScreen):
    """Opened by w on an answer, or /why."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("w", "close", "Close", id="answer.route", show=False)]

    def __init__(self, turn: Turn, route: Route) -> None:
        super().__init__("Why this answer", lambda width: route_lines(turn, route, width))
