"""The polarity of English words, by TextBlob's lexicon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, TypeAlias

Assess: TypeAlias = Callable[[Sequence[str]], Sequence[float]]
"""From lower-case words, with `n't` as a word of its own, to the polarities (-1 to 1) of phrases that have one."""

_loading = Lock()


def load() -> Callable[[Sequence[str]], Any]:
    """The lexicon, which the first call loads in a third of a second."""
    with _loading:
        from textblob.en import sentiment

        if not len(sentiment):
            sentiment.load()
    return sentiment  # type: ignore[no-any-return]


def polarities(words: Sequence[str]) -> Sequence[float]:
    """The polarities of these words, as described at `Assess`."""
    # A list is used as it is; a string would be split by regular expressions that are slow for some texts.
    return [assessment[1] for assessment in load()(list(words)).assessments]


_FUNCTION_WORDS = """
    the of and to is are that it its with for as you your this these those be been have has not can by from or which
    will would they their there if but when how what who we our he she his her do does than then more most such should
    could about into each while where i'm it's don't let's here
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that are frequent in English, and only there."""
KNOWN_SHARE = 0.1
"""The smallest fraction of function words in an English text."""
