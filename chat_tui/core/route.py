"""The record of how an answer was routed: candidates, scores, tries, reasons. Kept with every answer."""

from __future__ import annotations

import msgspec


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One model that was considered."""

    model: str
    score: float | None = None
    """0 to 1, higher is better; None when the model was out."""
    scores: dict[str, float] = {}
    """The parts of the score by name, each 0 to 1."""
    out: str = ""
    """Why the model could not be chosen; empty when it could."""
    note: str = ""
    """What spoke against it, where it was chosen all the same: that it rests, and no other was left."""


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
    """Back-off before it, and its time in line."""
    strategy: str = ""
    """Which strategy of the ladder has chosen the model; empty: the request's own."""
    address: str = ""
    """Host and port that was asked, where the model has several, or its address comes from the environment."""
    served_model: str = ""
    """The model that the server says has answered; empty where it is the one that was asked."""


class Seam(msgspec.Struct, frozen=True):
    """Where an answer that was cut goes on."""

    at_characters: int
    """Of the answer's text."""
    model: str = ""
    """That goes on."""
    reason: str = ""
    """Why it was cut; empty where a person asked for it to go on."""


class Alternative(msgspec.Struct, frozen=True):
    """What another strategy would have picked."""

    strategy: str
    model: str = ""
    """Empty: nothing."""
    price: float | None = None
    """About what it would have cost, in US dollars; None when not known."""


class Route(msgspec.Struct, frozen=True):
    """How the answer came about."""

    strategy: str
    candidates: tuple[Candidate, ...] = ()
    tries: tuple[Try, ...] = ()
    left_out: int = 0
    """Candidates that are not listed, being many."""
    left_out_for: dict[str, int] = {}
    """Why those of them that were out were out, without their numbers, and how many for each reason."""
    seams: tuple[Seam, ...] = ()
    others: tuple[Alternative, ...] = ()
    needs: str = ""
    """What the prompt asks for, in words."""
    notes: tuple[str, ...] = ()
    """What was changed about the request so that a server took it, and what else is to be known of it."""
