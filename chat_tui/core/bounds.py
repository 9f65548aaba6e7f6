"""Bounds on times and numbers that come from outside: files, servers, imports, and stores of earlier versions.

A time within these bounds can be shown in every time zone and kept in the store; a number within them can be summed up,
written as JSON and stored by SQLite.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = EPOCH
"""Some systems have no local time before it."""
LATEST = datetime(9998, 12, 30, tzinfo=UTC)
"""Leaves room for the offset of any time zone, which is less than a day."""
MOST_COUNT = 1 << 40
"""Of tokens, bytes or other things that are counted."""
MOST_AMOUNT = 1e12
"""Of what is measured: seconds, dollars."""
_TIME_CHARACTERS = 40


def bounded_time(time: datetime | None) -> datetime | None:
    """The time in UTC, where one without a zone is UTC already; None for one out of bounds."""
    if time is None:
        return None
    try:
        in_utc = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return in_utc if EARLIEST <= in_utc <= LATEST else None


def clamped_time(time: datetime) -> datetime:
    """The time, or the nearest one within the bounds. It must have a time zone."""
    return min(max(time, EARLIEST), LATEST)


def time_of_seconds(seconds: object) -> datetime | None:
    """The time so many seconds after 1970 began in UTC; None for what is no such number, or out of bounds.

    Zero is None too: programs write it where they know no time.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds == 0:
        return None
    try:
        return bounded_time(EPOCH + timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return None


def time_of_text(text: object) -> datetime | None:
    """The time of an ISO 8601 text, in UTC where it names no zone; None for what is none, or out of bounds."""
    if not isinstance(text, str):
        return None
    try:
        return bounded_time(datetime.fromisoformat(text[:_TIME_CHARACTERS]))
    except (OverflowError, ValueError):
        return None


def bounded_count(value: object) -> int | None:
    """The value if it is a whole number from 0 to `MOST_COUNT`; else None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_COUNT else None


def bounded_amount(value: object) -> float | None:
    """The value if it is a number from 0 to `MOST_AMOUNT`; else None, as for NaN and infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Comparing holds for NaN, infinity and whole numbers of any length.
    return value if 0 <= value <= MOST_AMOUNT else None
