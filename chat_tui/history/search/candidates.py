"""Which turns may be a hit, newest first: the query as full-text queries of the index.

Three ways, each wider than the one before: terms are whole words, they begin words, they stand inside of words. The
last two go through the words that there are. Where a part is in more of them than one query can ask for, the oldest
(the common ones) are asked for; then, if another part narrows the search, this one is left to the reading of texts.

For two neighbouring words of a term, of which one at least is a whole word, their token is asked for too where the
index has such tokens. Words alone are not enough: common ones stand together in most turns. Where the last word may go
on in many ways, as after its first letter, the commonest of these are asked for first, which is much quicker.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from chat_tui.history.search.index import gap, quote_token
from chat_tui.history.search.query import Query
from chat_tui.history.search.tokenizer import TermPart, holds, may_be_cut, neighbours, pair_token, part_grams, parts

Way: TypeAlias = tuple[bool, bool]
"""Whether a term's start, and its end, may stand inside of a word."""
WHOLE: Way = (False, False)
BEGINS: Way = (False, True)
INSIDE: Way = (True, True)
_TOKENS = 256
"""That one full-text query asks for; every one costs a look into each segment of the index."""
_LEAST_TOKENS = 16
_FIRST_PAIRS = 20
"""Words that a part of a term may be, of which the tokens with the whole word beside it are asked for first. With 84
instead, such a query of 1,000,000 turns takes 55 ms instead of 25, and has twice as many candidates to be read."""
_WORDS = 4000
"""Of the index that are looked at for one part."""


class FullTextQuery(msgspec.Struct, frozen=True):
    """What to ask `turn_tokens` for; empty where it cannot tell, so that any turn may be a hit."""

    with_pairs: str
    """For turns that have the tokens of neighbouring words."""
    words: str
    """For the others."""


class _Group(msgspec.Struct, frozen=True):
    """Tokens of which a turn must have one."""

    tokens: tuple[str, ...]
    whole: bool = True
    """Whether a turn without any of them cannot be a hit."""
    pairs: tuple[str, ...] = ()
    """For each token the one for this word and its neighbour, where both stand in the term."""

    def commonest(self, count: int) -> _Group:
        """This group with its first tokens alone: words are learned in the order in which texts use them first."""
        return _Group(self.tokens[:count], self.whole and len(self.tokens) <= count, self.pairs[:count])


def full_text_queries(db: sqlite3.Connection, query: Query, way: Way) -> Iterator[FullTextQuery]:
    """What to ask for, one after the other; nothing when no turn can be a hit this way.

    The last one is wide enough for all hits.
    """
    open_start, open_end = way
    demands = dict.fromkeys(
        part for term in query.wanted for part in parts(term, open_start=open_start, open_end=open_end)
    )
    adjacent = dict.fromkeys(
        pair for term in query.wanted for pair in neighbours(term, open_start=open_start, open_end=open_end)
    )
    limit = max(_LEAST_TOKENS, _TOKENS // max(1, len(demands)))
    groups = [*_filters(db, query)]
    for part in demands:
        group = _group(db, part, limit)
        groups.append(msgspec.structs.replace(group, pairs=_pairs(group.tokens, part, adjacent)))
    if any(group.whole and not group.tokens for group in groups):
        return
    pairs = [pair_token(a.text, b.text) for a, b in adjacent if a.reach == b.reach == "whole"]
    narrow = [group for group in groups if group.whole]
    known = [group for group in groups if group.tokens]
    common = [group.commonest(_FIRST_PAIRS) if any(group.pairs) else group for group in known]
    if common != known:
        yield _conjunction(common, pairs)
    if known:
        yield _conjunction(known, pairs)
    if not known or len(narrow) < len(groups):
        yield _conjunction(narrow, pairs)


def _conjunction(groups: Sequence[_Group], pairs: Sequence[str]) -> FullTextQuery:
    words = " AND ".join(f"({' OR '.join(map(quote_token, group.tokens))})" for group in groups)
    # The rarest first: the others are only looked up where it is.
    with_pairs = " AND ".join([*map(quote_token, pairs), *map(_disjunction, groups)])
    return FullTextQuery(with_pairs, words)


def _disjunction(group: _Group) -> str:
    # A turn with the pair almost always has the word, which is in many more turns: asking for both takes twice as long.
    pairs = group.pairs or ("",) * len(group.tokens)
    tokens = [pair or word for word, pair in zip(group.tokens, pairs, strict=True)]
    return f"({' OR '.join(map(quote_token, tokens))})"


def _pairs(words: Sequence[str], part: TermPart, adjacent: Collection[tuple[TermPart, TermPart]]) -> tuple[str, ...]:
    """For each of the words that have this part, the token that it makes with the whole word beside it in the term.

    Empty for a word that may be a piece of a longer one. Nothing where the part is a whole word, or stands alone.
    """
    for first, second in adjacent:
        if second == part and part.reach == "begins" and first.reach == "whole":
            return tuple("" if may_be_cut(word) else pair_token(first.text, word) for word in words)
        if first == part and part.reach == "ends" and second.reach == "whole":
            return tuple("" if may_be_cut(word) else pair_token(word, second.text) for word in words)
    return ()


def matching(db: sqlite3.Connection, query: FullTextQuery, below: int) -> Iterator[int]:
    """Keys of the turns in the index that may be hits, from behind this one down to the oldest."""
    known = gap(db)
    parts = (
        (query.words, known.pairs_until, below),
        (query.with_pairs, known.pairs_after, min(below, known.pairs_until + 1)),
        (query.words, 0, min(below, known.pairs_after + 1)),
    )
    for match, above, end in parts:
        if end > above + 1:
            for (key,) in db.execute(
                "SELECT rowid FROM turn_tokens WHERE turn_tokens MATCH ? AND rowid > ? AND rowid < ?"
                " ORDER BY rowid DESC",
                (match, above, end),
            ):
                yield key


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
        (" AND ".join(map(quote_token, sorted(wanted))), _WORDS),
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
