"""The theme that follows the terminal's background: the query, the reply, and that nothing of it is typed."""

from __future__ import annotations

import pytest

from chat_tui.config.schema import Config
from chat_tui.tui.terminal.background import BackgroundTold, background_query, background_told, is_dark
from chat_tui.tui.terminal.input_splitter import InputSplitter
from tests.doubles.scripted_chat import scripted_chat


@pytest.mark.parametrize("end", ["\x07", "\x1b\\"])
@pytest.mark.parametrize(("colour", "dark"), [("ffff/ffff/ffff", False), ("1e1e/1e1e/2e2e", True), ("f/f/e", False)])
@pytest.mark.parametrize("cut", [1, 2, 7, 15])
def test_the_reply_is_read_in_whatever_pieces_it_comes_and_never_typed(
    end: str, colour: str, dark: bool, cut: int
) -> None:
    reply = f"\x1b]11;rgb:{colour}{end}"
    splitter = InputSplitter()
    pieces = [*splitter.feed("a"), *splitter.feed(reply[:cut]), *splitter.feed(reply[cut:]), *splitter.feed("b")]
    told = [piece for piece in pieces if isinstance(piece, BackgroundTold)]
    assert [event.dark for event in told] == [dark]
    assert [piece for piece in pieces if piece not in told] == ["a", "b"]


@pytest.mark.parametrize("reply", ["11;?", "10;rgb:ffff/ffff/ffff", "11;rgb:", "52;c;aGk=", "11;rgb:zz/00/00"])
def test_other_strings_are_dropped(reply: str) -> None:
    assert background_told(reply) is None
    splitter = InputSplitter()
    assert splitter.feed(f"\x1b]{reply}\x07") == []


def test_a_very_long_string_is_not_kept() -> None:
    splitter = InputSplitter()
    for _ in range(100):
        assert splitter.feed("\x1b]11;" + "x" * 10_000) == []
    assert splitter.feed("\x07") == []


def test_without_a_reply_the_environment_tells() -> None:
    assert is_dark({})
    assert is_dark({"COLORFGBG": "15;0"})
    assert not is_dark({"COLORFGBG": "0;15"})
    assert not is_dark({"COLORFGBG": "0;default;7"})
    assert background_query({"TERM": "xterm-256color"})
    assert not background_query({"TERM": "linux"})


async def test_auto_follows_the_background_and_a_theme_that_is_chosen_does_not() -> None:
    async with scripted_chat(config=Config(theme="auto")) as chat:
        chat.app.post_message(BackgroundTold(False))
        await chat.until(lambda: chat.app.theme == "paper")
        chat.app.post_message(BackgroundTold(True))
        await chat.until(lambda: chat.app.theme == "dusk")
        chat.app.use_theme("nord")
        chat.app.post_message(BackgroundTold(False))
        await chat.pilot.pause(0.05)
        assert chat.app.theme == "nord"
        chat.app.use_theme("auto")
        assert chat.app.theme == "paper"
        assert chat.app.kept.theme == "auto"


async def test_the_list_begins_with_auto_and_esc_brings_the_old_theme_back() -> None:
    async with scripted_chat() as chat:
        before = chat.app.theme
        chat.app.choose_theme()
        await chat.shows("as the terminal's background")
        await chat.pilot.press("down")
        await chat.until(lambda: chat.app.theme != before)
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.theme == before)
