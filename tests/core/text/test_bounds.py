"""What comes from outside and becomes a time or a number is bounded, so that every later step can work with it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.core.text.bounds import (
    EARLIEST,
    LATEST,
    MOST_COUNT,
    bounded_amount,
    bounded_count,
    bounded_time,
    clamped_time,
    time_of_seconds,
    time_of_text,
)

ZONES = [ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/Los_Angeles"), timezone(timedelta(hours=-23, minutes=-59))]
OFFSETS = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)


@given(st.datetimes(timezones=st.one_of(st.none(), OFFSETS)))
def test_a_bounded_time_can_be_shown_in_every_zone(time: datetime) -> None:
    found = bounded_time(time)
    if found is None:
        return
    assert found == (time if time.tzinfo else time.replace(tzinfo=UTC))
    for zone in ZONES:
        assert found.astimezone(zone).utcoffset() == zone.utcoffset(found.astimezone(zone))
    assert found.astimezone().isoformat()


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "9998-12-31T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "0000-00-00",
        "yesterday",
        "",
    ],
)
def test_a_text_that_names_no_time_that_can_be_shown_is_none(text: str) -> None:
    assert time_of_text(text) is None


def test_a_text_without_a_zone_is_in_utc() -> None:
    assert time_of_text("2026-01-31T12:00:00") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert time_of_text("2026-01-31T12:00:00+14:00") == datetime(2026, 1, 30, 22, tzinfo=UTC)
    assert time_of_text(20260131) is None


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text()))
def test_any_number_of_seconds_is_a_time_that_can_be_shown_or_none(seconds: object) -> None:
    found = time_of_seconds(seconds)
    assert found is None or EARLIEST <= found <= LATEST


def test_usual_seconds_are_a_time() -> None:
    assert time_of_seconds(1_700_000_000.25) == datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)


@pytest.mark.parametrize("time", [datetime.min, datetime.max, datetime(2026, 1, 1)])
def test_a_clamped_time_lies_within_the_bounds(time: datetime) -> None:
    assert EARLIEST <= clamped_time(time.replace(tzinfo=UTC)) <= LATEST


@pytest.mark.parametrize("value", [-1, MOST_COUNT + 1, 2**63, 10**400, True, 1.0, math.nan, "1", None])
def test_what_is_no_count_is_none(value: object) -> None:
    assert bounded_count(value) is None


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, -math.inf, 1e300, 10**400, True, "1", None])
def test_what_is_no_amount_is_none(value: object) -> None:
    assert bounded_amount(value) is None


def test_usual_numbers_are_kept() -> None:
    assert bounded_count(0) == 0
    assert bounded_count(MOST_COUNT) == MOST_COUNT
    assert bounded_amount(0.25) == 0.25
