"""Money that was spent, and the daily budget."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Spending(msgspec.Struct, frozen=True):
    """Amounts in US dollars, as far as prices are known."""

    conversation: float | None = None
    """Cost of all answers of one conversation; None if no cost is known."""
    today: float | None = None
    """Cost of all answers since midnight; None before it was read."""
    budget: float | None = None
    """Daily budget; None: no limit."""


class EarlierSpending(msgspec.Struct, frozen=True):
    """Today's cost of saved conversations, read at the start of an engine that saves nothing."""

    midnight: datetime
    """Start of the day."""
    dollars: float


PAID_APART = "paid apart"
"""Key of a state entry with a date and today's cost, in US dollars, of answers that are not saved."""


def paid_apart(kept: str) -> float:
    """Return today's US dollars from this entry; 0 if it is of another day."""
    day, _, dollars = kept.partition(" ")
    return float(dollars) if day == str(midnight().date()) else 0.0


def midnight() -> datetime:
    """Return the start of the current day in the local time zone."""
    return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
