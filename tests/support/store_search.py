"""Searches of a store's connection, without its threads."""

from __future__ import annotations

import sqlite3
from threading import Event

from chat_tui.core.conversation import SearchHit
from chat_tui.history.search.stepped_search import USUAL_BOUNDS, SearchBounds, SteppedSearch


def found_in(
    db: sqlite3.Connection, query: str, limit: int, stop: Event | None = None, bounds: SearchBounds = USUAL_BOUNDS
) -> list[SearchHit]:
    """All hits of all steps."""
    steps, found = SteppedSearch(query, limit, bounds), list[SearchHit]()
    while not steps.ended:
        found += steps.step(db, stop or Event()).hits
    return found
