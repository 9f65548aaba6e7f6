"""Whether a server has read only a part of what it was sent: Ollama leaves out what does not fit, without a word."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.conversation import Turn
from chat_tui.tokens import attachment_tokens, estimate

_TURN_TOKENS = 5
"""What a turn costs beside its text."""
_SURE = 0.7
"""An estimate may be too high by so much."""
_LEAST_COUNTED = 900
"""Of the smallest window in use, 2,048 tokens, Ollama keeps about half: a smaller count is that of a cached prompt."""
_LEAST_MISSING = 1000


def sent_tokens(turns: Sequence[Turn]) -> tuple[int, int]:
    """About how many tokens the turns have, and how many of them are new to a server that answered the last ones."""
    each = [
        estimate(turn.text) + _TURN_TOKENS + sum(map(attachment_tokens, turn.attachments))
        for turn in turns
    ]  # fmt: skip
    talk = [tokens for turn, tokens in zip(turns, each, strict=True) if turn.role != "system"]
    return sum(each), sum(talk[-2:]) if len(talk) > 1 else sum(each)


def is_suspicious(sent: int, counted: int) -> bool:
    """Worth a closer look: less was counted than was sent; a count of 0 says nothing."""
    return 0 < counted < sent * _SURE


def is_truncated(sent: int, fresh: int, counted: int, window: int | None) -> bool:
    """A part of the request was left out: `sent` estimated tokens, of which the server `counted` so many.

    `window` is the one in use, None where nobody tells it. Older servers count only what they had not cached: that is
    at most about what is `fresh`, the turns since their last answer.
    """
    if counted <= 0 or (window is not None and counted > window):
        return False
    if window is not None and (counted >= window - 1 or sent * _SURE > window):
        return True
    far_below = counted * 2 < sent and sent - counted >= _LEAST_MISSING and counted >= _LEAST_COUNTED
    cached = fresh < sent * 0.9 and counted <= fresh * 1.5
    return far_below and not cached and (window is None or sent > window)
