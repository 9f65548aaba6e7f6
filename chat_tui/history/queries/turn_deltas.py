"""Stores what was added to several growing answers together: a transaction for each would cost more than its text."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from chat_tui.core.conversation import TurnDelta
from chat_tui.core.errors import HistoryError
from chat_tui.history.queries import writes

Fault = HistoryError | None
"""Why a delta could not be stored; None if it was."""


def append_deltas(db: sqlite3.Connection, pieces: Sequence[TurnDelta]) -> list[Fault]:
    """Store these deltas; returns a fault or None for each."""
    faults: list[Fault] = []
    for piece in pieces:
        try:
            writes.append_delta(db, piece)
            faults.append(None)
        except HistoryError as error:
            faults.append(error)
    return faults
