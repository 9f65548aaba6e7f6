"""Full text over all turns: the index proposes turns, their texts decide.

Each term must stand in the text as it was written, case and accents aside. So what the index does not know (the order
of words, the neighbours of a sign) needs no place in it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from chat_tui.conversation import Hit
from chat_tui.history.rows import storable
from chat_tui.history.search.candidates import BEGINS, INSIDE, WHOLE, Way, full_text_queries
from chat_tui.history.search.index import add, begin_again, catch_up, forget, remove, take_out
from chat_tui.history.search.passages import Candidate, examined, hit
from chat_tui.query import Query, parse

__all__ = ["add", "begin_again", "catch_up", "forget", "remove", "search", "take_out"]

_RANKED = 500
"""Hits that are compared before the best are chosen."""
_EXAMINED = 2000
_READ_CHARACTERS = 10_000_000
"""Of all texts that one search examines; a search for two very common words that nowhere stand together ends here."""
_BATCH = 50
_STEPS = 1000
"""Of SQLite's machine between two looks at whether the search is still wanted."""


def search(db: sqlite3.Connection, text: str, limit: int, stopped: Event | None = None) -> list[Hit]:
    """The turns that hold all terms: first those with them as words, then as beginnings of words, then inside of words.

    Of each kind the best first, where more than `_RANKED` are there the best of the newest; those inside of words, and
    all where only filters are given, newest first. Empty when `stopped` is set meanwhile. Raises `QueryError`.
    """
    query = parse(storable(text))
    stop = stopped or Event()
    hits: list[Hit] = []
    if query != Query():
        with _until(stop, db):
            scores = _Search(db, query, stop).run(limit)
            hits = [hit(db, key, query.wanted, score) for key, score in scores.items()]
    return [] if stop.is_set() else hits


@contextmanager
def _until(stop: Event, db: sqlite3.Connection) -> Iterator[None]:
    """Ends what SQLite is doing inside once `stop` is set."""
    db.set_progress_handler(stop.is_set, _STEPS)
    try:
        yield
    except sqlite3.OperationalError:
        if not stop.is_set():
            raise
    finally:
        db.set_progress_handler(None, 0)


class _Search:
    """One search: what it has read so far."""

    def __init__(self, db: sqlite3.Connection, query: Query, stop: Event) -> None:
        self._db = db
        self._query = query
        self._stop = stop
        self._asked: set[str] = set()
        self._seen: set[int] = set()
        self._characters = 0

    def run(self, limit: int) -> dict[int, float]:
        """Keys of the best turns with their scores: 1 to 2 for words, below 1 for beginnings, 0 for insides."""
        scores: dict[int, float] = {}
        if not self._query.wanted:
            newest = sorted(self._found(WHOLE, max(limit, _RANKED)), key=lambda found: -(found.created or 0))
            return {found.key: 0.0 for found in newest[:limit]}
        for way in (WHOLE, BEGINS, INSIDE):
            room = limit - len(scores)
            if room <= 0:
                break
            found = self._found(way, room if way is INSIDE else max(room, _RANKED))
            if way is not INSIDE:
                found.sort(key=lambda one: -one.score)
            step = {WHOLE: 1.0, BEGINS: 0.0}
            scores |= {one.key: step[way] + one.score / (one.score + 1) if way in step else 0.0 for one in found[:room]}
        return scores

    def _found(self, way: Way, most: int) -> list[Candidate]:
        """Those not found yet, newest first, `most` at the most."""
        found: list[Candidate] = []
        for match in full_text_queries(self._db, self._query, way):
            if match in self._asked:
                continue
            self._asked.add(match)
            keys = self._db.execute(
                "SELECT rowid FROM turn_tokens WHERE turn_tokens MATCH ? ORDER BY rowid DESC", (match,)
            )
            while some := keys.fetchmany(_BATCH):
                fresh = [key for (key,) in some if key not in self._seen]
                self._seen.update(fresh)
                hits, characters = examined(self._db, fresh, self._query)
                self._characters += characters
                found += hits
                if len(found) >= most or self._exhausted():
                    return found[:most]
        return found

    def _exhausted(self) -> bool:
        return self._stop.is_set() or len(self._seen) >= _EXAMINED or self._characters >= _READ_CHARACTERS
