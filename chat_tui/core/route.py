"""The record of how an answer was routed: candidates, scores, attempts, reasons. Stored with the answer."""

from __future__ import annotations

import msgspec

from chat_tui.core.text.memory_text import MemoryText


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A model that was considered."""

    model: str
    score: float | None = None
    """The strategy's value, higher is better; None if the model was excluded."""
    scores: dict[str, float] = {}
    """Components of the score by name, of strategies that have such, each 0 to 1."""
    out: str = ""
    """Why the model was excluded; empty if it was not."""
    note: str = ""
    """Why it should not have been chosen but was: it is in cooldown, and no other was left."""
    success: float | None = None
    """The estimated probability of a good answer, 0 to 1."""
    price: float | None = None
    """The estimated price in US dollars."""
    seconds: float | None = None
    """The estimated time until the whole answer is there."""


class Try(msgspec.Struct, frozen=True):
    """One attempt with one model."""

    model: str
    attempt: int
    """Counts from 1 for each model."""
    outcome: str
    """`answered`, or the kind of the error."""
    reason: str = ""
    at_seconds: float = 0.0
    """Start, in seconds after the request."""
    duration_seconds: float = 0.0
    waited_seconds: float = 0.0
    """Delay before it, including the time in the queue."""
    strategy: str = ""
    """Fallback strategy that has chosen the model; empty: the request's own."""
    address: str = ""
    """Host and port of the server, if the model has several or the address comes from the environment."""
    served_model: str = ""
    """The model that the server says has answered; empty if it is the requested one."""


class Seam(msgspec.Struct, frozen=True):
    """A position at which an answer was interrupted and continued."""

    at_characters: int
    """Position in the text, in characters."""
    model: str = ""
    """The model that continues."""
    reason: str = ""
    """Why it was interrupted; empty if the user asked to continue."""


class Alternative(msgspec.Struct, frozen=True):
    """The choice of another strategy."""

    strategy: str
    model: str = ""
    """Empty if it would have found no model."""
    price: float | None = None
    """Estimated price in US dollars; None if unknown."""


class Route(msgspec.Struct, frozen=True):
    """The route of an answer."""

    strategy: str
    candidates: tuple[Candidate, ...] = ()
    tries: tuple[Try, ...] = ()
    left_out: int = 0
    """Number of candidates that are not listed because there are too many."""
    left_out_for: dict[str, int] = {}
    """Reasons for which unlisted candidates were excluded, without their numbers, and how many for each."""
    seams: tuple[Seam, ...] = ()
    others: tuple[Alternative, ...] = ()
    needs: str = ""
    """Features of the prompt, in words."""
    difficulty: float | None = None
    """The prompt's difficulty in logits; a model of that ability gives a good answer in half of the cases."""
    memory: tuple[MemoryText, ...] = ()
    """What the user has asked to remember, as it was part of the system prompt."""
    notes: tuple[str, ...] = ()
    """Changes of the request that a server required, and other remarks."""
