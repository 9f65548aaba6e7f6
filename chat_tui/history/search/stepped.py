"""A search in steps: first a look at what is likely to be best, then turn by turn back to the oldest.

The index knows which words a turn has, not their order, so the texts of all candidates have to be read. For common
words that takes many seconds in a large history: each step is short, and says how far the search has come.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event

import msgspec

from chat_tui.core.conversation import SearchHit, SearchStep
from chat_tui.history.records import moment, storable
from chat_tui.history.search.candidates import BEGINS, INSIDE, WHOLE, Way, full_text_queries
from chat_tui.history.search.index import gap
from chat_tui.history.search.matches import MatchCandidate, examined, hit
from chat_tui.history.search.query import Query, parse

_BATCH = 50
_LEAST_EXAMINED = 200
_STEPS = 1000
"""Of SQLite's machine between two looks at whether the search is still wanted."""


class SearchBounds(msgspec.Struct, frozen=True):
    """How much one step of a search does; tests make it small."""

    ranked: int = 500
    """Hits that are compared before the best are chosen."""
    examined: int = 2000
    """Turns whose text the first step reads."""
    seconds: float = 0.06
    """The first step ends by then, with what it has found: a busy machine too shall show that within 0.1 s."""
    scanned: int = 2000
    """Turns whose text each later step reads."""
    told: int = 40
    """Hits of one step: their passages take as long as finding them, and the screen shows a few at a time."""
    characters: int = 10_000_000
    """Of all texts that one step reads."""


USUAL_BOUNDS = SearchBounds()


class SteppedSearch:
    """One search. Call `step` until `ended`; each step may have another connection and another transaction."""

    def __init__(self, text: str, limit: int, bounds: SearchBounds = USUAL_BOUNDS, start: int | None = None) -> None:
        """`start`: the `rest` of an earlier search for the same, which goes on there. Raises `QueryError`."""
        self._query = parse(storable(text))
        self._room, self._bounds = limit, bounds
        self._below = start
        """Turns with this key and above have been looked at; None before the first step."""
        self._top: int | None = None
        self._seen: frozenset[int] = frozenset()
        """By the first step."""
        self._untold: list[tuple[int, float]] = []
        """Keys and scores of hits that the next step tells."""
        self._scan: _Scan | None = None
        self._newest_left: int | None = None
        self.ended = False

    def step(self, db: sqlite3.Connection, stop: Event) -> SearchStep:
        """Further hits, to stand behind those of earlier steps. None, and no more steps, once `stop` is set."""
        hits: list[SearchHit] = []
        position = 0
        if self._query != Query():
            with _until(stop, db):
                if not self._untold:
                    self._untold = list(self._looked(db, stop).items())
                    self._room -= len(self._untold)
                told, self._untold = self._untold[: self._bounds.told], self._untold[self._bounds.told :]
                hits = [hit(db, key, self._query.wanted, score) for key, score in told]
                position = self._position(told)
        if stop.is_set():
            self.ended = True
            return SearchStep(searched=0.0)
        self.ended = not self._untold and (position == 0 or self._room <= 0)
        if position == 0:
            return SearchStep(tuple(hits), complete=True)
        left = self._time_left(db, position)
        back_to = None if left is None else moment(left)
        searched = 1 - position / max(1, position, self._top or 1)
        return SearchStep(tuple(hits), searched=searched, searched_back_to=back_to, rest=position)

    def _looked(self, db: sqlite3.Connection, stop: Event) -> dict[int, float]:
        """Keys of further hits with their scores."""
        if self._top is None:
            self._top = 1 + int(db.execute("SELECT coalesce(max(key), 0) FROM turn").fetchone()[0])
        if self._below is not None:
            if self._scan is None:
                self._scan = _Scan(db, self._query, self._bounds)
            found, self._below = self._scan.run(db, self._below, self._seen, self._room, stop)
            return dict.fromkeys((one.key for one in found), 0.0)
        first = _FirstLook(db, self._query, self._bounds, stop)
        scores = first.run(self._room)
        self._seen = frozenset(first.seen)
        behind = gap(db)
        self._below = self._top if first.cut else behind + 1 if behind else 0
        return scores

    def _position(self, told: Sequence[tuple[int, float]]) -> int:
        """All turns with this key and above have been looked at, and their hits told; 0: there are no others."""
        if not self._untold:
            return self._below or 0
        # Those of the first look are in no order of keys.
        return told[-1][0] if self._scan is not None else self._top or 0

    def _time_left(self, db: sqlite3.Connection, position: int) -> int | None:
        """When the newest answer that is still to be looked at was made; imported ones are not in the order of time."""
        row = db.execute(
            "SELECT created FROM turn WHERE role = 'assistant' AND key < ? AND created <= ?"
            " ORDER BY created DESC LIMIT 1",
            (position, 2**63 - 1 if self._newest_left is None else self._newest_left),
        ).fetchone()
        if row is not None:
            # The next look begins here: together they go through the times once.
            self._newest_left = row[0]
        return None if row is None else int(row[0])


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


