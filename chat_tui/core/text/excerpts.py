"""Shortens texts that are quoted in a sentence or shown in one row, and joins those that are sent as one."""

from __future__ import annotations

import re

_BREAKS = re.compile(r"[\n\t]+")


def shorten(text: str, limit: int = 300) -> str:
    """The text on one line, in at most `limit` characters, with `…` where it was cut.

    Control characters stay: what comes from outside has lost them where it came in, and errors, the terminal and the
    web page remove them from what they quote.
    """
    line = _BREAKS.sub(" ", text[: limit * 4]).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def join_texts(*texts: str) -> str:
    """Join texts with blank lines between them; empty ones are left out."""
    return "\n\n".join(text for text in texts if text.strip())
