"""The effort of thinking in the words of OpenAI's APIs, and what a server says about those that it accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from chat_tui.core.request import Thinking
from chat_tui.core.text.lazy_pattern import lazy_pattern

_EFFORTS: Mapping[str, Sequence[str]] = {
    "off": ("none", "minimal"),
    "low": ("low", "minimal", "medium"),
    "medium": ("medium", "high", "low"),
    "high": ("high", "medium"),
}
"""The words for each effort; if the server names those it accepts, the first of them is used."""
_TAKES = "thinking:"
"""Begins the quirk of a server that has named the efforts that it accepts."""
_LEVELS = lazy_pattern(r"(?:supported values|one of|should be|expected)(.{0,200})", re.DOTALL)
_LEVEL = lazy_pattern(r"\b(none|minimal|low|medium|high)\b")


def effort_of(level: Thinking, quirks: frozenset[str]) -> str:
    """Return the word for an effort; empty if the server accepts none of those that would do."""
    taken = next((quirk[len(_TAKES) :].split(",") for quirk in quirks if quirk.startswith(_TAKES)), None)
    wish = _EFFORTS[level]
    return next((word for word in wish if word in taken), "") if taken is not None else wish[0]


def effort_quirk(error: str) -> str:
    """Return the quirk of a server that refuses an effort, with those that its error names; `error` in lower case."""
    told = _LEVELS.search(error)
    words = _LEVEL.findall(told.group(1)) if told else []
    return _TAKES + ",".join(sorted(set(words))) if words else "thinking"
