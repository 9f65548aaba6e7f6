"""Themes: what comes along can be read by everybody, and a bad file of the user's is only ever a notice."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.style import Style
from textual.app import App

from chat_tui.core.errors import ThemeError
from chat_tui.tui.theme import palette as palettes
from chat_tui.tui.theme import themes
from chat_tui.tui.theme.palette import Palette, built_in_folder, load_theme, load_themes, read_theme
from tests.doubles.fake_engine import pictured_app
from tests.tui.test_pictures import asked

READABLE = 4.5
WRITTEN = ("text", "dim", "accent", "secondary", "success", "warning", "error", "user")
GROUNDS = ("ground", "surface", "panel", "selection", "code_ground")
OURS = ("blossom", "chalk", "dusk", "ember", "fjord", "graphite", "mist", "moss", "paper", "signal")
FAMILIAR = (
    *("catppuccin-latte", "catppuccin-mocha", "dracula", "gruvbox", "gruvbox-light", "nord"),
    *("solarized-dark", "solarized-light", "tokyo-night"),
)
ALL = tuple(sorted(("ansi", *OURS, *FAMILIAR)))


def own(folder: Path, name: str = "mine", change: tuple[str, str] = ("", "")) -> Path:
    """A theme of the user's: dusk under another name, with one text replaced."""
    text = (built_in_folder() / "dusk.toml").read_text().replace('name = "dusk"', f'name = "{name}"')
    file = folder / f"{name}.toml"
    file.write_text(text.replace(*change) if change[0] else text)
    return file


@pytest.fixture(params=(*OURS, *FAMILIAR))
def palette(request: pytest.FixtureRequest) -> Palette:
    return load_theme(request.param, [built_in_folder()])


def test_our_themes_familiar_ones_and_the_terminals_own_come_along() -> None:
    found = load_themes([built_in_folder()])
    assert tuple(sorted(found.loaded)) == ALL
    assert found.failed == []
    light = sorted(name for name, theme in found.loaded.items() if not theme.dark)
    assert light == ["blossom", "catppuccin-latte", "chalk", "gruvbox-light", "mist", "paper", "solarized-light"]
    assert palettes.DEFAULT_THEME in found.loaded


def test_no_two_themes_look_alike() -> None:
    drawn = [load_theme(name, [built_in_folder()]).colours for name in (*OURS, *FAMILIAR)]
    for key in ("ground", "accent", "selection"):
        assert len({getattr(colours, key) for colours in drawn}) == len(drawn), key


def test_the_terminals_own_palette_is_used_where_its_text_is_sure_to_be_seen() -> None:
    palette = load_theme("ansi", [built_in_folder()])
    colours, code = msgspec.structs.asdict(palette.colours), msgspec.structs.asdict(palettes.code_colours(palette))
    written = {colours[name] for name in WRITTEN} | set(code.values())
    # Black, white, blue, cyan and the bright ones are near to the ground of one terminal or the other.
    assert written <= {"default", "red", "green", "yellow", "magenta"}
    assert {colours[name] for name in GROUNDS} == {"default"}
    ink = themes.ink(palette)
    assert ink.selection.reverse
    assert ink.dim.dim
    assert ink.thinking.dim
    assert ink.ground.bgcolor is not None
    assert ink.ground.bgcolor.is_default


async def test_in_the_terminals_own_palette_no_other_colour_is_sent() -> None:
    app = pictured_app(theme="ansi")
    async with app.run_test(size=(120, 36)) as pilot:
        await asked(pilot)
        strips = app.screen._compositor.render_strips()
    styles = {segment.style for strip in strips for segment in strip if segment.style is not None}
    sent = {colour for style in styles for colour in (style.color, style.bgcolor) if colour is not None}
    assert all(colour.is_default or colour.is_system_defined for colour in sent)
    assert any(style.reverse for style in styles)
    assert any(style.dim for style in styles)


def test_contrast_is_that_of_wcag() -> None:
    assert palettes.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert palettes.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert palettes.contrast("#123456", "#123456") == 1


def test_all_that_is_written_can_be_read_on_every_ground(palette: Palette) -> None:
    colours = msgspec.structs.asdict(palette.colours)
    weak = {
        (name, ground): ratio
        for name in WRITTEN
        for ground in GROUNDS
        if (ratio := palettes.contrast(colours[name], colours[ground])) < READABLE
    }
    assert weak == {}


def test_the_row_under_the_cursor_stands_out_in_every_list(palette: Palette) -> None:
    ground, colours = palettes.cursor_ground(palette.colours), msgspec.structs.asdict(palette.colours)
    for name in ("ground", "surface", "panel"):
        assert palettes.contrast(ground, colours[name]) >= 1.5, name
    for name in WRITTEN:
        assert palettes.contrast(palettes.readable(colours[name], ground), ground) >= READABLE, name
    assert palettes.contrast(colours["text"], ground) >= READABLE


