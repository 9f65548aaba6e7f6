"""What a server tells of one model when it is asked for it: the window in use, whether it sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from chat_tui.core.models import Model


class ProbeRequest(msgspec.Struct, frozen=True):
    """One thing to ask of a server; equal ones are asked once for all of its models."""

    path: str
    body: bytes = b""
    """JSON to be posted; empty: it is a plain look."""
    at_root: bool = False
    """The path begins above the dialect's own root (`/v1`)."""


def nothing(model: Model) -> Sequence[ProbeRequest]:
    """There is nothing to ask."""
    return ()


def unchanged(model: Model, answers: Sequence[Any]) -> Model:
    """Nothing was learned."""
    return model


class ModelProbe(msgspec.Struct, frozen=True):
    """What to ask, and what the answers mean; pure."""

    questions: Callable[[Model], Sequence[ProbeRequest]] = nothing
    learned: Callable[[Model, Sequence[Any]], Model] = unchanged
    """The model with what the answers tell: JSON in the questions' order, None where there was none."""
