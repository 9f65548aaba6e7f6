"""The most frequent long words of a growing text. Memory and the time for a word do not grow with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

TOP = 5
LEAST_LETTERS = 5
"""The length of the shortest words that are counted."""
MOST_WORDS = 4000
"""The most different words that are counted; of more, the rarer half is dropped."""


@cache
def _common() -> frozenset[str]:
    """Common words of English, German, French, Spanish, Italian, Portuguese and Dutch, in lower case."""
    return frozenset((Path(__file__).parent / "common_words.txt").read_text("utf-8").split())


def countable(word: str) -> str:
    """The form of a lower-case word that is counted; empty if the word is short or common."""
    word = word.replace("’", "'")
    if "n't" in word:
        return ""
    word = word.partition("'")[0]
    return word if len(word) >= LEAST_LETTERS and word not in _common() else ""


class Keywords:
    """Counts words, and always knows the five most frequent ones."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._top: list[str] = []

    def count(self, words: Iterable[str]) -> None:
        """Count these lower-case words."""
        for word in filter(None, map(countable, words)):
            self._counts[word] += 1
            # Counts only grow, so a word can only enter the top when it is counted.
            if word not in self._top:
                self._top.append(word)
            self._top = sorted(self._top, key=lambda known: _rank(known, self._counts[known]))[:TOP]
        if len(self._counts) > MOST_WORDS:
            self._counts = Counter(dict(self._counts.most_common(MOST_WORDS // 2)))

    def top(self, more: Iterable[str] = ()) -> tuple[tuple[str, int], ...]:
        """The top five words with their counts, as if `more` were counted, too."""
        added = Counter(filter(None, map(countable, more)))
        counts = {word: self._counts[word] + added[word] for word in {*self._top, *added}}
        return tuple(sorted(counts.items(), key=lambda item: _rank(*item))[:TOP])


def _rank(word: str, count: int) -> tuple[int, str]:
    return -count, word
