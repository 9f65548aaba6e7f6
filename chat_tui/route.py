"""The record of how an answer was routed: candidates, scores, tries, reasons. Kept with every answer."""

from __future__ import annotations

import msgspec


class Candidate(msgspec.Struct, frozen=True):
    """One model that was considered."""

    model: str
    score: float | None = None
    """0 to 1, higher is better; None when the model was out."""
    scores: dict[str, float] = {}
    """The parts of the score by name, each 0 to 1."""
    out: str = ""
    """Why the model could not be chosen; empty when it could."""


class Try(msgspec.Struct, frozen=True):
    """One attempt to get the answer from one model."""

    model: str
    attempt: int
    """Counts from 1 for each model."""
    outcome: str
    """`answered`, or the kind of the error."""
    reason: str = ""
    at_seconds: float = 0.0
    """When it began, in seconds after the request was asked."""
    duration_seconds: float = 0.0
    waited_seconds: float = 0.0
    """Back-off before it."""


class Route(msgspec.Struct, frozen=True):
    """How the answer came about."""

    strategy: str
    candidates: tuple[Candidate, ...] = ()
    tries: tuple[Try, ...] = ()
