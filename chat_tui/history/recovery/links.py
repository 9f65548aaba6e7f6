"""Rows that lead nowhere are tied to what there is: to the nearest turn before, to a conversation of that key."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable
from itertools import groupby

import msgspec

from chat_tui.chunks import ErrorInfo
from chat_tui.history import rows, search

CUT = ErrorInfo(
    kind="Damaged",
    title="The rest of this text was lost because the history file was damaged.",
    hint="Ask again to get the complete answer.",
)
"""Why an answer is broken that came back in part."""
TITLE = "Recovered conversation"


class BrokenLinks(msgspec.Struct, frozen=True):
    """How many links led nowhere."""

    conversations: int
    """Of which only the turns are there."""
    moved_turns: int
    """That follow another turn now than they did."""
    lost_turns: int
    """That others followed and that are not there; more may be lost."""
    lost_files: int


def mend_links(db: sqlite3.Connection) -> BrokenLinks:
    """Mends all links of a store that was just filled, and leaves its texts to be indexed."""
    conversations = db.execute(
        "INSERT INTO conversation (key, id, created, updated, title)"
        " SELECT conversation, 'recovered' || conversation, coalesce(min(created), 0), coalesce(max(created), 0), ?"
        " FROM turn WHERE conversation NOT IN (SELECT key FROM conversation) GROUP BY conversation",
        (TITLE,),
    ).rowcount
    moved, lost = _tie_turns(db)
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
    search.begin_again(db)
    return BrokenLinks(conversations, moved, lost, files)


def _tie_turns(db: sqlite3.Connection) -> tuple[int, int]:
    """Turns whose parent is not there, or cannot be one, follow the nearest turn before that parent."""
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
    """Answers that came back in part say so."""
    for key in turns:
        found = db.execute("SELECT details FROM turn WHERE key = ? AND role = 'assistant'", (key,)).fetchone()
        if found is not None:
            details = msgspec.structs.replace(rows.details_of(found[0]), error=CUT)
            db.execute("UPDATE turn SET state = 'broken', details = ? WHERE key = ?", (rows.encoded(details), key))
