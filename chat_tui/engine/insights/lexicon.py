"""How English words sound, by TextBlob's lexicon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, TypeAlias

Assess: TypeAlias = Callable[[Sequence[str]], Sequence[float]]
"""Words in small letters, `n't` apart from its verb -> the polarity of each word that sounds, -1 to 1, with what goes
along with it."""

_loading = Lock()


def load() -> Callable[[Sequence[str]], Any]:
    """The lexicon, loaded by whoever comes first: a third of a second."""
    with _loading:
        from textblob.en import sentiment

        if not len(sentiment):
            sentiment.load()
    return sentiment  # type: ignore[no-any-return]


def polarities(words: Sequence[str]) -> Sequence[float]:
    """An `Assess`."""
    # A list is taken as it is; a string would be cut into words by expressions that are slow for some.
    return [assessment[1] for assessment in load()(list(words)).assessments]


_FUNCTION_WORDS = """
    the of and to is are that it its with for as you your this these those be been have has not can by from or which
    will would they their there if but when how what who we our he she his her do does than then more most such should
    could about into each while where i'm it's don't let's here
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Whoever writes English uses them, and nobody else does so often."""
KNOWN_SHARE = 0.1
"""A text with a smaller share of them is not taken for English."""
