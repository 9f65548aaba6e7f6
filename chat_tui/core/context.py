"""Which part of a conversation is sent, and why the rest is not."""

from __future__ import annotations

from typing import Literal

import msgspec

from chat_tui.core.conversation import Turn
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.memory_text import MemoryText

LeftOut = Literal["", "window", "exchanges", "kept out", "empty"]
"""Why an exchange is not sent: the context window is full, `[memory] exchanges` is exceeded, the user has excluded
it, or its answer is empty. Empty: it is sent."""


class Exchange(msgspec.Struct, frozen=True):
    """A question and its answer, with the tool calls between them, and whether they are sent."""

    question: str
    """Id of the question; of the last one if several follow each other."""
    answer: str = ""
    """Id of the last answer; empty if there is none."""
    tokens: int = 0
    """Estimated tokens of all its turns."""
    kept: bool | None = None
    """The user's choice, which is stored with the question."""
    why_not: LeftOut = ""
    is_summary: bool = False
    """Whether it is a summary of earlier exchanges, which is always sent; `question` is the id of its turn."""

    @property
    def sent(self) -> bool:
        """Whether it is part of the request."""
        return not self.why_not


class Context(msgspec.Struct, frozen=True):
    """The turns of a request."""

    turns: tuple[Turn, ...]
    tokens: int
    """Estimated."""
    left_out: int = 0
    """Number of earlier exchanges that do not fit."""
    shortened: int = 0
    """Number of results of tool calls to the last question that were shortened to fit."""
    exchanges: tuple[Exchange, ...] = ()
    """All exchanges including the last question, oldest first; only if requested."""
    model: str = ""
    """Model for which the context is made, if one was requested."""
    window: int | None = None
    """Context window in tokens, for prompt and answer together; None if unknown."""
    reply_tokens: int = 0
    """Tokens of the window that are reserved for the answer."""
    price: float | None = None
    """Estimated price of the answer in US dollars; None if unknown."""
    system_tokens: int = 0
    """Estimated tokens of the system prompt, without the memory."""
    memory: tuple[MemoryText, ...] = ()
    """What the user has asked to remember, as it is part of the system prompt."""
    tool_tokens: int = 0
    """Estimated tokens of the tools that are offered."""
    quick: str = ""
    """Model of the quick answer before this one; its price is included."""
    images: bool | None = None
    """Whether the model accepts images; None if unknown."""

    @property
    def refuses_images(self) -> bool:
        """Whether the model, or every model that could be asked, takes no images."""
        return self.images is False or not self.model

    def image_refusal(self, hint: str) -> AttachmentRefused:
        """Return the error for a question with images if `refuses_images`; `hint` says what to do."""
        who = (
            f"{shorten(self.model, 100)} takes no images" if self.model else "The current model does not accept images"
        )
        return AttachmentRefused(f"{who}; nothing was sent.", hint)
