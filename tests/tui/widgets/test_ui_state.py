"""Theme and panels are as they were left, and whoever wants no colours and no motion gets none."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from chat_tui.config.schema import Config, Display
from chat_tui.core.errors import ChatTuiError
from chat_tui.engine.engine import Engine
from chat_tui.tui.app import ChatApp
from chat_tui.tui.chat.screen.screen import ChatScreen
from chat_tui.tui.history.rename_dialog import RenameDialog
from chat_tui.tui.panels.notices import TooSmall
from chat_tui.tui.widgets import ui_state
from chat_tui.tui.widgets.ui_state import UiState
from tests.doubles.fake_engine import pictured_app
from tests.tui.test_pictures import asked


def app_at(file: Path | None, config: Config | None = None) -> ChatApp:
    """The app with no engine: what is tested here does not wait for one."""

    async def no_engine(tell: object) -> Engine:
        raise ChatTuiError("There is no engine.")

    return ChatApp(config or Config(), no_engine, kept_in=file)


def screen_of(app: ChatApp) -> ChatScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, ChatScreen)
    return screen


async def until_kept(pilot: Pilot[int], file: Path, wanted: UiState) -> None:
    for _ in range(500):
        if ui_state.read(file) == wanted:
            return
        await pilot.pause(0.01)
    raise AssertionError(f"kept is {ui_state.read(file)}")


async def test_a_chosen_theme_is_there_at_the_next_start_and_goes_before_the_configs(tmp_path: Path) -> None:
    file = tmp_path / "state" / "screen.json"
    app = app_at(file, Config(theme="moss"))
    async with app.run_test() as pilot:
        assert app.theme == "moss"
        app.use_theme("paper")
        await until_kept(pilot, file, UiState(theme="paper"))
    again = app_at(file, Config(theme="moss"))
    async with again.run_test():
        assert again.theme == "paper"


async def test_a_kept_theme_that_is_gone_is_told_and_the_configs_is_used(tmp_path: Path) -> None:
    file = tmp_path / "screen.json"
    ui_state.write(file, UiState(theme="no-such"))
    app = app_at(file, Config(theme="moss"))
    async with app.run_test(notifications=True):
        assert app.theme == "moss"
        assert "Unknown theme: `no-such`." in [notice.title for notice in app._notifications]


@pytest.mark.parametrize("text", ["", "{", '{"theme": 7}', "[]", "\xff\x00", '{"panels": {"stats.wide": "yes"}}'])
async def test_a_damaged_file_is_as_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "screen.json"
    file.write_bytes(text.encode("latin-1"))
    assert ui_state.read(file) == UiState()


async def test_a_file_that_is_nonsense_is_put_aside_and_told_once(tmp_path: Path) -> None:
    file = tmp_path / "screen.json"
    file.write_text("[" * 50_000)
    for told in (1, 0):
        app = app_at(file)
        async with app.run_test(notifications=True):
            titles = [notice.title for notice in app._notifications]
            assert sum("screen.json cannot be read: it is damaged." in title for title in titles) == told
    assert (tmp_path / "screen.json.damaged").exists()


async def test_a_folder_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    app = app_at(tmp_path / "file" / "screen.json")
    async with app.run_test(notifications=True) as pilot:
        app.use_theme("paper")
        for _ in range(300):
            if any("cannot be saved" in notice.title for notice in app._notifications):
                break
            await pilot.pause(0.01)
        app.use_theme("moss")
        await pilot.pause(0.05)
        told = [notice.title for notice in app._notifications]
        assert told.count("Theme and panels cannot be saved.") == 1
        assert app.theme == "moss"


async def test_panels_are_as_they_were_left_in_a_terminal_of_this_width(tmp_path: Path) -> None:
    file = tmp_path / "screen.json"
    app = app_at(file)
    async with app.run_test(size=(150, 36)) as pilot:
        assert screen_of(app).history.display
        assert screen_of(app).stats.display
        await pilot.press("ctrl+l", "f3")
        await until_kept(pilot, file, UiState(panels={"history.wide": False, "stats.wide": False}))
    for width, shown in ((150, (False, False)), (120, (False, False)), (90, (False, False))):
        again = app_at(file)
        async with again.run_test(size=(width, 36)):
            screen = screen_of(again)
            assert (screen.history.display, screen.stats.display) == shown, width


async def test_the_list_that_covers_a_narrow_chat_is_not_there_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "screen.json"
    app = app_at(file)
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.press("ctrl+l")
        assert screen_of(app).history.display
        await pilot.press("f3")
        await until_kept(pilot, file, UiState(panels={"stats.narrow": True}))


async def test_where_both_panels_would_squeeze_the_chat_one_makes_room_for_the_other() -> None:
    app = app_at(None)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = screen_of(app)
        history, stats, neither = ("ctrl+l", (True, False)), ("f3", (False, True)), ("ctrl+l", (False, True))
        for key, shown in (history, stats, history, neither):
            await pilot.press(key)
            assert (screen.history.display, screen.stats.display) == shown, key
            assert screen.chat.size.width >= 40


async def test_the_chat_has_the_columns_of_a_folded_panel() -> None:
    app = app_at(None)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        await pilot.pause()
        assert screen_of(app).chat.size.width < 50
        await pilot.press("f3")
        await pilot.pause()
        assert screen_of(app).chat.size.width == 80


async def test_the_prompt_never_gets_narrower_as_the_terminal_gets_wider() -> None:
    app = app_at(None)
    widths, prompts = [40, 79, 80, 82, 83, 84, 100, 114, 115, 116, 130, 144, 145, 146, 200, 250], []
    async with app.run_test(size=(40, 36)) as pilot:
        for width in widths:
            await pilot.resize_terminal(width, 36)
            await pilot.pause()
            prompts.append(screen_of(app).chat.prompt.region.width)
    assert prompts == sorted(prompts)
    assert prompts[widths.index(115)] > 80


async def test_panels_fold_and_unfold_by_themselves_with_the_width(tmp_path: Path) -> None:
    app = app_at(None)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = screen_of(app)
        for width, shown in ((114, (False, False)), (79, (False, False)), (145, (True, True))):
            await pilot.resize_terminal(width, 36)
            await pilot.pause()
            assert (screen.history.display, screen.stats.display) == shown, width


async def test_below_40_columns_or_12_rows_it_says_so_and_keys_open_nothing() -> None:
    app = app_at(None)
    async with app.run_test(size=(120, 36)) as pilot:
        for size in ((39, 20), (60, 11)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert screen_of(app).query_one(TooSmall).display
            await pilot.press("f1", "ctrl+p", "ctrl+l", "ctrl+r")
            await pilot.pause()
            assert len(app.screen_stack) == 1
        await pilot.resize_terminal(40, 12)
        await pilot.pause()
        assert not screen_of(app).query_one(TooSmall).display
        await pilot.press("f1")
        await pilot.pause()
        assert len(app.screen_stack) == 2


async def test_no_color_sends_no_colour_and_still_shows_what_is_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = pictured_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await asked(pilot)
        strips = app.screen._compositor.render_strips()
    styles = {segment.style for strip in strips for segment in strip if segment.style is not None}
    assert all(c is None or c.is_default for style in styles for c in (style.color, style.bgcolor))
    for attribute in ("bold", "reverse", "dim"):
        assert any(getattr(style, attribute) for style in styles), attribute


async def test_without_motion_nothing_glides_or_blinks() -> None:
    app = app_at(None, Config(display=Display(motion=False)))
    async with app.run_test() as pilot:
        assert app.animation_level == "none"
        app.push_screen(RenameDialog("a title"))
        await pilot.pause()
        assert isinstance(app.focused, Input)
        assert not app.focused.cursor_blink


def test_what_is_kept_can_be_read_by_an_older_and_a_newer_version(tmp_path: Path) -> None:
    file = tmp_path / "screen.json"
    file.write_text('{"theme": "moss", "tomorrow": [1]}')
    assert ui_state.read(file) == msgspec.structs.replace(UiState(), theme="moss")
