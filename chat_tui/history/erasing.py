"""Deleting: at first a conversation is only put out of sight; later it is erased for good, in short pieces."""

from __future__ import annotations

import sqlite3
import time

from chat_tui.conversation import now
from chat_tui.history import attached, search
from chat_tui.history.lane import transaction
from chat_tui.history.rows import microseconds
from chat_tui.history.writes import conversation_key

PIECE_SECONDS = 0.03
"""After which one transaction of erasing takes no further turn: other writers wait meanwhile."""
GAP_SECONDS = 0.1
"""Between two of them. Another process's SQLite looks no more often whether it may write."""

BEING_ERASED = 0
"""The time of deletion of a conversation that has lost turns already: it cannot come back."""


def delete(db: sqlite3.Connection, conversation_id: str) -> None:
    """Puts it out of sight; again does no harm."""
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET deleted = coalesce(deleted, ?) WHERE key = ?", (microseconds(now()), key))


def restore(db: sqlite3.Connection, conversation_id: str) -> None:
    """Brings it back."""
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET deleted = NULL WHERE key = ?", (key,))


def condemn(db: sqlite3.Connection, conversation_id: str) -> None:
    """Deletes it for the next erasing, whatever that one's time."""
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET deleted = ? WHERE key = ?", (BEING_ERASED, key))


def erase_piece(db: sqlite3.Connection, before: int) -> bool:
    """Erases some turns of the conversations that were deleted before this time; whether there are more.

    A transaction of its own. What is erased is overwritten, not only given free.
    """
    db.execute("PRAGMA secure_delete = ON")
    try:
        with transaction(db):
            return _erase_some(db, before)
    finally:
        db.execute("PRAGMA secure_delete = OFF")


def empty_log(db: sqlite3.Connection) -> None:
    """Takes what was erased out of the log too, unless somebody is still reading there."""
    patience = db.execute("PRAGMA busy_timeout").fetchone()[0]
    db.execute("PRAGMA busy_timeout = 0")
    try:
        db.execute("PRAGMA wal_checkpoint (TRUNCATE)").fetchall()
    finally:
        db.execute(f"PRAGMA busy_timeout = {patience:d}")


def _erase_some(db: sqlite3.Connection, before: int) -> bool:
    until = time.monotonic() + PIECE_SECONDS
    condemned = "SELECT key, id FROM conversation WHERE deleted IS NOT NULL AND deleted <= ? LIMIT 1"
    while found := db.execute(condemned, (before,)).fetchone():
        conversation, id = found
        db.execute("UPDATE conversation SET deleted = ?, leaf = NULL WHERE key = ?", (BEING_ERASED, conversation))
        # Children before their parents, so that no turn takes others with it.
        for (turn,) in db.execute("SELECT key FROM turn WHERE conversation = ? ORDER BY key DESC", (conversation,)):
            if time.monotonic() > until:
                return True
            _erase_turn(db, turn)
        db.execute("DELETE FROM draft WHERE conversation = ?", (id,))
        db.execute("DELETE FROM conversation WHERE key = ?", (conversation,))
    return False


def _erase_turn(db: sqlite3.Connection, key: int) -> None:
    indexed, text = db.execute("SELECT indexed, text FROM turn WHERE key = ?", (key,)).fetchone()
    if indexed:
        search.remove(db, key, text)
    contents = [content for (content,) in db.execute("SELECT content FROM attachment WHERE turn = ?", (key,))]
    # Its pieces, route and attachments go with it.
    db.execute("DELETE FROM turn WHERE key = ?", (key,))
    attached.drop_unused(db, contents)
