"""What one look at a prompt has found out; made by `routing/difficulty.py`, carried by the request."""

from __future__ import annotations

import msgspec

LONG_TOKENS = 6000
"""From this on a request wants a model that is good at long texts."""


class PromptFeatures(msgspec.Struct, frozen=True):
    """What a prompt asks for."""

    kind: str = ""
    """`code`, `math`, `writing`; empty: nothing in particular."""
    language: str = ""
    """Two letters where the script tells it (`zh`, `ja`, `ko`, `ru`, `ar`, …); empty: Latin letters."""
    tokens: int = 0
    """Estimated tokens of the whole conversation, including what a model's window will leave out."""
    last_tokens: int = 0
    """Estimated tokens of the system turn and the last question: they are always sent."""
    images: bool = False
    thinking: bool = False
    """It asks for step-by-step reasoning."""
    hard: float = 0.3
    """Difficulty from 0, small talk, to 1."""

    @property
    def long(self) -> bool:
        """The conversation is long."""
        return self.tokens >= LONG_TOKENS

    def summary(self) -> str:
        """A short list for the route, such as `code, long, hard`."""
        named = [self.kind, self.language, *(word for word in ("long", "images", "thinking") if getattr(self, word))]
        level = "easy" if self.hard < 0.25 else "hard" if self.hard >= 0.6 else ""
        return ", ".join(filter(None, [*named, level]))
