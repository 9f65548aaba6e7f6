"""Features of a prompt, which `routing/ranking/prompt_features.py` extracts and the request carries."""

from __future__ import annotations

import msgspec

LONG_TOKENS = 6000
"""Number of tokens from which a model that is good at long texts is preferred."""
TRIVIAL, EASY, HARD, HARDEST = -4.0, -2.25, 0.2, 3.0
"""Difficulties in logits: of thanks; below which a prompt is easy, from which it is hard; of what few models do."""

LEVELS = ((-2.0, "trivial"), (-0.8, "easy"), (0.5, "medium"), (1.5, "hard"))
"""(difficulty in logits, what less than that is called)."""


def level_of(difficulty: float) -> str:
    """Return how hard a prompt is, in words."""
    return next((word for least, word in LEVELS if difficulty < least), "very hard")


def without_level(summary: str) -> str:
    """Return a `PromptFeatures.summary` less how hard the prompt is, to stand beside `level_of`."""
    return ", ".join(word for word in summary.split(", ") if word not in ("easy", "hard"))


class PromptFeatures(msgspec.Struct, frozen=True):
    """The features of a prompt."""

    kind: str = ""
    """`code`, `math`, `writing`; empty: nothing specific."""
    language: str = ""
    """Two letters if the script identifies the language (`zh`, `ja`, `ko`, `ru`, `ar`, …); empty for Latin letters."""
    tokens: int = 0
    """Estimated tokens of the whole conversation, including what a model's window will leave out, and of the tools."""
    last_tokens: int = 0
    """Estimated tokens of the system turn, the last question, the results of the newest tool calls and the tools: they
    are always sent."""
    images: bool = False
    image_addresses: bool = False
    """Whether an image is only an address, which the model's server must fetch."""
    thinking: bool = False
    """Whether it asks for step-by-step reasoning."""
    tools: bool = False
    """Whether tools are offered."""
    difficulty: float = 0.0
    """Difficulty in logits: P(good answer) = sigmoid(ability − difficulty). An ability of 0 is that of a model which
    answers half of the prompts of difficulty 0 well."""

    @property
    def hard(self) -> float:
        """The difficulty on a scale from 0, small talk, to 1, what few models do well."""
        return min(1.0, max(0.0, (self.difficulty - TRIVIAL) / (HARDEST - TRIVIAL)))

    @property
    def long(self) -> bool:
        """Whether the conversation is long."""
        return self.tokens >= LONG_TOKENS

    def summary(self) -> str:
        """Return a short list for the route, such as `code, long, hard`."""
        words = ("long", "images", "tools", "thinking")
        named = [self.kind, self.language, *(word for word in words if getattr(self, word))]
        level = "easy" if self.difficulty < EASY else "hard" if self.difficulty >= HARD else ""
        return ", ".join(filter(None, [*named, level]))
