"""Bounds for times and numbers from outside: files, servers, imports, and stores of earlier versions.

A time within the bounds can be displayed in every time zone and stored; a number within them can be summed, encoded as
JSON and stored by SQLite.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = EPOCH
"""Some systems cannot represent an earlier local time."""
LATEST = datetime(9998, 12, 30, tzinfo=UTC)
"""Leaves room for the offset of any time zone, up to a day."""
MOST_COUNT = 1 << 40
"""The largest count of tokens, bytes and so on."""
MOST_AMOUNT = 1e12
"""The largest measured amount, in seconds or US dollars."""
_TIME_CHARACTERS = 40


def bounded_time(time: datetime | None) -> datetime | None:
    """The time in UTC; a time without a zone counts as UTC. None if it is out of bounds."""
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
    """The time of a Unix timestamp in seconds; None if it is not a number or out of bounds.

    Zero gives None too: programs write it for an unknown time.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds == 0:
        return None
    try:
        return bounded_time(EPOCH + timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return None


def time_of_text(text: object) -> datetime | None:
    """The time of an ISO 8601 text, UTC if it names no zone; None if it is invalid or out of bounds."""
    if not isinstance(text, str):
        return None
    try:
        return bounded_time(datetime.fromisoformat(text[:_TIME_CHARACTERS]))
    except (OverflowError, ValueError):
        return None


def bounded_count(value: object) -> int | None:
    """The value if it is an integer from 0 to `MOST_COUNT`, otherwise None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_COUNT else None


def bounded_amount(value: object) -> float | None:
    """The value if it is a number from 0 to `MOST_AMOUNT`, otherwise None, as for NaN and infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # The comparison also rejects NaN, infinity and integers of any length.
    return value if 0 <= value <= MOST_AMOUNT else None
