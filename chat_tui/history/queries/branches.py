"""Commands that choose the current path through a tree, which is stored as its last turn (the leaf)."""

from __future__ import annotations

import sqlite3

from chat_tui.core.errors import HistoryError
from chat_tui.history.queries import reads
from chat_tui.history.queries.writes import conversation_key

_LAST_USED = """
    WITH RECURSIVE below (key) AS (
        VALUES (?) UNION ALL SELECT turn.key FROM turn JOIN below ON turn.parent = below.key AND turn.key > below.key
    )
    SELECT ending.turn FROM below JOIN ending ON ending.turn = below.key ORDER BY ending.key DESC LIMIT 1
"""

# A summary that nothing follows was taken back, unless the user was there last.
_NEWEST = """
    WITH RECURSIVE newest (key) AS (
        VALUES (?)
        UNION ALL SELECT (
            SELECT max(turn.key) FROM turn WHERE turn.parent = newest.key AND turn.key > newest.key
            AND (turn.role <> 'summary' OR EXISTS (SELECT 1 FROM turn AS next WHERE next.parent = turn.key))
        ) FROM newest WHERE newest.key IS NOT NULL
    )
    SELECT max(key) FROM newest
"""


def select(db: sqlite3.Connection, conversation_id: str, turn_id: str) -> None:
    """Make the branch through this turn the current one.

    Below the turn, the path leads to where the user was last, and from there along the newest turns. Raises
    `HistoryError`, also for a turn of another conversation.
    """
    conversation = conversation_key(db, conversation_id)
    turn = _turn_key(db, conversation, turn_id)
    db.execute(
        "INSERT OR REPLACE INTO ending (turn) SELECT leaf FROM conversation WHERE key = ? AND leaf IS NOT NULL",
        (conversation,),
    )
    last = db.execute(_LAST_USED, (turn,)).fetchone()
    (leaf,) = db.execute(_NEWEST, (last[0] if last else turn,)).fetchone()
    db.execute("UPDATE conversation SET leaf = ? WHERE key = ?", (leaf, conversation))


def end_at(db: sqlite3.Connection, conversation_id: str, turn_id: str | None, *, takes_back: bool = False) -> None:
    """End the current path at this turn, or before the first one if None; turns below it stay in the tree.

    With `takes_back`, choosing the branch again does not lead back to where it ended. Raises `HistoryError`, also for a
    turn of another conversation.
    """
    conversation = conversation_key(db, conversation_id)
    turn = None if turn_id is None else _turn_key(db, conversation, turn_id)
    leaf = "SELECT leaf FROM conversation WHERE key = ? AND leaf IS NOT NULL"
    if takes_back:
        db.execute(f"DELETE FROM ending WHERE turn IN ({leaf})", (conversation,))
    else:
        db.execute(f"INSERT OR REPLACE INTO ending (turn) {leaf}", (conversation,))
    db.execute("UPDATE conversation SET leaf = ? WHERE key = ?", (turn, conversation))


def _turn_key(db: sqlite3.Connection, conversation: int, turn_id: str) -> int:
    found = db.execute(
        "SELECT key FROM turn WHERE key = ? AND conversation = ?", (reads.key_of(db, "turn", turn_id), conversation)
    ).fetchone()
    if found is None:
        raise HistoryError("This turn is not in the conversation.", "Open the conversation again.")
    return int(found[0])
