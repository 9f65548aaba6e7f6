"""The stats panel, and what all side panels have in common."""

from __future__ import annotations

import msgspec
import pytest
from rich.cells import cell_len

from chat_tui.core.context import Context
from chat_tui.core.usage.spending import Spending
from chat_tui.core.usage.stream_stats import StreamStats
from chat_tui.tui.dialogs.context import ContextSum
from chat_tui.tui.panels.model_picker import ModelsInUse
from chat_tui.tui.panels.stats_panel import stats_lines
from chat_tui.tui.theme import palette as palettes
from chat_tui.tui.theme import themes
from chat_tui.tui.widgets.row_list import RowList
from chat_tui.tui.widgets.styled_lines import text_of
from tests.doubles.scripted_chat import scripted_chat
from tests.support.panels_app import ANSWERING, CLAUDE, EVIL, LOCAL, MINI, Panels, summaries

SPENT = Spending(0.0123, 0.12, 1.0)
RUNNING = ("TTFT", "Tokens/s", "Tokens in", "Tokens out", "Context")
"""What every running answer will tell."""


def told(
    figures: StreamStats, spending: Spending = SPENT, width: int = 29, height: int = 40, *, unfolded: bool = False
) -> list[str]:
    """The rows, with one blank between their words."""
    lines = stats_lines(figures, spending, width, height, unfolded=unfolded)
    return [" ".join(row.split()) for row in text_of(lines).splitlines()]


def test_what_has_no_value_is_not_shown() -> None:
    assert [row for row in told(StreamStats(), Spending()) if row] == ["● ready"]
    assert [row for row in told(StreamStats(), Spending(), unfolded=True) if row] == ["● ready", "▾ More /insights"]
    ended = StreamStats(phase="complete", completion_tokens=12, duration_seconds=0.5)
    rows = [row for row in told(ended, Spending(0.0, 0.0)) if row]
    assert rows == ["● done 0.5 s", "Tokens out 12", "▸ More /insights"]


def test_while_an_answer_runs_unknown_figures_are_dashes_until_they_come() -> None:
    rows = told(StreamStats(phase="connecting"), Spending())
    assert {"TTFT –", "Tokens/s –", "Tokens in –", "Tokens out –"} <= set(rows)


def test_the_stats_say_what_the_figures_say() -> None:
    rows = told(ANSWERING)
    assert rows[0] == "● answering 4.2 s"
    assert {"TTFT 0.34 s", "Tokens/s ≈41", "▁▄█", "Tokens in ≈412", "Tokens out ≈1,234"} <= set(rows)
    assert {"Context ≈1,646 of 2k 80%", "Conversation $0.0123", "Today $0.120 of $1.00"} <= set(rows)


def test_one_amount_of_money_stands_once() -> None:
    first = msgspec.structs.replace(ANSWERING, cost=0.0123)
    rows = told(first, Spending(0.0123, 0.0123))
    assert "Cost $0.0123" in rows
    assert not [row for row in rows if row.startswith(("Conversation", "Today"))]
    assert {"Conversation $0.0200", "Today $0.120"} <= set(told(first, Spending(0.02, 0.12)))
    assert "Today $0.0123 of $1.00" in told(first, Spending(0.0123, 0.0123, 1.0))


def test_nothing_is_said_twice() -> None:
    """Model and strategy are in the line over the chat, and the time since the question stands once."""
    running = msgspec.structs.replace(ANSWERING, tries=3, candidates=12, thinking_tokens=40)
    for phase in ("connecting", "waiting", "answering", "complete"):
        figures = msgspec.structs.replace(running, phase=phase)
        said = " ".join(told(figures, unfolded=True))
        assert "smollm2" not in said
        assert "balanced" not in said
        assert said.count("4.2 s") == (phase in ("answering", "complete")), phase
        assert "3.1 s" not in said


def test_percentiles_thinking_and_the_route_are_under_an_unfold() -> None:
    figures = msgspec.structs.replace(ANSWERING, tries=3, candidates=12, thinking_tokens=40)
    rest = {"Route 12 models · 3 tries", "Gaps p50 p95 24 ms 61 ms", "Thinking 40"}
    assert rest <= set(told(figures, unfolded=True))
    assert not rest & set(told(figures))
    assert "Route 3 tries" in told(figures, width=18, unfolded=True)


def test_only_what_is_estimated_is_marked_so() -> None:
    counted = msgspec.structs.replace(
        ANSWERING, prompt_estimated=False, completion_estimated=False, rate_estimated=False, cost=0.0012
    )
    assert "≈" not in " ".join(told(counted))
    half = msgspec.structs.replace(counted, completion_estimated=True, cost_estimated=True)
    marked = [row for row in told(half) if "≈" in row]
    assert marked == ["Tokens out ≈1,234", "Context ≈1,646 of 2k 80%", "Cost ≈$0.0012"]


