"""The side panels: figures in words, the stats panel, the model picker, the history list."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from rich.cells import cell_len
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from chat_tui.conversation import Summary
from chat_tui.figures import Figures
from chat_tui.models import Model, Standing
from chat_tui.tui import figures_text as words
from chat_tui.tui import themes
from chat_tui.tui.history_list import HistoryList, SummaryRows, summary_lines
from chat_tui.tui.model_picker import ModelPicker, ModelsInUse, standing_lines
from chat_tui.tui.row_list import RowList, matching
from chat_tui.tui.spans import Span, apart, crop, crop_start, text_of, wrap
from chat_tui.tui.stats_panel import StatsPanel, stats_lines

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
EVIL = "\x1b]52;c;aGk=\x07[red]evil[/red]\x1b[2J\x9b31m\x00\nnext"

ANSWERING = Figures(
    model="local/smollm2-135m",
    strategy="balanced",
    phase="answering",
    phase_seconds=3.14,
    ttft_seconds=0.341,
    rate=41.2,
    rate_estimated=True,
    sparkline=(1.0, 20.0, 40.0),
    prompt_tokens=412,
    completion_tokens=1234,
    tokens_estimated=True,
    context_tokens=1646,
    context_window=2048,
    duration_seconds=4.2,
)


# Words


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.seconds(1.23), "1.2 s"),
        (words.seconds(0), "0.0 s"),
        (words.seconds(59.96), "1 m 00 s"),
        (words.seconds(125), "2 m 05 s"),
        (words.seconds(3599.7), "1 h 00 m"),
        (words.seconds(None), "–"),
        (words.seconds(float("nan")), "–"),
        (words.seconds(-1), "–"),
        (words.ttft(0.341), "0.34 s"),
        (words.ttft(0.999), "1.0 s"),
        (words.ttft(None), "–"),
        (words.tokens(1234), "1,234"),
        (words.tokens(12_345), "12.3k"),
        (words.tokens(999_960), "1.0M"),
        (words.tokens(7, estimated=True), "≈7"),
        (words.tokens(None, estimated=True), "–"),
        (words.rate(41.2), "41 tok/s"),
        (words.rate(41.2, estimated=True), "≈41 tok/s"),
        (words.rate(4.21), "4.2 tok/s"),
        (words.rate(9.96), "10 tok/s"),
        (words.rate(None), "–"),
        (words.cost(0), "$0"),
        (words.cost(0.00001), "<$0.0001"),
        (words.cost(0.0012), "$0.0012"),
        (words.cost(0.1234), "$0.123"),
        (words.cost(0.9996), "$1.00"),
        (words.cost(1234.5), "$1,234.50"),
        (words.cost(None), "–"),
        (words.price(0.15, 0.6), "$0.15/$0.60"),
        (words.price(3, 15), "$3/$15"),
        (words.price(0.05, 0.075), "$0.05/$0.075"),
        (words.price(0, 0), "$0"),
        (words.price(None, 1), "–"),
        (words.percentage(246, 2048), "12%"),
        (words.percentage(1, 2048), "<1%"),
        (words.percentage(0, 2048), "0%"),
        (words.percentage(3000, 2000), "150%"),
        (words.percentage(5, None), "–"),
        (words.progress(12.3 * 1024**2, 98_362_432), "12.3 of 93.8 MB"),
        (words.progress(12.3 * 1024**2, None), "12.3 MB"),
        (words.context(2048), "2k"),
        (words.context(8192), "8k"),
        (words.context(128_000), "128k"),
        (words.context(131_072), "128k"),
        (words.context(1_048_576), "1M"),
        (words.context(1_000_000), "1M"),
        (words.context(4097), "4.1k"),
        (words.context(512), "512"),
        (words.context(None), "–"),
        (words.left_out(0), ""),
        (words.left_out(1), "1 earlier exchange not sent"),
        (words.left_out(3), "3 earlier exchanges not sent"),
    ],
)
def test_figures_are_written_so(said: str, expected: str) -> None:
    assert said == expected


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (Figures(phase="connecting", phase_seconds=0.4), "connecting 0.4 s"),
        (Figures(phase="waiting", phase_seconds=1.2), "waiting 1.2 s"),
        (Figures(phase="thinking", phase_seconds=3.1), "thinking 3.1 s"),
        (Figures(phase="loading", phase_seconds=0.5), "loading the model 0.5 s"),
        (Figures(phase="retrying", attempt=2, of=3, delay_seconds=3.2), "retrying 2/3 in 4 s"),
        (Figures(phase="retrying", attempt=2, of=3, delay_seconds=0), "retrying 2/3 now"),
        (Figures(phase="retrying"), "retrying now"),
        (Figures(phase="cancelled", phase_seconds=9), "cancelled"),
        (Figures(phase="complete"), "done"),
        (Figures(phase="length"), "cut at the token limit"),
        (Figures(), "ready"),
    ],
)
def test_a_phase_is_told_with_its_time(figures: Figures, expected: str) -> None:
    assert words.phase(figures) == expected


def test_a_sparkline_has_the_newest_values_scaled_to_the_largest() -> None:
    assert words.sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert words.sparkline([100, 4, 8], 2) == "▄█"
    assert words.sparkline([0, 0], 5) == "▁▁"
    assert words.sparkline([], 5) == ""
    assert words.sparkline([1, 2], 0) == ""
    assert words.sparkline([float("nan"), float("inf"), 2], 5) == "▁▁█"


def test_a_gauge_is_as_wide_as_asked() -> None:
    assert words.gauge(1, 2, 10) == ("━━━━━", "─────")
    assert words.gauge(1, 1000, 10) == ("╸", "─────────")
    assert words.gauge(5000, 1000, 4) == ("━━━━", "")
    assert words.gauge(None, 1000, 4) == ("", "────")


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
    assert words.moment(when, NOW) == expected


def test_a_time_is_told_in_the_zone_of_the_reader() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert words.moment(NOW.replace(hour=22), NOW.replace(hour=23).astimezone(tokyo)) == "07:30"
    assert words.moment(datetime.max.replace(tzinfo=UTC), NOW.astimezone(tokyo)) == "–"


# Spans


def test_text_is_cut_by_cells_and_never_through_a_wide_character() -> None:
    assert crop("日本語", 5) == "日本…"
    assert crop("日本語", 4) == "日…"
    assert crop("日本語", 6) == "日本語"
    assert crop("abc", 1) == "…"
    assert crop("abc", 0) == ""
    assert crop_start("provider/model", 6) == "…model"
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


# Filter


def test_a_filter_finds_words_in_any_order() -> None:
    texts = ["openai/gpt-4o ready", "anthropic/claude no key", "local/smollm2 ready"]
    assert list(matching("READY open", texts)) == [0]
    assert list(matching("ready", texts)) == [0, 2]
    assert list(matching("  ", texts)) == [0, 1, 2]
    assert list(matching("zzz", texts)) == []


def test_a_filter_falls_back_on_letters_in_their_order() -> None:
    assert list(matching("cld", ["openai/gpt-4o", "anthropic/claude"])) == [1]


def test_filtering_500_models_takes_less_than_a_frame() -> None:
    texts = [f"provider-{number % 20}/some-model-name-{number} not asked yet" for number in range(500)]
    begun = time.perf_counter()
    for typed in ("some 49", "zzzz", "prmdl 4"):
        matching(typed, texts)
    assert time.perf_counter() - begun < 0.05


# Stats panel


class CountedStats(StatsPanel):
    """Keeps which lines it was asked for."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        super().__init__(clock=clock)
        self.asked: list[int] = []

    def render_line(self, y: int) -> Strip:
        self.asked.append(y)
        return super().render_line(y)