def test_code_can_be_read_on_its_ground(palette: Palette) -> None:
    code = msgspec.structs.asdict(palettes.code_colours(palette))
    ground = palette.colours.code_ground
    assert {name for name, colour in code.items() if palettes.contrast(colour, ground) < READABLE} == set()


def test_every_ink_of_the_chat_pane_can_be_read(palette: Palette) -> None:
    ink = themes.ink(palette)
    lines_only = {"quote_bar", "rule"}
    styles = {
        name: style
        for name, style in msgspec.structs.asdict(ink).items()
        if isinstance(style, Style) and style.color is not None and name not in lines_only
    }
    styles |= {
        f"code.{name}": Style(bgcolor=palette.colours.code_ground) + style for name, style in ink.code_tokens.items()
    }
    for name, style in styles.items():
        assert style.color is not None
        ground = style.bgcolor or ink.ground.bgcolor
        assert ground is not None
        assert palettes.contrast(style.color.name, ground.name) >= READABLE, name


def test_a_colour_of_code_left_out_is_taken_from_the_main_colours(tmp_path: Path) -> None:
    file = own(tmp_path)
    file.write_text(file.read_text().partition("[code]")[0])
    mine = read_theme(file)
    code = palettes.code_colours(mine)
    assert code.comment == mine.colours.dim
    assert all(msgspec.structs.asdict(code).values())


async def test_textual_takes_the_colours_as_they_are(palette: Palette) -> None:
    app: App[None] = App()
    app.register_theme(themes.textual_theme(palette))
    app.theme = palette.name
    async with app.run_test():
        variables = app.theme_variables
        assert variables["text-muted"] == palette.colours.dim
        assert variables["block-cursor-background"] == palettes.cursor_ground(palette.colours)
        assert variables["error"].lower() == palette.colours.error
        assert app.screen.styles.background.hex.lower() == palette.colours.ground


def test_the_users_own_theme_stands_before_one_that_comes_along(tmp_path: Path) -> None:
    own(tmp_path, "dusk", ("#17161f", "#010203"))
    own(tmp_path, "mine")
    found = load_themes([tmp_path, built_in_folder()])
    assert sorted(found.loaded) == sorted([*ALL, "mine"])
    assert found.loaded["dusk"].colours.ground == "#010203"
    assert load_theme("dusk", [tmp_path, built_in_folder()]).colours.ground == "#010203"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('name = "mine"', "name = mine"), "not valid TOML"),
        (("dark = true", 'dark = "yes"'), "`dark`"),
        (("#17161f", "red"), "`colours.ground` is `red`"),
        (("#17161f", "#17161f\\n\\u001b]0;title\\u0007"), "`colours.ground`"),
        (("accent =", "accnt ="), "accnt"),
        (('text = "#e6e2ec"\n', ""), "text"),
        (('name = "mine"', 'name = "other"'), "`name` is `other`"),
        (('keyword = "#c6a2f0"', 'keyword = "#c6a2f"'), "`code.keyword`"),
        (('keyword = "#c6a2f0"', "keyword = 7"), "`code.keyword`"),
        (("dark = true", "dark = true\nansi = true"), "`colours.ground`"),
    ],
)
def test_a_bad_theme_is_skipped_with_a_notice_of_file_and_fault(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    own(tmp_path, "mine", change)
    found = load_themes([tmp_path, built_in_folder()])
    assert sorted(found.loaded) == list(ALL)
    [error] = found.failed
    assert "mine.toml" in error.title
    assert told in error.title
    assert error.hint
    assert "\x1b" not in str(error)
    assert "\n" not in str(error)


def test_files_that_are_no_text_or_far_too_large_are_told(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.toml").write_bytes(b"#" * 70_000)
    (tmp_path / "deep.toml").write_text("a = " + "[" * 5_000)
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "notes.txt").write_text("not a theme")
    found = load_themes([tmp_path])
    assert found.loaded == {}
    assert len(found.failed) == 4


def test_a_bad_theme_of_the_users_does_not_hide_ours_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "dusk.toml").write_text("nonsense")
    found = load_themes([tmp_path, built_in_folder()])
    assert found.loaded["dusk"].name == "dusk"
    assert len(found.failed) == 1


@pytest.mark.parametrize("name", ["no-such", "../dusk", "", "Dusk\x1b[31m", "x" * 500])
def test_an_unknown_theme_is_told_with_those_that_are_there(name: str) -> None:
    with pytest.raises(ThemeError) as caught:
        load_theme(name, [built_in_folder()])
    assert ", ".join(ALL) in caught.value.hint
    assert "\x1b" not in str(caught.value)


def test_a_folder_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    found = load_themes([tmp_path / "none"])
    assert (found.loaded, found.failed) == ({}, [])


def test_the_users_folder_comes_first() -> None:
    first, last = palettes.theme_folders()
    assert first.name == "themes"
    assert last == built_in_folder()
