"""What is promised of the list of words: phrases have the polarities that TextBlob 0.20.1 gives them."""

from __future__ import annotations

import pytest

from chat_tui.engine.insights.lexicon import load, polarities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the table", []),
        ("good", [0.7]),
        ("good !", [0.875]),
        ("very good", [0.91]),
        ("not good", [-0.35]),
        ("not a good idea", [-0.35]),
        ("not the good", [0.7]),
        ("really not good", [-0.35]),
        ("not very good", [-0.269231]),
        ("extremely bad !", [-0.875]),
        ("is n't terrible", [0.5]),
        ("utterly hopeless and wonderful", [0.0, 1.0]),
    ],
)
def test_phrases_have_the_polarity_that_they_had_with_textblob(text: str, expected: list[float]) -> None:
    assert list(polarities(text.split())) == pytest.approx(expected, abs=1e-5)


def test_every_entry_of_the_list_is_in_range() -> None:
    entries = load()
    assert len(entries) > 2500
    for word, entry in entries.items():
        assert -1 <= entry.polarity <= 1, word
        assert 0.5 <= entry.intensity <= 2, word
