"""Finds words in a text whatever their case and accents: one rule for the search, its highlights and find in a chat."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

_SLICE = 4096
_ACCENTS = re.compile("[\u0300-\u036f]")
# Text that keeps its length when folded, or one character with the marks and vowels that join it.
_CLUSTERS = re.compile("[\x00-\x7f]+(?![\u0300-\u036f])|.[\u0300-\u036f\u3099\u309a\u1160-\u11ff]*", re.DOTALL)

Range = tuple[int, int]
"""Where something stands in a text: its first character, and the one behind its last."""


def folded(text: str) -> str:
    """Without case and accents, compatibility forms resolved: what is compared.

    In slices: one call over a long text would hold the interpreter, and so the screen.
    """
    if len(text) <= _SLICE:
        return _fold(text)
    return "".join(_fold(text[start : start + _SLICE]) for start in range(0, len(text), _SLICE))


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    # Only the accents of Latin, Greek and Cyrillic: the marks of Japanese kana make other letters.
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare.casefold())


_fold_cluster = lru_cache(4096)(_fold)


def find(text: str, wanted: str) -> list[Range]:
    """Where `wanted` stands in the text, case and accents aside, from left to right and without overlap.

    White space in it stands for any white space. Nothing is found when it holds nothing else.
    """
    pattern = _pattern(wanted)
    if pattern is None:
        return []
    known = folded(text)
    if text.isascii():
        return [match.span() for match in pattern.finditer(known)]
    return [] if pattern.search(known) is None else list(_aligned(text, pattern))


@lru_cache(64)
def _pattern(wanted: str) -> re.Pattern[str] | None:
    words = folded(wanted).split()
    return re.compile(r"\s+".join(map(re.escape, words))) if words else None


def _aligned(text: str, pattern: re.Pattern[str]) -> Iterator[Range]:
    """The ranges in the text itself, whose characters may fold to fewer or more."""
    parts: list[str] = []
    # For each character of the folded text: where in the text its own begins, and ends.
    begins: list[int] = []
    ends: list[int] = []
    for match in _CLUSTERS.finditer(text):
        start, end = match.span()
        part = _fold_cluster(match[0]) if end - start < 8 else _fold(match[0])
        parts.append(part)
        if end - start == len(part) == 1 or match[0].isascii():
            begins.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
        else:
            begins.extend([start] * len(part))
            ends.extend([end] * len(part))
    for match in pattern.finditer("".join(parts)):
        yield begins[match.start()], ends[match.end() - 1]


def joined(ranges: Iterable[Range]) -> list[Range]:
    """In order, with those that touch or overlap made one."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
