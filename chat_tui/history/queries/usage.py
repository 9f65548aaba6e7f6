"""Sums over answers. A bounded number is read, by an index of their times, however large the store is."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from datetime import datetime, timedelta

import msgspec

from chat_tui.core.chunks import Timings, Usage
from chat_tui.core.conversation import now
from chat_tui.core.usage.usage import UsageReport, UsageTotals
from chat_tui.history.records import microseconds
from chat_tui.history.stored_text import clean_line_of

MOST_ANSWERS = 15_000
"""The most answers that are read, newest first, which takes a tenth of a second."""
MOST_NAMES = 100
"""The most models, and the most strategies, in a report."""
_DAY = 86_400_000_000

ANSWERS = """
    SELECT created, model, strategy, cost, verdict, details FROM turn INDEXED BY turn_answered
    WHERE role = 'assistant' AND created >= ? AND state NOT IN ('streaming', 'failed')
    AND conversation NOT IN (SELECT key FROM conversation WHERE deleted IS NOT NULL) ORDER BY created DESC LIMIT ?
"""
"""Parameters: the earliest time in microseconds since 1970, and the limit."""


class _Figures(msgspec.Struct, frozen=True, gc=False):
    """The parts of a turn's details that are summed up."""

    usage: Usage | None = None
    timings: Timings | None = None


_NO_FIGURES = _Figures()
_decoder = msgspec.json.Decoder(_Figures)


class _Sum:
    """Answers of one day, model or strategy."""

    def __init__(self) -> None:
        self._answers = self._good = self._bad = 0
        self._prompt: int | None = None
        self._completion: int | None = None
        self._estimated = False
        self._costs: list[float] = []
        self._waits: list[float] = []
        self._rates: list[float] = []

    def add(self, cost: float | None, verdict: int | None, figures: _Figures) -> None:
        self._answers += 1
        if cost is not None:
            self._costs.append(cost)
        if verdict is not None:
            self._good += bool(verdict)
            self._bad += not verdict
        if figures.usage is not None:
            self._estimated |= figures.usage.estimated
            self._prompt = _plus(self._prompt, figures.usage.prompt_tokens)
            self._completion = _plus(self._completion, figures.usage.completion_tokens)
        if figures.timings is not None:
            if figures.timings.ttft_seconds is not None:
                self._waits.append(figures.timings.ttft_seconds)
            if figures.timings.tokens_per_second is not None:
                self._rates.append(figures.timings.tokens_per_second)

    def merge(self, other: _Sum) -> None:
        self._answers += other._answers
        self._estimated |= other._estimated
        self._prompt = _plus(self._prompt, other._prompt)
        self._completion = _plus(self._completion, other._completion)
        self._good += other._good
        self._bad += other._bad
        self._costs += other._costs
        self._waits += other._waits
        self._rates += other._rates

    def totals(self, name: str) -> UsageTotals:
        from statistics import median

        return UsageTotals(
            name,
            self._answers,
            self._prompt,
            self._completion,
            sum(self._costs) if self._costs else None,
            median(self._waits) if self._waits else None,
            median(self._rates) if self._rates else None,
            self._good,
            self._bad,
            self._estimated,
        )


def _plus(sum: int | None, count: int | None) -> int | None:
    """The sum of the known ones; None if neither is known."""
    return sum if count is None else (sum or 0) + count


def statistics(db: sqlite3.Connection, since: datetime, most: int = MOST_ANSWERS) -> UsageReport:
    """Sums over the answers since then, the beginning of a day, in days of 24 hours from there."""
    begun = microseconds(since)
    count = max(0, (microseconds(now()) - begun) // _DAY) + 1
    cells: defaultdict[tuple[int, str, str], _Sum] = defaultdict(_Sum)
    read = 0
    for created, model, strategy, cost, verdict, details in db.execute(ANSWERS, (begun, most + 1)):
        read += 1
        if read > most:
            break
        # An answer of a clock that was ahead counts for the last day.
        day = min(count - 1, (created - begun) // _DAY)
        cells[day, model, strategy].add(cost, verdict, _figures(details))
    whole, days = _Sum(), [_Sum() for _ in range(count)]
    models: defaultdict[str, _Sum] = defaultdict(_Sum)
    strategies: defaultdict[str, _Sum] = defaultdict(_Sum)
    for (day, model, strategy), cell in cells.items():
        for sums in (whole, days[day], models[clean_line_of(model)], strategies[clean_line_of(strategy)]):
            sums.merge(cell)
    return UsageReport(
        since,
        whole.totals(""),
        tuple(sums.totals((since + timedelta(days=place)).date().isoformat()) for place, sums in enumerate(days))[::-1],
        _most_first(models),
        _most_first(strategies),
        read > most,
    )


def _figures(details: str | None) -> _Figures:
    if details is None:
        return _NO_FIGURES
    try:
        return _decoder.decode(details)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _NO_FIGURES


def _most_first(sums: dict[str, _Sum]) -> tuple[UsageTotals, ...]:
    totals = [group.totals(name) for name, group in sums.items()]
    return tuple(sorted(totals, key=lambda one: (-one.answers, one.name))[:MOST_NAMES])