class Panels(App[None]):
    """The panels as a screen would hold them; keeps what they post."""

    AUTO_FOCUS = None
    CSS = "#left { width: 28; } #right { width: 32; } #middle { width: 1fr; }"
    BINDINGS = [Binding("escape", "escaped", "Esc")]

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.stats = CountedStats(clock=clock)
        self.picker = ModelPicker()
        self.history = HistoryList(clock=lambda: NOW)
        self.posted: list[Message] = []
        self.escapes = 0

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="left"):
                yield self.history
            yield Input(id="middle")
            with Vertical(id="right"):
                yield self.picker
                yield self.stats

    @on(ModelPicker.Chosen)
    @on(ModelPicker.Declined)
    @on(ModelPicker.Opened)
    @on(ModelPicker.Closed)
    @on(HistoryList.Opened)
    def keep(self, message: Message) -> None:
        self.posted.append(message)

    def action_escaped(self) -> None:
        self.escapes += 1

    def seen(self, widget: Widget) -> str:
        """What a widget has drawn on the screen."""
        region = widget.region
        strips = self.screen._compositor.render_strips()[region.y : region.bottom]
        return "\n".join(strip.crop(region.x, region.right).text.rstrip() for strip in strips)


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
            [style] = {segment.style.bgcolor for segment in rows.render_line(0) if segment.style}
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


