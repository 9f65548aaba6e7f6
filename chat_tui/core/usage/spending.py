"""What was spent: of a conversation, today, and what may be."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Spending(msgspec.Struct, frozen=True):
    """US dollars, as far as the prices are known."""

    conversation: float | None = None
    """For all answers of one conversation; None when none is known."""
    today: float | None = None
    """For all answers since midnight; None when not read yet."""
    budget: float | None = None
    """That may be spent in a day; None: there is no limit."""


class EarlierSpending(msgspec.Struct, frozen=True):
    """What saved conversations had cost today when an engine began that saves nothing and so knows none of them."""

    midnight: datetime
    """When the day began."""
    dollars: float


PAID_APART = "paid apart"
"""Where it is kept what today's answers have cost that are kept nowhere themselves: a date and US dollars."""


def paid_apart(kept: str) -> float:
    """US dollars of today in what is kept there."""
    day, _, dollars = kept.partition(" ")
    return float(dollars) if day == str(midnight().date()) else 0.0


def midnight() -> datetime:
    """When this day began, where the user is."""
    return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
