"""The draft in the prompt: its growth, pastes of any size, undo."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from textual.pilot import Pilot

from chat_tui.tui.prompt.draft_area import EDITED_SECONDS
from chat_tui.tui.prompt.paste_placeholders import PastePlaceholders
from tests.support.prompt_app import PromptApp, app_of, paste, press, prompt_of
from tests.support.time_limits import in_time, within


@pytest.fixture
async def pilot() -> AsyncIterator[Pilot[None]]:
    async with PromptApp().run_test(size=(60, 24)) as pilot:
        yield pilot


async def test_it_grows_from_one_to_ten_rows_and_shows_them_from_the_first(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    assert prompt.content_size.height == 1
    for rows in range(2, 14):
        await press(pilot, "ctrl+j")
        await pilot.pause()
        assert prompt.content_size.height == min(rows, 10)
        assert prompt.scroll_offset.y == max(0, rows - 10)
    prompt.clear_draft()
    await pilot.pause()
    assert prompt.content_size.height == 1


async def test_long_lines_wrap(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    await paste(pilot, "word " * 30)
    await pilot.pause()
    assert prompt.content_size.height == 3


async def test_a_paste_with_newlines_inserts_and_sends_nothing(pilot: Pilot[None]) -> None:
    await press(pilot, "a")
    await paste(pilot, "one\r\ntwo\rthree\x1b[31m\x07\n")
    assert app_of(pilot).asked == []
    assert prompt_of(pilot).text == "aone\ntwo\nthree\n"


async def test_a_megabyte_is_pasted_at_once_and_asked_whole(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    text = "0123456789" * 5 + "\n"
    text = text * (1_020_000 // len(text))
    await press(pilot, "a", "space")
    start = time.perf_counter()
    prompt.paste(text)
    assert time.perf_counter() - start < 0.2
    assert prompt.text == "a [pasted 1.0 MB, 20,000 lines]"
    assert prompt.draft == "a " + text
    await press(pilot, "enter")
    assert app_of(pilot).asked == ["a " + text]


async def test_two_pastes_of_one_size_are_told_apart(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    await paste(pilot, "a" * 30_000)
    await paste(pilot, "b" * 30_000)
    await paste(pilot, "a" * 30_000)
    assert prompt.text == "[pasted 30.0 kB, 1 line][pasted 30.0 kB, 1 line #2][pasted 30.0 kB, 1 line]"
    assert prompt.draft == "a" * 30_000 + "b" * 30_000 + "a" * 30_000


@pytest.mark.parametrize(("keys", "left"), [(["backspace"], "xy"), (["left", "left", "delete"], "xy")])
async def test_a_held_paste_goes_as_a_whole_and_comes_back_by_undo(
    pilot: Pilot[None], keys: list[str], left: str
) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, "x", "y", "left")
    await paste(pilot, "a" * 30_000)
    await press(pilot, *keys)
    assert prompt.text == left
    await press(pilot, "ctrl+z")
    assert prompt.draft == "x" + "a" * 30_000 + "y"


async def test_typing_inside_the_name_of_a_held_paste_does_not_break_it(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    await paste(pilot, "a" * 30_000)
    await press(pilot, "left", "left", "x")
    assert prompt.draft == "a" * 30_000 + "x"


async def test_many_middling_pastes_do_not_fill_the_text_area(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    piece = "some words\n" * 400
    for _ in range(30):
        prompt.paste(piece)
    assert len(prompt.text) < 60_000
    assert prompt.draft == piece * 30


async def test_a_long_draft_comes_back_and_is_whole(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    prompt.set_draft("a\nb")
    assert prompt.text == "a\nb"
    assert prompt.cursor_location == (1, 1)
    prompt.set_draft("word " * 100_000)
    assert len(prompt.text) < 100
    assert prompt.draft == "word " * 100_000


def test_what_was_pasted_is_not_read_for_names() -> None:
    held = PastePlaceholders()
    first = held.hold("a" * 100)
    second = held.hold(f"{first} and more")
    assert held.expand(f"<{first}|{second}>") == f"<{'a' * 100}|{first} and more>"


async def test_undo_and_redo(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, "a", "b")
    await paste(pilot, "pasted")
    await press(pilot, "ctrl+z")
    assert prompt.text == "ab"
    await press(pilot, "ctrl+y")
    assert prompt.text == "abpasted"


async def test_ctrl_c_copies_a_selection_and_else_passes_through(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    app = app_of(pilot)
    await paste(pilot, "a" * 30_000)
    await press(pilot, "x", "ctrl+c")
    assert (app.copied, app.quit_helps) == ([], 1)
    await press(pilot, "f7", "ctrl+c")
    assert (app.copied, app.quit_helps) == (["a" * 30_000 + "x"], 1)
    assert prompt.draft.endswith("x")


@in_time
async def test_edited_tells_of_changes_within_a_quarter_second_even_while_typing_goes_on() -> None:
    async with PromptApp().run_test(size=(60, 24)) as pilot:
        edited = app_of(pilot).edited
        start = time.monotonic()
        while len(edited) < 3 and time.monotonic() - start < 60:
            await press(pilot, "a")
            await pilot.pause(0.01)
        assert len(edited) >= 3
        # Each comes a fifth of a second after the one before, or later.
        assert len(edited) <= (time.monotonic() - start) / EDITED_SECONDS
        while edited[-1][0] != prompt_of(pilot).draft and time.monotonic() - start < 60:
            await pilot.pause(0.01)
        assert edited[-1][0] == prompt_of(pilot).draft
        told = len(edited)
        await pilot.pause(2 * EDITED_SECONDS)
        assert len(edited) == told
        within(edited[0][1] - start, 0.3)


async def test_words_are_moved_over_and_deleted(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, *"one two", "ctrl+left", "x", "ctrl+right", "ctrl+w")
    assert prompt.text == "one "


async def test_a_family_of_emoji_is_typed_as_it_is(pilot: Pilot[None]) -> None:
    await press(pilot, "\U0001f469", "\u200d", "\U0001f467", "文", "x")
    assert prompt_of(pilot).draft == "\U0001f469\u200d\U0001f467文x"