def test_the_price_stands_for_the_cost_until_that_is_known() -> None:
    assert "Cost ≈$0.0034" in told(msgspec.structs.replace(ANSWERING, price=0.0034))
    assert "Cost $0" in told(msgspec.structs.replace(ANSWERING, price=0.0))


@pytest.mark.parametrize("height", range(1, 12))
def test_a_low_panel_keeps_the_most_important_rows_in_their_order(height: int) -> None:
    priced = msgspec.structs.replace(ANSWERING, price=0.0034)
    rows, whole = told(priced, height=height), told(priced, height=12)
    assert len(rows) == min(height, len(whole))
    assert rows == [row for row in whole if row in rows]
    first = ("● answering 4.2 s", "Tokens/s ≈41", "TTFT 0.34 s", "Cost ≈$0.0034", "Context ≈1,646 of 2k 80%")
    for row in first[:height]:
        assert row in rows


def test_why_it_was_tried_again_is_told_while_it_is() -> None:
    again = StreamStats(phase="connecting", reason="The server is overloaded.", tries=2)
    assert "The server is overloaded." in told(again)
    assert "The server is overloaded." not in told(msgspec.structs.replace(again, phase="complete"))


def test_a_budget_nearly_spent_is_a_warning() -> None:
    def roles(spending: Spending) -> set[str]:
        return {span.role for line in stats_lines(ANSWERING, spending, 29) for span in line}

    assert "warning" in roles(Spending(today=0.91, budget=1.0))
    assert "warning" not in roles(Spending(today=0.5, budget=1.0))
    assert "warning" not in roles(Spending(today=5.0))


def test_the_rows_of_a_running_answer_keep_their_places() -> None:
    def places(figures: StreamStats, spending: Spending, height: int) -> list[int]:
        rows = text_of(stats_lines(figures, spending, 29, height)).splitlines()
        return [next(y for y, row in enumerate(rows) if row.strip().startswith(label)) for label in RUNNING]

    connecting = StreamStats(phase="connecting")
    retrying = StreamStats(phase="retrying", attempt=2, of=3, delay_seconds=4, reason="Too busy. " * 9, tries=2)
    ended = msgspec.structs.replace(ANSWERING, phase="failed", error="It is down.", left_out=3, cost=0.1)
    for height in (16, 20, 40):
        expected = places(connecting, Spending(), height)
        for figures in (ANSWERING, retrying, ended):
            assert places(figures, SPENT, height) == expected


def test_the_part_of_a_document_is_shown_while_it_is_worked_on() -> None:
    assert "part 2 of 5" in text_of(stats_lines(StreamStats(phase="answering", step=2, steps=6), SPENT, 28))
    assert "summing up" in text_of(stats_lines(StreamStats(phase="answering", step=6, steps=6), SPENT, 28))
    assert "part" not in text_of(stats_lines(StreamStats(phase="complete", step=2, steps=6), SPENT, 28))


def test_a_window_nearly_full_is_a_warning() -> None:
    full = StreamStats(context_tokens=2000, context_window=2048)
    roles = {span.role for line in stats_lines(full, Spending(), 28) for span in line}
    assert "warning" in roles
    assert "warning" not in {span.role for line in stats_lines(ANSWERING, Spending(), 28) for span in line}


def test_what_was_shortened_to_fit_is_told() -> None:
    shortened = msgspec.structs.replace(ANSWERING, shortened="2 earlier tool results were shortened.")
    assert "2 earlier tool results were" in text_of(stats_lines(shortened, SPENT, 28))
    shown = ContextSum()
    shown._shown = Context((), 1_000, window=2_000, shortened=2)
    assert "2 tool results shortened" in text_of(shown.lines(80))


@pytest.mark.parametrize("unfolded", [False, True])
@pytest.mark.parametrize("width", [1, 5, 12, 20, 28, 60])
def test_every_line_of_the_stats_fits(width: int, unfolded: bool) -> None:
    figures = StreamStats(
        model=f"provider/{'日本' * 40}",
        strategy=EVIL,
        phase="retrying",
        attempt=2,
        of=3,
        delay_seconds=4,
        reason=EVIL * 9,
        error=EVIL * 9,
        left_out=12_345,
        tries=1234,
        candidates=1234,
        thinking_tokens=123_456,
        gap_p50_seconds=3.0,
        gap_p95_seconds=4.0,
        sparkline=tuple(float(n) for n in range(24)),
        context_tokens=123_456_789,
        context_window=1_000_000,
    )
    lines = stats_lines(figures, Spending(123456.0, 123456.0, 99999.0), width, unfolded=unfolded)
    for line in lines:
        assert sum(cell_len(span.text) for span in line) <= max(2, width)
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text_of(lines).replace("\n", ""))


def test_the_stats_fit_beside_a_prompt_on_a_small_screen() -> None:
    assert len(stats_lines(ANSWERING, SPENT, 29, height=16)) <= 16


