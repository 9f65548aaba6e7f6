"""The usual event of an OpenAI stream: a piece of text and nothing else, decoded in one step.

Anything more than that is not read here: an event that is not of this shape is no error, but one to look at closely.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import msgspec


class PlainDelta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What is new: text. Other fields are null or absent."""

    content: str
    role: str | None = None
    refusal: None = None
    reasoning: None = None
    reasoning_content: None = None
    tool_calls: None = None
    function_call: None = None


class PlainChoice(msgspec.Struct, gc=False):
    """The first choice, which goes on; what else it may tell is null or absent."""

    index: Literal[0]
    delta: PlainDelta
    finish_reason: None = None
    message: None = None
    text: None = None
    error: None = None
    logprobs: None = None


class PlainEvent(msgspec.Struct, gc=False):
    """One event with one choice; usage and the fields by which errors are known are null or absent."""

    choices: tuple[PlainChoice]
    model: str | None = None
    object: Literal["chat.completion.chunk"] | None = None
    usage: None = None
    base_resp: None = None
    code: None = None
    detail: None = None
    error: None = None
    errors: None = None
    message: None = None
    msg: None = None
    status: None = None
    status_code: None = None
    success: None = None
    type: None = None


@cache
def _decoder() -> msgspec.json.Decoder[PlainEvent]:
    return msgspec.json.Decoder(PlainEvent)


def plain_event(data: bytes) -> PlainEvent | None:
    """Return the event; None if it is of another shape."""
    try:
        return _decoder().decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
