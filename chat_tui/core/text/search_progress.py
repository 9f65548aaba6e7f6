"""Formats the progress of a search, and how much it has found."""

from __future__ import annotations

import math
from datetime import datetime

from chat_tui.core.text.counts import count_of

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


def search_count(messages: int, titles: int, conversations: int, *, complete: bool) -> str:
    """Return `12 messages and 2 titles in 6 conversations`, or `more than 12 messages …` if the search is not
    `complete`; empty for nothing. `conversations` is the number of those with such messages or titles."""
    found = [count_of(messages, "message")] if messages else []
    found += [count_of(titles, "title")] if titles else []
    if not messages:
        return "".join(found)
    return f"{'' if complete else 'more than '}{' and '.join(found)} in {count_of(conversations, 'conversation')}"
