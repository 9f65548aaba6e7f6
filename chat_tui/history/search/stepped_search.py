"""A search in steps: first a look at what is likely to be best, then turn by turn back to the oldest.

The index proposes turns, and the texts of all of these have to be read. Where common words are looked for that takes
many seconds in a large history: each step is short, and says how far the search has come.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, takewhile
from threading import Event

import msgspec

from chat_tui.core.conversation import SearchHit, SearchStep
from chat_tui.history.records import moment, storable
from chat_tui.history.search.candidates import BEGINS, INSIDE, WHOLE, FullTextQuery, Way, full_text_queries, matching
from chat_tui.history.search.index import gap
from chat_tui.history.search.matches import MatchCandidate, examine_turns, hit
from chat_tui.history.search.query import Query, parse

_BATCH = 50
_EVERY = 1_000_000_000
_LEAST_EXAMINED = 200
_FIRST_STEPS = 5
"""When so many have read all that they may, the whole history is gone through from its end, whether or not anything was
found…"""
_FIRST_STEPS_MOST = 20
"""…and at the latest after so many: on a busy machine a step ends before it has read much."""
_STEPS = 1000
"""Of SQLite's machine between two looks at whether the search is still wanted."""


class SearchBounds(msgspec.Struct, frozen=True):
    """How much one step of a search does; tests make it small."""

    ranked: int = 500
    """Hits that are compared before the best are chosen."""
    best: int = 200
    """Hits that come in the order of their scores, before all others, the newest first. The order of hits does not
    depend on how many are wanted."""
    examined: int = 2000
    """Turns whose text each of the first steps reads."""
    seconds: float = 0.06
    """Each of the first steps ends by then, with what it has found: a busy machine too shall show that within 0.1 s."""
    scanned: int = 2000
    """Turns whose text each later step reads."""
    told: int = 40
    """Hits of one step: their passages take as long as finding them, and the screen shows a few at a time."""
    characters: int = 10_000_000
    """Of all texts that one step reads."""


USUAL_BOUNDS = SearchBounds()


