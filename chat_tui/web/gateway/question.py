"""A question in the terms of this program, whichever API it came by."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request
from chat_tui.web.errors import ApiError


class GatewayQuestion(msgspec.Struct, frozen=True):
    """The turns that are answered, with all that their client has set."""

    model: str
    """The requested model, strategy, alias or `auto`."""
    turns: tuple[Turn, ...]
    """The last one is answered: a message of the user, or the result of a tool call."""
    system_prompt: str
    """Empty if the request has none; the config's is not used instead."""
    settings: Request
    """All settings except model and strategy. `part` is the beginning of the answer, if the client has given it."""
    is_stored: bool = False
    count: int = 1
    """How many answers are wanted."""
    after: str = ""
    """Id of the stored conversation that the turns are added to; empty: they begin one."""


def finish_turns(turns: Sequence[Turn], system: str, place: str) -> tuple[tuple[Turn, ...], str, str]:
    """Return the turns to answer, the system prompt, and the beginning of the answer.

    A last message of the assistant is the beginning of the answer. A system prompt alone is answered like a question.
    Raises `ApiError`; `place` is the field with the messages.
    """
    talk = list(turns)
    parts: list[str] = []
    while talk and talk[-1].role == "assistant":
        last = talk.pop()
        if last.calls:
            raise ApiError(400, "The last message calls tools: send their results with it.", param=place)
        parts.insert(0, last.text)
    part = "\n\n".join(filter(None, parts))
    if not talk and system:
        return (Turn("user", system),), "", part
    if all(turn.role == "assistant" for turn in talk):
        raise ApiError(400, "There is no message of the user.", param=place)
    return tuple(talk), system, part


def check_stored(question: GatewayQuestion, place: str) -> None:
    """Raise `ApiError` if the question cannot be stored."""
    if question.is_stored and any(file.address for turn in question.turns for file in turn.attachments):
        raise ApiError(400, "A conversation with images at web addresses cannot be stored.", param=place)


def settings_for(question: GatewayQuestion, number: int) -> Request:
    """Return the settings of one of several answers: with a seed of its own, or all would be alike."""
    seed = question.settings.seed
    if not number or seed is None:
        return question.settings
    return replace(question.settings, seed=min(seed + number, 2**63 - 1))
