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


def midnight() -> datetime:
    """When this day began, where the user is."""
    return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
