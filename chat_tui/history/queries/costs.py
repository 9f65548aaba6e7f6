"""What answers have cost. The cost of erased answers still counts for the day's budget."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from chat_tui.core.conversation import now
from chat_tui.history.records import microseconds, storable

_QUARTER = 15 * 60 * 1_000_000
"""In microseconds. In every time zone, days begin at a whole quarter of an hour."""
_KEPT = 2 * 24 * 3600 * 1_000_000
"""In microseconds. Only the sum of a day is needed, so older traces of erased answers are removed."""

_ADDED = """
    INSERT INTO erased_cost (quarter, dollars) VALUES (?, ?)
    ON CONFLICT (quarter) DO UPDATE SET dollars = dollars + excluded.dollars
"""


def total_since(db: sqlite3.Connection, since: datetime) -> float:
    """US dollars for the answers since then, including those erased in the last two days."""
    begin = microseconds(since)
    (there,) = db.execute("SELECT total(cost) FROM turn WHERE created >= ? AND cost > 0", (begin,)).fetchone()
    erased = "SELECT total(dollars) FROM erased_cost WHERE quarter >= ?"
    (gone,) = db.execute(erased, (begin // _QUARTER,)).fetchone()
    return float(there + gone)


def conversation_cost(db: sqlite3.Connection, conversation_id: str) -> float | None:
    """US dollars for the answers of a conversation; None if no cost is known."""
    select = """SELECT sum(turn.cost) FROM turn JOIN conversation ON conversation.key = turn.conversation
        WHERE conversation.id = ?"""
    (total,) = db.execute(select, (storable(conversation_id),)).fetchone()
    return None if total is None else float(total)


def keep_of_erased(db: sqlite3.Connection, turn: int) -> None:
    """Store the cost of an answer that is about to be erased, by quarter of an hour."""
    found = db.execute("SELECT created, cost FROM turn WHERE key = ? AND created > 0 AND cost > 0", (turn,)).fetchone()
    if found is not None:
        created, dollars = found
        db.execute(_ADDED, (created // _QUARTER, dollars))


def forget_old(db: sqlite3.Connection) -> None:
    """Remove stored costs that no sum needs any more."""
    db.execute("DELETE FROM erased_cost WHERE quarter < ?", ((microseconds(now()) - _KEPT) // _QUARTER,))
