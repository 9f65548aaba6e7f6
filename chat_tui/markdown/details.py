"""The HTML tags of parts that can be folded away: `<details>` and `<summary>` at the beginning of a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

EventKind: TypeAlias = Literal["open", "summary", "text", "close"]

_TAG = re.compile(r"<(/?)details\b[^<>]{0,200}>|<summary>(.*?)</summary>", re.IGNORECASE)
_BEGINS = re.compile(r" {0,3}</?(?:details|summary)\b", re.IGNORECASE)
_INNER_TAG = re.compile(r"<[^<>]*>")


def is_details_line(line: str) -> bool:
    """Whether the line begins with one of the tags."""
    return _BEGINS.match(line) is not None


def details_events(line: str) -> Iterator[tuple[EventKind, str]]:
    """What such a line says, in order; a summary and what stands between the tags with their text."""
    at = 0
    for tag in _TAG.finditer(line):
        if between := line[at : tag.start()].strip():
            yield "text", between
        if tag[2] is not None:
            yield "summary", " ".join(_INNER_TAG.sub("", tag[2]).split())
        else:
            yield ("close" if tag[1] else "open"), ""
        at = tag.end()
    if rest := line[at:].strip():
        yield "text", rest
