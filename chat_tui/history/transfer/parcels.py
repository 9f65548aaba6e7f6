"""What an import is made of. Keys are the source's own names for things: they make a second import find the first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from chat_tui.conversation import Turn
from chat_tui.errors import HistoryError
from chat_tui.route import Route

RECORD_BYTES = 100_000_000
"""Of one conversation in a JSON file."""
TEXT_CHARACTERS = 10_000_000
"""Of one turn; what follows is cut."""
KEY_CHARACTERS = 200

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_SECONDS = 253_000_000_000
"""In the year 9987; later ones are no times."""


class ImportRefused(HistoryError):
    """The file as a whole cannot be imported."""


class BadRecord(Exception):
    """One record cannot be read; its text says why."""


class Skipped(msgspec.Struct, frozen=True):
    """What was not imported."""

    record: str
    """Which: its title or id, or its number in the file."""
    reason: str


class Arrival(msgspec.Struct, frozen=True):
    """A turn that comes in."""

    key: str
    """Unlike all others of its conversation."""
    parent: str | None
    """The key of its parent, which comes earlier."""
    turn: Turn
    """Its own id counts only where the head says that ids are kept; its `parent` does not."""
    route: Route | None = None
    on_path: bool = True
    """Whether it stands on the conversation's current path."""
    import_key: str = ""
    """Where ids are kept: its key in the program that it was imported from before."""


class Head(msgspec.Struct, frozen=True):
    """A conversation that comes in, without its turns."""

    key: str
    """Its id, where ids are kept; else the program's name and its id there."""
    created: datetime
    updated: datetime
    title: str = ""
    system_prompt: str | None = None
    pinned: bool = False
    preset: str = ""
    keeps_ids: bool = False
    """It is from a store like ours: its keys are ids."""
    import_key: str = ""
    """Where ids are kept: its key in the program that it was imported from before."""


class Parcel:
    """A conversation that comes in: `turns` can be walked once, parents first, and may hold what had to be skipped."""

    def __init__(self, head: Head, turns: Iterator[Arrival | Skipped]) -> None:
        self.head = head
        self.turns = turns


def moment(seconds: Any) -> datetime | None:
    """The time of so many seconds since 1970; None for what is no time."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    if not math.isfinite(seconds) or not 0 < seconds < _LATEST_SECONDS:
        return None
    return _EPOCH + timedelta(seconds=seconds)


def moment_of_text(text: Any) -> datetime | None:
    """The time of an ISO 8601 text, in UTC where it names no zone; None for what is no time."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text[:40])
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def words(value: Any) -> str:
    """The value if it is a text, at most `TEXT_CHARACTERS` of it; else nothing."""
    return value[:TEXT_CHARACTERS] if isinstance(value, str) else ""


def count(value: Any) -> int | None:
    """The value if it is a number of things; else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53 else None
