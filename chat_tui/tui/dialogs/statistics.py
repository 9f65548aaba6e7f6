"""Statistics of the last 30 days by day, model and strategy, for /stats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from rich.cells import cell_len

from chat_tui.core.usage.usage import UsageReport, UsageTotals
from chat_tui.tui.dialogs.reader import ReaderScreen
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import Line, Span, crop_start, wrap

DAYS = 30
NAME, LONGEST_NAME = 18, 34
"""Cells: the least for a name, and the most."""
SHORT_GAP = 3
"""From so many days without answers on they are one row."""
BAR, LONGEST_BAR = 6, 24
"""The same for a bar."""


def _verdicts(sums: UsageTotals) -> str:
    return f"+{sums.good} -{sums.bad}" if sums.good or sums.bad else formatting.UNKNOWN


_COLUMNS: tuple[tuple[str, int, Callable[[UsageTotals], str]], ...] = (
    ("answers", 7, lambda sums: f"{sums.answers:,}"),
    ("out", 7, lambda sums: formatting.tokens(sums.completion_tokens, sums.tokens_estimated)),
    ("cost", 9, lambda sums: formatting.cost(sums.cost)),
    ("tok/s", 5, lambda sums: formatting.speed(sums.tokens_per_second)),
    ("TTFT", 7, lambda sums: formatting.ttft(sums.ttft_seconds)),
    ("in", 7, lambda sums: formatting.tokens(sums.prompt_tokens, sums.tokens_estimated)),
    ("rated", 7, _verdicts),
)
"""(heading, cells, what stands there): the most wanted first, as many as there is room for."""


def since(now: datetime) -> datetime:
    """The beginning of the first of the days."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS - 1)


def statistics_lines(found: UsageReport, width: int) -> list[Line]:
    """The figures in lines of this width."""
    shown = _columns_for(width)
    heading = [Span(" " * (width - sum(_cells(column) for column in shown)))]
    heading += [Span(label.rjust(cells + 1), "dim") for label, cells, _ in shown]
    lines: list[Line] = [tuple(heading), *_rows("", [found.whole], width, lambda _: "All")]
    lines += _rows("By model", found.models, width, _name)
    lines += _rows("By strategy", found.strategies, width, _name)
    lines += _rows("By day", _without_gaps(found.days), width, _day)
    told = "Tokens/s and TTFT (time to the first token) are medians. Deleted and private conversations are not counted."
    if _COLUMNS[-1] in shown:
        told = f"{told} Rated: answers that you rated as good (+) and bad (-)."
    if found.newest_only:
        told = f"Only the newest {found.whole.answers:,} answers are counted. {told}"
    return [*lines, (), *((Span(line, "dim"),) for line in wrap(told, width, 4))]


def _without_gaps(days: Sequence[UsageTotals]) -> list[UsageTotals]:
    """Days without any answer as one row, where there are several in a row."""
    rows: list[UsageTotals] = []
    for answered, found in groupby(days, key=lambda day: bool(day.answers)):
        run = list(found)
        rows += run if answered or len(run) < SHORT_GAP else [UsageTotals(f"{len(run)} idle days")]
    return rows


def _columns_for(width: int) -> Sequence[tuple[str, int, Callable[[UsageTotals], str]]]:
    room, shown = width - NAME, []
    for column in _COLUMNS:
        if _cells(column) > room:
            break
        room -= _cells(column)
        shown.append(column)
    return shown


def _cells(column: tuple[str, int, Callable[[UsageTotals], str]]) -> int:
    return column[1] + 1


def _rows(title: str, sums: Sequence[UsageTotals], width: int, named: Callable[[str], str]) -> list[Line]:
    shown = _columns_for(width)
    room = width - sum(_cells(column) for column in shown)
    names = [named(one.name) for one in sums]
    longest = max(map(cell_len, names), default=0)
    bar = max(0, min(LONGEST_BAR, room - min(longest, LONGEST_NAME) - 2))
    bar = bar if bar >= BAR and len(sums) > 1 else 0
    most = max((one.answers for one in sums), default=0)
    lines: list[Line] = [(), (Span(title, "accent"),)] if title else []
    if not sums:
        lines.append((Span(formatting.UNKNOWN, "dim"),))
    for name, one in zip(names, sums, strict=True):
        label = crop_start(name, room - (bar + 2 if bar else 0))
        filled = formatting.gauge(one.answers, most, bar)[0] if one.answers else ""
        gap = " " * (room - bar - cell_len(label))
        cells = [Span(say(one).rjust(cells + 1), "text" if one.answers else "dim") for _, cells, say in shown]
        if not one.answers:
            cells = [Span(formatting.UNKNOWN.rjust(column[1] + 1), "line") for column in shown]
        lines.append(
            (Span(label, "text" if one.answers else "dim"), Span(gap), Span(filled.ljust(bar), "accent"), *cells)
        )
    return lines


def _day(name: str) -> str:
    if not name[:4].isdecimal():
        return name
    day = date.fromisoformat(name)
    return f"{day:%a} {day.day:2d} {day:%b}"


def _name(name: str) -> str:
    return name or "unknown"


class StatisticsScreen(ReaderScreen):
    """Opened by /stats."""

    def __init__(self, found: UsageReport) -> None:
        super().__init__(f"The last {DAYS} days", lambda width: statistics_lines(found, max(1, width - 1)))
