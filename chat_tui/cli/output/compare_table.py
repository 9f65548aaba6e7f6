"""The table of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.answers.comparison import ComparisonResult

_NONE = "–"
_HEAD = ("model", "state", "characters", "tokens", "time", "TTFT", "tokens/s", "cost")
_LEFT = 2
"""Number of left-aligned columns; figures are right-aligned."""


def table(results: Sequence[ComparisonResult]) -> str:
    """Return a row for each answer; `≈` marks estimates."""
    rows = [_HEAD, *map(_row, results)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place < _LEFT else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def _row(result: ComparisonResult) -> tuple[str, ...]:
    about = "≈" if result.tokens_estimated else ""
    rate, ttft, cost = result.tokens_per_second, result.ttft_seconds, result.cost
    return (
        shorten(result.model, 60),
        result.state,
        f"{result.characters:,}",
        f"{about}{result.tokens:,}" if result.tokens is not None else _NONE,
        f"{result.seconds:.1f} s",
        f"{ttft:.2f} s" if ttft is not None else _NONE,
        f"{about}{rate:.1f}" if rate is not None else _NONE,
        f"{about if cost else ''}${cost:.4g}" if cost is not None else _NONE,
    )
