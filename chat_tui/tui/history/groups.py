"""Conversations in groups by when they were last used. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from chat_tui.core.conversation import ConversationSummary

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def groups(summaries: Sequence[ConversationSummary], found: Sequence[int], now: datetime) -> list[tuple[int, str]]:
    """(row, name of the group that begins there) for the rows that show `summaries[found[row]]`: private ones first,
    then the pinned, then the others newest first, as the engine lists them. Days are those of the zone of `now`.

    Looks at a few rows of each group only, so that many cost no more than few.
    """
    begun: list[tuple[int, str]] = []
    row = 0
    for name in ("Private", "Pinned"):
        first, row = row, bisect_left(found, True, row, key=lambda place: not _is(name, summaries[place]))
        if row > first:
            begun.append((first, name))
    while row < len(found):
        name, since = _group(summaries[found[row]].updated, now)
        begun.append((row, name))
        row = bisect_left(found, True, row + 1, key=lambda place: summaries[place].updated < since)
    return begun


def _is(name: str, summary: ConversationSummary) -> bool:
    return summary.private if name == "Private" else summary.pinned and not summary.private


def _group(when: datetime, now: datetime) -> tuple[str, datetime]:
    """The group of a time, and when it begins."""
    today = datetime.combine(now.date(), time(), now.tzinfo)
    for name, since in (
        ("Today", today),
        ("Yesterday", today - timedelta(days=1)),
        ("This week", today - timedelta(days=now.weekday())),
        ("This month", today.replace(day=1)),
    ):
        if when >= since:
            return name, since
    try:
        month = when.astimezone(now.tzinfo).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    except (OverflowError, ValueError, OSError):
        return "Older", when
    name = _MONTHS[month.month - 1]
    return name if month.year == now.year else f"{name} {month.year}", month
