"""Computes insights into a growing text. The time for an update does not grow with the text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from chat_tui.core.chunks import Insights, Sentiment
from chat_tui.core.errors import PlugInError
from chat_tui.engine.insights.keywords import Keywords
from chat_tui.engine.insights.lexicon import FUNCTION_WORDS, KNOWN_SHARE, Assess, load, polarities
from chat_tui.engine.insights.plugins import PlugIn, installed_plug_ins
from chat_tui.engine.insights.prose import SentenceSplitter

WORDS_A_MINUTE = 200
IDEOGRAPHS_A_MINUTE = 500

_LINK = re.compile(r"\w{1,20}://\S+")
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"(?<!\S)[^\s\w]*+\w\S*")
_LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|!")
_NOT = re.compile("n['’]t$")


class Processor(Protocol):
    """Looks at an answer's text while it streams."""

    def feed(self, text: str) -> None:
        """Add text."""

    def record(self) -> Insights:
        """The insights so far."""


class _Counts(msgspec.Struct, frozen=True, gc=False):
    """Counts in some sentences."""

    words: int = 0
    ideographs: int = 0
    known: int = 0
    """English function words."""
    positive: int = 0
    negative: int = 0
    polarity: float = 0.0
    """The sum over all words with a polarity."""

    def __add__(self, other: _Counts) -> _Counts:
        return _Counts(
            self.words + other.words,
            self.ideographs + other.ideographs,
            self.known + other.known,
            self.positive + other.positive,
            self.negative + other.negative,
            self.polarity + other.polarity,
        )


class Pipeline:
    """A `Processor` for sentiment, keywords, length, reading time, and plug-ins."""

    def __init__(self, plug_ins: Mapping[str, PlugIn], *, assess: Assess = polarities) -> None:
        self._assess = assess
        self._plug_ins = dict(plug_ins)
        self._prose = SentenceSplitter()
        self._keywords = Keywords()
        self._counts = _Counts()
        self._characters = 0
        self.errors: list[PlugInError] = []
        """Errors of plug-ins that have failed and are no longer called."""

    def feed(self, text: str) -> None:
        """Add text; takes time in proportion to it and the incomplete sentence."""
        self._characters += len(text)
        for sentence in self._prose.feed(text):
            counts, words = self._count(sentence)
            self._counts += counts
            self._keywords.count(words)
        for name, plug_in in list(self._plug_ins.items()):
            try:
                plug_in.feed(text)
            except PlugInError as error:
                self._leave_out(name, error)

    def record(self) -> Insights:
        """The insights so far, as if the incomplete sentence ended here."""
        counts, words = self._count(self._prose.open)
        counts = self._counts + counts
        seconds = 60 * (counts.words / WORDS_A_MINUTE + counts.ideographs / IDEOGRAPHS_A_MINUTE)
        extras = {}
        for name, plug_in in list(self._plug_ins.items()):
            try:
                extras[name] = plug_in.record()
            except PlugInError as error:
                self._leave_out(name, error)
        return Insights(
            _sentiment(counts),
            self._keywords.top(words),
            self._characters,
            counts.words + counts.ideographs,
            round(seconds, 1),
            extras,
        )

    def _leave_out(self, name: str, error: PlugInError) -> None:
        del self._plug_ins[name]
        self.errors.append(error)

    def _count(self, sentence: str) -> tuple[_Counts, Sequence[str]]:
        text = _LINK.sub(" ", sentence)
        text, ideographs = _IDEOGRAPH.subn(" ", text)
        words = [word.lower() for word in _LETTERS.findall(text)]
        polarities = self._assess([part for word in words for part in _parts(word)]) if words else ()
        counts = _Counts(
            len(_WORD.findall(text)),
            ideographs,
            sum(word in FUNCTION_WORDS for word in words),
            sum(polarity > 0 for polarity in polarities),
            sum(polarity < 0 for polarity in polarities),
            sum(polarities),
        )
        return counts, words


def _parts(word: str) -> Sequence[str]:
    """The words of the lexicon in a word: `isn't` is two."""
    return (_NOT.sub("", word), "n't") if _NOT.search(word) else (word,)


def _sentiment(counts: _Counts) -> Sentiment | None:
    # Ideographs are not English either.
    if counts.known <= KNOWN_SHARE * (counts.words + counts.ideographs):
        return None
    sounding = counts.positive + counts.negative
    return Sentiment(
        counts.positive,
        counts.negative,
        max(0, counts.words - sounding),
        round(counts.polarity / sounding, 3) if sounding else 0.0,
    )


def make_pipeline() -> Pipeline:
    """A pipeline for an answer, with the installed plug-ins; its first errors are those of plug-ins that fail to load.

    Loads the lexicon.
    """
    load()
    plug_ins, errors = installed_plug_ins()
    pipeline = Pipeline(plug_ins)
    pipeline.errors += errors
    return pipeline