async def test_the_stats_are_painted_at_most_four_times_a_second() -> None:
    now = [100.0]
    app = Panels(clock=lambda: now[0])
    async with app.run_test(size=(120, 40)) as pilot:
        for step in range(100):
            now[0] += 0.01
            app.stats.show(StreamStats(phase="answering", completion_tokens=step))
        assert app.stats.paints <= 5
        for _ in range(200):
            await pilot.pause(0.02)
            if "99" in (seen := app.seen(app.stats)):
                break
        assert "Tokens out" in seen
        assert "99" in seen


async def test_an_ending_is_painted_at_once() -> None:
    app = Panels(clock=lambda: 100.0)
    async with app.run_test(size=(120, 40)) as pilot:
        app.stats.show(StreamStats(phase="answering"))
        app.stats.show(StreamStats(phase="cancelled"))
        await pilot.pause()
        assert "● stopped" in app.seen(app.stats)


async def test_only_lines_that_changed_are_painted_again() -> None:
    now = [100.0]
    app = Panels(clock=lambda: now[0])
    async with app.run_test(size=(120, 40)) as pilot:
        app.stats.show(ANSWERING)
        await pilot.pause()
        app.stats.asked.clear()
        now[0] += 1
        app.stats.show(msgspec.structs.replace(ANSWERING, rate=50.0))
        await pilot.pause()
        assert app.stats.asked == [3]
        assert "≈50" in app.seen(app.stats)


async def test_a_new_theme_is_shown_at_once() -> None:
    app = Panels()
    folder = [palettes.built_in_folder()]
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show(summaries(3))
        for name in ("dusk", "paper"):
            palette = palettes.load_theme(name, folder)
            app.register_theme(themes.textual_theme(palette))
            app.theme = name
            await pilot.pause()
            for widget in (app.stats, app.picker.query_one(ModelsInUse), app.history.query_one(RowList)):
                colours = {
                    colour.name
                    for segment in widget.render_line(widget.size.height - 1)
                    if segment.style and (colour := segment.style.bgcolor)
                }
                assert colours <= {palette.colours.surface, palette.colours.panel}, (name, widget)


async def test_the_row_under_the_cursor_is_bright_only_while_keys_act_on_it() -> None:
    app = Panels()
    palette = palettes.load_theme("dusk", [palettes.built_in_folder()])
    app.register_theme(themes.textual_theme(palette))
    app.theme = "dusk"
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show(summaries(3))
        rows = app.history.query_one(RowList)

        def ground() -> str:
            # Row 0 is the group's heading.
            [style] = {segment.style.bgcolor for segment in rows.render_line(1) if segment.style}
            return style.name if style else ""

        await pilot.pause()
        assert ground() == palette.colours.panel
        app.history.take_focus()
        await pilot.pause()
        assert ground() == palettes.cursor_ground(palette.colours)


@pytest.mark.parametrize("theme", [name for name in palettes.names([palettes.built_in_folder()]) if name != "ansi"])
async def test_the_row_under_the_cursor_is_plain_to_see_and_to_read_in_every_theme(theme: str) -> None:
    app = Panels()
    app.register_theme(themes.textual_theme(palettes.load_theme(theme, [palettes.built_in_folder()])))
    app.theme = theme
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([MINI, CLAUDE, msgspec.structs.replace(LOCAL, state="not fetched")])
        app.picker.open()
        await pilot.press("down")
        rows = app.picker.query_one(RowList)
        other = {segment.style.bgcolor for segment in rows.render_line(0) if segment.style}
        [beside] = (colour.get_truecolor().hex for colour in other if colour)
        for row in range(1, 4):
            for segment in rows.render_line(row):
                assert segment.style
                assert segment.style.color
                assert segment.style.bgcolor
                ground = segment.style.bgcolor.get_truecolor().hex
                assert palettes.contrast(ground, beside) >= 1.5
                assert palettes.contrast(segment.style.color.get_truecolor().hex, ground) >= 4.5
            await pilot.press("down")


async def test_the_panels_take_the_width_they_get() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.stats.show(ANSWERING)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "TTFT" in app.seen(app.stats)
        assert all(cell_len(row) <= 32 for row in app.seen(app.stats).splitlines())


@pytest.mark.parametrize("key", ["", "ctrl+p", "ctrl+l"])
async def test_a_terminal_of_no_width_to_speak_of_crashes_nothing(key: str) -> None:
    async with scripted_chat() as chat:
        if key:
            await chat.pilot.press(key)
        for size in ((3, 60), (1, 1), (200, 1), (100, 30)):
            await chat.pilot.resize_terminal(*size)
            await chat.pilot.pause()
        await chat.pilot.press("escape", "escape")
        await chat.shows("Ask anything")


def test_a_context_whose_window_is_not_known_is_not_shown() -> None:
    unknown = msgspec.structs.replace(ANSWERING, context_window=None)
    assert not [row for row in told(unknown) if row.startswith("Context")]
