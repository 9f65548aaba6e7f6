"""Full text over all turns: two indexes, whose hits are verified.

`turn_words` knows words (Chinese, Japanese and Korean text split into characters, so words of one or two are found)
and ranks; `turn_grams` knows every three characters, so it finds the inside of words and identifiers. It keeps no
positions (a third of the size), so its hits may be false; and words know no punctuation. Hence one rule for both: each
term must stand in the text as it was written, case and accents aside.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import cast

from chat_tui.conversation import Hit, Role
from chat_tui.finding import Range, find, folded, joined
from chat_tui.history.rows import microseconds, moment, storable
from chat_tui.query import Query, parse
from chat_tui.text_safety import clean_line

INDEXED_CHARACTERS = 1_000_000
"""Of one turn; what follows is not found."""
_SLICE = 4096
_CANDIDATES = 2000
_SNIPPET_CHARACTERS = 160

_CJK = re.compile(
    "([\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff])"
)


def _words(text: str) -> str:
    """Folded text with each Chinese, Japanese or Korean character standing alone."""
    if text.isascii():
        return text
    return "".join(_CJK.sub(r" \1 ", text[start : start + _SLICE]) for start in range(0, len(text), _SLICE))


def add(db: sqlite3.Connection, key: int, text: str) -> None:
    """Indexes a turn."""
    if text:
        known = folded(text[:INDEXED_CHARACTERS])
        db.execute("INSERT INTO turn_words (rowid, text) VALUES (?, ?)", (key, _words(known)))
        db.execute("INSERT INTO turn_grams (rowid, text) VALUES (?, ?)", (key, known))
        db.execute("UPDATE turn SET indexed = 1 WHERE key = ?", (key,))


def remove(db: sqlite3.Connection, key: int, text: str) -> None:
    """Takes a turn out of the index; `text` must be what was added."""
    known = folded(text[:INDEXED_CHARACTERS])
    db.execute("INSERT INTO turn_words (turn_words, rowid, text) VALUES ('delete', ?, ?)", (key, _words(known)))
    db.execute("INSERT INTO turn_grams (turn_grams, rowid, text) VALUES ('delete', ?, ?)", (key, known))
    db.execute("UPDATE turn SET indexed = 0 WHERE key = ?", (key,))


def search(db: sqlite3.Connection, text: str, limit: int) -> list[Hit]:
    """Turns with all terms: first those where they begin words, best first; then the others, newest first."""
    query = parse(storable(text))
    hits: dict[int, Hit] = {}
    if not query.wanted:
        return []
    for key, score in _candidates(db, query.wanted):
        if len(hits) >= limit:
            break
        if key not in hits and (hit := _hit(db, key, query, score)):
            hits[key] = hit
    return list(hits.values())


def _candidates(db: sqlite3.Connection, wanted: Sequence[str]) -> Iterator[tuple[int, float]]:
    words = " AND ".join(f"{_quoted(_words(term))} *" for term in wanted if any(map(str.isalnum, term)))
    if words:
        yield from db.execute(
            "SELECT rowid, -rank FROM turn_words WHERE turn_words MATCH ? ORDER BY rank LIMIT ?", (words, _CANDIDATES)
        ).fetchall()
    grams = {term[at : at + 3] for term in wanted for at in range(len(term) - 2)}
    if grams:
        for (key,) in db.execute(
            "SELECT rowid FROM turn_grams WHERE turn_grams MATCH ? ORDER BY rowid DESC LIMIT ?",
            (" AND ".join(map(_quoted, sorted(grams))), _CANDIDATES),
        ).fetchall():
            yield key, 0.0


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def _hit(db: sqlite3.Connection, key: int, query: Query, score: float) -> Hit | None:
    row = db.execute(
        "SELECT conversation.id, conversation.title, turn.id, role, turn.created, model, text"
        " FROM turn JOIN conversation ON conversation.key = turn.conversation"
        " WHERE turn.key = ? AND turn.deleted IS NULL AND conversation.deleted IS NULL",
        (key,),
    ).fetchone()
    if row is None:
        return None
    conversation, title, turn, role, created, model, text = row
    known = " ".join(folded(text).split())
    if not all(term in known for term in query.wanted) or not _passes(query, role, created, model):
        return None
    snippet, marks = _snippet(text, query.wanted)
    when = None if created is None else moment(created)
    return Hit(conversation, turn, snippet, score, title, cast(Role, role), when, model, marks)


def _passes(query: Query, role: str, created: int | None, model: str) -> bool:
    return (
        (query.role is None or role == query.role)
        and query.model in folded(model)
        and (query.before is None or (created is not None and created < microseconds(query.before)))
        and (query.after is None or (created is not None and created >= microseconds(query.after)))
    )


def _snippet(text: str, wanted: Sequence[str]) -> tuple[str, tuple[Range, ...]]:
    """The text round the first term on one line, and where the terms stand in it."""
    at, length = _position(text, wanted)
    start = max(0, at - (_SNIPPET_CHARACTERS - length) // 2)
    end = start + _SNIPPET_CHARACTERS
    line = clean_line(text[start:end], _SNIPPET_CHARACTERS)
    line = ("…" if start else "") + line + ("…" if end < len(text) else "")
    return line, tuple(joined(place for term in wanted for place in find(line, term)))


def _position(text: str, wanted: Sequence[str]) -> tuple[int, int]:
    """Where the first term begins, and how long it is."""
    places = [found[0] for term in wanted if (found := find(text, term))]
    start, end = min(places, default=(0, 0))
    return start, end - start
