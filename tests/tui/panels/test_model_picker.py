"""The model picker: what a row tells, and choosing by keys and mouse."""

from __future__ import annotations

import msgspec
import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.widgets import Input

from chat_tui.core.models import Model, ModelStatus
from chat_tui.core.settings.preferred_models import PreferredModels
from chat_tui.providers.client import OFFERED
from chat_tui.tui.panels.model_groups import group_headings, grouped_models
from chat_tui.tui.panels.model_picker import ModelPicker
from chat_tui.tui.panels.model_rows import ModelDetail, description_parts, model_table, search_text
from chat_tui.tui.widgets.row_list import RowList, matching
from chat_tui.tui.widgets.styled_lines import Line, text_of
from tests.support.panels_app import ANSWERING, CLAUDE, EVIL, LOCAL, MINI, Panels, summaries


def row_of(standing: ModelStatus, width: int, *others: ModelStatus) -> Line:
    """A model's row in a list of these models."""
    return model_table([standing, *others], width).row(standing)


def test_a_row_tells_all_of_a_model() -> None:
    line = row_of(MINI, 80)
    assert text_of([line]).split() == ["openai/gpt-4o-mini", "128k", "$0.15/$0.60", "0.60", "s", "88"]


def test_columns_are_there_only_where_any_model_has_a_value() -> None:
    bare, unknown = ModelStatus(Model("shelf/new")), ModelStatus(Model("shelf/other"))
    assert text_of([model_table([bare, unknown], 100).heading()]).split() == ["Model"]
    told = text_of([model_table([bare, CLAUDE], 100).heading()]).split()
    assert told == ["Model", "Context", "$/M", "in/out", "State"]
    assert "Where" in text_of([model_table([bare, LOCAL], 100).heading()])


def test_columns_give_way_to_whole_ids() -> None:
    long = ModelStatus(Model("router/openai/gpt-4o-mini-2024-07-18", 128_000, 0.15, 0.6, quality=0.7))
    assert "router/openai/gpt-4o-mini-2024-07-18" in text_of([row_of(long, 57, MINI)])
    assert "$0.15/$0.60" in text_of([row_of(long, 57, MINI)])
    assert "Quality" not in text_of([model_table([long, MINI], 57).heading()])


@pytest.mark.parametrize("width", [20, 40, 65, 66, 80])
@pytest.mark.parametrize(
    "name", ["a/b", "x/" + "long" * 60, "日本/" + "語" * 60, EVIL], ids=["short", "long", "wide", "evil"]
)
def test_every_row_of_a_model_fits(width: int, name: str) -> None:
    line = row_of(ModelStatus(Model(name), state=EVIL * 3), width)
    assert sum(cell_len(span.text) for span in line) <= width
    assert "\x1b" not in text_of([line])


SEEING = ModelStatus(
    Model("openai/gpt-5", 400_000, 1.25, 10, quality=0.97, guessed=True, images=True, thinking=True),
    2.4,
    54.0,
    "rests 27 s",
)


def test_a_wide_row_tells_where_it_runs_what_it_can_and_how_good_it_is() -> None:
    told = "openai/gpt-5 hosted images · thinks 400k $1.25/$10 ≈0.97 2.4 s 54 rests 27 s"
    assert " ".join(text_of([row_of(SEEING, 117, LOCAL)]).split()) == told
    assert " ".join(text_of([row_of(LOCAL, 117, SEEING)]).split()) == "local/smollm2-135m local 2k $0 – 0.34 s 41"


def test_a_model_is_described_in_words() -> None:
    told = " · ".join(description_parts(SEEING))
    for part in ("hosted", "images", "thinks", "quality ≈0.97 (estimate)", "first token 2.4 s", "54 tok/s"):
        assert part in told
    kinds = ModelStatus(Model("shelf/coder", quality=0.7, qualities={"math": 0.75, "code": 0.9, "zh": 0.6}))
    assert description_parts(kinds)[1:4] == ["quality 0.70", "code 0.90", "math 0.75"]
    assert description_parts(ModelStatus(Model("shelf/new"))) == ["hosted", "price unknown"]
    assert "free" in description_parts(LOCAL)
    embeds = Model("shelf/e", selectable=False, not_for_chat="makes embeddings")
    assert "makes embeddings: no strategy chooses it" in description_parts(ModelStatus(embeds, state="not for chat"))


