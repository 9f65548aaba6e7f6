"""Detects that a server read only a part of the request: Ollama silently drops what does not fit."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.conversation import Turn
from chat_tui.core.usage.token_estimate import attachment_tokens, estimate

_TURN_TOKENS = 5
"""Tokens of a turn in addition to its text."""
_SURE = 0.7
"""An estimate is reduced by this factor, since it may be too high."""
_LEAST_COUNTED = 900
"""Ollama keeps about half of the smallest common window, 2,048 tokens: a lower count means a cached prompt."""
_LEAST_MISSING = 1000


def sent_tokens(turns: Sequence[Turn]) -> tuple[int, int]:
    """The estimated tokens of the turns, and of those that are new to a server that answered the previous ones."""
    each = [
        estimate(turn.text) + _TURN_TOKENS + sum(map(attachment_tokens, turn.attachments))
        for turn in turns
    ]  # fmt: skip
    talk = [tokens for turn, tokens in zip(turns, each, strict=True) if turn.role != "system"]
    return sum(each), sum(talk[-2:]) if len(talk) > 1 else sum(each)


def is_suspicious(sent: int, counted: int) -> bool:
    """Whether the server counted clearly less than was sent. A count of 0 means nothing."""
    return 0 < counted < sent * _SURE


def is_truncated(sent: int, fresh: int, counted: int, window: int | None) -> bool:
    """Whether a part of the request was dropped: of `sent` estimated tokens the server `counted` fewer.

    `window` is the context window in use, None if unknown. Older servers count only tokens that were not cached, which
    are about the `fresh` ones: the turns since their last answer.
    """
    if counted <= 0 or (window is not None and counted > window):
        return False
    if window is not None and (counted >= window - 1 or sent * _SURE > window):
        return True
    far_below = counted * 2 < sent and sent - counted >= _LEAST_MISSING and counted >= _LEAST_COUNTED
    cached = fresh < sent * 0.9 and counted <= fresh * 1.5
    return far_below and not cached and (window is None or sent > window)
