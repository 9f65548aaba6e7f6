"""A record from outside is safe to show and to store once it has been sanitize, whatever it held."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.core.chunks import ErrorInfo, Usage
from chat_tui.core.conversation import QuickAnswer, Turn
from chat_tui.core.route import Candidate, Route
from chat_tui.core.text.bounds import MOST_AMOUNT, MOST_COUNT
from chat_tui.core.text.control_characters import clean
from chat_tui.core.text.sanitizer import sanitize

TEXT = st.text(st.sampled_from("ab\n\t \x1b[]0;\x07\x9b\u202e\ud800m"), max_size=20)
COUNTS = st.integers()
AMOUNTS = st.floats()
TIMES = st.none() | st.datetimes(timezones=st.sampled_from([None, UTC]))
TURNS = st.builds(
    Turn,
    st.just("assistant"),
    TEXT,
    id=TEXT,
    created=TIMES,
    thinking=TEXT,
    model=TEXT,
    usage=st.none() | st.builds(Usage, COUNTS, COUNTS),
    cost=st.none() | AMOUNTS,
    error=st.none() | st.builds(ErrorInfo, TEXT, TEXT, TEXT),
    left_out=COUNTS,
    quick=st.none() | st.builds(QuickAnswer, TEXT, TEXT, AMOUNTS),
)
ROUTES = st.builds(
    Route,
    TEXT,
    st.tuples(st.builds(Candidate, TEXT, AMOUNTS, st.dictionaries(TEXT, AMOUNTS, max_size=2))),
    left_out=COUNTS,
    left_out_for=st.dictionaries(TEXT, COUNTS, max_size=2),
)


def leaves(value: Any) -> list[Any]:
    """Every value in a JSON value."""
    if isinstance(value, dict):
        return [leaf for pair in value.items() for part in pair for leaf in leaves(part)]
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


@given(TURNS | ROUTES)
def test_whatever_it_held_it_can_be_shown_and_stored(record: Turn | Route) -> None:
    safe = sanitize(record)
    for leaf in leaves(json.loads(msgspec.json.encode(safe))):
        if isinstance(leaf, str):
            assert clean(leaf) == leaf
        elif not isinstance(leaf, bool) and isinstance(leaf, int | float):
            assert 0 <= leaf <= max(MOST_COUNT, MOST_AMOUNT)
    assert sanitize(safe) == safe


def test_a_record_that_is_sound_is_the_same_one() -> None:
    usual = Turn("user", "Two\nlines", id="q", created=datetime(2026, 1, 1, tzinfo=UTC), usage=Usage(1, 2, 3), cost=0.5)
    assert sanitize(usual) is usual


def test_a_number_out_of_bounds_is_as_if_it_had_not_been_given() -> None:
    turn = sanitize(Turn("user", "x", usage=Usage(-1, 1 << 70, 3), cost=float("nan"), left_out=-3))
    assert (turn.usage, turn.cost, turn.left_out) == (Usage(0, 0, 3), None, 0)
