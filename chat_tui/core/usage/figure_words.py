"""Seconds, tokens and money in words, as all faces write them."""

from __future__ import annotations

import math

UNKNOWN = "–"
"""Stands where there is nothing true to say."""
ABOUT = "≈"
"""Stands before what is estimated."""


def is_known(value: float | None) -> bool:
    """Return whether this is a figure that can be told."""
    return value is not None and math.isfinite(value) and value >= 0


def seconds(value: float | None, *, whole: bool = False) -> str:
    """A length of time: `1.2 s` (or `1 s`), `2 m 05 s`, `1 h 02 m`."""
    if value is None or not is_known(value):
        return UNKNOWN
    if value < 59.95:
        return f"{value:.{0 if whole else 1}f} s"
    rounded = round(value)
    if rounded < 3600:
        return f"{rounded // 60} m {rounded % 60:02d} s"
    minutes = rounded // 60
    return f"{minutes // 60} h {minutes % 60:02d} m"


def tokens(count: int | None, estimated: bool = False) -> str:
    """A number of tokens: `1,234`, `12.3k`, `1.2M`, with `≈` before an estimate."""
    if count is None or count < 0:
        return UNKNOWN
    mark = ABOUT if estimated else ""
    if count < 10_000:
        return f"{mark}{count:,}"
    if count < 999_950:
        return f"{mark}{count / 1000:.1f}k"
    return f"{mark}{count / 1_000_000:.1f}M"


def cost(dollars: float | None) -> str:
    """US dollars: `$0`, `<$0.0001`, `$0.0012`, `$0.123`, `$1.23`."""
    if dollars is None or not is_known(dollars):
        return UNKNOWN
    if dollars == 0:
        return "$0"
    if dollars < 0.0001:
        return "<$0.0001"
    if dollars < 0.09995:
        return f"${dollars:.4f}"
    if dollars < 0.9995:
        return f"${dollars:.3f}"
    return f"${dollars:,.2f}"


def about_cost(dollars: float | None) -> str:
    """An estimated cost: `≈$0.0012`, `<$0.0001`; empty for none."""
    told = cost(dollars)
    return ABOUT + told if dollars and not told.startswith("<") else told