# Model picker

LOCAL = Standing(Model("local/smollm2-135m", 2048, 0, 0, local=True), 0.34, 41.0)
MINI = Standing(Model("openai/gpt-4o-mini", 128_000, 0.15, 0.6), 0.6, 88.0)
CLAUDE = Standing(Model("anthropic/claude", 200_000, 3, 15), state="no key", usable=False)


def test_a_row_tells_all_of_a_model() -> None:
    [line] = standing_lines(MINI, 80)
    assert "".join(span.text for span in line).split() == ["openai/gpt-4o-mini", "128k", "$0.15/$0.60", "88", "ready"]


def test_a_narrow_row_tells_it_on_two_lines() -> None:
    name, rest = text_of(standing_lines(MINI, 40)).splitlines()
    assert name.split() == ["openai/gpt-4o-mini", "ready"]
    assert rest.strip() == "128k · $0.15/$0.60 · 88 tok/s · 0.60 s"


@pytest.mark.parametrize("width", [20, 40, 65, 66, 80])
@pytest.mark.parametrize(
    "name", ["a/b", "x/" + "long" * 60, "日本/" + "語" * 60, EVIL], ids=["short", "long", "wide", "evil"]
)
def test_every_row_of_a_model_fits(width: int, name: str) -> None:
    for line in standing_lines(Standing(Model(name), state=EVIL * 3), width):
        assert sum(cell_len(span.text) for span in line) <= width
        assert "\x1b" not in text_of([line])


async def test_model_and_strategy_are_in_sight_with_their_keys() -> None:
    app = Panels()
    async with app.run_test(size=(80, 24)) as pilot:
        app.picker.show("local/smollm2-135m", "balanced")
        await pilot.pause()
        first, second = app.seen(app.picker).splitlines()
        assert first.split() == ["local/smollm2-135m", "Ctrl+O"]
        assert second.split() == ["balanced", "Ctrl+T"]
        app.picker.show("local/smollm2-135m", "balanced", fixed=True)
        await pilot.pause()
        assert "model fixed" in app.seen(app.picker)


async def test_typing_filters_and_enter_chooses() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([LOCAL, MINI, CLAUDE])
        app.picker.show("local/smollm2-135m", "balanced")
        app.picker.open()
        await pilot.pause()
        rows = app.picker.query_one(RowList)
        assert (rows.count, rows.cursor) == (4, 1)
        await pilot.press("g", "p", "t")
        await pilot.pause()
        assert (rows.count, rows.cursor) == (1, 0)
        await pilot.press("enter")
        await pilot.pause()
        opened, chosen = app.posted
        assert isinstance(opened, ModelPicker.Opened)
        assert isinstance(chosen, ModelPicker.Chosen)
        assert chosen.model == "openai/gpt-4o-mini"
        assert not app.picker.is_open


async def test_the_first_row_leaves_it_to_the_strategy() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([LOCAL, MINI])
        app.picker.show("local/smollm2-135m", "balanced", fixed=True)
        app.picker.open()
        await pilot.pause()
        await pilot.press("up", "up", "enter")
        await pilot.pause()
        chosen = app.posted[-1]
        assert isinstance(chosen, ModelPicker.Chosen)
        assert chosen.model is None


