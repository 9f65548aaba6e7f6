"""The one meter of a stream's pace."""

from __future__ import annotations

import pytest

from chat_tui.core.usage.stream_meter import BURST_SECONDS, StreamMeter


def metered(*timed: tuple[float, str]) -> StreamMeter:
    meter = StreamMeter()
    for at, text in timed:
        meter.count(text)
        meter.mark(at)
    return meter


def test_a_rate_counts_from_the_first_arrival() -> None:
    meter = metered(*((5 + number * 0.1, "word ") for number in range(11)))
    assert meter.rate(11) == pytest.approx(10.0)
    assert meter.seconds_to_first(2.0) == 3.0
    assert meter.seconds_to_first(6.0) is None


def test_what_came_with_the_first_arrival_took_no_measured_time() -> None:
    meter = StreamMeter()
    for _ in range(10):
        meter.count("word ")
    meter.mark(1.0)
    for _ in range(10):
        meter.count("word ")
    meter.mark(2.0)
    assert meter.rate(20) == pytest.approx(10.0)


def test_a_burst_has_neither_rate_nor_gaps() -> None:
    meter = metered(*((1 + number * BURST_SECONDS / 100, "word ") for number in range(50)))
    assert meter.is_burst
    assert meter.rate(50) is None
    assert meter.gap_seconds(0.5) is None
    assert not metered((1.0, "a"), (2.0, "b")).has_rate()
    assert metered((1.0, ""), (2.0, ""), (3.0, "")).rate(3) is None


def test_the_wait_for_another_attempt_is_no_gap() -> None:
    meter = StreamMeter()
    for at in (1.0, 1.1, 1.2, 1.3, 1.4):
        meter.count("word ")
        meter.mark(at)
    meter.begin_try()
    meter.count("word ")
    meter.mark(60.0)
    assert meter.gap_seconds(1.0) == pytest.approx(0.1, rel=0.05)


def test_tokens_are_estimated_from_the_pieces_that_came_after_others() -> None:
    meter = metered((1.0, "word "), (2.0, "word "), (3.0, "word "), (4.0, "word "))
    assert meter.estimated_tokens() == 4
    assert meter.estimated_tokens(after_pieces=2, after_characters=10) == 2
    assert StreamMeter().estimated_tokens() == 0