@pytest.mark.parametrize("width", [20, 40, 57, 113])
async def test_the_description_fits_its_lines(width: int) -> None:
    detail = ModelDetail()
    detail.show(ModelStatus(msgspec.structs.replace(SEEING.model, name=EVIL * 5), 2.4, 54.0, EVIL * 3), 1)
    lines = detail.lines(width)
    assert len(lines) <= ModelDetail.HEIGHT
    assert all(sum(cell_len(span.text) for span in line) <= width for line in lines)


def test_one_filters_by_what_a_model_can_and_where_it_runs() -> None:
    texts = [search_text(standing.model) for standing in (LOCAL, SEEING, MINI)]
    found = [list(matching(typed, texts)) for typed in ("thinks", "images hosted", "free", "local", "hosted")]
    assert found == [[1], [1], [0], [0], [1, 2]]


async def test_the_model_under_the_cursor_is_told_in_words() -> None:
    app = Panels()
    async with app.run_test(size=(80, 24)) as pilot:
        app.picker.set_standings([LOCAL, SEEING])
        app.picker.open()
        await pilot.pause()
        detail = app.picker.query_one(ModelDetail)
        assert "the current strategy ranks best" in app.seen(detail)
        await pilot.press("down", "down")
        await pilot.pause()
        assert "openai/gpt-5" in app.seen(detail)
        assert "images · thinks" in app.seen(detail)
        await pilot.press("s", "m", "o", "l")
        await pilot.pause()
        assert "runs on this machine" in app.seen(detail)


async def test_a_rest_counts_down_and_moves_nothing() -> None:
    app = Panels()
    many = [ModelStatus(Model(f"shelf/model-{number}")) for number in range(100)]
    async with app.run_test(size=(120, 30)) as pilot:
        app.picker.set_standings([SEEING, *many])
        app.picker.open()
        await pilot.pause()
        rows = app.picker.query_one(RowList)
        rows.scroll_to(y=0, animate=False, force=True)
        await pilot.press("down")
        assert "rests 27 s" in app.seen(rows)
        app.picker.set_standings([msgspec.structs.replace(SEEING, state="rests 26 s"), *many])
        await pilot.pause()
        assert "rests 26 s" in app.seen(rows)
        assert "rests 26 s" in app.seen(app.picker.query_one(ModelDetail))
        rows.scroll_to(y=50, animate=False, force=True)
        await pilot.pause()
        app.picker.set_standings([msgspec.structs.replace(SEEING, state="rests 25 s"), *many])
        await pilot.pause()
        assert rows.scroll_offset.y == 50


class HeadLine(App[None]):
    """The line over the chat alone."""

    def __init__(self) -> None:
        super().__init__()
        self.picker = ModelPicker()

    def compose(self) -> ComposeResult:
        yield self.picker

    def seen(self) -> str:
        return self.screen._compositor.render_strips()[0].text.strip()


@pytest.mark.parametrize("width", [40, 60, 79, 83, 140])
async def test_title_and_model_stand_in_one_line_at_every_width(width: int) -> None:
    app = HeadLine()
    async with app.run_test(size=(width, 24)) as pilot:
        app.picker.show("local/smollm2-135m", "balanced")
        await pilot.pause()
        assert app.seen() == "local/smollm2-135m · balanced"
        app.picker.show_title("How do I read a file line by line?\x1b[31m")
        app.picker.show_figures(ANSWERING)
        await pilot.pause()
        seen = app.seen()
        assert seen.startswith("How do I")
        assert " smollm2-135m · balanced" in seen.replace("local/", " ")
        assert ("How do I read a file line by line?" in seen) == (width >= 140)
        assert ("TTFT" in seen) == (width >= 60)
        assert "\x1b" not in seen
        app.picker.show("local/smollm2-135m", "balanced", fixed=True)
        await pilot.pause()
        assert ("(fixed" in app.seen()) == (width >= 60)
        assert ("(fixed · Ctrl+T: Auto)" in app.seen()) == (width >= 79)


