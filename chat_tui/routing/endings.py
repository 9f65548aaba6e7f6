"""Whether a reply that ended well is an answer: the judgement of its ending. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from chat_tui.chunks import End
from chat_tui.errors import EmptyAnswer, Overloaded, ProviderError
from chat_tui.models import Model
from chat_tui.text_safety import clean_line

_UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}
"""Unicode's categories of controls, zero-width characters and blanks."""


def fault_in(
    model: Model, end: End, *, text: str, thinking_characters: int, tools: Sequence[str]
) -> ProviderError | None:
    """The error that an ending amounts to; None where it is an ordinary one. `text` is the whole answer's so far.

    A server that breaks off says so with a finish reason; one that has nothing to say calls it a success.
    """
    if end.state == "broken":
        reason = clean_line(end.finish_reason, 60)
        with_word = f" with `{reason}`" if reason else ""
        return Overloaded(
            f"{model.name} broke off its answer{with_word}.",
            "Ask again in a moment.",
            provider=model.provider,
            model=model.name,
        )
    if end.state not in ("complete", "length") or is_visible(text):
        return None
    came = _instead(thinking_characters, tools)
    if end.state == "length":
        return _at_limit(model, came)
    return EmptyAnswer(
        f"{model.name} ended its answer without any text: {came}.",
        "Ask again, or choose another model.",
        provider=model.provider,
        model=model.name,
    )


def is_visible(text: str) -> bool:
    """Whether there is anything to see: zero-width characters are no more text than blanks."""
    return any(unicodedata.category(char) not in _UNSEEN for char in text)


def _at_limit(model: Model, came: str) -> EmptyAnswer:
    error = EmptyAnswer(
        f"{model.name} reached the token limit before writing any text: {came}.",
        "Raise `max_tokens`, lower the level of thinking, or choose another model.",
        provider=model.provider,
        model=model.name,
    )
    # The same limit would be reached again.
    error.retryable = False
    return error


def _instead(thinking_characters: int, tools: Sequence[str]) -> str:
    """What came in the place of text."""
    came = [f"{thinking_characters:,} characters of thinking"] if thinking_characters else []
    named = ", ".join(f"`{tool}`" for tool in tools[:3])
    if named:
        came.append(f"a call to {named}, a tool it was not given")
    return "only " + " and ".join(came) if came else "nothing came"
