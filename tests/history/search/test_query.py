"""What is typed into the search, and what it means."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.core.errors import QueryError
from chat_tui.history.search.query import Query, parse

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 4, 1, 15, 30, tzinfo=ZONE)


def day(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", Query()),
        ("Crème  fox crème", Query(terms=("creme", "fox"))),
        ('a "Quick  Brown" b', Query(terms=("a", "b"), phrases=("quick brown",))),
        ('"never ended', Query(phrases=("never ended",))),
        ('"" "', Query()),
        ("model:GPT-5 role:User fox", Query(terms=("fox",), model="gpt-5", role="user")),
        ('model:"big one"', Query(model="big one")),
        ("Model::new role::x std::vec http://a", Query(terms=("model::new", "role::x", "std::vec", "http://a"))),
        ('"model:x"', Query(phrases=("model:x",))),
        ("submodel:x", Query(terms=("submodel:x",))),
        ("before:2026-01-31", Query(before=day(2026, 1, 31))),
        ("after:2026-1-3", Query(after=day(2026, 1, 3))),
        ("after:2026-02 before:2026", Query(after=day(2026, 2), before=day(2026))),
        ("after:today", Query(after=day(2026, 4, 1))),
        ("before:Yesterday", Query(before=day(2026, 3, 31))),
        ("after:7d", Query(after=NOW - timedelta(days=7))),
        ("after:12h", Query(after=NOW - timedelta(hours=12))),
    ],
)
def test_this_means_that(text: str, query: Query) -> None:
    assert parse(text, NOW) == query


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("before:soon", "`before:soon` is not a date"),
        ("after:2026-02-30", "`after:2026-02-30` is not a date"),
        ("after:99y", "`after:99y` is not a date"),
        ("after:0001", "is not a date"),
        ("role:robot", "Unknown role: `robot`"),
        ("fox role:", "Nothing follows `role:`"),
        ("before: 2026", "Nothing follows `before:`"),
        ("model:a model:b", "`model:` is used twice"),
        ('model:""', "Nothing follows `model:`"),
    ],
)
def test_a_wrong_filter_is_told(text: str, told: str) -> None:
    with pytest.raises(QueryError, match=told) as caught:
        parse(text, NOW)
    assert caught.value.hint


@given(st.text())
def test_any_text_is_understood_or_told(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        return
    assert len(query.wanted) <= 16
    assert all(term and term == " ".join(term.split()) for term in query.wanted)
