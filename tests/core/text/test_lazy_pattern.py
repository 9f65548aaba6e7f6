"""Patterns that are compiled when they are first used."""

from __future__ import annotations

import re

import pytest

from chat_tui.core.text.lazy_pattern import lazy_pattern


def test_it_does_what_a_compiled_pattern_does() -> None:
    lazy, compiled = lazy_pattern(r"(\d+)([a-z])", re.IGNORECASE), re.compile(r"(\d+)([a-z])", re.IGNORECASE)
    for text in ("", "12A", "x 1b 22C", "1-2"):
        for method in ("search", "match", "fullmatch"):
            assert repr(getattr(lazy, method)(text)) == repr(getattr(compiled, method)(text))
        assert lazy.findall(text) == compiled.findall(text)
        assert lazy.sub(r"\2\1", text) == compiled.sub(r"\2\1", text)
        assert lazy.split(text) == compiled.split(text)
        assert [each.span() for each in lazy.finditer(text)] == [each.span() for each in compiled.finditer(text)]
    assert (lazy.pattern, lazy.flags) == (compiled.pattern, compiled.flags)
    assert lazy_pattern(b"[ab]+").findall(b"xaby") == [b"ab"]


def test_it_is_compiled_by_its_first_use_and_only_then() -> None:
    wrong = lazy_pattern("(")
    with pytest.raises(re.error):
        wrong.search("text")
    lazy = lazy_pattern("a")
    lazy.search("a")
    assert lazy.search == lazy.search, "the compiled pattern's own method, not one that is made for each call"
