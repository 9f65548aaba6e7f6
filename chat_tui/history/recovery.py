"""Brings what can still be read of a damaged store into a fresh one."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from chat_tui.history import search
from chat_tui.history.failures import is_unreadable
from chat_tui.history.lane import transaction

_TABLES = ("conversation", "turn", "piece", "route", "content", "attachment", "ending", "draft", "place", "erased_cost")
_HIGHEST_KEY = 1 << 40
_FAILURES = 5000
"""Ranges that may fail in one table before the rest of it is given up."""


class Recovered(msgspec.Struct, frozen=True):
    """What was brought over."""

    conversations: int
    turns: int


def damaged_source(file: Path, busy_seconds: float) -> sqlite3.Connection:
    """A connection that reads what it can and writes nothing."""
    source = sqlite3.connect(file, timeout=busy_seconds, isolation_level=None)
    source.text_factory = lambda text: text.decode("utf-8", "replace")
    source.execute("PRAGMA query_only = ON")
    # Only so does SQLite read a file that is shorter than its header says.
    source.execute("PRAGMA writable_schema = ON")
    return source


def schema(source: sqlite3.Connection) -> int:
    """The number of its schema; 0 when it cannot be read."""
    try:
        return int(source.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if not is_unreadable(error):
            raise
        return 0


def bring_over(source: sqlite3.Connection, fresh: sqlite3.Connection) -> Recovered:
    """Copies every row that SQLite can reach, mends the links between them; the texts are indexed later."""
    with transaction(fresh):
        for table in _TABLES:
            _copy(source, fresh, table)
        _mend(fresh)
        counts = [fresh.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("conversation", "turn")]
    return Recovered(*counts)


def _copy(source: sqlite3.Connection, fresh: sqlite3.Connection, table: str) -> None:
    try:
        known = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
    except sqlite3.DatabaseError as error:
        if not is_unreadable(error):
            raise
        # No database at all, or its schema cannot be read: nothing to bring over.
        return
    columns = [row[1] for row in fresh.execute(f"PRAGMA table_info({table})") if row[1] in known]
    if not columns:
        return
    names = ", ".join(columns)
    insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"
    for row in _readable(source, f"SELECT rowid, {names} FROM {table} WHERE rowid BETWEEN ? AND ? ORDER BY rowid"):
        fresh.execute(insert, row)


def _readable(source: sqlite3.Connection, select: str) -> Iterator[tuple[Any, ...]]:
    """The rows in order, for a `select` of the rowid and more between two rowids.

    Where reading fails the range is halved, so that a bad page costs only its own rows.
    """
    ranges = [(0, _HIGHEST_KEY)]
    failures = 0
    while ranges and failures < _FAILURES:
        low, high = ranges.pop()
        last = low - 1
        try:
            for key, *row in source.execute(select, (low, high)):
                last = key
                yield tuple(row)
        except sqlite3.DatabaseError as error:
            if not is_unreadable(error):
                raise
            failures += 1
            low = last + 1
            if low < high:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]


def _mend(db: sqlite3.Connection) -> None:
    """Links that lead nowhere are tied again: to the turn before, to the last turn, to a conversation of that key."""
    db.execute(
        "INSERT INTO conversation (key, id, created, updated, title)"
        " SELECT conversation, 'recovered' || conversation, coalesce(min(created), 0), coalesce(max(created), 0),"
        " 'Recovered conversation'"
        " FROM turn WHERE conversation NOT IN (SELECT key FROM conversation) GROUP BY conversation"
    )
    db.execute(
        "UPDATE turn SET parent = (SELECT max(key) FROM turn AS before"
        " WHERE before.conversation = turn.conversation AND before.key < turn.key)"
        " WHERE parent IS NOT NULL AND parent NOT IN (SELECT key FROM turn)"
    )
    db.execute(
        "UPDATE conversation SET leaf = (SELECT max(key) FROM turn WHERE turn.conversation = conversation.key)"
        " WHERE leaf IS NULL OR leaf NOT IN (SELECT key FROM turn)"
    )
    for table in ("piece", "route", "attachment", "ending"):
        db.execute(f"DELETE FROM {table} WHERE turn NOT IN (SELECT key FROM turn)")
    db.execute("DELETE FROM attachment WHERE content NOT IN (SELECT key FROM content)")
    search.begin_again(db)


def with_logs(file: Path) -> list[Path]:
    """The file and what SQLite keeps beside it."""
    return [file, *(file.with_name(file.name + ending) for ending in ("-wal", "-shm", "-journal"))]


def put_aside(file: Path) -> Path:
    """Keeps a damaged store under a name with the time; its logs leave too, or SQLite would play them into the next."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    aside = file.with_name(f"{file.stem}.damaged-{stamp}{file.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = file.with_name(f"{file.stem}.damaged-{stamp}-{number}{file.suffix}")
    try:
        # Linked, not moved: killed here, the next start finds the damaged store and begins again.
        os.link(file, aside)
    except OSError:
        shutil.copy2(file, aside)
    for log, kept in zip(with_logs(file)[1:], with_logs(aside)[1:], strict=True):
        if log.exists():
            log.replace(kept)
    return aside
