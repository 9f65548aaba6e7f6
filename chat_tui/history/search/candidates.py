"""Which turns may be a hit, newest first: the query as full-text queries of the index.

Three ways, each wider than the one before: terms are whole words, they begin words, they stand inside of words. The
last two go through the words that there are. Where a part is in more of them than one query can ask for, the oldest
(the common ones) are asked for; then, if another part narrows the search, this one is left to the reading of texts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from chat_tui.history.search.index import quoted
from chat_tui.history.search.query import Query
from chat_tui.history.search.tokenizer import TermPart, holds, part_grams, parts

Way: TypeAlias = tuple[bool, bool]
"""Whether a term's start, and its end, may stand inside of a word."""
WHOLE: Way = (False, False)
BEGINS: Way = (False, True)
INSIDE: Way = (True, True)
_TOKENS = 256
"""That one full-text query asks for; every one costs a look into each segment of the index."""
_LEAST_TOKENS = 16
_WORDS = 4000
"""Of the index that are looked at for one part."""


class _Group(msgspec.Struct, frozen=True):
    """Tokens of which a turn must have one."""

    tokens: tuple[str, ...]
    whole: bool = True
    """Whether a turn without any of them cannot be a hit."""


def full_text_queries(db: sqlite3.Connection, query: Query, way: Way) -> Iterator[str]:
    """What to ask `turn_tokens` for, one after the other; nothing when no turn can be a hit this way.

    The last one is wide enough for all hits; it is empty where the index cannot tell, so that any turn may be one.
    """
    open_start, open_end = way
    demands = dict.fromkeys(
        part for term in query.wanted for part in parts(term, open_start=open_start, open_end=open_end)
    )
    limit = max(_LEAST_TOKENS, _TOKENS // max(1, len(demands)))
    groups = [*_filters(db, query), *(_group(db, part, limit) for part in demands)]
    if any(group.whole and not group.tokens for group in groups):
        return
    narrow = [group for group in groups if group.whole]
    known = [group for group in groups if group.tokens]
    if known:
        yield _conjunction(known)
    if not known or len(narrow) < len(groups):
        yield _conjunction(narrow)


def _conjunction(groups: Sequence[_Group]) -> str:
    return " AND ".join(f"({' OR '.join(map(quoted, group.tokens))})" for group in groups)


def _group(db: sqlite3.Connection, part: TermPart, limit: int) -> _Group:
    if part.reach == "whole":
        return _Group((part.text,))
    wanted = part_grams(part)
    if not wanted:
        return _Group((), whole=False)
    found: list[str] = []
    looked_at = 0
    for (word,) in db.execute(
        "SELECT token FROM word_grams JOIN word ON word.key = word_grams.rowid WHERE word_grams MATCH ?"
        " ORDER BY word_grams.rowid LIMIT ?",
        (" AND ".join(map(quoted, sorted(wanted))), _WORDS),
    ):
        looked_at += 1
        if holds(word, part):
            if len(found) == limit:
                return _Group(tuple(found), whole=False)
            found.append(word)
    return _Group(tuple(found), whole=looked_at < _WORDS)


def _filters(db: sqlite3.Connection, query: Query) -> Iterator[_Group]:
    if query.role is not None:
        yield _Group((f"role={query.role}",))
    if query.model:
        wanted = "".join(query.model.split())
        rows = db.execute("SELECT token FROM word WHERE token >= 'model=' AND token < 'model>'")
        yield _Group(tuple(token for (token,) in rows if wanted in token[len("model=") :]))
    if query.before is not None or query.after is not None:
        yield _Group(tuple(_times(db, query.after, query.before)))


def _times(db: sqlite3.Connection, after: datetime | None, before: datetime | None) -> Iterator[str]:
    """The fewest years, months and days (UTC) that cover the time asked for and of which there are turns."""
    first = after.astimezone(UTC).date().isoformat() if after else "0"
    last = before.astimezone(UTC).date().isoformat() if before else "9"
    for name, size, above in (("year", 4, 0), ("month", 7, 4), ("day", 10, 7)):
        low, high = f"{name}={first[:size]}", f"{name}={last[:size]}"
        for (token,) in db.execute("SELECT token FROM word WHERE token BETWEEN ? AND ?", (low, high)):
            day = token[len(name) + 1 :]
            whole = name == "day" or first[:size] < day < last[:size]
            covered = above and first[:above] < day[:above] < last[:above]
            if whole and not covered:
                yield token
