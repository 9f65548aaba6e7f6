"""Reads thinking that comes in a separate field: servers name it differently, and some send it under two names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Any
"""A JSON value of unknown shape, as servers send it."""

_FIELDS = ("reasoning_content", "reasoning", "reasoning_text", "thinking", "reasoning_details", "thinking_blocks")
"""The first one that holds text is read; the others of the same object repeat it."""
_TEXTS = ("text", "thinking", "summary", "content")
"""Where the text of a part stands."""


class ThinkingFields:
    """Reads the thinking of one reply, delta by delta."""

    def __init__(self) -> None:
        self._field = ""
        self._parts: list[str] = []
        self._comparisons_left = 20

    def take(self, delta: Mapping[str, Json]) -> str:
        """Return the new thinking in a delta or a whole message."""
        for field in _FIELDS:
            value = delta.get(field)
            if value and (text := _text(value)):
                return self._new(field, text)
        return ""

    def _new(self, field: str, text: str) -> str:
        # At the end some servers send all of it once more, for clients that read the other field.
        if self._parts and field != self._field and self._comparisons_left:
            self._comparisons_left -= 1
            if "".join(self._parts).endswith(text):
                return ""
        self._field = self._field or field
        self._parts.append(text)
        return text


def _text(value: Json, depth: int = 4) -> str:
    if isinstance(value, str):
        return value
    if not depth:
        return ""
    if isinstance(value, list):
        return "".join(_text(part, depth - 1) for part in value)
    if isinstance(value, dict):
        return next(filter(None, (_text(value.get(name), depth - 1) for name in _TEXTS)), "")
    return ""
