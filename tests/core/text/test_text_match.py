"""What find in a chat and the search's highlights mark."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_tui.core.text.text_match import find, fold_text, merge_ranges


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("The fox and the FOX", "fox", ["fox", "FOX"]),
        ("Crème brûlée", "creme BRULEE", ["Crème brûlée"]),
        (unicodedata.normalize("NFD", "à la crème, crème"), "crème", [unicodedata.normalize("NFD", "crème")] * 2),
        ("two\n  words", "two words", ["two\n  words"]),
        ("ﬁne ＦＩＮＥ", "fine", ["ﬁne", "ＦＩＮＥ"]),
        ("straße und Strasse", "STRASSE", ["straße", "Strasse"]),
        ("今天天气很好", "天", ["天", "天"]),
        ("가나다 한글", "한글", ["한글"]),
        ("a->b (c++) std::vector", "->", ["->"]),
        ("a.b a+b", "a.b", ["a.b"]),
        ("aaaa", "aa", ["aa", "aa"]),
        ("ガラス", "カ", []),
        ("anything", " \n", []),
        ("", "a", []),
    ],
)
def test_this_is_marked(text: str, wanted: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in find(text, wanted)] == found


ODD = st.text(alphabet=st.sampled_from("abE ÀéßﬁİǅΣς漢がカ゛가ᄀ\u0301\u3099\u1161½ \n"), max_size=30)


@settings(max_examples=300, deadline=None)
@given(ODD, ODD, ODD)
def test_a_part_of_the_text_is_marked_where_it_stands(before: str, part: str, after: str) -> None:
    text = f"{before} {part} {after}"
    ranges = find(text, part)
    assert bool(ranges) == bool(fold_text(part).split())
    for start, end in ranges:
        assert 0 <= start < end <= len(text)
        # Half a character cannot be marked: the other half comes with it.
        assert " ".join(fold_text(part).split()) in " ".join(fold_text(text[start:end]).split())


def test_ranges_that_touch_become_one() -> None:
    assert merge_ranges([(5, 7), (0, 2), (2, 4), (6, 9)]) == [(0, 4), (5, 9)]
