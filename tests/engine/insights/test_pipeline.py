"""What is promised of insights: what they say of a text, that pieces do not matter, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_tui.core.chunks import Insights, Sentiment
from chat_tui.engine.insights.keywords import MOST_WORDS, Keywords
from chat_tui.engine.insights.pipeline import Pipeline
from chat_tui.engine.insights.plugins import EntryPoint, load_plug_ins
from chat_tui.engine.insights.prose import LONGEST, SentenceSplitter

ENGLISH = "The new library is really good, and it's not a bad idea to use it. But the manual is terrible! "
GERMAN = "Das neue Werkzeug ist wirklich gut, und es ist keine schlechte Idee, damit zu arbeiten. "
CODE = "\n```python\ngood = wonderful + terrible\n```\n"


def said_of(*pieces: str) -> Insights:
    pipeline = Pipeline({})
    for piece in pieces:
        pipeline.feed(piece)
    return pipeline.record()


# -- what they say -----------------------------------------------------------------------------------------------------


def test_good_and_bad_words_are_counted_with_their_negations() -> None:
    sentiment = said_of(ENGLISH).sentiment
    assert sentiment is not None
    # new, really good, not bad; terrible
    assert (sentiment.positive, sentiment.negative, sentiment.neutral) == (3, 1, 16)
    assert -1 <= sentiment.polarity <= 1


@pytest.mark.parametrize(
    ("text", "polarity"),
    [
        ("It is wonderful and the best.", 1.0),
        ("It is awful, and they are the worst.", -1.0),
        ("It is on the table.", 0),
    ],
)
def test_the_polarity_goes_from_minus_one_to_one(text: str, polarity: float) -> None:
    sentiment = said_of(text).sentiment
    assert sentiment is not None
    assert sentiment.polarity == polarity


def test_an_apostrophe_does_not_hide_a_negation() -> None:
    for text in ("The answer isn't good for you.", "The answer isn’t good for you."):
        assert said_of(text).sentiment == Sentiment(0, 1, 5, -0.35)


@pytest.mark.parametrize("text", ["", "42", GERMAN * 5, "これは良い本です。", CODE, "Hola, ¿qué tal?"])
def test_sentiment_is_not_known_where_the_lexicon_does_not_know_the_language(text: str) -> None:
    assert said_of(text).sentiment is None


def test_keywords_are_the_five_most_frequent_long_words_that_say_something() -> None:
    text = "Because rivers which would flood; rivers, Rivers. the the the the don't couldn't model's model models "
    assert said_of(text * 2 + "rivers").keywords == (
        ("rivers", 7),
        ("model", 4),
        ("flood", 2),
        ("models", 2),
    )


def test_code_blocks_count_as_characters_only() -> None:
    plain, with_code = said_of(ENGLISH), said_of(ENGLISH, CODE)
    assert with_code.words == plain.words
    assert (with_code.sentiment, with_code.keywords) == (plain.sentiment, plain.keywords)
    assert with_code.characters == len(ENGLISH + CODE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("```\nhidden\n````\nseen", 1),
        ("~~~~\nhidden\n~~~\n```\nhidden\n~~~~\nseen", 1),
        ("1. ```sh\n   hidden\n   ```\n2. seen", 2),
        ("> ```\n> hidden\n> ```\nseen", 1),
        ("```one line``` seen", 3),
        ("```\nhidden and never closed", 0),
        ("| a | b |\n|---|---|\n| c | d |", 4),
        ("see https://example.org/a/long/one now", 2),
        ("well-known, don't", 2),
        ("नमस्ते दुनिया", 2),
        ("한국어 문장입니다", 2),
        ("我喜欢 Python 语言", 6),
    ],
)
def test_words_are_what_people_would_count(text: str, words: int) -> None:
    assert said_of(text).words == words
    assert said_of(*text).words == words


def test_reading_takes_a_minute_for_200_words_or_500_ideographs() -> None:
    assert said_of("word " * 200).reading_seconds == 60
    assert said_of("读" * 500).reading_seconds == 60


# -- pieces ------------------------------------------------------------------------------------------------------------

TEXTS = st.lists(
    st.sampled_from(
        [ENGLISH, GERMAN, CODE, "1. ", "\n", "```", "~~~", "`", "好。", "a", " ", ".", "> ", "don't", "…!"]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 600), max_size=6))
def test_where_a_text_is_cut_makes_no_difference(text: str, cuts: list[int]) -> None:
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pipeline = Pipeline({})
    for start, end in pairwise(places):
        pipeline.feed(text[start:end])
        pipeline.record()
    assert pipeline.record() == said_of(text)


@pytest.mark.parametrize(
    "endless", ["x" * 50_000, "word " * 10_000, "```" + "x" * 50_000, "好" * 50_000, "`~> 1." * 9000]
)
def test_only_a_bounded_part_is_looked_at_again(endless: str) -> None:
    prose = SentenceSplitter()
    for start in range(0, len(endless), 40):
        prose.feed(endless[start : start + 40])
        assert len(prose.open) <= LONGEST + 40


def test_the_words_that_are_remembered_are_bounded_and_the_first_five_are_right() -> None:
    keywords = Keywords()
    for number in range(3 * MOST_WORDS):
        rare = "".join(chr(ord("a") + int(digit)) for digit in f"{number:08d}")
        keywords.count(["mountain", rare, "valley", "mountain"])
    assert keywords.top()[:2] == (("mountain", 6 * MOST_WORDS), ("valley", 3 * MOST_WORDS))
    assert keywords.top(["valley"] * 4 * MOST_WORDS)[0] == ("valley", 7 * MOST_WORDS)


# -- plug-ins ----------------------------------------------------------------------------------------------------------


class Shouts:
    """Counts exclamation marks, as another package would."""

    def __init__(self, said: Callable[[int], Any] = lambda count: {"shouts": count}) -> None:
        self.count, self.said = 0, said

    def feed(self, text: str) -> None:
        self.count += text.count("!")

    def record(self) -> Any:
        return self.said(self.count)


def point(name: str, load: Callable[[], Callable[[], Any]]) -> EntryPoint:
    return SimpleNamespace(name=name, load=load)


def _raise(error: Exception) -> Any:
    raise error


def test_a_plug_in_says_more() -> None:
    plug_ins, troubles = load_plug_ins([point("loud", lambda: Shouts)])
    pipeline = Pipeline(plug_ins)
    pipeline.feed("Oh!")
    pipeline.feed(" No!!")
    assert pipeline.record().extras == {"loud": {"shouts": 3}}
    assert not troubles


def test_a_plug_in_that_cannot_be_loaded_is_told_and_left_out() -> None:
    broken = point("broken", lambda: _raise(ImportError("no module named \x1b[31mnumpy")))
    plug_ins, [trouble] = load_plug_ins([broken, point("loud", lambda: Shouts)])
    assert list(plug_ins) == ["loud"]
    assert "`broken` failed: ImportError" in trouble.title
    assert "\x1b" not in trouble.title


@pytest.mark.parametrize("said", [lambda _: _raise(ValueError("x")), lambda _: None, lambda _: [1]])
def test_a_plug_in_that_fails_is_told_once_and_asked_no_more(said: Callable[[int], Any]) -> None:
    plug_ins, _ = load_plug_ins([point("loud", lambda: lambda: Shouts(said))])
    pipeline = Pipeline(plug_ins)
    for _ in range(3):
        pipeline.feed(ENGLISH)
        assert pipeline.record().extras == {}
    assert ["loud" in trouble.title for trouble in pipeline.errors] == [True]


def test_what_a_plug_in_says_is_bounded_and_harmless() -> None:
    said = {f"\x1b[2Jlabel {n}": "long\n\x07" * 500 for n in range(99)} | {"inf": float("inf")}
    plug_ins, _ = load_plug_ins([point("loud", lambda: lambda: Shouts(lambda _: said))])
    extras = Pipeline(plug_ins).record().extras["loud"]
    assert len(extras) <= 12
    assert not any(ord(letter) < 32 for text in map(str, [*extras, *extras.values()]) for letter in text)
    assert max(len(str(value)) for value in extras.values()) <= 120
