"""Finds the conversation that a user names by its id, the beginning of its id, or as `last`."""

from __future__ import annotations

import sqlite3
from typing import Literal

from chat_tui.core.errors import ConversationNotFound
from chat_tui.core.text.excerpts import shorten
from chat_tui.history.queries import reads
from chat_tui.history.records import storable

LAST = "last"
"""Names the conversation that was used last."""
_LISTED = 4
Among = Literal["listed", "deleted", "all"]
_AMONG: dict[Among, str] = {
    "listed": "deleted IS NULL",
    "deleted": "deleted > 0",
    "all": "deleted IS NULL OR deleted > 0",
}


def resolve_id(db: sqlite3.Connection, name: str, among: Among = "listed") -> str:
    """The id of the conversation that a name means: a listed one, one that is deleted and can be restored, or any.

    `last` is the one that was deleted last among the deleted ones, else the listed one that was used last. Raises
    `ConversationNotFound` if the name means none, or several.
    """
    wanted = storable(name.strip())
    if wanted == LAST:
        of, newest = (_AMONG["deleted"], "deleted") if among == "deleted" else (_AMONG["listed"], "updated")
        row = db.execute(f"SELECT id FROM conversation WHERE {of} ORDER BY {newest} DESC, key DESC LIMIT 1").fetchone()
        if row is None and among == "deleted":
            raise ConversationNotFound("No deleted conversation can be restored.")
        if row is None:
            raise ConversationNotFound("There are no conversations yet.", "Start one with `chat-tui`.")
        return str(row[0])
    found = [
        str(id)
        for (id,) in db.execute(
            f"SELECT id FROM conversation WHERE id >= ? AND id < ? AND ({_AMONG[among]}) ORDER BY id LIMIT ?",
            (wanted, wanted + "\U0010ffff", _LISTED + 1),
        )
    ]
    if wanted and not found and among != "deleted" and reads.key_of(db, "conversation", wanted) is not None:
        return wanted
    if not wanted or not found:
        raise deleted_not_found(name) if among == "deleted" else reads.not_found(name)
    if len(found) > 1 and found[0] != wanted:
        shown = ", ".join(shorten(id, 60) for id in found[:_LISTED]) + (", …" if len(found) > _LISTED else "")
        raise ConversationNotFound(
            f"Several conversation ids start with `{shorten(name, 60)}`.", f"Use more characters: {shown}"
        )
    return found[0]


def deleted_not_found(name: str) -> ConversationNotFound:
    """The error for an id that no deleted conversation has."""
    return ConversationNotFound(
        f"No deleted conversation has the id `{shorten(name, 60)}`.",
        "`chat-tui history list --deleted` lists those that can be restored.",
    )
