"""Finds conversations by the words of their titles."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chat_tui.core.conversation import TitleHit
from chat_tui.core.text.text_match import find, fold_text, merge_ranges
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.queries import reads
from chat_tui.history.records import microseconds, storable
from chat_tui.history.search.query import Query, parse
from chat_tui.history.stored_text import clean_line_of


class FoundTitle(msgspec.Struct, frozen=True):
    """A title that a search has found."""

    key: int
    """Key of the conversation."""
    hit: TitleHit


def find_titles(db: StoreConnection, query: str) -> list[FoundTitle]:
    """The conversations whose title has all words and phrases of the query, the one that was used last first.

    `before:` and `after:` apply to the time of the last use; `role:` and `model:` are about messages, so no title
    matches them. Raises `QueryError`.
    """
    asked = parse(storable(query))
    if not asked.wanted or asked.role is not None or asked.model:
        return []
    keys = _matching_keys(db, asked)
    summaries = reads.summaries_of(db, keys)
    return [
        FoundTitle(key, TitleHit(summaries[key], _marks(summaries[key].title, asked.wanted)))
        for key in keys
        if key in summaries
    ]


def _matching_keys(db: StoreConnection, asked: Query) -> list[int]:
    after = None if asked.after is None else microseconds(asked.after)
    before = None if asked.before is None else microseconds(asked.before)
    rows = db.execute(
        "SELECT key, title FROM conversation WHERE deleted IS NULL AND (?1 IS NULL OR updated >= ?1)"
        " AND (?2 IS NULL OR updated < ?2) ORDER BY updated DESC, key DESC",
        (after, before),
    )
    return [key for key, title in rows if title and _has_all(fold_text(clean_line_of(title)), asked.wanted)]


def _has_all(title: str, wanted: Sequence[str]) -> bool:
    known = title if title.isascii() and "  " not in title else " ".join(title.split())
    return all(term in known for term in wanted)


def _marks(title: str, wanted: Sequence[str]) -> tuple[tuple[int, int], ...]:
    return tuple(merge_ranges(place for term in wanted for place in find(title, term)))
