"""What readers take for one character."""

from __future__ import annotations

import pytest

from chat_tui.core.text.graphemes import is_boundary, is_typed, next_boundary, previous_boundary

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
ONE = [
    "a",
    "漢",
    "e\u0301\u0323",
    FAMILY,
    "👍🏽",
    "❤\ufe0f\u200d🔥",
    "👩🏽\u200d💻",
    "🏳\ufe0f\u200d🌈",
    "🇩🇪",
    "1\ufe0f\u20e3",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "각",
    "\u1100\u1161\u11a8",
    "กำ",
    "\u0645\u200c",
]


def split(text: str) -> list[str]:
    parts, begin = [], 0
    while begin < len(text):
        end = next_boundary(text, begin)
        parts.append(text[begin:end])
        begin = end
    return parts


@pytest.mark.parametrize("one", ONE)
def test_a_composed_character_is_one_beside_any_other(one: str) -> None:
    for other in ONE:
        text = f"{one}{other}x{one}"
        parts = [one, other, "x", one]
        assert split(text) == parts
        ends, end = [], len(text)
        while end > 0:
            end = previous_boundary(text, end)
            ends.append(end)
        assert [text[begin:] for begin in ends[:2]] == [one, f"x{one}"], text
        boundaries = [index for index in range(len(text) + 1) if is_boundary(text, index)]
        assert sorted([*ends, len(text)]) == boundaries, text


def test_three_halves_of_flags_are_a_flag_and_a_half() -> None:
    assert split("🇩🇪🇫") == ["🇩🇪", "🇫"]
    assert split("🇩" * 2001)[-1] == "🇩"


def test_a_boundary_is_found_from_the_middle_and_beyond_the_ends() -> None:
    text = f"a{FAMILY}"
    assert previous_boundary(text, 4) == 1
    assert next_boundary(text, 4) == len(text)
    assert (previous_boundary("", 0), next_boundary("", 0)) == (0, 0)
    assert split("a\r\nb\n\u0301") == ["a", "\r\n", "b", "\n", "\u0301"]


def test_joiners_are_typed_and_controls_are_not() -> None:
    assert all(map(is_typed, "aé漢👍\u200d\u200c\ufe0f\U000e0067"))
    assert not any(map(is_typed, "\x00\x07\r\x1b\x7f\x9b\u202e\ue000"))
