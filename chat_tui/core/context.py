"""What of a conversation is sent, and what is not and why: as it is shown."""

from __future__ import annotations

from typing import Literal

import msgspec

from chat_tui.core.conversation import Turn

LeftOut = Literal["", "window", "exchanges", "kept out", "empty"]
"""Why an exchange is not sent: the window is full, more than `[memory] exchanges` came after it, a person has said so,
or its answer stayed empty. Empty: it is sent."""


class Exchange(msgspec.Struct, frozen=True):
    """A question and its answer, and whether they are sent."""

    question: str
    """The turn's id; of several questions in a row the last one's."""
    answer: str = ""
    """The turn's id; empty where there is none."""
    tokens: int = 0
    """Estimated, for both."""
    kept: bool | None = None
    """As it stands on the question."""
    why_not: LeftOut = ""

    @property
    def sent(self) -> bool:
        """It is part of the request."""
        return not self.why_not


class Context(msgspec.Struct, frozen=True):
    """The turns to be sent."""

    turns: tuple[Turn, ...]
    tokens: int
    """Estimated."""
    left_out: int = 0
    """Earlier exchanges for which there was no room."""
    exchanges: tuple[Exchange, ...] = ()
    """All of the conversation, oldest first, the last question included; only where they were asked for."""
    model: str = ""
    """That it is made for, where it was asked for one."""
    window: int | None = None
    """Tokens for prompt and reply together; None when not known."""
    reply_tokens: int = 0
    """Of the window, reserved for the reply."""
    price: float | None = None
    """US dollars that the answer may cost, estimated; None when not known."""
    quick: str = ""
    """The model that gives a short answer before; its price is part of the price."""
    images: bool | None = None
    """The model takes images; None when not known."""