class SteppedSearch:
    """One search. Call `step` until `ended`; each step may have another connection and another transaction."""

    def __init__(
        self,
        text: str,
        limit: int,
        bounds: SearchBounds = USUAL_BOUNDS,
        start: int | None = None,
        *,
        counts: bool = False,
    ) -> None:
        """`start`: the `rest` of an earlier search for the same, which goes on there. With `counts`, the search goes on
        to the oldest turn after the limit is reached, and only counts what it finds. Raises `QueryError`."""
        self._query = parse(storable(text))
        self._counts = counts
        self._room, self._bounds = limit, bounds
        self._below = start
        """Turns with this key and above have been looked at; None before the end of the first look."""
        self._top: int | None = None
        self._first: _FirstLook | None = None
        self._seen: frozenset[int] = frozenset()
        """By the first look."""
        self._untold: list[tuple[int, float]] = []
        """Keys and scores of hits that the next step tells."""
        self._scan: _Scan | None = None
        self._newest_left: int | None = None
        self._rest: int | None = None
        """The position at which the limit was reached; None before."""
        self.messages = 0
        """Turns found so far."""
        self.conversations: set[int] = set()
        """Keys of their conversations."""
        self.ended = False

    def step(self, db: sqlite3.Connection, stop: Event) -> SearchStep:
        """Further hits, to stand behind those of earlier steps. None, and no more steps, once `stop` is set."""
        hits: list[SearchHit] = []
        position = 0
        if self._query != Query():
            with _until(stop, db):
                if not self._untold:
                    self._untold = list(self._look_on(db, stop).items())
                    self._room -= len(self._untold)
                told, self._untold = self._untold[: self._bounds.told], self._untold[self._bounds.told :]
                hits = [hit(db, key, self._query.wanted, score) for key, score in told]
                position = self._position(told)
        if stop.is_set():
            self.ended = True
            return SearchStep(searched=0.0)
        if self._rest is None and self._room <= 0 and not self._untold:
            self._rest = position
        self.ended = not self._untold and (position == 0 or (self._room <= 0 and not self._counts))
        found = SearchStep(tuple(hits), (), self.messages, len(self.conversations))
        rest = position if self._rest is None else self._rest
        if position == 0:
            return msgspec.structs.replace(found, complete=True, rest=rest or None)
        left = self._time_left(db, position)
        back_to = None if left is None else moment(left)
        searched = 1 - position / max(1, position, self._top or 1)
        return msgspec.structs.replace(found, searched=searched, searched_back_to=back_to, rest=rest)

    def _look_on(self, db: sqlite3.Connection, stop: Event) -> dict[int, float]:
        """Keys of further hits with their scores."""
        if self._top is None:
            self._top = 1 + int(db.execute("SELECT coalesce(max(key), 0) FROM turn").fetchone()[0])
        if self._below is not None:
            if self._scan is None:
                self._scan = _Scan(db, self._query, self._bounds)
            room = self._room if self._room > 0 else _EVERY
            found, self._below = self._scan.run(db, self._below, self._seen, room, stop)
            self._count(found)
            return dict.fromkeys((one.key for one in found), 0.0) if self._room > 0 else {}
        first = self._first = self._first or _FirstLook(self._query, self._bounds, self._top)
        best = max(0, self._bounds.best - self.messages)
        found, scores = first.run(db, min(self._room, best), stop)
        self._count(found)
        if first.ended:
            self._seen = frozenset(first.seen)
            behind = gap(db).words
            self._below = self._top if first.cut else behind + 1 if behind else 0
        return scores

    def _count(self, found: Sequence[MatchCandidate]) -> None:
        self.messages += len(found)
        self.conversations.update(one.conversation for one in found)

    def _position(self, told: Sequence[tuple[int, float]]) -> int:
        """All turns with this key and above have been looked at, and their hits told; 0: there are no others."""
        if not self._untold and self._below is not None:
            return self._below
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

    def __init__(self, query: Query, bounds: SearchBounds, top: int) -> None:
        """`top`: a key above those of all turns."""
        self._query, self._bounds, self._top = query, bounds, top
        self._ways = [WHOLE, BEGINS, INSIDE] if query.wanted else [WHOLE]
        """Still to be looked at; the first one is begun where there are `_queries`."""
        self._queries: list[FullTextQuery] | None = None
        self._below = top
        """Turns with this key and above have been looked at for the first of `_queries`."""
        self._ahead: list[int] = []
        """Their next keys, already asked for: asking again costs more than reading some texts."""
        self._block = _BATCH
        """How many keys to ask for when there are no more."""
        self._asked: set[FullTextQuery] = set()
        self._steps = 0
        self.seen: set[int] = set()
        self.cut = False
        """There may be more hits than it has found."""
        self.ended = False

    def run(self, db: sqlite3.Connection, limit: int, stop: Event) -> tuple[list[MatchCandidate], dict[int, float]]:
        """The best further turns, and their scores by key: 1 to 2 for words, below 1 for beginnings, 0 for insides.

        Of each kind the best first, where more than `ranked` are there the best of the newest; those inside of words,
        and all where only filters are given, newest first. Each kind is a step of its own, and as long as nothing is
        found some more steps go on with the same kind.
        """
        budget = _StepBudget(self._bounds, stop)
        self._steps += 1
        while self._ways and not self.ended:
            way = self._ways[0]
            ranked = not self._query.wanted or way is not INSIDE
            found, complete = self._find(db, max(limit, self._bounds.ranked) if ranked else limit, budget)
            if complete:
                self._ways.pop(0)
            elif found or self._steps >= _FIRST_STEPS_MOST or len(self.seen) >= _FIRST_STEPS * self._bounds.examined:
                self.cut = self.ended = True
            if len(found) >= limit:
                self.cut |= len(found) > limit or bool(self._ways)
                self.ended = True
            self.ended |= not self._ways
            if found or not complete:
                scores = self._scores(found, way, limit)
                # Those that are too many come later, in another order.
                self.seen.difference_update(one.key for one in found if one.key not in scores)
                return [one for one in found if one.key in scores], scores
        return [], {}

    def _scores(self, found: list[MatchCandidate], way: Way, limit: int) -> dict[int, float]:
        if not self._query.wanted:
            newest = sorted(found, key=lambda one: -(one.created or 0))
            return {one.key: 0.0 for one in newest[:limit]}
        if way is INSIDE:
            return {one.key: 0.0 for one in found[:limit]}
        found.sort(key=lambda one: -one.score)
        step = 1.0 if way is WHOLE else 0.0
        return {one.key: step + one.score / (one.score + 1) for one in found[:limit]}

    def _find(self, db: sqlite3.Connection, most: int, budget: _StepBudget) -> tuple[list[MatchCandidate], bool]:
        """Those not found yet, newest first, until there are `most`; and whether there are no others of this kind."""
        found: list[MatchCandidate] = []
        if self._queries is None:
            asked = dict.fromkeys(full_text_queries(db, self._query, self._ways[0]))
            self._queries = [match for match in asked if match not in self._asked]
            self._asked.update(asked)
        while self._queries:
            match = self._queries[0]
            if match.words:
                if budget.is_spent():
                    return found, False
                keys = matching(db, match, self._ahead[-1] if self._ahead else self._below)
                while some := self._next_batch(keys):
                    self._below = some[-1]
                    fresh = [key for key in some if key not in self.seen]
                    self.seen.update(fresh)
                    hits, characters = examine_turns(db, fresh, self._query)
                    budget.spend(len(fresh), characters)
                    found += hits
                    if len(found) >= most or budget.is_spent():
                        return found, False
            else:
                # The later steps go through all there is, and where the index cannot tell, through every turn.
                self.cut = True
            self._queries.pop(0)
            self._below, self._block = self._top, _BATCH
        self._queries = None
        return found, True

    def _next_batch(self, keys: Iterator[int]) -> list[int]:
        """Some of the keys, of which ever larger blocks are taken: the first hits are soon shown, and few steps ask."""
        if not self._ahead:
            self._ahead = [*islice(keys, self._block)]
            self._block = min(2 * self._block, self._bounds.scanned)
        some, self._ahead = self._ahead[:_BATCH], self._ahead[_BATCH:]
        return some


