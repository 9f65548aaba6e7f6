"""The numbered list of migrations: the n-th makes schema n out of schema n - 1. Released ones never change.

Each is a function of a connection that is inside a transaction, with foreign keys off. `executescript` would commit,
so statements are executed one by one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

Migration: TypeAlias = Callable[[sqlite3.Connection], None]

APPLICATION_ID = 0x63687475
"""`chtu`: tells our files from other SQLite files."""

# Times are microseconds since 1970 in UTC. `key` is the order in which things came and is never used again
# (AUTOINCREMENT): it orders turns, so a clock that jumps back does not. A parent's key is lower than its children's.
# Columns that are read on the way to others stand before the long texts.
_FIRST = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    """
    CREATE TABLE conversation (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE CHECK (id <> ''),
        created INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        leaf INTEGER REFERENCES turn (key) ON DELETE SET NULL,
        pinned INTEGER NOT NULL DEFAULT 0,
        unread INTEGER NOT NULL DEFAULT 0,
        deleted INTEGER,
        import_key TEXT UNIQUE,
        title TEXT NOT NULL DEFAULT '',
        system_prompt TEXT
    )
    """,
    "CREATE INDEX conversation_by_time ON conversation (updated, key) WHERE deleted IS NULL",
    "CREATE INDEX conversation_leaf ON conversation (leaf)",
    """
    CREATE TABLE turn (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE CHECK (id <> ''),
        conversation INTEGER NOT NULL REFERENCES conversation (key) ON DELETE CASCADE,
        parent INTEGER REFERENCES turn (key) ON DELETE CASCADE,
        role TEXT NOT NULL,
        state TEXT NOT NULL,
        created INTEGER,
        owner TEXT NOT NULL DEFAULT '',
        indexed INTEGER NOT NULL DEFAULT 0,
        verdict INTEGER,
        kept INTEGER,
        deleted INTEGER,
        import_key TEXT,
        model TEXT NOT NULL DEFAULT '',
        strategy TEXT NOT NULL DEFAULT '',
        cost REAL,
        details TEXT,
        text TEXT NOT NULL DEFAULT '',
        thinking TEXT NOT NULL DEFAULT ''
    )
    """,
    "CREATE INDEX turn_conversation ON turn (conversation)",
    "CREATE INDEX turn_parent ON turn (parent)",
    "CREATE INDEX turn_streaming ON turn (owner) WHERE state = 'streaming'",
    "CREATE UNIQUE INDEX turn_import ON turn (conversation, import_key) WHERE import_key IS NOT NULL",
    # A growing answer's pieces: appending one costs the same however long the answer is.
    """
    CREATE TABLE piece (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        turn INTEGER NOT NULL REFERENCES turn (key) ON DELETE CASCADE,
        text TEXT NOT NULL,
        thinking TEXT NOT NULL
    )
    """,
    "CREATE INDEX piece_turn ON piece (turn)",
    "CREATE TABLE route (turn INTEGER PRIMARY KEY REFERENCES turn (key) ON DELETE CASCADE, record TEXT NOT NULL)",
    """
    CREATE TABLE attachment (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        turn INTEGER NOT NULL REFERENCES turn (key) ON DELETE CASCADE,
        name TEXT NOT NULL,
        media_type TEXT NOT NULL,
        content BLOB NOT NULL
    )
    """,
    "CREATE INDEX attachment_turn ON attachment (turn)",
    "CREATE TABLE draft (conversation TEXT PRIMARY KEY, updated INTEGER NOT NULL, text TEXT NOT NULL)",
    "CREATE TABLE place (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # Both hold text that `fold_text` made, so neither folds again; contentless, since the turn has the text.
    """
    CREATE VIRTUAL TABLE turn_words
    USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 0')
    """,
    """
    CREATE VIRTUAL TABLE turn_grams
    USING fts5 (text, content = '', detail = none, columnsize = 0, tokenize = 'trigram case_sensitive 1')
    """,
)


def first(db: sqlite3.Connection) -> None:
    """Schema 1: trees of turns, growing answers in pieces, drafts, two full-text indexes."""
    for statement in _FIRST:
        db.execute(statement)


# What a turn got after schema 1 stands in tables of its own: a column behind its long texts would be slow to read.
_SECOND = (
    "ALTER TABLE conversation ADD COLUMN preset TEXT NOT NULL DEFAULT ''",
    "DROP INDEX conversation_by_time",
    "CREATE INDEX conversation_by_time ON conversation (pinned, updated, key) WHERE deleted IS NULL",
    "CREATE INDEX conversation_deleted ON conversation (deleted) WHERE deleted IS NOT NULL",
    # Counts and sums of cost for the list are read from this index alone.
    "DROP INDEX turn_conversation",
    "CREATE INDEX turn_conversation ON turn (conversation, cost)",
    "CREATE INDEX turn_root ON turn (conversation) WHERE parent IS NULL",
    # What was spent since a day began.
    "CREATE INDEX turn_cost ON turn (created, cost) WHERE cost > 0",
    # Where the user was when another branch was chosen, the last one with the highest key.
    """
    CREATE TABLE ending (
        key INTEGER PRIMARY KEY,
        turn INTEGER NOT NULL UNIQUE REFERENCES turn (key) ON DELETE CASCADE
    )
    """,
    # An edited question has the same files as the first one: each content stands here once.
    """
    CREATE TABLE content (key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL)
    """,
    # Schema 1 had this table, but nothing ever wrote to it.
    "DROP TABLE attachment",
    """
    CREATE TABLE attachment (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        turn INTEGER NOT NULL REFERENCES turn (key) ON DELETE CASCADE,
        content INTEGER NOT NULL REFERENCES content (key),
        name TEXT NOT NULL,
        media_type TEXT NOT NULL
    )
    """,
    "CREATE INDEX attachment_turn ON attachment (turn)",
    "CREATE INDEX attachment_content ON attachment (content)",
)


def second(db: sqlite3.Connection) -> None:
    """Schema 2: branches that were left, presets, attachments; the list and the forks have indexes."""
    for statement in _SECOND:
        db.execute(statement)


# Tokens come from `search.tokens`, with a space between them: SQLite is to cut nowhere else.
_BETWEEN_SPACES = """ascii tokenchars '!""#$%&''()*+,-./:;<=>?@[\\]^_`{|}~'"""

_THIRD = (
    f"""
    CREATE VIRTUAL TABLE turn_tokens
    USING fts5 (tokens, content = '', detail = none, columnsize = 0, tokenize = "{_BETWEEN_SPACES}")
    """,
    "CREATE TABLE word (key INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE)",
    f"""
    CREATE VIRTUAL TABLE word_grams
    USING fts5 (grams, content = '', detail = none, columnsize = 0, tokenize = "{_BETWEEN_SPACES}")
    """,
    # Turns up to this key are still to be indexed, the newest of them first. One row.
    "CREATE TABLE index_gap (last INTEGER NOT NULL)",
    "INSERT INTO index_gap (last) SELECT coalesce(max(key), 0) FROM turn WHERE indexed = 1",
)
OLD_INDEXES = ("turn_words", "turn_grams")
"""Of schema 1; what a large store has in them is erased after opening, in pieces."""
_QUICKLY_DROPPED_TURNS = 2000


def third(db: sqlite3.Connection) -> None:
    """Schema 3: one index of tokens for the turns, one of the insides of words; filled after opening, in pieces."""
    for statement in _THIRD:
        db.execute(statement)
    if db.execute("SELECT coalesce(max(key), 0) FROM turn").fetchone()[0] <= _QUICKLY_DROPPED_TURNS:
        for name in OLD_INDEXES:
            db.execute(f"DROP TABLE {name}")


def fourth(db: sqlite3.Connection) -> None:
    """Schema 4: the answers of the last days are found without reading all turns."""
    db.execute("CREATE INDEX turn_answered ON turn (created) WHERE role = 'assistant'")


def fifth(db: sqlite3.Connection) -> None:
    """Schema 5: what erased answers have cost, by quarters of an hour since 1970; today's sum counts it."""
    db.execute("CREATE TABLE erased_cost (quarter INTEGER PRIMARY KEY, dollars REAL NOT NULL)")


