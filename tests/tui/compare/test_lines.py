"""What a comparison tells in words: heads that fit, tabs, a table that marks the best, names that stay hidden."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from chat_tui.core.chunks import ErrorInfo
from chat_tui.core.conversation import QuickAnswer, Turn
from chat_tui.core.route import Seam
from chat_tui.core.usage.stream_stats import Phase, StreamStats
from chat_tui.engine.answers.comparison import ComparisonResult
from chat_tui.tui.compare.lines import (
    head_height,
    head_lines,
    is_tabbed,
    letter,
    mask,
    mask_figures,
    queue_hint,
    summary_lines,
    tab_line,
    tabs_are_whole,
)
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.styled_lines import text_of
from tests.support.panels_app import ANSWERING, EVIL

RESULTS = (
    ComparisonResult("shelf/fast", "complete", 1200, 300, False, 3.0, 0.2, 100.0, 0.001),
    ComparisonResult("shelf/deep", "length", 2400, 612, True, 9.0, 0.1, 68.0, 0.02),
    ComparisonResult("shelf/broken", "broken", 12, 3, True, 0.5, 0.05, 900.0, 0.0, "Away."),
    ComparisonResult("four/failed", "failed", error="Away."),
)
NAMES = [result.model for result in RESULTS]


@pytest.mark.parametrize(
    ("width", "answers", "tabbed"),
    [(60, 2, True), (99, 2, True), (100, 2, False), (100, 3, False), (100, 4, True), (119, 4, True), (120, 4, False)],
)
def test_there_are_tabs_where_columns_would_be_too_narrow(width: int, answers: int, tabbed: bool) -> None:
    assert is_tabbed(width, answers) is tabbed


@pytest.mark.parametrize("width", [20, 28, 38, 52, 60, 98])
@pytest.mark.parametrize("name", ["shelf/fast", "a-very-long-provider/and-a-model-with-a-very-long-name", EVIL])
def test_a_head_fits_and_keeps_its_height(width: int, name: str) -> None:
    for figures in (
        StreamStats(phase="waiting"),
        ANSWERING,
        StreamStats(phase="failed", error="Away.", duration_seconds=3725),
    ):
        lines = head_lines(2, name, figures, width, chosen=True)
        assert len(lines) == head_height(width)
        assert all(cell_len(line) <= width for line in text_of(lines).split("\n"))
        assert "\x1b" not in text_of(lines)


def test_a_head_tells_the_answers_own_figures() -> None:
    told = text_of(head_lines(1, "shelf/fast", ANSWERING, 60, chosen=False))
    for figure in ("1 shelf/fast", "answering ", "4.2 s", "TTFT 0.34 s", "≈41 tok/s", "≈1,234 tokens"):
        assert figure in told
    assert "3.1 s" not in told


def test_figures_keep_their_place_as_they_grow() -> None:
    early = StreamStats(phase="answering", ttft_seconds=0.3, rate=9.0, completion_tokens=9, price=0.01)
    late = StreamStats(phase="answering", ttft_seconds=0.3, rate=123.0, completion_tokens=9_999, price=0.01)
    one, other = (text_of(head_lines(1, "m", each, 60, chosen=False)).split("\n")[2] for each in (early, late))
    assert one.index("$") == other.index("$")
    assert one.index("9 tokens") == other.index("9,999 tokens")


def test_tabs_show_every_answer_and_which_is_in_view() -> None:
    line = text_of([tab_line(NAMES, ["complete", "answering", "broken", "paused"], 1, 78)])
    assert cell_len(line) <= 78
    for place, sign in enumerate("✓●✗‖"):
        assert sign in line, place
    assert line.count("[") == line.count("]") == 1
    assert line.index("[") < line.index("deep") < line.index("]")


@pytest.mark.parametrize("width", [58, 78, 98])
@pytest.mark.parametrize("names", [NAMES, NAMES[:2], ["A", "B"], ["a-very-long-provider/model", "short"]])
def test_names_are_whole_in_tabs_with_room_for_them(names: list[str], width: int) -> None:
    line = text_of([tab_line(names, ["complete"] * len(names), 0, width)])
    assert tabs_are_whole(names, width) is all(name in line for name in names)


def test_a_head_without_a_name_is_a_line_less() -> None:
    lines = head_lines(1, "", ANSWERING, 60, chosen=True)
    assert len(lines) == head_height(60, named=False) == head_height(60) - 1
    assert "answering " in text_of(lines)


def test_the_best_of_each_figure_is_marked_without_a_colour() -> None:
    rows = text_of(summary_lines(RESULTS, NAMES, 120)).split("\n")
    assert "* best" in rows[0]
    marked = [[word for word in row.split("  ") if word.strip().endswith("*")] for row in rows[1:]]
    assert [[word.strip() for word in words] for words in marked] == [
        ["3.0 s*", "100*", "$0.0010*"],
        ["0.10 s*"],
        [],
        [],
    ]


def test_where_all_are_the_same_none_is_the_best() -> None:
    twins = [ComparisonResult(name, "complete", 10, 3, False, 1.0, 0.1, 3.0, 0.0) for name in NAMES]
    assert "*" not in text_of(summary_lines(twins, NAMES, 120))


@pytest.mark.parametrize("width", [38, 58, 78, 98, 118, 198])
def test_the_table_fits_and_stands_in_columns(width: int) -> None:
    rows = ["".join(span.text for span in line) for line in summary_lines(RESULTS, NAMES, width)]
    assert len(rows) == 5
    assert len({cell_len(row) for row in rows}) == 1
    assert cell_len(rows[0].rstrip()) <= width
    assert "tokens/s" in rows[0] or width < 50
    assert all(f"{number} " in row for number, row in enumerate(rows[1:], 1))


def test_a_blind_table_tells_no_price() -> None:
    told = text_of(summary_lines(RESULTS, [letter(place) for place in range(4)], 120, blind=True))
    assert "$" not in told
    assert "cost" not in told


def test_nothing_of_a_hidden_answer_tells_who_it_is() -> None:
    turn = Turn(
        "assistant",
        "Forty-two.",
        id="a",
        model="secret/model",
        strategy="secret",
        cost=12.5,
        state="broken",
        error=ErrorInfo("Overloaded", "secret/model is overloaded.", "Set SECRET_API_KEY."),
        seams=(Seam(3, "secret/other", "The secret line was cut."),),
        quick=QuickAnswer("42", "secret/quick"),
        finish_reason="secret_stop",
    )
    assert "secret" not in repr(mask(turn, "A")).casefold()
    figures = StreamStats(
        model="secret/model", strategy="secret", reason="secret", error="secret", cost=1.5, price=2.5, phase="loading"
    )
    hidden = repr(mask_figures(figures))
    assert not [word for word in ("secret", "1.5", "2.5", "loading") if word in hidden]


def test_one_that_waits_in_line_is_told_that_the_paused_keep_their_places() -> None:
    queued = StreamStats(phase="queued", phase_seconds=3.0)
    assert queue_hint(queued, others_held=False) == ""
    assert "A paused answer keeps its slot" in queue_hint(queued, others_held=True)
    assert queue_hint(StreamStats(phase="answering"), others_held=True) == ""


@pytest.mark.parametrize("phase", ["fetching", "loading", "connecting", "waiting"])
def test_a_state_that_the_head_tells_is_not_repeated_below(phase: Phase) -> None:
    figures = StreamStats(phase=phase)
    assert formatting.phase(figures, timed=False) in text_of(head_lines(1, "m", figures, 60, chosen=False))
    assert queue_hint(figures, others_held=True) == ""


def test_those_that_read_the_same_are_equally_good() -> None:
    rows = [
        ComparisonResult(f"m/{number}", "complete", seconds=seconds) for number, seconds in enumerate((5.01, 5.02, 7.0))
    ]
    told = text_of(summary_lines(rows, ["m/0", "m/1", "m/2"], 100)).split("\n")
    assert [line.count("5.0 s*") for line in told] == [0, 1, 1, 0]
