"""Finds the conversation that a user names by its id, the beginning of its id, or as `last`."""

from __future__ import annotations

import sqlite3

from chat_tui.core.errors import ConversationNotFound
from chat_tui.core.text.excerpts import shorten
from chat_tui.history.queries import reads
from chat_tui.history.records import storable

LAST = "last"
"""Names the conversation that was used last."""
_LISTED = 4


def resolve_id(db: sqlite3.Connection, name: str) -> str:
    """The id of the conversation that a name means. Raises `ConversationNotFound` if it means none, or several."""
    wanted = storable(name.strip())
    if wanted == LAST:
        row = db.execute(
            "SELECT id FROM conversation WHERE deleted IS NULL ORDER BY updated DESC, key DESC LIMIT 1"
        ).fetchone()
        if row is None:
            raise ConversationNotFound("There are no conversations yet.", "Start one with `chat-tui`.")
        return str(row[0])
    found = [
        str(id)
        for (id,) in db.execute(
            "SELECT id FROM conversation WHERE id >= ? AND id < ? AND deleted IS NULL ORDER BY id LIMIT ?",
            (wanted, wanted + "\U0010ffff", _LISTED + 1),
        )
    ]
    if wanted and not found and reads.key_of(db, "conversation", wanted) is not None:
        return wanted
    if not wanted or not found:
        raise reads.not_found(name)
    if len(found) > 1 and found[0] != wanted:
        shown = ", ".join(shorten(id, 60) for id in found[:_LISTED]) + (", …" if len(found) > _LISTED else "")
        raise ConversationNotFound(
            f"Several conversation ids start with `{shorten(name, 60)}`.", f"Use more characters: {shown}"
        )
    return found[0]
