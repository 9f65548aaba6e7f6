"""Formats the progress of a search."""

from __future__ import annotations

import math
from datetime import datetime

# Not `strftime`: its names depend on the locale.
_MONTHS = {
    1: "January",
    2: "February",
    3: "March",
    4: "April",
    5: "May",
    6: "June",
    7: "July",
    8: "August",
    9: "September",
    10: "October",
    11: "November",
    12: "December",
}


def search_progress(part: float, back_to: datetime | None) -> str:
    """Return `searched back to March 2025 (43 %)`, or `searched 43 %` without a time. `part` of the history is 0 to
    1."""
    # Rounded down: 100 % would say that it is done.
    percent = f"{math.floor(min(max(part, 0.0), 0.99) * 100)} %"
    if back_to is None:
        return f"searched {percent}"
    try:
        local = back_to.astimezone()
    except (OverflowError, ValueError, OSError):
        return f"searched {percent}"
    return f"searched back to {_MONTHS[local.month]} {local.year} ({percent})"
