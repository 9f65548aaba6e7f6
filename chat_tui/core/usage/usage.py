"""Usage by day, model and strategy."""

from __future__ import annotations

from datetime import datetime

import msgspec


class UsageTotals(msgspec.Struct, frozen=True):
    """Totals of answers, without those that failed before any text arrived."""

    name: str = ""
    """Day (such as `2026-11-23`), model or strategy; empty if unknown."""
    answers: int = 0
    prompt_tokens: int | None = None
    """As far as known; None if the tokens of no answer are known."""
    completion_tokens: int | None = None
    cost: float | None = None
    """US dollars, as far as known; None if no cost is known."""
    ttft_seconds: float | None = None
    """Median; None if it is unknown for all answers."""
    tokens_per_second: float | None = None
    """Median; None if it is unknown for all answers."""
    good: int = 0
    bad: int = 0
    """Number of ratings by the user."""
    tokens_estimated: bool = False
    """Whether some of the tokens are estimates."""


class UsageReport(msgspec.Struct, frozen=True):
    """Usage since a point in time."""

    since: datetime
    whole: UsageTotals = UsageTotals()
    days: tuple[UsageTotals, ...] = ()
    """Every day since then, newest first, including those without answers."""
    models: tuple[UsageTotals, ...] = ()
    """Ordered by number of answers, descending."""
    strategies: tuple[UsageTotals, ...] = ()
    """Ordered by number of answers, descending."""
    newest_only: bool = False
    """Whether there are more answers than are counted: only the newest are."""
