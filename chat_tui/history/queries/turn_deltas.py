"""Pieces of growing answers, written together: where many answers grow, a transaction for each would cost more than
the text."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from chat_tui.core.conversation import TurnDelta
from chat_tui.core.errors import HistoryError
from chat_tui.history.queries import writes

Fault = HistoryError | None
"""Why a piece could not be kept."""


def append_deltas(db: sqlite3.Connection, pieces: Sequence[TurnDelta]) -> list[Fault]:
    """Adds these pieces; gives for each why that could not be."""
    faults: list[Fault] = []
    for piece in pieces:
        try:
            writes.append_delta(db, piece)
            faults.append(None)
        except HistoryError as error:
            faults.append(error)
    return faults
