"""The polarity of English words: the word list of `polarities.txt`, assessed as TextBlob does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

Assess: TypeAlias = Callable[[Sequence[str]], Sequence[float]]
"""From lower-case words, with `n't` as a word of its own, to the polarities (-1 to 1) of phrases that have one."""

_NEGATIONS = frozenset({"no", "not", "n't", "never"})
_NEGATED = -0.5
"""The factor of a negation: `not good` is slightly bad, `not bad` slightly good."""
_EXCLAIMED = 1.25
"""The factor of an exclamation mark."""


class _Entry(NamedTuple):
    """What the list says of a word."""

    polarity: float
    intensity: float
    """The factor for the polarity of a word behind it."""
    is_adverb: bool
    """Whether it modifies the word behind it, such as `very`."""


@cache
def load() -> Mapping[str, _Entry]:
    """The list of words, which the first call reads in a few milliseconds."""
    entries: dict[str, _Entry] = {}
    for line in (Path(__file__).parent / "polarities.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            polarity, intensity, mark, *words = line.split()
            entries |= dict.fromkeys(words, _Entry(float(polarity), float(intensity), mark == "+"))
    return entries


class _Phrase:
    """A word of the list with its adverbs and its negation."""

    def __init__(self, entry: _Entry) -> None:
        self.polarity, self.intensity, self.is_negated = entry.polarity, entry.intensity, False

    def add_word(self, entry: _Entry) -> None:
        """Add the word that the phrase's adverb modifies."""
        self.polarity, self.intensity = _bounded(entry.polarity * self.intensity), entry.intensity

    def negate(self) -> None:
        """Add a negation in front, which also turns the intensity into its inverse."""
        self.intensity, self.is_negated = 1 / self.intensity, True


def polarities(words: Sequence[str]) -> Sequence[float]:
    """The polarities of these words, as described at `Assess`."""
    entries, phrases = load(), list[_Phrase]()
    adverb, negated = "", False
    for word in words:
        entry = entries.get(word)
        if entry is not None:
            if adverb:
                phrases[-1].add_word(entry)
            else:
                phrases.append(_Phrase(entry))
            if negated:
                phrases[-1].negate()
            adverb, negated = word if entry.is_adverb else "", word in _NEGATIONS
            continue
        # A negation holds over small words: `not a good`.
        negated = word in _NEGATIONS or (negated and len(word.strip("'")) <= 1)
        if negated and adverb.endswith("ly"):
            phrases[-1].is_negated, negated = True, False
        elif len(word) > 2:
            adverb = ""
        if word == "!" and phrases:
            phrases[-1].polarity = _bounded(phrases[-1].polarity * _EXCLAIMED)
    return [phrase.polarity * (_NEGATED if phrase.is_negated else 1) for phrase in phrases]


def _bounded(polarity: float) -> float:
    return max(-1.0, min(polarity, 1.0))


_FUNCTION_WORDS = """
    the of and to is are that it its with for as you your this these those be been have has not can by from or which
    will would they their there if but when how what who we our he she his her do does than then more most such should
    could about into each while where i'm it's don't let's here
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that are frequent in English, and only there."""
KNOWN_SHARE = 0.1
"""The smallest fraction of function words in an English text."""
