"""Finds the conversation that a user names by its id, the beginning of its id, as `last`, or by its title."""

from __future__ import annotations

import re
import sqlite3
from typing import Literal

from chat_tui.core.errors import ConversationNotFound
from chat_tui.core.text.excerpts import shorten
from chat_tui.history.queries import reads
from chat_tui.history.records import storable
from chat_tui.history.stored_text import clean_line_of

LAST = "last"
"""Names the conversation that was used last."""
_LISTED = 4
_WORD = re.compile(r"\w+")
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


def resolve_name(db: sqlite3.Connection, name: str) -> str:
    """The id of the listed conversation that a name means: as in `resolve_id`, else the whole title, else words of it.

    Letter case does not matter in a title. Raises `ConversationNotFound` if the name means none, or several.
    """
    if name.strip() == LAST:
        return resolve_id(db, name)
    try:
        return resolve_id(db, name)
    except ConversationNotFound as error:
        # Several ids that begin with a word, such as `a`, do not keep it from being a title.
        titled = _with_title(db, name)
        unknown = reads.not_found(name)
        if not titled and error.title != unknown.title:
            raise
        if not titled:
            title = f"No conversation has the id or the title `{shorten(name, 60)}`."
            raise ConversationNotFound(title, unknown.hint) from error
    if len({title for _, title in titled}) > 1:
        shown = ", ".join(f"{id} “{shorten(title, 40)}”" for id, title in titled[:_LISTED])
        more = ", …" if len(titled) > _LISTED else ""
        raise ConversationNotFound(
            f"Several conversations have “{shorten(name.strip(), 60)}” in their title.",
            f"Use the id, or more of the title: {shown}{more}",
        )
    return titled[0][0]


def _with_title(db: sqlite3.Connection, name: str) -> list[tuple[str, str]]:
    """The ids and titles of the listed conversations with exactly this title, else of those that contain all of its
    words; the last used first."""
    words = _words(name)
    exact, partial = [], []
    rows = db.execute("SELECT id, title FROM conversation WHERE deleted IS NULL ORDER BY updated DESC, key DESC")
    for id, stored in rows:
        title = clean_line_of(stored)
        if words and _words(title) == words:
            exact.append((str(id), title))
        elif words and all(word in title.casefold() for word in words):
            partial.append((str(id), title))
    return exact or partial


def _words(text: str) -> list[str]:
    """The words of a title, without signs: a shell completes it as `tail-calls-in-c`."""
    return _WORD.findall(text.casefold())


def deleted_not_found(name: str) -> ConversationNotFound:
    """The error for an id that no deleted conversation has."""
    return ConversationNotFound(
        f"No deleted conversation has the id `{shorten(name, 60)}`.",
        "`chat-tui history list --deleted` lists those that can be restored.",
    )
