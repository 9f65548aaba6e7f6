"""How well typed words fit a name: what people mean comes first, and nothing grave comes by accident."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

_WORD = re.compile(r"[\w'+?/-]+")
_FEWEST_LETTERS = 3
"""Fewer letters fit nearly every name."""
FUZZY = 8
"""The rank of what only has the letters in their order."""
_SYNONYMS = {
    "chat": "conversation",
    "chats": "conversations",
    "session": "conversation",
    "sessions": "conversations",
    "thread": "conversation",
    "threads": "conversations",
    "response": "answer",
    "reply": "answer",
}
"""Words of other programs for what the names call otherwise."""


class SearchText(msgspec.Struct, frozen=True):
    """What a row is found by; all casefolded."""

    name: str
    others: tuple[str, ...]
    """Other names of the same."""
    words: tuple[str, ...]
    """The words of all its names."""
    help: tuple[str, ...]
    """The words of its help."""
    grave: bool
    """Only its names find it, and whole or by their beginning."""


def search_text(name: str, others: Iterable[str] = (), help: str = "", *, grave: bool = False) -> SearchText:
    """Prepare a row for searching."""
    name, others = name.casefold(), tuple(other.casefold() for other in others)
    words = tuple(word for text in (name, *others) for word in _WORD.findall(text))
    return SearchText(name, others, words, tuple(_WORD.findall(help.casefold())), grave)


def rank(typed: str, text: SearchText) -> int | None:
    """How well a text fits, 0 the best; None: not at all. An exact name, the beginning of one, whole words, beginnings
    of words, words of the help, a part of the name, and letters in their order."""
    typed = " ".join(typed.casefold().split())
    if typed == text.name or typed in text.others:
        return 0
    if text.name.startswith(typed):
        return 1
    if any(other.startswith(typed) for other in text.others):
        return 2
    parts = _WORD.findall(typed) or [typed]
    if all(part in text.words for part in parts):
        return 3
    if all(_begins(part, text.words) for part in parts):
        return 4
    if text.grave:
        return None
    if all(part in text.words or part in text.help for part in parts):
        return 5
    if all(_begins(part, text.words) or _begins(part, text.help) for part in parts):
        return 6
    if all(part in text.name for part in parts):
        return 7
    return FUZZY if len(typed) >= _FEWEST_LETTERS and _has_letters_in_order(typed, text.name) else None


def rank_texts(typed: str, texts: Sequence[SearchText], used: Sequence[int]) -> Sequence[int]:
    """The places of the texts that fit, best first; among equals those with the higher number in `used`. Letters in
    their order count only where nothing fits better."""
    if not typed.strip():
        return range(len(texts))
    found = _fitting(typed, texts, used)
    better = [row for row in found if row[0] < FUZZY]
    same = " ".join(_SYNONYMS.get(word, word) for word in typed.casefold().split())
    if not better and same != typed.casefold().strip():
        better = [row for row in _fitting(same, texts, used) if row[0] < FUZZY]
    return [place for _, _, place in sorted(better or found)]


def _fitting(typed: str, texts: Sequence[SearchText], used: Sequence[int]) -> list[tuple[int, int, int]]:
    """What fits: rank, the later used the lower a number, and place."""
    return [(fits, -used[place], place) for place, text in enumerate(texts) if (fits := rank(typed, text)) is not None]


def _begins(part: str, words: Sequence[str]) -> bool:
    return any(word.startswith(part) for word in words)


def _has_letters_in_order(typed: str, name: str) -> bool:
    at = 0
    for letter in typed.replace(" ", ""):
        at = name.find(letter, at) + 1
        if not at:
            return False
    return True
