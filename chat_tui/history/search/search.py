"""Full text over all turns: the index proposes turns, their texts decide.

Each term must stand in the text as it was written, case and accents aside. So what the index does not know (the order
of words, the neighbours of a sign) needs no place in it.
"""

from __future__ import annotations

from chat_tui.history.search.index import (
    USUAL_CATCH_UP,
    CatchUpBounds,
    add,
    begin_again,
    catch_up,
    forget,
    gap,
    remove,
    take_out,
)
from chat_tui.history.search.stepped import USUAL_BOUNDS, SearchBounds, SteppedSearch

__all__ = [
    "USUAL_BOUNDS",
    "USUAL_CATCH_UP",
    "CatchUpBounds",
    "SearchBounds",
    "SteppedSearch",
    "add",
    "begin_again",
    "catch_up",
    "forget",
    "gap",
    "remove",
    "take_out",
]