async def test_typing_filters_and_enter_chooses() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([LOCAL, MINI, CLAUDE])
        app.picker.show("local/smollm2-135m", "balanced")
        app.picker.open()
        await pilot.pause()
        rows = app.picker.query_one(RowList)
        assert (rows.count, rows.cursor) == (7, 0)
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
        assert app.picker.query_one(RowList).count == 6
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
        assert app.picker.query_one(RowList).count == 4


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
        assert "Auto" in app.seen(rows)


async def test_names_of_models_are_not_markup() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([ModelStatus(Model(f"x/{EVIL}"), state=EVIL)])
        app.picker.show(EVIL, EVIL)
        app.picker.open()
        await pilot.pause()
        seen = app.seen(app.screen)
        assert "[red]evil[/red] next" in seen
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in seen.replace("\n", ""))


def test_the_state_of_a_found_model_fits_its_column() -> None:
    for width in (81, 50):
        assert OFFERED in text_of([row_of(ModelStatus(Model("acme/anvil"), state=OFFERED), width)])


MANY = [ModelStatus(Model(f"{provider}/model-{number}")) for provider in ("router", "openai") for number in range(6)]


def test_favourites_and_recent_models_come_first_then_each_provider_with_its_count() -> None:
    preferred = PreferredModels(("openai/model-3", "gone/model"), ("router/model-1", "openai/model-3"))
    models = grouped_models(MANY, preferred)
    assert [MANY[place].model.name for _, place in models[:3]] == ["openai/model-3", "router/model-1", "router/model-0"]
    assert sorted(place for _, place in models) == list(range(len(MANY)))
    headings = [(0, "Favourites · 1"), (1, "Recent · 1"), (2, "router · 5"), (7, "openai · 5")]
    assert list(group_headings(models, len(MANY))) == headings
    assert list(group_headings(models[:2], 2)) == []


async def test_a_favourite_is_marked_at_once_and_moves_when_the_list_opens_again() -> None:
    app = Panels()
    async with app.run_test(size=(80, 24)) as pilot:
        app.picker.set_standings(MANY)
        app.picker.open()
        await pilot.press("down", "down", "f5")
        await pilot.pause()
        toggled = app.posted[-1]
        assert isinstance(toggled, ModelPicker.FavouriteToggled)
        assert toggled.model == "router/model-1"
        rows = app.picker.query_one(RowList)
        app.picker.show_preferred(PreferredModels((toggled.model,)))
        await pilot.pause()
        assert app.seen(rows).splitlines()[3].startswith(" ★router/model-1")
        assert "Favourites" not in app.seen(rows)
        await pilot.press("escape")
        app.picker.open()
        await pilot.pause()
        assert [line.strip() for line in app.seen(rows).splitlines()[1:3]] == ["Favourites · 1", "★router/model-1"]


async def test_the_list_opens_on_what_is_in_use() -> None:
    app = Panels()
    async with app.run_test(size=(120, 40)) as pilot:
        app.picker.set_standings([LOCAL, MINI])
        for model, fixed, chosen in ((LOCAL, False, None), (MINI, True, MINI.model.name)):
            app.picker.show(model.model.name, "balanced", fixed=fixed)
            app.picker.open()
            await pilot.pause()
            assert "Auto (balanced)" in app.seen(app.picker.query_one(RowList)).splitlines()[0]
            await pilot.press("enter")
            await pilot.pause()
            answer = app.posted[-1]
            assert isinstance(answer, ModelPicker.Chosen)
            assert answer.model == chosen


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 20)])
@pytest.mark.parametrize("count", [3, 40, 500])
async def test_lists_of_any_length_show_whole_ids(count: int, size: tuple[int, int]) -> None:
    app = Panels()
    models = [ModelStatus(Model(f"{'router/openai' if number % 2 else 'openai'}/x{number}")) for number in range(count)]
    async with app.run_test(size=size) as pilot:
        app.picker.set_standings(models)
        app.picker.open()
        await pilot.press("pagedown", "ctrl+end", "up", "up", "up")
        await pilot.pause()
        rows, last = app.picker.query_one(RowList), models[-1 if count % 2 == 0 else -2].model.name
        assert app.screen.region.contains_region(rows.region)
        assert f"  {last}" in app.seen(rows)
