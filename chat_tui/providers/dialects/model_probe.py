"""What a server says about one model when asked: the window in use, whether it takes images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from chat_tui.core.models import Model


class ProbeRequest(msgspec.Struct, frozen=True):
    """One question to a server; equal ones are asked once for all of its models."""

    path: str
    body: bytes = b""
    """JSON to be posted; empty for a GET."""
    at_root: bool = False
    """Whether the path begins above the dialect's root (`/v1`)."""


def nothing(model: Model) -> Sequence[ProbeRequest]:
    """Return no questions."""
    return ()


def keep_model(model: Model, answers: Sequence[Any]) -> Model:
    """Return the model unchanged."""
    return model


class ModelProbe(msgspec.Struct, frozen=True):
    """The questions about a model, and what the answers mean. Pure functions."""

    questions: Callable[[Model], Sequence[ProbeRequest]] = nothing
    learned: Callable[[Model, Sequence[Any]], Model] = keep_model
    """Returns the model with what the answers say: JSON in the order of the questions, None for a missing one."""