def sixth(db: sqlite3.Connection) -> None:
    """Schema 6: of turns between these two keys the index knows the neighbouring words; of the others it learns them
    after opening, in pieces."""
    (last,) = db.execute("SELECT coalesce(max(key), 0) FROM turn WHERE indexed = 1").fetchone()
    for column in ("pairs_after", "pairs_until"):
        db.execute(f"ALTER TABLE index_gap ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")
        db.execute(f"UPDATE index_gap SET {column} = ?", (last,))


def seventh(db: sqlite3.Connection) -> None:
    """Schema 7: a deleted conversation is kept for `RESTORABLE_DAYS`. No table changes, but code of earlier schemas
    would erase it after a minute, so it must not open the store."""


def eighth(db: sqlite3.Connection) -> None:
    """Schema 8: a conversation's own settings of requests, as JSON."""
    db.execute("ALTER TABLE conversation ADD COLUMN settings TEXT NOT NULL DEFAULT ''")


def ninth(db: sqlite3.Connection) -> None:
    """Schema 9: turns of the role `tool`. No table changes, but code of earlier schemas would send such a turn as a
    question, so it must not open the store."""


def tenth(db: sqlite3.Connection) -> None:
    """Schema 10: turns of the role `summary`. No table changes, but code of earlier schemas would send such a turn as
    an answer, and the turns that it replaces too, so it must not open the store."""


MIGRATIONS: tuple[Migration, ...] = (first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth)
