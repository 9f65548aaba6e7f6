"""The prompt and its completion popup, by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from textual.pilot import Pilot

from chat_tui.tui.prompt.completion import MAX_ROWS, CompletionItem, CompletionList
from chat_tui.tui.prompt.prompt import Prompt
from tests.support.prompt_app import COMMANDS, PromptApp, app_of, paste, press, prompt_of


@pytest.fixture
async def pilot() -> AsyncIterator[Pilot[None]]:
    async with PromptApp().run_test(size=(60, 24)) as pilot:
        yield pilot


async def test_enter_asks_and_the_text_stays_until_it_is_cleared(pilot: Pilot[None]) -> None:
    await press(pilot, "h", "i", "enter")
    assert app_of(pilot).asked == ["hi"]
    assert prompt_of(pilot).draft == "hi"
    prompt_of(pilot).clear_draft()
    assert prompt_of(pilot).draft == ""
    await press(pilot, "ctrl+z")
    assert prompt_of(pilot).draft == ""


async def test_a_blank_prompt_is_not_asked(pilot: Pilot[None]) -> None:
    await press(pilot, "enter", "space", "ctrl+j", "enter")
    assert app_of(pilot).asked == []


async def test_ctrl_j_and_shift_enter_make_new_lines(pilot: Pilot[None]) -> None:
    await press(pilot, "a", "ctrl+j", "b", "shift+enter", "c", "enter")
    assert app_of(pilot).asked == ["a\nb\nc"]


async def test_a_cleared_draft_can_be_recovered(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, "a", "b")
    prompt.clear_draft(recoverable=True)
    assert prompt.text == ""
    await press(pilot, "ctrl+z")
    assert prompt.text == "ab"


async def test_up_and_down_walk_the_earlier_prompts_and_the_draft_comes_back(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    prompt.earlier = ["newest", "two\nlines", "oldest"]
    await press(pilot, "d")
    shown = []
    for key in ("up", "up", "up", "up", "down", "down", "down", "down"):
        await press(pilot, key)
        shown.append(prompt.text)
    assert shown == ["newest", "two\nlines", "oldest", "oldest", "two\nlines", "newest", "d", "d"]


async def test_up_and_down_move_inside_a_text_of_several_rows(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    prompt.earlier = ["newest"]
    await paste(pilot, "one\n" + "word " * 20)
    await press(pilot, "up")
    assert prompt.cursor_location[0] == 1
    await press(pilot, "up")
    assert prompt.cursor_location[0] == 0
    await press(pilot, "up")
    assert prompt.text == "newest"
    await press(pilot, "down")
    assert prompt.text.startswith("one")


async def test_a_changed_earlier_prompt_is_not_lost(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    prompt.earlier = ["newest", "older"]
    await press(pilot, "up", "!", "up")
    assert prompt.text == "older"
    await press(pilot, "down", "down")
    assert prompt.text == "newest!"


async def test_a_recalled_command_does_not_open_the_list(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    prompt.earlier = ["/clear", "older"]
    await press(pilot, "up")
    await pilot.pause()
    assert not app_of(pilot).completions.is_open
    await press(pilot, "up")
    assert prompt.text == "older"


async def test_escape_passes_through_unless_the_list_is_open(pilot: Pilot[None]) -> None:
    await press(pilot, "/", "h")
    assert app_of(pilot).completions.is_open
    await press(pilot, "escape")
    assert not app_of(pilot).completions.is_open
    assert prompt_of(pilot).text == "/h"
    app_of(pilot).bind("escape", "note_bell")
    await press(pilot, "escape")
    assert app_of(pilot).bells == 1


async def test_tab_completes_and_else_moves_the_focus(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, "/", "h", "i", "tab")
    assert prompt.text == "/history"
    assert prompt.has_focus
    await press(pilot, "tab")
    assert (prompt.has_focus, app_of(pilot).completions.is_open) == (False, False)


async def test_enter_takes_and_a_whole_command_is_sent(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, "/", "c", "enter")
    assert (prompt.text, app_of(pilot).asked) == ("/clear", [])
    await press(pilot, "enter")
    assert app_of(pilot).asked == ["/clear"]
    prompt.clear_draft()
    await press(pilot, *"/model", "enter")
    assert app_of(pilot).asked == ["/clear", "/model"]


async def test_keys_typed_in_one_burst_act_on_what_was_typed(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    await press(
        *(pilot, "/", "e", "enter", "enter"),
        *("a", "b", "backspace", "c", "left", "d", "end", "ctrl+j", "e", "enter", "f"),
    )
    assert app_of(pilot).asked == ["/exit", "/exitadc\ne"]
    assert prompt.draft == "/exitadc\nef"


async def test_the_keymap_moves_the_keys(pilot: Pilot[None]) -> None:
    pilot.app.set_keymap({"prompt.send": "ctrl+g", "prompt.new_line": "ctrl+t"})
    await press(pilot, "a", "ctrl+t", "b", "enter", "c", "ctrl+g")
    assert app_of(pilot).asked == ["a\nb\nc"]


async def test_up_and_down_move_in_the_list_round_its_ends(pilot: Pilot[None]) -> None:
    completions = app_of(pilot).completions
    await press(pilot, "/")
    assert completions.region.height == len(COMMANDS) <= MAX_ROWS
    current = []
    for key in ("down", "down", "up", "up", "up", "up", "down"):
        await press(pilot, key)
        assert completions.current is not None
        current.append(completions.current.text)
    assert current == ["/exit", "/help", "/exit", "/clear", "/system", "/strategy", "/system"]
    await press(pilot, "enter")
    assert prompt_of(pilot).text == "/system"


async def test_the_list_floats_right_above_the_prompt_and_moves_nothing(pilot: Pilot[None]) -> None:
    prompt, completions = prompt_of(pilot), app_of(pilot).completions
    before = [prompt.region, pilot.app.query_one("#room").region]
    await press(pilot, "/", "h")
    await pilot.pause()
    assert completions.region.bottom == prompt.region.y
    assert completions.region.height == 2
    assert [prompt.region, pilot.app.query_one("#room").region] == before
    row = "".join(segment.text for segment in completions.render_line(0))
    assert row.startswith(" /help     does /help")
    assert len(row) == completions.size.width


async def test_a_click_takes_a_row(pilot: Pilot[None]) -> None:
    await press(pilot, "/", "h")
    await pilot.pause()
    await pilot.click(CompletionList, offset=(3, 1))
    assert prompt_of(pilot).text == "/history"
    assert prompt_of(pilot).has_focus


async def test_completions_from_outside_are_shown_without_controls(pilot: Pilot[None]) -> None:
    completions = app_of(pilot).completions
    completions.open([CompletionItem("/a\x1b]0;t\x07[b]", "x\x1b[2Jy\nz")])
    await pilot.pause()
    row = "".join(segment.text for segment in completions.render_line(0))
    assert row.split() == ["/a[b]", "xy", "z"]


async def test_plain_text_and_two_lines_open_no_list(pilot: Pilot[None]) -> None:
    await press(pilot, "a", "/", "h")
    assert not app_of(pilot).completions.is_open
    prompt_of(pilot).set_draft("/h\n")
    await pilot.pause()
    assert not app_of(pilot).completions.is_open


async def test_the_screen_keeps_its_keys(pilot: Pilot[None]) -> None:
    for key in ("f6", "f1", "f3", "ctrl+n", "ctrl+o", "ctrl+t", "ctrl+r", "ctrl+l", "ctrl+f", "ctrl+g"):
        await press(pilot, key)
        assert app_of(pilot).bubbled[-1] == key
        assert key not in prompt_of(pilot)._bindings.key_to_bindings


async def test_the_cursor_does_not_blink_unless_it_is_asked_to(pilot: Pilot[None]) -> None:
    assert not prompt_of(pilot).cursor_blink
    assert Prompt(blink=True).cursor_blink


async def test_an_empty_prompt_says_what_it_is_for(pilot: Pilot[None]) -> None:
    assert (
        "".join(part.text for part in prompt_of(pilot).render_line(0)).strip()
        == "Ask anything · / for commands · @ for files"
    )


FAMILY, FLAG, THUMB, HEART = "👨\u200d👩\u200d👧", "🇩🇪", "👍🏽", "❤\ufe0f\u200d🔥"
COMPOSED = [FAMILY, FLAG, THUMB, HEART, "e\u0301", "1\ufe0f\u20e3"]


@pytest.mark.parametrize("one", COMPOSED)
async def test_a_composed_character_is_one_step_in_the_prompt(pilot: Pilot[None], one: str) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, *f"a{one}b{one}")
    assert prompt.text == f"a{one}b{one}"
    await press(pilot, "left", "left", "left", "x")
    assert prompt.text == f"ax{one}b{one}"
    await press(pilot, "right", "backspace")
    assert prompt.text == f"axb{one}"
    await press(pilot, "right", "delete")
    assert prompt.text == "axb"
    await paste(pilot, one)
    await press(pilot, "shift+left", "c", "left", "shift+right", "shift+left", "d")
    assert prompt.text == "axbdc"


async def test_up_down_and_a_click_never_stop_inside_a_composed_character(pilot: Pilot[None]) -> None:
    prompt = prompt_of(pilot)
    prompt.set_draft(f"{FAMILY}\nab\n{FAMILY}")
    prompt.move_cursor((1, 1))
    await press(pilot, "up", "x")
    assert prompt.document.get_line(0) == f"x{FAMILY}"
    prompt.move_cursor((1, 1))
    await press(pilot, "down", "x")
    assert prompt.document.get_line(2) == f"x{FAMILY}"
    await pilot.click(prompt, offset=(4, 1))
    await press(pilot, "y")
    assert FAMILY in prompt.document.get_line(0)