class _StepBudget:
    """How much more a step of the first look may read."""

    def __init__(self, bounds: SearchBounds, stop: Event) -> None:
        self._bounds, self._stop = bounds, stop
        self._turns = self._characters = 0
        self._end = time.monotonic() + bounds.seconds

    def spend(self, turns: int, characters: int) -> None:
        self._turns += turns
        self._characters += characters

    def is_spent(self) -> bool:
        # A few turns are looked at in any case: their order shall not depend on how busy the machine is.
        return (
            self._stop.is_set()
            or (self._turns >= _LEAST_EXAMINED and time.monotonic() >= self._end)
            or self._turns >= self._bounds.examined
            or self._characters >= self._bounds.characters
        )


class _Scan:
    """All turns that may be a hit in any way, newest first."""

    def __init__(self, db: sqlite3.Connection, query: Query, bounds: SearchBounds) -> None:
        self._query, self._bounds = query, bounds
        matches = list(full_text_queries(db, query, INSIDE))
        self._match = matches[-1] if matches else None
        """What the index is asked for; None: no turn in it is a hit."""
        self._behind = gap(db).words
        """Older turns are read, even when they come into the index meanwhile: they may have further words."""

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
            hits, read = examine_turns(db, some, self._query)
            found += hits
            characters += read
            if len(found) >= room:
                return found[:room], found[room - 1].key
            if stop.is_set() or (characters >= self._bounds.characters and start + _BATCH < len(fresh)):
                return found, some[-1]
        return found, rest

    def _candidates(self, db: sqlite3.Connection, below: int) -> tuple[Sequence[int], int]:
        """The next ones, newest first, and below which key those behind them stand; 0: there are none."""
        most, behind = self._bounds.scanned, self._behind
        reads_all = self._match is not None and not self._match.words
        if reads_all or below <= behind + 1:
            rows = db.execute(
                "SELECT key FROM turn WHERE key < ? AND indexed = 1 ORDER BY key DESC LIMIT ?", (below, most + 1)
            )
            keys, rest = [key for (key,) in rows], 0
        else:
            # The turns up to `behind` were not in the index when the search began.
            rest = behind + 1 if behind else 0
            if self._match is None:
                return [], rest
            keys = [*islice(takewhile(lambda key: key > behind, matching(db, self._match, below)), most + 1)]
        return (keys[:most], keys[most - 1]) if len(keys) > most else (keys, rest)
