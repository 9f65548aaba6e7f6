"""Looks at a store without opening it as one: nothing is created, migrated or recovered, and no texts are read."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from chat_tui.core.errors import HistoryError, StoreDamaged
from chat_tui.history.database.error_mapping import map_error
from chat_tui.history.migrations import MIGRATIONS
from chat_tui.history.opening import damage_mark

CHECK_SECONDS = 2.0
_WAIT_SECONDS = 1.0
"""For another process that writes."""
_STEPS = 10_000
"""Instructions of SQLite's virtual machine between two looks at the clock."""
_CONVERSATIONS = "SELECT count(*) FROM conversation WHERE deleted IS NULL"

CheckResult: TypeAlias = Literal["whole", "damaged", "too large", "unfinished", "not checked"]
"""`too large`: the time was not enough. `unfinished`: the last changes are only in the log of a process that has ended;
the next start adds them."""


class StoreInspection(msgspec.Struct, frozen=True):
    """What a store looks like from outside."""

    size_bytes: int
    """With its log."""
    schema: int = 0
    """The version of its schema; 0 if it has none."""
    newest_schema: int = len(MIGRATIONS)
    """The one that this program knows."""
    conversations: int | None = None
    """Without deleted ones; None if they were not counted."""
    check: CheckResult = "not checked"
    error: HistoryError | None = None
    """Why it could not be looked at."""


def inspect_store(file: Path, seconds: float = CHECK_SECONDS) -> StoreInspection | None:
    """Return what the store looks like; None if there is none. Blocks for about as long as `seconds`."""
    if not file.exists():
        return None
    if not file.is_file():
        error = HistoryError(f"{file} is not a regular file.", "Nothing is saved until you move it away.")
        return StoreInspection(0, error=error)
    log = file.with_name(f"{file.name}-wal")
    size = file.stat().st_size + (log.stat().st_size if log.exists() else 0)
    if damage_mark(file).exists():
        return StoreInspection(size, check="damaged")
    is_open = log.exists()
    if is_open and not file.with_name(f"{file.name}-shm").exists():
        # Reading the log would create a file beside it.
        return StoreInspection(size, check="unfinished")
    how = "mode=ro" if is_open else "immutable=1"
    try:
        target = f"{file.absolute().as_uri()}?{how}"
        with closing(sqlite3.connect(target, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)) as db:
            return _look(db, size, time.monotonic() + seconds)
    except (sqlite3.Error, OSError) as error:
        told = map_error(error, str(file))
        if isinstance(told, StoreDamaged):
            # A file that is read as one that nobody changes may have been changed.
            return StoreInspection(size, check="not checked" if log.exists() and not is_open else "damaged")
        return StoreInspection(size, error=told)


def _look(db: sqlite3.Connection, size: int, end: float) -> StoreInspection:
    db.execute("PRAGMA query_only = ON")
    schema = int(db.execute("PRAGMA user_version").fetchone()[0])
    if not 0 < schema <= len(MIGRATIONS):
        return StoreInspection(size, schema)
    db.set_progress_handler(lambda: int(time.monotonic() > end), _STEPS)
    try:
        conversations = int(db.execute(_CONVERSATIONS).fetchone()[0])
        lines = db.execute("PRAGMA quick_check (1)").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_INTERRUPT":
            raise
        return StoreInspection(size, schema, check="too large")
    return StoreInspection(
        size, schema, conversations=conversations, check="whole" if lines == [("ok",)] else "damaged"
    )
