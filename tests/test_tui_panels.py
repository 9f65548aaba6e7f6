"""The stats panel, and what all side panels have in common."""

from __future__ import annotations

import msgspec
import pytest
from rich.cells import cell_len

from chat_tui.figures import Figures
from chat_tui.tui import themes
from chat_tui.tui.model_picker import ModelsInUse
from chat_tui.tui.row_list import RowList
from chat_tui.tui.spans import text_of
from chat_tui.tui.stats_panel import stats_lines
from tests.panels_screen import ANSWERING, EVIL, Panels, summaries


def test_unknown_figures_are_dashes() -> None:
    said = text_of(stats_lines(Figures(), 28))
    for label in ("Model", "Strategy", "TTFT", "Tokens/s", "Tokens in", "Tokens out", "Cost", "Duration", "Context"):
        [row] = [line for line in said.splitlines() if line.startswith(f"{label} ")]
        assert row.endswith("–"), row


def test_the_stats_say_what_the_figures_say() -> None:
    rows = text_of(stats_lines(ANSWERING, 28)).splitlines()
    assert rows[0] == "● answering 3.1 s"
    told = {" ".join(row.split()) for row in rows}
    assert {"Model local/smollm2-135m", "Strategy balanced", "TTFT 0.34 s", "Tokens/s ≈41", "▁▄█"} <= told
    assert {"Tokens out ≈1,234", "Cost –", "Duration 4.2 s", "Context ≈1,646 of 2k 80%"} <= told


def test_the_part_of_a_document_is_shown_while_it_is_worked_on() -> None:
    assert "part 2 of 5" in text_of(stats_lines(Figures(phase="answering", step=2, steps=6), 28))
    assert "summing up" in text_of(stats_lines(Figures(phase="answering", step=6, steps=6), 28))
    assert "part" not in text_of(stats_lines(Figures(phase="complete", step=2, steps=6), 28))


def test_a_model_that_costs_nothing_shows_it_from_the_start() -> None:
    assert "$0" in text_of(stats_lines(ANSWERING, 28, free=True))


def test_a_window_nearly_full_is_a_warning() -> None:
    full = Figures(context_tokens=2000, context_window=2048)
    roles = {span.role for line in stats_lines(full, 28) for span in line}
    assert "warning" in roles
    assert "warning" not in {span.role for line in stats_lines(ANSWERING, 28) for span in line}


@pytest.mark.parametrize("width", [1, 5, 12, 20, 28, 60])
def test_every_line_of_the_stats_fits(width: int) -> None:
    figures = Figures(
        model=f"provider/{'日本' * 40}",
        strategy=EVIL,
        phase="retrying",
        attempt=2,
        of=3,
        delay_seconds=4,
        reason=EVIL * 9,
        error=EVIL * 9,
        left_out=12_345,
        sparkline=tuple(float(n) for n in range(24)),
        context_tokens=123_456_789,
        context_window=1_000_000,
    )
    lines = stats_lines(figures, width)
    for line in lines:
        assert sum(cell_len(span.text) for span in line) <= max(2, width)
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text_of(lines).replace("\n", ""))


def test_the_stats_fit_beside_a_prompt_on_a_small_screen() -> None:
    assert len(stats_lines(ANSWERING, 28)) <= 14


async def test_the_stats_are_painted_at_most_four_times_a_second() -> None:
    now = [100.0]
    app = Panels(clock=lambda: now[0])
    async with app.run_test(size=(120, 40)) as pilot:
        for step in range(100):
            now[0] += 0.01
            app.stats.show(Figures(phase="answering", completion_tokens=step))
        assert app.stats.paints <= 5
        await pilot.pause(0.3)
        assert "Tokens out" in app.seen(app.stats)
        assert "99" in app.seen(app.stats)


async def test_an_ending_is_painted_at_once() -> None:
    app = Panels(clock=lambda: 100.0)
    async with app.run_test(size=(120, 40)) as pilot:
        app.stats.show(Figures(phase="answering"))
        app.stats.show(Figures(phase="cancelled"))
        await pilot.pause()
        assert "● cancelled" in app.seen(app.stats)


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
        assert app.stats.asked == [5]
        assert "≈50" in app.seen(app.stats)


async def test_a_new_theme_is_shown_at_once() -> None:
    app = Panels()
    folder = [themes.built_in_folder()]
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show(summaries(3))
        for name in ("dusk", "paper"):
            palette = themes.load_theme(name, folder)
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
    palette = themes.load_theme("dusk", [themes.built_in_folder()])
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
        assert ground() == palette.colours.selection


async def test_the_panels_take_the_width_they_get() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.stats.show(ANSWERING)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "TTFT" in app.seen(app.stats)
        assert all(cell_len(row) <= 32 for row in app.seen(app.stats).splitlines())
