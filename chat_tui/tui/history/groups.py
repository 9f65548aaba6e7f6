"""Conversations in groups by when they were last used. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from chat_tui.core.conversation import ConversationSummary
from chat_tui.tui.widgets import formatting

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


def time_in_group(summary: ConversationSummary, now: datetime, *, exact: bool = False) -> str:
    """When a conversation was last used, without what its group says: `14:05` of today or yesterday, `Mon` of this
    week, else the date. `exact`: with the time of day in any case, as in `Mon 14:05`."""
    when = summary.updated
    try:
        local = when.astimezone(now.tzinfo)
    except (OverflowError, ValueError, OSError):
        return formatting.UNKNOWN
    clock = f"{local.hour:02d}:{local.minute:02d}"
    if summary.private or summary.pinned:
        day = formatting.moment(when, now)
        return f"{day} {clock}" if exact and day != clock else day
    name, _ = _group(when, now)
    if name in ("Today", "Yesterday"):
        # A clock that was ahead has made it a day of its own.
        return clock if local.date() <= now.date() else formatting.moment(when, now)
    day = f"{local:%a}" if name == "This week" else formatting.moment(when, now)
    return f"{day} {clock}" if exact else day


def same_titles(summaries: Sequence[ConversationSummary]) -> frozenset[str]:
    """The titles that several conversations have."""
    return frozenset(title for title, count in Counter(each.title for each in summaries).items() if count > 1)


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
