"""The meter's figures: honest while it runs, the provider's own at the end, one phase after the other."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from chat_tui.core.chunks import Chunk, End, Error, ErrorInfo, Metadata, Start, State, Timings, Token, Usage
from chat_tui.core.route import Candidate, Route, Try
from chat_tui.core.usage.stream_stats import SLOT_SECONDS, SLOTS, LiveStats, StreamStats
from tests.support.scripted_router import Rig, ask, slowly

WORD = "word "


def metered(*timed: tuple[float, Chunk]) -> LiveStats:
    meter = LiveStats(0.0)
    for at, chunk in timed:
        meter.feed(chunk, at)
    return meter


def shown(at: float, *timed: tuple[float, Chunk]) -> StreamStats:
    """The figures at this time, after the chunks up to it."""
    return metered(*(pair for pair in timed if pair[0] <= at)).figures(at)


def words(first: float, count: int, gap: float, text: str = WORD, kind: str = "text") -> Iterable[tuple[float, Chunk]]:
    return ((first + index * gap, Token(text, kind, index)) for index in range(count))  # type: ignore[arg-type]


# -- the rate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [2.0, 3.3, 7.0, 20.0])
def test_one_token_a_chunk_at_forty_a_second(at: float) -> None:
    figures = shown(at, *words(1.0, 1000, 0.025))
    assert figures.rate == pytest.approx(40, rel=0.06)
    assert figures.rate_estimated
    assert figures.completion_tokens == pytest.approx((at - 1.0) / 0.025 + 1, abs=1)
    assert figures.ttft_seconds == 1.0


@pytest.mark.parametrize("at", [2.0, 3.3, 7.0, 20.0])
def test_four_tokens_a_chunk_have_the_rate_of_their_tokens(at: float) -> None:
    figures = shown(at, *words(1.0, 300, 0.1, "four words in one "))
    assert figures.rate == pytest.approx(43, rel=0.15)
    assert figures.completion_estimated


def test_thinking_and_text_are_one_stream() -> None:
    timed = [*words(1.0, 40, 0.025, "hmm ", "thinking"), *words(2.0, 40, 0.025)]
    assert shown(1.9, *timed).phase == "thinking"
    figures = shown(2.9, *timed)
    assert figures.phase == "answering"
    assert figures.phase_seconds == pytest.approx(0.9)
    assert figures.rate == pytest.approx(40, rel=0.06)
    assert figures.ttft_seconds == 1.0


def test_there_is_no_rate_before_there_can_be_one() -> None:
    assert shown(0.9, *words(1.0, 10, 0.025)).rate is None
    assert shown(1.01, *words(1.0, 10, 0.025)).rate is None


def test_a_burst_has_no_rate() -> None:
    timed = [*words(1.0, 200, 0.0001), (1.1, End(usage=Usage(5, 200, 205), timings=Timings(1.0, 1.1, None)))]
    assert shown(1.05, *timed).rate is None
    assert shown(5.0, *timed).rate is None


def test_the_live_rate_falls_when_nothing_comes_and_forgets_a_pause() -> None:
    timed = [*words(1.0, 100, 0.025), *words(10.0, 200, 0.025)]
    rates = [shown(at, *timed).rate or 0 for at in (3.4, 4.5, 7.0)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0
    assert shown(12.6, *timed).rate == pytest.approx(40, rel=0.06)


def test_at_the_end_the_providers_own_figures_stand() -> None:
    end = End("one/a", usage=Usage(412, 90, 502), timings=Timings(1.25, 4.5, 39.5), cost=0.002)
    figures = shown(9.0, *words(1.0, 100, 0.025), (4.0, end))
    assert (figures.rate, figures.rate_estimated) == (39.5, False)
    assert (figures.prompt_tokens, figures.completion_tokens, figures.completion_estimated) == (412, 90, False)
    assert (figures.ttft_seconds, figures.duration_seconds) == (1.25, 4.5)
    assert figures.cost == 0.002
    assert figures.phase == "complete"
    assert figures.context_tokens == 502


def test_an_estimate_stays_marked_at_the_end() -> None:
    end = End(usage=Usage(10, 5, 15, estimated=True), timings=Timings(1.0, 2.0, 5.0, estimated=True))
    figures = shown(9.0, *words(1.0, 5, 0.2), (2.0, end))
    assert figures.rate_estimated
    assert figures.completion_estimated


def test_a_usage_told_on_the_way_is_exact_until_more_comes() -> None:
    told = Metadata("usage", usage=Usage(50, 40, 90))
    timed = [*words(1.0, 20, 0.025), (1.6, told), *words(1.7, 10, 0.025)]
    exact = shown(1.6, *timed)
    assert (exact.completion_tokens, exact.completion_estimated) == (40, False)
    more = shown(3.0, *timed)
    assert (more.completion_tokens, more.completion_estimated) == (50, True)


def test_a_usage_told_at_the_start_does_not_freeze_the_count() -> None:
    figures = shown(3.0, (0.5, Metadata("usage", usage=Usage(50, 1, 51))), *words(1.0, 60, 0.025))
    assert figures.completion_tokens == 61
    assert figures.prompt_tokens == 50


def test_what_a_failed_try_has_used_is_not_counted() -> None:
    figures = shown(
        3.0,
        (0.5, Metadata("usage", usage=Usage(50, 9, 59))),
        (0.6, Metadata("retry", attempt=2, of=3, delay_seconds=0.1)),
        *words(1.0, 4, 0.025),
    )
    assert figures.completion_tokens == 4


# -- the sparkline ----------------------------------------------------------------------------------------------------


def test_the_sparkline_has_whole_slots_only_and_is_flat_for_a_flat_stream() -> None:
    figures = shown(5.2, *words(1.0, 1000, 0.025))
    assert len(figures.sparkline) == int((5.2 - 1.0) / SLOT_SECONDS)
    assert all(value == pytest.approx(40, rel=0.06) for value in figures.sparkline)


def test_the_sparkline_shows_silence_and_keeps_its_length() -> None:
    timed = [*words(1.0, 40, 0.025), *words(4.0, 40, 0.025)]
    assert shown(3.6, *timed).sparkline[-1] == 0
    assert 0 in shown(5.0, *timed).sparkline
    long = shown(60.0, *words(1.0, 4000, 0.025)).sparkline
    assert len(long) == SLOTS
    done = shown(90.0, *timed, (5.0, End(timings=Timings(1.0, 5.0, 20.0), usage=Usage(1, 80, 81))))
    assert done.sparkline[0] > 0
    assert done.sparkline[-1] > 0
    assert shown(0.5).sparkline == ()


# -- phases -----------------------------------------------------------------------------------------------------------


def test_each_phase_has_its_own_time() -> None:
    timed: list[tuple[float, Chunk]] = [
        (0.0, Start("one/a", "one", "id", "balanced")),
        (0.1, Metadata("queued", model="one/a")),
        (1.0, Metadata("fetching", model="one/a", received_bytes=5, total_bytes=10)),
        (2.0, Metadata("loading", model="one/a")),
        (3.0, Metadata("connecting", model="one/a", context_tokens=120, context_window=2048)),
        (4.0, Metadata("trimmed", left_out=3)),
        (4.0, Metadata("trimmed", reason="1 earlier tool result was shortened.")),
        (4.5, Metadata("waiting", model="one/a")),
        (6.0, Token("hm", "thinking")),
        (7.0, Token("So", "text", 1)),
        (9.0, End("one/a", state="complete")),
    ]
    phases = [(at, shown(at, *timed).phase) for at in (0.5, 1.5, 2.5, 3.5, 4.2, 5.0, 6.5, 8.0, 9.5)]
    assert [phase for _, phase in phases] == [
        "queued",
        "fetching",
        "loading",
        "connecting",
        "connecting",
        "waiting",
        "thinking",
        "answering",
        "complete",
    ]
    assert shown(5.0, *timed).phase_seconds == pytest.approx(0.5)
    assert shown(4.2, *timed).left_out == 3
    assert shown(4.2, *timed).shortened == "1 earlier tool result was shortened."
    assert (shown(4.2, *timed).context_tokens, shown(4.2, *timed).context_window) == (120, 2048)
    assert shown(0.5, *timed).strategy == "balanced"


def test_a_fresh_meter_is_connecting() -> None:
    figures = LiveStats(10.0).figures(12.0)
    assert (figures.phase, figures.phase_seconds, figures.duration_seconds) == ("connecting", 2.0, 2.0)
    assert figures.completion_tokens is None
    assert figures.ttft_seconds is None


def test_a_retry_counts_down() -> None:
    retry = Metadata("retry", model="one/a", attempt=2, of=3, delay_seconds=4.0, reason="Too busy.")
    timed: list[tuple[float, Chunk]] = [(1.0, retry), (6.0, Metadata("connecting", model="one/a"))]
    figures = shown(2.5, *timed)
    assert (figures.phase, figures.attempt, figures.of, figures.reason) == ("retrying", 2, 3, "Too busy.")
    assert figures.delay_seconds == pytest.approx(2.5)
    assert shown(5.5, *timed).delay_seconds == 0.0
    again = shown(6.5, *timed)
    assert (again.phase, again.delay_seconds) == ("connecting", None)


def test_a_cancel_in_a_back_off_leaves_no_countdown() -> None:
    figures = shown(9.0, (1.0, Metadata("retry", delay_seconds=4.0)), (2.0, End(state="cancelled")))
    assert (figures.phase, figures.delay_seconds) == ("cancelled", None)


def test_failover_names_the_next_model() -> None:
    figures = shown(2.0, (1.0, Metadata("failover", model="two/b", reason="Too busy.")))
    assert (figures.phase, figures.model, figures.reason) == ("connecting", "two/b", "Too busy.")


@pytest.mark.parametrize("state", ["complete", "length", "cancelled", "broken", "failed", "refused"])
def test_every_ending_is_a_phase_and_time_stands_still(state: State) -> None:
    timed: list[tuple[float, Chunk]] = [(1.0, Token("x")), (2.0, End("one/a", state=state))]
    figures = shown(50.0, *timed)
    assert figures.phase == state
    assert figures.duration_seconds == 2.0
    assert figures.phase_seconds == 0.0
    assert figures.rate is None


def test_an_error_is_kept_beside_the_ending() -> None:
    error = Error(ErrorInfo("Overloaded", "Too busy."))
    figures = shown(3.0, (1.0, error), (1.0, End("one/a", state="failed")))
    assert (figures.error, figures.phase, figures.completion_tokens) == ("Too busy.", "failed", 0)


async def test_what_is_shown_live_is_what_the_end_tells() -> None:
    """The meter and the router count alike."""
    script = [*slowly(*(f"w{number} " for number in range(30)), seconds=0.01), End()]
    meter, router = LiveStats(0.0), Rig(a=script).router()
    live = None
    async with router.process_stream(ask()) as stream:
        async for chunk in stream:
            if isinstance(chunk, End):
                live = meter.figures(1.0)
            meter.feed(chunk, 1.0)
    assert live is not None
    after = meter.figures(2.0)
    assert live.completion_tokens == after.completion_tokens
    assert live.completion_estimated
    assert after.completion_estimated


def test_the_part_of_a_document_is_told() -> None:
    part = (1.0, Metadata("part", attempt=2, of=6))
    figures = shown(2.0, part, (1.5, Metadata("connecting", attempt=1)))
    assert (figures.step, figures.steps) == (2, 6)


# -- one count for live and final ------------------------------------------------------------------------------------


async def test_the_live_time_to_the_first_token_is_the_one_that_the_end_tells() -> None:
    script = [*slowly("one ", "two ", "three", seconds=0.01), End()]
    meter, router = LiveStats(50.0), Rig(a=script).router()
    live = []
    async with router.process_stream(ask()) as stream:
        async for chunk in stream:
            meter.feed(chunk, 60.0)
            live.append(meter.figures(60.0).ttft_seconds)
    assert chunk.timings.ttft_seconds is not None  # type: ignore[union-attr]
    told = [ttft for ttft in live if ttft]
    assert set(told) == {chunk.timings.ttft_seconds}  # type: ignore[union-attr]
    assert len(told) > 2


def test_the_gaps_between_tokens_are_told_by_median_and_95th_percentile() -> None:
    even = shown(5.0, *words(1.0, 100, 0.025))
    assert even.gap_p50_seconds == pytest.approx(0.025, rel=0.03)
    assert even.gap_p95_seconds == pytest.approx(0.025, rel=0.03)
    at, timed = 1.0, []
    for number in range(200):
        timed.append((at, Token(WORD, "text", number)))
        at += 0.4 if number % 10 == 9 else 0.02
    uneven = shown(at, *timed)
    assert uneven.gap_p50_seconds == pytest.approx(0.02, rel=0.03)
    assert uneven.gap_p95_seconds == pytest.approx(0.4, rel=0.03)


def test_a_burst_has_neither_gaps_nor_a_sparkline() -> None:
    figures = shown(9.0, *words(1.0, 200, 0.0001))
    assert (figures.gap_p50_seconds, figures.gap_p95_seconds, figures.sparkline) == (None, None, ())


def test_a_pause_is_told_and_spoils_no_figure() -> None:
    meter = metered(*words(1.0, 80, 0.025))
    meter.hold(3.0)
    held = meter.figures(63.0)
    assert (held.phase, held.phase_seconds, held.rate) == ("paused", 60.0, None)
    meter.let_go(63.0)
    for at, chunk in words(63.025, 80, 0.025):
        meter.feed(chunk, at)
    figures = meter.figures(65.0)
    assert figures.rate == pytest.approx(40, rel=0.06)
    assert figures.gap_p95_seconds == pytest.approx(0.025, rel=0.03)
    assert 0 not in figures.sparkline
    assert figures.duration_seconds == pytest.approx(65.0)


def test_an_end_in_a_pause_ends_the_pause() -> None:
    meter = metered((1.0, Token("x")))
    meter.hold(2.0)
    meter.feed(End(state="cancelled"), 5.0)
    assert meter.figures(9.0).phase == "cancelled"


def test_thinking_is_told_by_its_share_until_the_provider_counts_it() -> None:
    timed = [*words(1.0, 30, 0.025, "hmm ", "thinking"), *words(2.0, 10, 0.025, "word")]
    live = shown(2.9, *timed)
    assert (live.thinking_tokens, live.thinking_estimated) == (30, True)
    told = End(usage=Usage(5, 47, 52, thinking_tokens=37), timings=Timings(1.0, 3.0, 20.0))
    end = shown(4.0, *timed, (3.0, told))
    assert (end.thinking_tokens, end.thinking_estimated) == (37, False)
    assert shown(3.0, *words(1.0, 30, 0.025)).thinking_tokens is None


def test_tries_are_counted_as_they_happen_and_told_by_the_route_at_the_end() -> None:
    retry = Metadata("retry", model="one/a", attempt=2, of=3, reason="Too busy.")
    timed: list[tuple[float, Chunk]] = [
        (1.0, retry),
        (2.0, Metadata("connecting", model="one/a")),
        (3.0, Metadata("failover", model="two/b", reason="Down.")),
        (3.1, Metadata("connecting", model="two/b")),
        (4.0, Token("x")),
    ]
    assert [shown(at, *timed).tries for at in (0.5, 1.5, 3.5)] == [1, 2, 3]
    assert [shown(at, *timed).reason for at in (1.5, 2.5, 3.5, 4.5)] == ["Too busy.", "Too busy.", "Down.", ""]
    route = Route("balanced", tuple(Candidate(name) for name in "abc"), (Try("one/a", 1, "x"),) * 3, left_out=9)
    end = shown(6.0, *timed, (5.0, End(route=route)))
    assert (end.tries, end.candidates) == (3, 12)


def test_what_was_counted_and_what_was_estimated_are_told_apart() -> None:
    figures = shown(2.0, (0.5, Metadata("usage", usage=Usage(50, 1, 51))), *words(1.0, 30, 0.025))
    assert (figures.prompt_estimated, figures.completion_estimated) == (False, True)
