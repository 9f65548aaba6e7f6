"""Repairs links to lost rows: a turn is attached to the nearest earlier one, or to a new conversation with that key."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable
from itertools import groupby

import msgspec

from chat_tui.core.chunks import ErrorInfo
from chat_tui.history import records
from chat_tui.history.search import index

CUT = ErrorInfo(
    kind="Damaged",
    title="The rest of this text was lost because the history file was damaged.",
    hint="Ask again to get the complete answer.",
)
"""The error of an answer that was recovered in part."""
TITLE = "Recovered conversation"


class BrokenLinks(msgspec.Struct, frozen=True):
    """Counts of links to rows that are lost."""

    conversations: int
    """Conversations of which only the turns are left."""
    moved_turns: int
    """Turns that follow another turn than before."""
    lost_turns: int
    """Missing turns that other turns followed; more may be lost."""
    lost_files: int


def repair_links(db: sqlite3.Connection) -> BrokenLinks:
    """Repair all links of a newly filled store, and schedule its texts for indexing."""
    conversations = db.execute(
        "INSERT INTO conversation (key, id, created, updated, title)"
        " SELECT conversation, 'recovered' || conversation, coalesce(min(created), 0), coalesce(max(created), 0), ?"
        " FROM turn WHERE conversation NOT IN (SELECT key FROM conversation) GROUP BY conversation",
        (TITLE,),
    ).rowcount
    moved, lost = _attach_turns(db)
    db.execute(
        "UPDATE conversation SET leaf = (SELECT max(key) FROM turn WHERE turn.conversation = conversation.key)"
        " WHERE leaf IS NULL OR NOT EXISTS"
        " (SELECT 1 FROM turn WHERE turn.key = leaf AND turn.conversation = conversation.key)"
    )
    db.execute("DELETE FROM piece WHERE turn NOT IN (SELECT key FROM turn WHERE state = 'streaming')")
    for table in ("route", "attachment", "ending"):
        db.execute(f"DELETE FROM {table} WHERE turn NOT IN (SELECT key FROM turn)")
    files = db.execute("DELETE FROM attachment WHERE content NOT IN (SELECT key FROM content)").rowcount
    db.execute("DELETE FROM content WHERE key NOT IN (SELECT content FROM attachment)")
    index.begin_again(db)
    return BrokenLinks(conversations, moved, lost, files)


def _attach_turns(db: sqlite3.Connection) -> tuple[int, int]:
    """Attach turns without a possible parent to the nearest earlier one; returns the counts of moved and lost turns."""
    lost: set[int] = set()
    changes: list[tuple[int | None, int]] = []
    found = db.execute("SELECT conversation, key, parent FROM turn ORDER BY conversation, key")
    for _, turns in groupby(found, key=lambda row: row[0]):
        known: list[int] = []
        for _, key, parent in turns:
            if parent is not None:
                place = bisect_left(known, parent)
                if place == len(known) or known[place] != parent:
                    if parent < key:
                        lost.add(parent)
                    before = bisect_left(known, min(parent, key))
                    changes.append((known[before - 1] if before else None, key))
            known.append(key)
    db.executemany("UPDATE turn SET parent = ? WHERE key = ?", changes)
    return len(changes), len(lost)


def mark_cut(db: sqlite3.Connection, turns: Iterable[int]) -> None:
    """Mark answers that were recovered in part as broken."""
    for key in turns:
        found = db.execute("SELECT details FROM turn WHERE key = ? AND role = 'assistant'", (key,)).fetchone()
        if found is not None:
            details = msgspec.structs.replace(records.decode_details(found[0]), error=CUT)
            db.execute(
                "UPDATE turn SET state = 'broken', details = ? WHERE key = ?", (records.encode_json(details), key)
            )