async def test_a_model_that_cannot_be_used_is_not_chosen() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([LOCAL, CLAUDE])
        app.picker.open()
        await pilot.pause()
        assert "no key" in app.seen(app.picker.query_one(RowList))
        await pilot.press("down", "down", "enter")
        await pilot.pause()
        declined = app.posted[-1]
        assert isinstance(declined, ModelPicker.Declined)
        assert declined.standing is CLAUDE
        assert app.picker.is_open


async def test_esc_closes_the_open_list_and_only_that() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.open()
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.posted[-1], ModelPicker.Closed)
        assert app.escapes == 0
        app.query_one("#middle").focus()
        await pilot.press("escape")
        assert app.escapes == 1
        assert len(app.posted) == 2


async def test_leaving_the_open_list_closes_it() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.open()
        await pilot.pause()
        app.query_one("#middle").focus()
        await pilot.pause()
        await pilot.pause()
        assert not app.picker.is_open


async def test_a_filter_is_empty_when_the_list_opens_again() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([LOCAL, MINI])
        app.picker.open()
        await pilot.pause()
        await pilot.press("g", "p", "t", "escape")
        app.picker.open()
        await pilot.pause()
        assert app.picker.query_one(RowList).count == 3
        assert app.focused is app.picker.query_one(Input)


async def test_news_of_models_keep_the_cursor_where_it_is() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([LOCAL, MINI])
        app.picker.open()
        await pilot.pause()
        await pilot.press("down", "down")
        app.picker.set_standings([CLAUDE, LOCAL, MINI])
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        chosen = app.posted[-1]
        assert isinstance(chosen, ModelPicker.Chosen)
        assert chosen.model == MINI.model.name


async def test_models_may_go_while_the_list_is_closed() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([LOCAL, MINI, CLAUDE])
        app.picker.open()
        await pilot.pause()
        await pilot.press("end", "pagedown", "escape")
        app.picker.set_standings([LOCAL])
        app.picker.set_standings([])
        app.picker.open()
        await pilot.pause()
        assert app.picker.query_one(RowList).count == 1


async def test_what_is_shown_before_the_screen_stands_is_there_when_it_does() -> None:
    app = Panels()
    app.stats.show(ANSWERING)
    app.picker.show("local/smollm2-135m", "balanced")
    app.picker.set_standings([LOCAL, MINI])
    app.history.show(summaries(30))
    app.history.set_current("c29")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "0.34 s" in app.seen(app.stats)
        assert "balanced" in app.seen(app.picker)
        assert "Conversation 29" in app.seen(app.history)


async def test_a_click_opens_the_list_and_another_chooses() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([LOCAL, MINI])
        await pilot.pause()
        await pilot.click(app.picker, offset=(3, 0))
        await pilot.pause()
        assert app.picker.is_open
        await pilot.click(app.picker.query_one(RowList), offset=(5, 2))
        await pilot.pause()
        chosen = app.posted[-1]
        assert isinstance(chosen, ModelPicker.Chosen)
        assert chosen.model == MINI.model.name


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20), (40, 10)])
async def test_the_open_list_stays_on_the_screen(size: tuple[int, int]) -> None:
    app = Panels()
    async with app.run_test(size=size) as pilot:
        app.picker.set_standings([LOCAL, MINI, CLAUDE])
        app.picker.open()
        await pilot.pause()
        rows = app.picker.query_one(RowList)
        assert app.screen.region.contains_region(rows.region)
        assert rows.region.height >= 2
        assert "Let the strategy choose" in app.seen(rows)


async def test_names_of_models_are_not_markup() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([Standing(Model(f"x/{EVIL}"), state=EVIL)])
        app.picker.show(EVIL, EVIL)
        app.picker.open()
        await pilot.pause()
        seen = app.seen(app.screen)
        assert "[red]evil[/red] next" in seen
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in seen.replace("\n", ""))


# History list


def summaries(count: int) -> list[Summary]:
    """So many conversations, newest first."""
    return [
        Summary(f"c{n}", f"Conversation {n}", NOW, NOW - timedelta(hours=n), 4, "local/smollm2-135m")
        for n in range(count)
    ]


