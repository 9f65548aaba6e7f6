"""Finds text regardless of case and accents: one rule for searching, highlighting and finding in a conversation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from chat_tui.core.text.lazy_pattern import lazy_pattern

_SLICE = 4096
# What folding leaves as it is (but for case in ASCII): ASCII, Chinese, kana, Korean syllables and usual punctuation.
_SETTLED = (
    "\x00-\x7f\u2012-\u2016\u2018-\u2023\u2190-\u219f\u2500-\u257f\u3001\u3002"
    "\u3041-\u3096\u30a1-\u30fe\u4e00-\u9fff\uac00-\ud7a3"
)
_UNSETTLED = lazy_pattern(f"[^{_SETTLED}]+")
# What may make one character with a settled one before it.
_JOINING = lazy_pattern("[\u3099\u309a\u11a8-\u11c2]")
_MARKS = "\u0300-\u036f\u3099\u309a\u1160-\u11ff"
_ACCENTS = lazy_pattern("[\u0300-\u036f]")
# Text that keeps its length when folded, or one character with the marks and vowels that join it.
_CLUSTERS = lazy_pattern(f"[{_SETTLED}]+(?![{_MARKS}])|.[{_MARKS}]*", re.DOTALL)

Range = tuple[int, int]
"""A range of characters: start and end (exclusive)."""


def fold_text(text: str) -> str:
    """Return the text for comparison: without case and accents, with compatibility forms resolved.

    Works in slices, because a single call over a long text would hold the interpreter, and so the screen.
    """
    if len(text) <= _SLICE:
        return _fold(text)
    return "".join(_fold(text[start : start + _SLICE]) for start in range(0, len(text), _SLICE))


def _fold(text: str) -> str:
    lower = text.lower()
    if lower.isascii():
        return lower
    # Where little is to be done, doing only that is many times faster.
    runs = _UNSETTLED.findall(lower)
    if len(runs) * 16 > len(lower) or any(map(_JOINING.search, runs)):
        return _resolve(lower)
    return _UNSETTLED.sub(_fold_match, lower) if runs else lower


def _resolve(text: str) -> str:
    # Only the accents of Latin, Greek and Cyrillic: the marks of Japanese kana make other letters.
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare.casefold())


def _fold_match(match: re.Match[str]) -> str:
    return _resolve(match[0]) if len(match[0]) > 4 else _resolve_sign(match[0])


_resolve_sign = lru_cache(4096)(_resolve)


def find(text: str, wanted: str) -> list[Range]:
    """Return the ranges of `wanted` in the text regardless of case and accents, in order and without overlap.

    White space in it matches any white space. Nothing is found if it contains nothing else.
    """
    pattern = _pattern(wanted)
    if pattern is None:
        return []
    known = fold_text(text)
    found = [match.span() for match in pattern.finditer(known)]
    if not found or text.isascii():
        return found
    as_it_is = len(known) == len(text) and all(fold_text(text[start:end]) == known[start:end] for start, end in found)
    return found if as_it_is else list(_align(text, pattern))


@lru_cache(64)
def _pattern(wanted: str) -> re.Pattern[str] | None:
    words = fold_text(wanted).split()
    return re.compile(r"\s+".join(map(re.escape, words))) if words else None


def _align(text: str, pattern: re.Pattern[str]) -> Iterator[Range]:
    """Return the ranges in the original text, whose characters may fold to fewer or more."""
    parts: list[str] = []
    # For each character of the folded text: where in the text its own begins, and ends.
    begins: list[int] = []
    ends: list[int] = []
    for match in _CLUSTERS.finditer(text):
        start, end = match.span()
        part = _fold(match[0])
        parts.append(part)
        if end - start == len(part) and (len(part) == 1 or _UNSETTLED.search(match[0]) is None):
            begins.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
        else:
            begins.extend([start] * len(part))
            ends.extend([end] * len(part))
    for match in pattern.finditer("".join(parts)):
        yield begins[match.start()], ends[match.end() - 1]


def merge_ranges(ranges: Iterable[Range]) -> list[Range]:
    """Return the ranges in order; those that touch or overlap are merged."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
