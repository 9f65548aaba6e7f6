"""Checks the whole store without changing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from threading import Event

import msgspec

from chat_tui.history.database.damaged_values import DamagedValue, damaged_values
from chat_tui.history.database.error_mapping import is_unreadable

_LINES = 20
"""The most problems of one kind that are listed."""
_STEPS = 100_000
"""Instructions of SQLite's virtual machine between two checks of `stop`."""

_LINKS = (
    (
        "SELECT turn.id FROM turn JOIN turn AS above ON above.key = turn.parent"
        " WHERE above.key >= turn.key OR above.conversation <> turn.conversation",
        "Turn {} follows a turn that cannot come before it.",
    ),
    (
        "SELECT conversation.id FROM conversation JOIN turn ON turn.key = leaf"
        " WHERE turn.conversation <> conversation.key",
        "Conversation {} ends in another conversation.",
    ),
    (
        "SELECT DISTINCT turn.id FROM piece JOIN turn ON turn.key = piece.turn WHERE state <> 'streaming'",
        "Answer {} has ended, but it was not fully assembled.",
    ),
)
_CONVERSATIONS = "SELECT count(*) FROM conversation WHERE deleted IS NULL"
_DELETED = "SELECT count(*) FROM conversation WHERE deleted > 0"
_TURNS = "SELECT count(*) FROM turn WHERE conversation IN (SELECT key FROM conversation WHERE deleted IS NULL)"
_UNFOUND = (
    "SELECT count(*) FROM turn WHERE state <> 'streaming' AND text <> ''"
    " AND (indexed = 0 OR key <= (SELECT last FROM index_gap))"
    " AND conversation IN (SELECT key FROM conversation WHERE deleted IS NULL)"
)


class CheckReport(msgspec.Struct, frozen=True):
    """The result of a check."""

    conversations: int
    turns: int
    size_bytes: int
    """The size of the file, without its log."""
    problems: tuple[str, ...] = ()
    """Sentences; empty if there are none."""
    damaged: bool = False
    """Whether the file is damaged, so that the next start recovers it."""
    unfound_turns: int = 0
    """Turns that are not indexed yet."""
    deleted_conversations: int = 0
    """Deleted conversations that can be restored; the other counts leave them out."""

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


def check(db: sqlite3.Connection, stop: Event) -> CheckReport:
    """Check one moment of the store; `stop` ends the check with an `sqlite3.OperationalError`."""
    db.set_progress_handler(lambda: int(stop.is_set()), _STEPS)
    try:
        damage = [*_damage(db)]
        problems = list(damage)
        with _ignore_known_damage(known=bool(damage)):
            problems += (line for select, sentence in _LINKS for line in _sentences(db, select, sentence))
        with _ignore_known_damage(known=bool(damage)):
            garbled = _damaged_values(db)
            problems += (value.sentence for value in garbled)
            damage += (value.sentence for value in garbled if value.structural)
        size = _number(db, "PRAGMA page_count") * _number(db, "PRAGMA page_size")
        counts = [0, 0, 0, 0]
        with _ignore_known_damage(known=bool(damage)):
            counts = [_number(db, select) for select in (_CONVERSATIONS, _TURNS, _UNFOUND, _DELETED)]
        conversations, turns, unfound, deleted = counts
        return CheckReport(conversations, turns, size, tuple(problems), bool(damage), unfound, deleted)
    finally:
        db.set_progress_handler(None, 0)


def _damage(db: sqlite3.Connection) -> Iterator[str]:
    for (line,) in db.execute(f"PRAGMA integrity_check ({_LINES})"):
        if line != "ok":
            yield f"The file is damaged: {line}"
    for table, row, parent, _ in db.execute("PRAGMA foreign_key_check").fetchmany(_LINES):
        yield f"Row {row} of `{table}` belongs to a missing row of `{parent}`."


@contextmanager
def _ignore_known_damage(*, known: bool) -> Iterator[None]:
    """Suppress errors of reading inside the block if the file is `known` to be damaged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if not (known and is_unreadable(error)):
            raise


def _damaged_values(db: sqlite3.Connection) -> list[DamagedValue]:
    decode, db.text_factory = db.text_factory, bytes
    try:
        return [*islice(damaged_values(db), _LINES)]
    finally:
        db.text_factory = decode


def _sentences(db: sqlite3.Connection, select: str, sentence: str) -> list[str]:
    return [sentence.format(id) for (id,) in db.execute(f"{select} LIMIT {_LINES}")]


def _number(db: sqlite3.Connection, select: str) -> int:
    return int(db.execute(select).fetchone()[0])