@pytest.mark.parametrize("width", [8, 14, 26, 60])
@pytest.mark.parametrize(
    "title", ["short", "日本語" * 30, "long " * 40, EVIL, ""], ids=["short", "wide", "long", "evil", "none"]
)
def test_every_row_of_the_history_fits(width: int, title: str) -> None:
    summary = Summary("c", title, NOW, NOW, 2, f"local/{EVIL}")
    for line in summary_lines(summary, width, NOW, current=True, running=True):
        assert sum(cell_len(span.text) for span in line) <= width
        assert "\x1b" not in text_of([line])


def test_a_row_of_the_history_tells_title_time_model_and_what_runs() -> None:
    [summary] = summaries(1)
    first, second = text_of(summary_lines(summary, 30, NOW, current=True, running=True)).splitlines()
    assert first.split() == ["▌Conversation", "0", "●"]
    assert second.split() == ["▌14:30", "smollm2-135m"]


async def test_enter_opens_the_conversation_under_the_cursor() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show(summaries(30))
        app.history.set_current("c2")
        app.history.take_focus()
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.pause()
        [opened] = app.posted
        assert isinstance(opened, HistoryList.Opened)
        assert opened.conversation_id == "c3"


async def test_letters_typed_on_the_history_filter_it() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show(summaries(30))
        app.history.take_focus()
        await pilot.pause()
        await pilot.press(*"n 29")
        await pilot.pause()
        assert app.history.query_one(Input).value == "n 29"
        assert "1 of 30" in app.seen(app.history)
        await pilot.press("enter")
        await pilot.pause()
        [opened] = app.posted
        assert isinstance(opened, HistoryList.Opened)
        assert opened.conversation_id == "c29"


async def test_letters_typed_faster_than_the_focus_moves_are_all_kept() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show(summaries(30))
        app.history.take_focus()
        await pilot.pause()
        rows = app.history.query_one(SummaryRows)
        for letter in "abc":
            rows.post_message(SummaryRows.Typed(letter))
        await pilot.pause()
        assert app.history.query_one(Input).value == "abc"


async def test_esc_closes_the_filter_first_and_keeps_the_row() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show(summaries(30))
        app.history.take_focus()
        await pilot.pause()
        await pilot.press("slash", "2", "9")
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        rows = app.history.query_one(RowList)
        assert (rows.count, rows.cursor, app.escapes) == (30, 29, 0)
        assert app.focused is rows
        await pilot.press("escape")
        assert app.escapes == 1


async def test_an_empty_history_says_so() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show([])
        await pilot.pause()
        assert "No conversation is saved" in app.seen(app.history)
        app.history.show(summaries(2))
        await pilot.pause()
        assert "No conversation is saved" not in app.seen(app.history)


async def test_a_filter_without_a_match_says_so() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show(summaries(3))
        app.history.take_focus()
        await pilot.pause()
        await pilot.press(*"zzz")
        await pilot.pause()
        assert "No title has “zzz”." in app.seen(app.history)
        await pilot.press("enter")
        assert app.posted == []


async def test_a_new_conversation_does_not_move_the_cursor() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        rows = summaries(10)
        app.history.show(rows[1:])
        app.history.take_focus()
        await pilot.pause()
        await pilot.press("down", "down")
        app.history.show(rows)
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        opened = app.posted[-1]
        assert isinstance(opened, HistoryList.Opened)
        assert opened.conversation_id == "c3"


async def test_titles_are_not_markup_and_move_no_terminal() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.history.show([Summary("c", EVIL, NOW, NOW)])
        await pilot.pause()
        seen = app.seen(app.history)
        assert "[red]evil[/red] next" in seen
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in seen.replace("\n", ""))


async def test_ten_thousand_conversations_are_no_burden() -> None:
    many = summaries(10_000)
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        begun = time.process_time()
        app.history.show(many)
        await pilot.pause()
        app.history.take_focus()
        await pilot.pause()
        await pilot.press("end")
        await pilot.pause()
        assert "Conversation 9999" in app.seen(app.history)
        await pilot.press("9", "9")
        await pilot.pause()
        assert time.process_time() - begun < 1.0
