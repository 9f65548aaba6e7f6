"""What answers took, summed up by day, model and strategy."""

from __future__ import annotations

from datetime import datetime

import msgspec


class UsageTotals(msgspec.Struct, frozen=True):
    """The sum of some answers; those that failed before any text came are not among them."""

    name: str = ""
    """The day (such as `2026-11-23`), model or strategy; empty where it was not told."""
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    """US dollars, as far as known; None when no answer's is."""
    ttft_seconds: float | None = None
    """The median; None when no answer's is known."""
    tokens_per_second: float | None = None
    """The median; None when no answer's is known."""
    good: int = 0
    bad: int = 0
    """Verdicts of people."""


class UsageReport(msgspec.Struct, frozen=True):
    """Answers since a time."""

    since: datetime
    whole: UsageTotals = UsageTotals()
    days: tuple[UsageTotals, ...] = ()
    """Each day since then, the newest first, also those without an answer."""
    models: tuple[UsageTotals, ...] = ()
    """Those with the most answers first."""
    strategies: tuple[UsageTotals, ...] = ()
    """Those with the most answers first."""
    newest_only: bool = False
    """There are more answers than are looked at: only the newest are counted."""
