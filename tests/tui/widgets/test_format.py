"""Figures in words, lines of spans, the filter: the pure parts of the side panels."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from rich.cells import cell_len

from chat_tui.core.usage.spending import Spending
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.row_list import matching
from chat_tui.tui.widgets.styled_lines import Span, apart, crop, crop_middle, crop_start, wrap
from tests.doubles.fake_engine import NOW
from tests.support.time_limits import in_time, within


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (formatting.seconds(1.23), "1.2 s"),
        (formatting.seconds(0), "0.0 s"),
        (formatting.seconds(59.96), "1 m 00 s"),
        (formatting.seconds(125), "2 m 05 s"),
        (formatting.seconds(3599.7), "1 h 00 m"),
        (formatting.seconds(None), "–"),
        (formatting.seconds(float("nan")), "–"),
        (formatting.seconds(-1), "–"),
        (formatting.ttft(0.341), "0.34 s"),
        (formatting.ttft(0.999), "1.0 s"),
        (formatting.ttft(0.001), "<0.01 s"),
        (formatting.ttft(None), "–"),
        (formatting.gap(0.0236), "24 ms"),
        (formatting.gap(1.24), "1.2 s"),
        (formatting.gap(None), "–"),
        (formatting.about_cost(0.0012), "≈$0.0012"),
        (formatting.about_cost(0.00002), "<$0.0001"),
        (formatting.about_cost(0.0), "$0"),
        (formatting.model_state("not fetched"), "not downloaded"),
        (formatting.model_state("cooldown 12 s"), "cooldown 12 s"),
        (formatting.about_cost(None), "–"),
        (formatting.today(Spending(today=0.12, budget=1.0)), "$0.120 of $1.00"),
        (formatting.today(Spending(today=0.12)), "$0.120"),
        (formatting.today(Spending()), "–"),
        (formatting.tokens(1234), "1,234"),
        (formatting.tokens(12_345), "12.3k"),
        (formatting.tokens(999_960), "1.0M"),
        (formatting.tokens(7, estimated=True), "≈7"),
        (formatting.tokens(None, estimated=True), "–"),
        (formatting.rate(41.2), "41 tok/s"),
        (formatting.rate(41.2, estimated=True), "≈41 tok/s"),
        (formatting.rate(4.21), "4.2 tok/s"),
        (formatting.rate(9.96), "10 tok/s"),
        (formatting.rate(None), "–"),
        (formatting.cost(0), "$0"),
        (formatting.cost(0.00001), "<$0.0001"),
        (formatting.cost(0.0012), "$0.0012"),
        (formatting.cost(0.1234), "$0.123"),
        (formatting.cost(0.9996), "$1.00"),
        (formatting.cost(1234.5), "$1,234.50"),
        (formatting.cost(None), "–"),
        (formatting.price(0.15, 0.6), "$0.15/$0.60"),
        (formatting.price(3, 15), "$3/$15"),
        (formatting.price(0.05, 0.075), "$0.05/$0.075"),
        (formatting.price(0, 0), "$0"),
        (formatting.price(None, 1), "–"),
        (formatting.percentage(246, 2048), "12%"),
        (formatting.percentage(1, 2048), "<1%"),
        (formatting.percentage(0, 2048), "0%"),
        (formatting.percentage(3000, 2000), "150%"),
        (formatting.percentage(5, None), "–"),
        (formatting.progress(12_300_000, 92_871_040), "12.3 of 92.9 MB"),
        (formatting.progress(12_300_000, None), "12.3 MB"),
        (formatting.context(2048), "2k"),
        (formatting.context(8192), "8k"),
        (formatting.context(128_000), "128k"),
        (formatting.context(131_072), "128k"),
        (formatting.context(1_048_576), "1M"),
        (formatting.context(1_000_000), "1M"),
        (formatting.context(4097), "4.1k"),
        (formatting.context(512), "512"),
        (formatting.context(None), "–"),
        (formatting.left_out(0), ""),
        (formatting.left_out(1), "1 earlier exchange not sent"),
        (formatting.left_out(3), "3 earlier exchanges not sent"),
    ],
)
def test_figures_are_written_so(said: str, expected: str) -> None:
    assert said == expected


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (StreamStats(phase="connecting", phase_seconds=0.4), "connecting 0.4 s"),
        (StreamStats(phase="waiting", phase_seconds=1.2), "waiting 1.2 s"),
        (StreamStats(phase="thinking", phase_seconds=3.1), "thinking 3.1 s"),
        (StreamStats(phase="loading", phase_seconds=0.5), "loading the model 0.5 s"),
        (StreamStats(phase="retrying", attempt=2, of=3, delay_seconds=3.2), "retrying 2/3 in 4 s"),
        (StreamStats(phase="retrying", attempt=2, of=3, delay_seconds=0), "retrying 2/3 now"),
        (StreamStats(phase="retrying"), "retrying now"),
        (StreamStats(phase="cancelled", phase_seconds=9), "stopped"),
        (StreamStats(phase="complete"), "done"),
        (StreamStats(phase="length"), "token limit reached"),
        (StreamStats(), "ready"),
    ],
)
def test_a_phase_is_told_with_its_time(figures: StreamStats, expected: str) -> None:
    assert formatting.phase(figures) == expected


def test_the_figures_in_short_leave_out_what_does_not_fit() -> None:
    figures = StreamStats(ttft_seconds=0.34, rate=4.2, cost=0.0012, context_tokens=500, context_window=2000)
    assert formatting.in_short(figures, 80) == "TTFT 0.34 s · 4.2 tok/s · $0.0012 · context 25%"
    assert formatting.in_short(figures, 30) == "TTFT 0.34 s · 4.2 tok/s"
    assert formatting.in_short(StreamStats(), 80) == ""


def test_why_it_is_tried_again_is_told_where_the_answer_will_stand() -> None:
    figures = StreamStats(phase="retrying", attempt=2, of=3, delay_seconds=1.2, reason="The server is overloaded.")
    assert formatting.status(figures) == "retrying 2/3 in 2 s · The server is overloaded."
    other = StreamStats(phase="connecting", reason="It is away.")
    assert formatting.status(other) == "connecting 0.0 s · after: It is away."


def test_a_held_answer_says_so_where_there_is_no_panel() -> None:
    assert formatting.in_short(StreamStats(phase="paused", ttft_seconds=0.5, cost=0.1), 20) == "paused · TTFT 0.50 s"


def test_a_sparkline_has_the_newest_values_scaled_to_the_largest() -> None:
    assert formatting.sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert formatting.sparkline([100, 4, 8], 2) == "▄█"
    assert formatting.sparkline([0, 0], 5) == "▁▁"
    assert formatting.sparkline([], 5) == ""
    assert formatting.sparkline([1, 2], 0) == ""
    assert formatting.sparkline([float("nan"), float("inf"), 2], 5) == "▁▁█"


def test_a_gauge_is_as_wide_as_asked() -> None:
    assert formatting.gauge(1, 2, 10) == ("━━━━━", "─────")
    assert formatting.gauge(1, 1000, 10) == ("╸", "─────────")
    assert formatting.gauge(5000, 1000, 4) == ("━━━━", "")
    assert formatting.gauge(None, 1000, 4) == ("", "────")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (NOW.replace(hour=14, minute=5), "14:05"),
        (NOW - timedelta(days=1), "yesterday"),
        (NOW - timedelta(days=11), "12 Nov"),
        (NOW.replace(year=2023, day=12), "12 Nov 2023"),
        (NOW + timedelta(days=2), "25 Nov"),
        (datetime.min.replace(tzinfo=UTC), "1 Jan 1"),
    ],
)
def test_a_time_is_told_as_seen_from_now(when: datetime, expected: str) -> None:
    assert formatting.moment(when, NOW) == expected


def test_a_time_is_told_in_the_zone_of_the_reader() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert formatting.moment(NOW.replace(hour=22), NOW.replace(hour=23).astimezone(tokyo)) == "07:30"
    assert formatting.moment(datetime.max.replace(tzinfo=UTC), NOW.astimezone(tokyo)) == "–"


def test_text_is_cut_by_cells_and_never_through_a_wide_character() -> None:
    assert crop("日本語", 5) == "日本…"
    assert crop("日本語", 4) == "日…"
    assert crop("日本語", 6) == "日本語"
    assert crop("abc", 1) == "…"
    assert crop("abc", 0) == ""
    assert crop_start("provider/model", 6) == "model"
    assert crop_start("provider/model", 4) == "…del"
    assert crop_start("router/openai/gpt-5", 14) == "…/openai/gpt-5"
    assert crop_start("router/openai/gpt-5", 12) == "…penai/gpt-5"
    assert crop_middle("router/openai/gpt-4o-mini", 20) == "router/…/gpt-4o-mini"
    assert crop_middle("openai/gpt-4o-mini", 20) == "openai/gpt-4o-mini"
    for width in range(12):
        assert cell_len(crop_middle("日本語日本語/日本語", width)) <= width
    assert cell_len(crop_start("日本語日本語", 4)) <= 4


@pytest.mark.parametrize("width", range(1, 12))
def test_a_line_of_two_fits_any_width(width: int) -> None:
    line = apart(Span("日本語 label"), Span("value"), width)
    assert sum(cell_len(span.text) for span in line) == width


@pytest.mark.parametrize("width", range(12))
def test_wrapped_lines_fit_and_come_to_an_end(width: int) -> None:
    lines = wrap("a few words, 日本語日本語 and averyveryverylongword", width, 5)
    assert len(lines) <= 5
    assert all(cell_len(line) <= width for line in lines)


def test_a_filter_finds_words_in_any_order() -> None:
    texts = ["openai/gpt-4o ready", "anthropic/claude no key", "local/smollm2 ready"]
    assert list(matching("READY open", texts)) == [0]
    assert list(matching("ready", texts)) == [0, 2]
    assert list(matching("  ", texts)) == [0, 1, 2]
    assert list(matching("zzz", texts)) == []


def test_a_filter_falls_back_on_letters_in_their_order() -> None:
    assert list(matching("cld", ["openai/gpt-4o", "anthropic/claude"])) == [1]


@in_time
def test_filtering_500_models_takes_less_than_a_frame() -> None:
    texts = [f"provider-{number % 20}/some-model-name-{number} not asked yet" for number in range(500)]
    begun = time.perf_counter()
    for typed in ("some 49", "zzzz", "prmdl 4"):
        matching(typed, texts)
    within(time.perf_counter() - begun, 0.05)
