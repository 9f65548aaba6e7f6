"""Commands that delete conversations: first they are hidden, later erased for good, in short transactions."""

from __future__ import annotations

import sqlite3
import time

from chat_tui.core.conversation import now
from chat_tui.history.database.connection_thread import transaction
from chat_tui.history.queries import attachments, costs
from chat_tui.history.queries.writes import conversation_key
from chat_tui.history.records import microseconds
from chat_tui.history.search import index

PIECE_SECONDS = 0.03
"""How long one transaction of erasing may take, since other writers wait meanwhile."""
GAP_SECONDS = 0.1
"""The pause between two transactions: SQLite in other processes checks this often whether it can write."""

BEING_ERASED = 0
"""The time of deletion of a conversation that is being erased and cannot be restored."""


def delete(db: sqlite3.Connection, conversation_id: str) -> None:
    """Hide a conversation from lists and searches. Raises `ConversationNotFound`."""
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET deleted = coalesce(deleted, ?) WHERE key = ?", (microseconds(now()), key))


def restore(db: sqlite3.Connection, conversation_id: str) -> None:
    """Restore a deleted conversation. Raises `ConversationNotFound` if it was erased."""
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET deleted = NULL WHERE key = ?", (key,))


def condemn(db: sqlite3.Connection, conversation_id: str) -> None:
    """Mark a conversation, deleted or not, to be erased next. Raises `ConversationNotFound`."""
    key = conversation_key(db, conversation_id)
    db.execute("UPDATE conversation SET deleted = ? WHERE key = ?", (BEING_ERASED, key))


def condemn_all(db: sqlite3.Connection) -> None:
    """Mark all deleted conversations to be erased next."""
    db.execute("UPDATE conversation SET deleted = ? WHERE deleted IS NOT NULL", (BEING_ERASED,))


class Eraser:
    """Erases the conversations that were deleted before a time, in microseconds since 1970, in short transactions."""

    def __init__(self, before: int) -> None:
        self._before = before
        self._words: set[str] = set()
        """Words of erased turns, which are removed from the index at the end if no other turn has them."""

    def erase_some(self, db: sqlite3.Connection) -> bool:
        """Erase a part in one transaction; returns whether more is left. Erased content is overwritten."""
        db.execute("PRAGMA secure_delete = ON")
        try:
            with transaction(db):
                until = time.monotonic() + PIECE_SECONDS
                more = self._turns(db, until) or self._forget_words(db, until)
                costs.forget_old(db)
                return more
        finally:
            db.execute("PRAGMA secure_delete = OFF")

    def _turns(self, db: sqlite3.Connection, until: float) -> bool:
        condemned = "SELECT key, id FROM conversation WHERE deleted IS NOT NULL AND deleted <= ? LIMIT 1"
        while found := db.execute(condemned, (self._before,)).fetchone():
            conversation, id = found
            db.execute("UPDATE conversation SET deleted = ?, leaf = NULL WHERE key = ?", (BEING_ERASED, conversation))
            # Children before their parents: deleting a turn deletes those below it.
            for (turn,) in db.execute("SELECT key FROM turn WHERE conversation = ? ORDER BY key DESC", (conversation,)):
                if time.monotonic() > until:
                    return True
                self._turn(db, turn)
            db.execute("DELETE FROM draft WHERE conversation = ?", (id,))
            # What faces remember of a conversation ends with its id, such as words that wait to be sent.
            db.execute("DELETE FROM place WHERE substr(name, -1 - length(?1)) = ' ' || ?1", (id,))
            db.execute("DELETE FROM conversation WHERE key = ?", (conversation,))
        return False

    def _turn(self, db: sqlite3.Connection, key: int) -> None:
        indexed, text = db.execute("SELECT indexed, text FROM turn WHERE key = ?", (key,)).fetchone()
        if indexed:
            self._words.update(index.take_out(db, key, text))
        contents = [content for (content,) in db.execute("SELECT content FROM attachment WHERE turn = ?", (key,))]
        costs.keep_of_erased(db, key)
        # This deletes its pieces, route and attachments, too.
        db.execute("DELETE FROM turn WHERE key = ?", (key,))
        attachments.drop_unused(db, contents)

    def _forget_words(self, db: sqlite3.Connection, until: float) -> bool:
        while self._words and time.monotonic() < until:
            index.forget(db, self._words.pop())
        return bool(self._words)


def empty_log(db: sqlite3.Connection) -> None:
    """Remove erased content from the log, too, unless another connection still reads it."""
    patience = db.execute("PRAGMA busy_timeout").fetchone()[0]
    db.execute("PRAGMA busy_timeout = 0")
    try:
        db.execute("PRAGMA wal_checkpoint (TRUNCATE)").fetchall()
    finally:
        db.execute(f"PRAGMA busy_timeout = {patience:d}")
