"""The most frequent long words of a text that grows; memory and the cost of a word stay the same however long it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

TOP = 5
LEAST_LETTERS = 5
"""Shorter words are not counted."""
MOST_WORDS = 4000
"""Different words that are counted; when there are more, the rarer half is forgotten."""


@cache
def _common() -> frozenset[str]:
    """Words of English, German, French, Spanish, Italian, Portuguese and Dutch that say nothing of a text's subject."""
    return frozenset((Path(__file__).parent / "common_words.txt").read_text("utf-8").split())


def countable(word: str) -> str:
    """The word as it is counted, in small letters; empty where it is short or common."""
    word = word.replace("’", "'")
    if "n't" in word:
        return ""
    word = word.partition("'")[0]
    return word if len(word) >= LEAST_LETTERS and word not in _common() else ""


class Keywords:
    """Counts words, and knows the top five of them at any time."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._top: list[str] = []

    def count(self, words: Iterable[str]) -> None:
        """Count these words, in small letters."""
        for word in filter(None, map(countable, words)):
            self._counts[word] += 1
            # Counts only grow, so whoever is not among the first now gets there when it is counted.
            if word not in self._top:
                self._top.append(word)
            self._top = sorted(self._top, key=lambda known: _rank(known, self._counts[known]))[:TOP]
        if len(self._counts) > MOST_WORDS:
            self._counts = Counter(dict(self._counts.most_common(MOST_WORDS // 2)))

    def top(self, more: Iterable[str] = ()) -> tuple[tuple[str, int], ...]:
        """The first five and their counts, as if these words were counted too."""
        added = Counter(filter(None, map(countable, more)))
        counts = {word: self._counts[word] + added[word] for word in {*self._top, *added}}
        return tuple(sorted(counts.items(), key=lambda item: _rank(*item))[:TOP])


def _rank(word: str, count: int) -> tuple[int, str]:
    return -count, word
