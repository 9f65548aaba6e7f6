"""The index: which turns hold a token (`turn_tokens`), and which words hold some characters (`word`, `word_grams`).

No positions are kept, and the insides of words are found through the words that there are and not through the turns:
together about a quarter of the text's size. A turn's role, model and day are tokens like its words, so that filters
narrow a search before any turn is read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from datetime import timedelta

import msgspec

from chat_tui.core.text.bounds import EPOCH
from chat_tui.core.text.text_match import folded
from chat_tui.history.migrations import OLD_INDEXES
from chat_tui.history.search.tokenizer import grams, tokens

INDEXED_CHARACTERS = 1_000_000
"""Of one turn; what follows is not found."""
_PIECE_CHARACTERS = 100_000
"""Of the turns that are indexed in one go."""
_PIECE_TURNS = 500
_LAST_HEAD = 10
"""Rows up to this one tell SQLite what a full-text table is made of; without them it cannot even be dropped."""
_PIECE_BLOCKS = 500
"""Of an old index, each of 4 KB, that are erased in one go."""


def add(db: sqlite3.Connection, key: int, text: str) -> None:
    """Indexes a turn that is in the store."""
    if not text:
        return
    db.execute("UPDATE turn SET indexed = 1 WHERE key = ?", (key,))
    if key > gap(db):
        _add(db, key, text)


def remove(db: sqlite3.Connection, key: int, text: str) -> None:
    """Takes a turn out of the index, before it changes; `text` must be what was added."""
    for word in take_out(db, key, text):
        forget(db, word)


def take_out(db: sqlite3.Connection, key: int, text: str) -> Collection[str]:
    """`remove`, but the words, which are returned, are still to be forgotten: many turns have the same ones."""
    db.execute("UPDATE turn SET indexed = 0 WHERE key = ?", (key,))
    if not text or key <= gap(db):
        return ()
    words, signs = tokens(folded(text[:INDEXED_CHARACTERS]))
    named = _facts(db, key)
    db.execute(
        "INSERT INTO turn_tokens (turn_tokens, rowid, tokens) VALUES ('delete', ?, ?)",
        (key, " ".join([*words, *signs, *named])),
    )
    return words


def begin_again(db: sqlite3.Connection) -> None:
    """Leaves all turns of a store whose index is empty to `catch_up`."""
    db.execute("UPDATE turn SET indexed = state <> 'streaming' AND text <> ''")
    db.execute("UPDATE index_gap SET last = (SELECT coalesce(max(key), 0) FROM turn)")


def catch_up(db: sqlite3.Connection) -> bool:
    """A piece of what an older schema or a recovery left: indexes turns, then erases old indexes; whether it did."""
    last = gap(db)
    if not last:
        return _erase_old(db)
    read = 0
    for key, text in db.execute(
        "SELECT key, text FROM turn WHERE key <= ? AND indexed = 1 ORDER BY key DESC LIMIT ?", (last, _PIECE_TURNS)
    ):
        _add(db, key, text)
        last = key - 1
        read += len(text)
        if read > _PIECE_CHARACTERS:
            break
    (more,) = db.execute("SELECT max(key) FROM turn WHERE key <= ? AND indexed = 1", (last,)).fetchone()
    db.execute("UPDATE index_gap SET last = ?", (more or 0,))
    return True


def _erase_old(db: sqlite3.Connection) -> bool:
    """Dropping a large one in one go would hold the writer for seconds."""
    for name in OLD_INDEXES:
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone():
            erased = db.execute(
                f"DELETE FROM {name}_data WHERE id IN (SELECT id FROM {name}_data WHERE id > ? LIMIT ?)",
                (_LAST_HEAD, _PIECE_BLOCKS),
            ).rowcount
            if erased < _PIECE_BLOCKS:
                db.execute(f"DROP TABLE {name}")
            return True
    return False


def gap(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT last FROM index_gap").fetchone()[0])


def _add(db: sqlite3.Connection, key: int, text: str) -> None:
    words, signs = tokens(folded(text[:INDEXED_CHARACTERS]))
    named = _facts(db, key)
    db.execute("INSERT INTO turn_tokens (rowid, tokens) VALUES (?, ?)", (key, " ".join([*words, *signs, *named])))
    _learn(db, [*words, *named])


def _facts(db: sqlite3.Connection, key: int) -> list[str]:
    """Tokens of what filters ask for: letters and a sign together, as no text has them."""
    role, model, created = db.execute("SELECT role, model, created FROM turn WHERE key = ?", (key,)).fetchone()
    found = [f"role={role}", *days(created)]
    if model:
        found.append(f"model={''.join(folded(model).split())}")
    return found


def days(created: int | None) -> list[str]:
    """Tokens for the year, the month and the day (UTC) of a time in microseconds."""
    if created is None:
        return []
    try:
        # Not clamped: what is taken out of the index must be what was put in.
        day = (EPOCH + timedelta(microseconds=created)).date().isoformat()
    except (OverflowError, TypeError):
        return []
    return [f"year={day[:4]}", f"month={day[:7]}", f"day={day}"]


def _learn(db: sqlite3.Connection, words: Collection[str]) -> None:
    """Keys grow, so common words, which come early, have low ones."""
    last = db.execute("SELECT coalesce(max(key), 0) FROM word").fetchone()[0]
    db.execute(
        "INSERT OR IGNORE INTO word (token) SELECT value FROM json_each(?)", (msgspec.json.encode(words).decode(),)
    )
    fresh = db.execute("SELECT key, token FROM word WHERE key > ?", (last,)).fetchall()
    db.executemany(
        "INSERT INTO word_grams (rowid, grams) VALUES (?, ?)",
        [(key, " ".join(grams(word))) for key, word in fresh if "=" not in word],
    )


def forget(db: sqlite3.Connection, word: str) -> None:
    """A word that no turn has any more leaves nothing behind."""
    if db.execute("SELECT 1 FROM turn_tokens WHERE turn_tokens MATCH ? LIMIT 1", (quoted(word),)).fetchone():
        return
    for (key,) in db.execute("DELETE FROM word WHERE token = ? RETURNING key", (word,)).fetchall():
        db.execute(
            "INSERT INTO word_grams (word_grams, rowid, grams) VALUES ('delete', ?, ?)", (key, " ".join(grams(word)))
        )


def quoted(token: str) -> str:
    """The token as a string of a full-text query."""
    return '"' + token.replace('"', '""') + '"'
