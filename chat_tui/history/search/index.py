"""The index: which turns hold a token (`turn_tokens`), and which words hold some characters (`word`, `word_grams`).

No positions are kept, and the insides of words are found through the words that there are and not through the turns:
together about a quarter of the text's size. A turn's role, model and day are tokens like its words, so that filters
narrow a search before any turn is read.

In place of positions there is a token for every two neighbouring words, so that a phrase of common words is found
without reading all turns that have these words. In a history of 1,000,000 turns of 1.6 KB these tokens take 314 bytes
a turn, so that the file is 1.84 times its text instead of 1.64, and 0.2 ms each. Written with the turn they would make
writing take half as long again, so `catch_up` adds them to many turns at once, as a second row of `turn_tokens` with
the same number (a full-text table without content has no unique rows). Until then a phrase is found by the words alone.

So it is in histories of up to 25,000 turns. There, reading all texts with the words takes about 0.1 s, and the tokens
would make the file more than twice as large as its text, as each segment of the index names most of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from datetime import timedelta
from itertools import islice

import msgspec

from chat_tui.core.text.bounds import EPOCH
from chat_tui.core.text.text_match import fold_text
from chat_tui.history.migrations import OLD_INDEXES
from chat_tui.history.search.tokenizer import grams, pair_tokens, tokens

INDEXED_CHARACTERS = 1_000_000
"""Of one turn; what follows is not found."""
_LAST_HEAD = 10
"""Rows up to this one tell SQLite what a full-text table is made of; without them it cannot even be dropped."""
_PIECE_BLOCKS = 500
"""Of an old index, each of 4 KB, that are erased in one go."""


class CatchUpBounds(msgspec.Struct, frozen=True):
    """How much one step of catching up does; tests make it small."""

    turns: int = 500
    """At the most; and when no more than these are behind they are left so: they are quickly read, and adding the
    tokens of few to the index costs much more for each."""
    characters: int = 100_000
    """Of their texts."""
    without_pairs: int = 25_000
    """Turns of a history that needs no tokens of neighbouring words."""


USUAL_CATCH_UP = CatchUpBounds()


class IndexGap(msgspec.Struct, frozen=True):
    """Which turns are in the index."""

    words: int
    """Turns up to this key are not in it; 0: there are none."""
    pairs_after: int
    """Turns behind this key, which is not lower, have the tokens of neighbouring words…"""
    pairs_until: int
    """…up to this key."""

    def has_pairs(self, key: int) -> bool:
        """Whether this turn, when it is in the index, has the tokens of neighbouring words."""
        return self.pairs_after < key <= self.pairs_until


def add(db: sqlite3.Connection, key: int, text: str) -> None:
    """Indexes a turn that is in the store."""
    if not text:
        return
    db.execute("UPDATE turn SET indexed = 1 WHERE key = ?", (key,))
    behind = gap(db)
    if key > behind.words:
        _add(db, key, text, pairs=behind.has_pairs(key))


def remove(db: sqlite3.Connection, key: int, text: str) -> None:
    """Takes a turn out of the index, before it changes; `text` must be what was added."""
    for word in take_out(db, key, text):
        forget(db, word)


def take_out(db: sqlite3.Connection, key: int, text: str) -> Collection[str]:
    """`remove`, but the words, which are returned, are still to be forgotten: many turns have the same ones."""
    db.execute("UPDATE turn SET indexed = 0 WHERE key = ?", (key,))
    behind = gap(db)
    if not text or key <= behind.words:
        return ()
    known = fold_text(text[:INDEXED_CHARACTERS])
    words, signs = tokens(known)
    pairs = pair_tokens(known) if behind.has_pairs(key) else ()
    db.execute(
        "INSERT INTO turn_tokens (turn_tokens, rowid, tokens) VALUES ('delete', ?, ?)",
        (key, " ".join([*words, *signs, *_facts(db, key), *pairs])),
    )
    return words


def begin_again(db: sqlite3.Connection) -> None:
    """Leaves all turns of a store whose index is empty to `catch_up`."""
    db.execute("UPDATE turn SET indexed = state <> 'streaming' AND text <> ''")
    (last,) = db.execute("SELECT coalesce(max(key), 0) FROM turn").fetchone()
    db.execute("UPDATE index_gap SET last = ?1, pairs_after = ?1, pairs_until = ?1", (last,))


def catch_up(db: sqlite3.Connection, bounds: CatchUpBounds = USUAL_CATCH_UP) -> bool:
    """Indexes some turns that lack something, the newest first, or else erases some of an old index; whether it did."""
    known = gap(db)
    (newest,) = db.execute("SELECT coalesce(max(key), 0) FROM turn").fetchone()
    needs_pairs = newest > bounds.without_pairs
    if needs_pairs and _are_many_newer(db, known.pairs_until, bounds.turns):
        _add_newer_pairs(db, known.pairs_until, bounds)
    elif needs_pairs and known.pairs_after:
        _add_older(db, known, bounds, pairs=True)
    elif known.words:
        _add_older(db, known, bounds, pairs=False)
    else:
        return _erase_old(db)
    return True


def _are_many_newer(db: sqlite3.Connection, key: int, many: int) -> bool:
    found = db.execute("SELECT 1 FROM turn WHERE key > ? AND indexed = 1 ORDER BY key LIMIT 1 OFFSET ?", (key, many))
    return found.fetchone() is not None


def _add_newer_pairs(db: sqlite3.Connection, last: int, bounds: CatchUpBounds) -> None:
    turns = db.execute("SELECT key, text FROM turn WHERE key > ? AND indexed = 1 ORDER BY key", (last,))
    for last, text in _piece(turns, bounds):
        _add_pairs(db, last, text)
    db.execute("UPDATE index_gap SET pairs_until = ?", (last,))


def _add_older(db: sqlite3.Connection, known: IndexGap, bounds: CatchUpBounds, *, pairs: bool) -> None:
    """Adds the words, and with `pairs` the tokens of neighbours, to the newest turns that lack some of these."""
    newest = known.pairs_after if pairs else known.words
    turns = db.execute("SELECT key, text FROM turn WHERE key <= ? AND indexed = 1 ORDER BY key DESC", (newest,))
    piece = _piece(turns, bounds)
    # A full-text table writes to the file what it has whenever a key is lower than the one before.
    for key, text in reversed(piece):
        if key <= known.words:
            _add(db, key, text, pairs=pairs)
        else:
            _add_pairs(db, key, text)
    below = piece[-1][0] if piece else 0
    (last,) = db.execute("SELECT coalesce(max(key), 0) FROM turn WHERE key < ? AND indexed = 1", (below,)).fetchone()
    pairs_after = last if pairs else known.pairs_after
    db.execute("UPDATE index_gap SET last = ?, pairs_after = ?", (min(known.words, last), pairs_after))


def _piece(turns: Iterable[tuple[int, str]], bounds: CatchUpBounds) -> list[tuple[int, str]]:
    """The first of these turns."""
    piece = []
    characters = 0
    for key, text in islice(turns, bounds.turns):
        piece.append((key, text))
        characters += len(text)
        if characters > bounds.characters:
            break
    return piece


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


def gap(db: sqlite3.Connection) -> IndexGap:
    return IndexGap(*db.execute("SELECT last, pairs_after, pairs_until FROM index_gap").fetchone())


def _add(db: sqlite3.Connection, key: int, text: str, *, pairs: bool) -> None:
    known = fold_text(text[:INDEXED_CHARACTERS])
    words, signs = tokens(known)
    named = _facts(db, key)
    _insert(db, key, [*words, *signs, *named, *(pair_tokens(known) if pairs else ())])
    _learn(db, [*words, *named])


def _add_pairs(db: sqlite3.Connection, key: int, text: str) -> None:
    """To a turn that is in the index without them."""
    if pairs := pair_tokens(fold_text(text[:INDEXED_CHARACTERS])):
        _insert(db, key, pairs)


def _insert(db: sqlite3.Connection, key: int, tokens: Collection[str]) -> None:
    db.execute("INSERT INTO turn_tokens (rowid, tokens) VALUES (?, ?)", (key, " ".join(tokens)))


def _facts(db: sqlite3.Connection, key: int) -> list[str]:
    """Tokens of what filters ask for: letters and a sign together, as no text has them."""
    role, model, created = db.execute("SELECT role, model, created FROM turn WHERE key = ?", (key,)).fetchone()
    found = [f"role={role}", *days(created)]
    if model:
        found.append(f"model={''.join(fold_text(model).split())}")
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
    if db.execute("SELECT 1 FROM turn_tokens WHERE turn_tokens MATCH ? LIMIT 1", (quote_token(word),)).fetchone():
        return
    for (key,) in db.execute("DELETE FROM word WHERE token = ? RETURNING key", (word,)).fetchall():
        db.execute(
            "INSERT INTO word_grams (word_grams, rowid, grams) VALUES ('delete', ?, ?)", (key, " ".join(grams(word)))
        )


def quote_token(token: str) -> str:
    """The token as a string of a full-text query."""
    return '"' + token.replace('"', '""') + '"'
