"""Texts cut for a row or a sentence."""

from __future__ import annotations

import pytest

from chat_tui.core.text.excerpts import shorten


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("short", 10, "short"),
        ("x" * 10, 10, "x" * 10),
        ("x" * 11, 10, "x" * 9 + "…"),
        (" a\n\t\nb\n", 10, "a b"),
        ("", 10, ""),
        ("a" + "\n" * 1_000_000, 10, "a"),
    ],
)
def test_a_text_is_cut_to_one_line_of_a_limited_length(text: str, limit: int, shown: str) -> None:
    assert shorten(text, limit) == shown