class _FirstLook:
    """The whole history for what is likely to be best: words, then beginnings of words, then insides; it may be cut
    short."""

    def __init__(self, db: sqlite3.Connection, query: Query, bounds: SearchBounds, stop: Event) -> None:
        self._db, self._query, self._bounds, self._stop = db, query, bounds, stop
        self._asked: set[str] = set()
        self._characters = 0
        self._end = time.monotonic() + bounds.seconds
        self.seen: set[int] = set()
        self.cut = False
        """There may be more hits than it has found."""

    def run(self, limit: int) -> dict[int, float]:
        """Keys of the best turns with their scores: 1 to 2 for words, below 1 for beginnings, 0 for insides.

        Of each kind the best first, where more than `ranked` are there the best of the newest; those inside of words,
        and all where only filters are given, newest first.
        """
        if not self._query.wanted:
            newest = sorted(self._found(WHOLE, max(limit, self._bounds.ranked)), key=lambda one: -(one.created or 0))
            self.cut |= len(newest) > limit
            return {one.key: 0.0 for one in newest[:limit]}
        scores: dict[int, float] = {}
        for way in (WHOLE, BEGINS, INSIDE):
            room = limit - len(scores)
            if room <= 0:
                self.cut = True
                break
            found = self._found(way, room if way is INSIDE else max(room, self._bounds.ranked))
            if way is not INSIDE:
                found.sort(key=lambda one: -one.score)
            self.cut |= len(found) > room
            step = {WHOLE: 1.0, BEGINS: 0.0}
            scores |= {one.key: step[way] + one.score / (one.score + 1) if way in step else 0.0 for one in found[:room]}
        return scores

    def _found(self, way: Way, most: int) -> list[MatchCandidate]:
        """Those not found yet, newest first, `most` at the most."""
        found: list[MatchCandidate] = []
        for match in full_text_queries(self._db, self._query, way):
            if match in self._asked:
                continue
            self._asked.add(match)
            if not match or self._exhausted():
                # The later steps go through all there is, and where the index cannot tell, through every turn.
                self.cut = True
                continue
            keys = self._db.execute(
                "SELECT rowid FROM turn_tokens WHERE turn_tokens MATCH ? ORDER BY rowid DESC", (match,)
            )
            while some := keys.fetchmany(_BATCH):
                fresh = [key for (key,) in some if key not in self.seen]
                self.seen.update(fresh)
                hits, characters = examined(self._db, fresh, self._query)
                self._characters += characters
                found += hits
                if len(found) >= most or self._exhausted():
                    self.cut = True
                    return found[:most]
        return found

    def _exhausted(self) -> bool:
        # A few turns are looked at in any case: their order shall not depend on how busy the machine is.
        return (
            self._stop.is_set()
            or (len(self.seen) >= _LEAST_EXAMINED and time.monotonic() >= self._end)
            or len(self.seen) >= self._bounds.examined
            or self._characters >= self._bounds.characters
        )


class _Scan:
    """All turns that may be a hit in any way, newest first."""

    def __init__(self, db: sqlite3.Connection, query: Query, bounds: SearchBounds) -> None:
        self._query, self._bounds = query, bounds
        matches = list(full_text_queries(db, query, INSIDE))
        self._match = matches[-1] if matches else None
        """What the index is asked for; empty: it cannot tell, so every turn is read; None: no turn in it is a hit."""

    def run(
        self, db: sqlite3.Connection, below: int, seen: frozenset[int], room: int, stop: Event
    ) -> tuple[list[MatchCandidate], int]:
        """Further hits below this key that are not among those `seen`, `room` at the most, and below which key to go
        on; 0: nowhere."""
        keys, rest = self._candidates(db, below)
        fresh = [key for key in keys if key not in seen]
        found: list[MatchCandidate] = []
        characters = 0
        for start in range(0, len(fresh), _BATCH):
            some = fresh[start : start + _BATCH]
            hits, read = examined(db, some, self._query)
            found += hits
            characters += read
            if len(found) >= room:
                return found[:room], found[room - 1].key
            if stop.is_set() or (characters >= self._bounds.characters and start + _BATCH < len(fresh)):
                return found, some[-1]
        return found, rest

    def _candidates(self, db: sqlite3.Connection, below: int) -> tuple[Sequence[int], int]:
        """The next ones, newest first, and below which key those behind them stand; 0: there are none."""
        most, behind = self._bounds.scanned, gap(db)
        if self._match == "" or below <= behind + 1:
            rows = db.execute(
                "SELECT key FROM turn WHERE key < ? AND indexed = 1 ORDER BY key DESC LIMIT ?", (below, most + 1)
            )
            rest = 0
        else:
            # The turns up to `behind` are not in the index yet.
            rest = behind + 1 if behind else 0
            if self._match is None:
                return [], rest
            rows = db.execute(
                "SELECT rowid FROM turn_tokens WHERE turn_tokens MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?",
                (self._match, below, most + 1),
            )
        keys = [key for (key,) in rows]
        return (keys[:most], keys[most - 1]) if len(keys) > most else (keys, rest)
