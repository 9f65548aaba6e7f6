"""Decides whether a reply that ended normally is an answer. Pure functions."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from chat_tui.core.chunks import End
from chat_tui.core.errors import EmptyAnswer, Overloaded, ProviderError
from chat_tui.core.models import Model

_SLICE = 4096
_UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}
"""Unicode categories of control characters, zero-width characters and whitespace."""


def fault_in(
    model: Model, end: End, *, visible: bool, thinking_characters: int, tools: Sequence[str], calls: int = 0
) -> ProviderError | None:
    """The error that an ending amounts to; None for an ordinary one. `visible`: whether the answer so far is;
    `calls`: how many tools it calls.

    A server that aborts an answer reports a finish reason; one that sends no text at all reports success.
    """
    if end.state == "broken":
        with_word = f" with `{end.finish_reason}`" if end.finish_reason else ""
        return Overloaded(
            f"{model.name} stopped in the middle of its answer{with_word}.",
            "Ask again in a moment.",
            provider=model.provider,
            model=model.name,
        )
    if end.state not in ("complete", "length") or visible or calls:
        return None
    came = _describe_received(thinking_characters, tools)
    if end.state == "length":
        return _at_limit(model, came)
    return EmptyAnswer(
        f"{model.name} sent no text: {came}.",
        "Ask again, or choose another model.",
        provider=model.provider,
        model=model.name,
    )


def is_visible(text: str) -> bool:
    """Whether the text has visible characters; zero-width characters and whitespace are not visible."""
    # An answer may be megabytes of what cannot be seen: blanks are passed over at once, and each other character is
    # looked up once in a slice.
    words = text.strip()
    slices = (words[start : start + _SLICE] for start in range(0, len(words), _SLICE))
    return any(unicodedata.category(char) not in _UNSEEN for piece in slices for char in set(piece))


def _at_limit(model: Model, came: str) -> EmptyAnswer:
    error = EmptyAnswer(
        f"{model.name} reached the token limit before writing any text: {came}.",
        "Raise `max_tokens`, lower the reasoning effort, or choose another model.",
        provider=model.provider,
        model=model.name,
    )
    # A retry would reach the same limit.
    error.retryable = False
    return error


def _describe_received(thinking_characters: int, tools: Sequence[str]) -> str:
    """A description of what arrived instead of text."""
    came = [f"{thinking_characters:,} characters of thinking"] if thinking_characters else []
    named = ", ".join(f"`{tool}`" for tool in tools[:3])
    if named:
        came.append(f"a call to {named}, a tool it does not have")
    return "only " + " and ".join(came) if came else "nothing came"
