"""The prompt and its completion popup, by keys."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Static

from chat_tui.tui.completion import MAX_ROWS, Completion, CompletionList
from chat_tui.tui.prompt import HeldPastes, Prompt

COMMANDS = ("/clear", "/exit", "/help", "/history", "/model ", "/models", "/strategy", "/system")


def complete(text: str) -> Sequence[Completion]:
    return [Completion(name, f"does {name}") for name in COMMANDS if name.startswith(text)]


class Small(App[None]):
    CSS = "#room { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.completions = CompletionList()
        self.prompt = Prompt(complete, self.completions)
        self.asked: list[str] = []
        self.edited: list[tuple[str, float]] = []
        self.bubbled: list[str] = []

    def compose(self) -> ComposeResult:
        yield Static(id="room")
        yield Input(id="other")
        yield self.completions
        yield self.prompt

    def on_mount(self) -> None:
        self.prompt.focus()

    def on_prompt_asked(self, event: Prompt.Asked) -> None:
        self.asked.append(event.text)

    def on_prompt_edited(self, event: Prompt.Edited) -> None:
        self.edited.append((event.text, time.monotonic()))

    def on_key(self, event: events.Key) -> None:
        self.bubbled.append(event.key)


@pytest.fixture
async def pilot():
    async with Small().run_test(size=(60, 24)) as pilot:
        yield pilot


def prompt_of(pilot: Pilot) -> Prompt:
    return pilot.app.query_one(Prompt)


async def press(pilot: Pilot, *keys: str) -> None:
    """All the keys in one burst, as a slow line delivers them; then waits until they have acted."""
    for key in keys:
        pilot.app.post_message(events.Key(key, {"space": " "}.get(key, key if len(key) == 1 else None)))
    await pilot.pause()


async def paste(pilot: Pilot, text: str) -> None:
    prompt_of(pilot).post_message(events.Paste(text))
    await pilot.pause()


async def test_enter_asks_and_the_text_stays_until_it_is_cleared(pilot: Pilot) -> None:
    await press(pilot, "h", "i", "enter")
    assert pilot.app.asked == ["hi"]
    assert prompt_of(pilot).draft == "hi"
    prompt_of(pilot).clear_draft()
    assert prompt_of(pilot).draft == ""
    await press(pilot, "ctrl+z")
    assert prompt_of(pilot).draft == ""


async def test_a_blank_prompt_is_not_asked(pilot: Pilot) -> None:
    await press(pilot, "enter", "space", "ctrl+j", "enter")
    assert pilot.app.asked == []


async def test_ctrl_j_and_shift_enter_make_new_lines(pilot: Pilot) -> None:
    await press(pilot, "a", "ctrl+j", "b", "shift+enter", "c", "enter")
    assert pilot.app.asked == ["a\nb\nc"]


async def test_it_grows_from_one_to_ten_rows_and_shows_them_from_the_first(pilot: Pilot) -> None:
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


async def test_long_lines_wrap(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    await paste(pilot, "word " * 30)
    await pilot.pause()
    assert prompt.content_size.height == 3


async def test_a_paste_with_newlines_inserts_and_sends_nothing(pilot: Pilot) -> None:
    await press(pilot, "a")
    await paste(pilot, "one\r\ntwo\rthree\x1b[31m\x07\n")
    assert pilot.app.asked == []
    assert prompt_of(pilot).text == "aone\ntwo\nthree\n"


async def test_a_megabyte_is_pasted_at_once_and_asked_whole(pilot: Pilot) -> None:
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
    assert pilot.app.asked == ["a " + text]


async def test_two_pastes_of_one_size_are_told_apart(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    await paste(pilot, "a" * 30_000)
    await paste(pilot, "b" * 30_000)
    await paste(pilot, "a" * 30_000)
    assert prompt.text == "[pasted 30.0 kB, 1 line][pasted 30.0 kB, 1 line #2][pasted 30.0 kB, 1 line]"
    assert prompt.draft == "a" * 30_000 + "b" * 30_000 + "a" * 30_000


@pytest.mark.parametrize(("keys", "left"), [(["backspace"], "xy"), (["left", "left", "delete"], "xy")])
async def test_a_held_paste_goes_as_a_whole_and_comes_back_by_undo(pilot: Pilot, keys: list[str], left: str) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, "x", "y", "left")
    await paste(pilot, "a" * 30_000)
    await press(pilot, *keys)
    assert prompt.text == left
    await press(pilot, "ctrl+z")
    assert prompt.draft == "x" + "a" * 30_000 + "y"


async def test_typing_inside_the_name_of_a_held_paste_does_not_break_it(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    await paste(pilot, "a" * 30_000)
    await press(pilot, "left", "left", "x")
    assert prompt.draft == "a" * 30_000 + "x"


async def test_many_middling_pastes_do_not_fill_the_text_area(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    piece = "some words\n" * 400
    for _ in range(30):
        prompt.paste(piece)
    assert len(prompt.text) < 60_000
    assert prompt.draft == piece * 30


async def test_a_long_draft_comes_back_and_is_whole(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    prompt.set_draft("a\nb")
    assert prompt.text == "a\nb"
    assert prompt.cursor_location == (1, 1)
    prompt.set_draft("word " * 100_000)
    assert len(prompt.text) < 100
    assert prompt.draft == "word " * 100_000


def test_what_was_pasted_is_not_read_for_names() -> None:
    held = HeldPastes()
    first = held.hold("a" * 100)
    second = held.hold(f"{first} and more")
    assert held.expand(f"<{first}|{second}>") == f"<{'a' * 100}|{first} and more>"


async def test_undo_and_redo(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, "a", "b")
    await paste(pilot, "pasted")
    await press(pilot, "ctrl+z")
    assert prompt.text == "ab"
    await press(pilot, "ctrl+y")
    assert prompt.text == "abpasted"


async def test_a_cleared_draft_can_be_recovered(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, "a", "b")
    prompt.clear_draft(recoverable=True)
    assert prompt.text == ""
    await press(pilot, "ctrl+z")
    assert prompt.text == "ab"


async def test_up_and_down_walk_the_earlier_prompts_and_the_draft_comes_back(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    prompt.earlier = ["newest", "two\nlines", "oldest"]
    await press(pilot, "d")
    shown = []
    for key in ("up", "up", "up", "up", "down", "down", "down", "down"):
        await press(pilot, key)
        shown.append(prompt.text)
    assert shown == ["newest", "two\nlines", "oldest", "oldest", "two\nlines", "newest", "d", "d"]


async def test_up_and_down_move_inside_a_text_of_several_rows(pilot: Pilot) -> None:
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


async def test_a_changed_earlier_prompt_is_not_lost(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    prompt.earlier = ["newest", "older"]
    await press(pilot, "up", "!", "up")
    assert prompt.text == "older"
    await press(pilot, "down", "down")
    assert prompt.text == "newest!"


async def test_a_recalled_command_does_not_open_the_list(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    prompt.earlier = ["/clear", "older"]
    await press(pilot, "up")
    await pilot.pause()
    assert not pilot.app.completions.is_open
    await press(pilot, "up")
    assert prompt.text == "older"


async def test_escape_passes_through_unless_the_list_is_open(pilot: Pilot) -> None:
    await press(pilot, "/", "h")
    assert pilot.app.completions.is_open
    await press(pilot, "escape")
    assert not pilot.app.completions.is_open
    assert prompt_of(pilot).text == "/h"
    closed = []
    pilot.app.bind("escape", "bell")
    pilot.app.action_bell = lambda: closed.append(True)
    await press(pilot, "escape")
    assert closed == [True]


async def test_tab_completes_and_else_moves_the_focus(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, "/", "h", "i", "tab")
    assert prompt.text == "/history"
    assert prompt.has_focus
    await press(pilot, "tab")
    assert not prompt.has_focus
    assert not pilot.app.completions.is_open


async def test_enter_takes_and_a_whole_command_is_sent(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, "/", "c", "enter")
    assert (prompt.text, pilot.app.asked) == ("/clear", [])
    await press(pilot, "enter")
    assert pilot.app.asked == ["/clear"]
    prompt.clear_draft()
    await press(pilot, *"/model", "enter")
    assert pilot.app.asked == ["/clear", "/model"]


async def test_keys_typed_in_one_burst_act_on_what_was_typed(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    await press(
        *(pilot, "/", "e", "enter", "enter"),
        *("a", "b", "backspace", "c", "left", "d", "end", "ctrl+j", "e", "enter", "f"),
    )
    assert pilot.app.asked == ["/exit", "/exitadc\ne"]
    assert prompt.draft == "/exitadc\nef"


async def test_the_keymap_moves_the_keys(pilot: Pilot) -> None:
    pilot.app.set_keymap({"prompt.send": "ctrl+g", "prompt.new_line": "ctrl+t"})
    await press(pilot, "a", "ctrl+t", "b", "enter", "c", "ctrl+g")
    assert pilot.app.asked == ["a\nb\nc"]


async def test_up_and_down_move_in_the_list_round_its_ends(pilot: Pilot) -> None:
    completions = pilot.app.completions
    await press(pilot, "/")
    assert completions.region.height == MAX_ROWS
    current = []
    for key in ("down", "down", "up", "up", "up", "up", "down"):
        await press(pilot, key)
        current.append(completions.current.text)
    assert current == ["/exit", "/help", "/exit", "/clear", "/system", "/strategy", "/system"]
    await press(pilot, "enter")
    assert prompt_of(pilot).text == "/system"


async def test_the_list_floats_right_above_the_prompt_and_moves_nothing(pilot: Pilot) -> None:
    prompt, completions = prompt_of(pilot), pilot.app.completions
    before = [prompt.region, pilot.app.query_one("#room").region]
    await press(pilot, "/", "h")
    await pilot.pause()
    assert completions.region.bottom == prompt.region.y
    assert completions.region.height == 2
    assert [prompt.region, pilot.app.query_one("#room").region] == before
    row = "".join(segment.text for segment in completions.render_line(0))
    assert row.startswith(" /help     does /help")
    assert len(row) == completions.size.width


async def test_a_click_takes_a_row(pilot: Pilot) -> None:
    await press(pilot, "/", "h")
    await pilot.pause()
    await pilot.click(CompletionList, offset=(3, 1))
    assert prompt_of(pilot).text == "/history"
    assert prompt_of(pilot).has_focus


async def test_completions_from_outside_are_shown_without_controls(pilot: Pilot) -> None:
    completions = pilot.app.completions
    completions.open([Completion("/a\x1b]0;t\x07[b]", "x\x1b[2Jy\nz")])
    await pilot.pause()
    row = "".join(segment.text for segment in completions.render_line(0))
    assert row.split() == ["/a[b]", "xy", "z"]


async def test_plain_text_and_two_lines_open_no_list(pilot: Pilot) -> None:
    await press(pilot, "a", "/", "h")
    assert not pilot.app.completions.is_open
    prompt_of(pilot).set_draft("/h\n")
    await pilot.pause()
    assert not pilot.app.completions.is_open


async def test_ctrl_c_copies_a_selection_and_else_passes_through(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    copied, passed = [], []
    pilot.app.copy_to_clipboard = copied.append
    pilot.app.action_help_quit = lambda: passed.append(True)
    await paste(pilot, "a" * 30_000)
    await press(pilot, "x", "ctrl+c")
    assert (copied, passed) == ([], [True])
    await press(pilot, "f7", "ctrl+c")
    assert (copied, passed) == (["a" * 30_000 + "x"], [True])
    assert prompt.draft.endswith("x")


async def test_edited_tells_of_changes_within_a_quarter_second_even_while_typing_goes_on(pilot: Pilot) -> None:
    start = time.monotonic()
    while time.monotonic() - start < 0.5:
        await press(pilot, "a")
        await pilot.pause(0.01)
    await pilot.pause(0.25)
    edited = pilot.app.edited
    assert edited[0][1] - start < 0.3
    assert 2 <= len(edited) <= 5
    assert edited[-1][0] == prompt_of(pilot).draft
    told = len(edited)
    await pilot.pause(0.3)
    assert len(edited) == told


async def test_words_are_moved_over_and_deleted(pilot: Pilot) -> None:
    prompt = prompt_of(pilot)
    await press(pilot, *"one two", "ctrl+left", "x", "ctrl+right", "ctrl+w")
    assert prompt.text == "one "


async def test_the_screen_keeps_its_keys(pilot: Pilot) -> None:
    for key in ("f6", "f1", "f2", "f3", "ctrl+n", "ctrl+o", "ctrl+t", "ctrl+r", "ctrl+l", "ctrl+f", "ctrl+g"):
        await press(pilot, key)
        assert pilot.app.bubbled[-1] == key
        assert key not in prompt_of(pilot)._bindings.key_to_bindings


async def test_the_cursor_does_not_blink_unless_it_is_asked_to(pilot: Pilot) -> None:
    assert not prompt_of(pilot).cursor_blink
    assert Prompt(blink=True).cursor_blink


async def test_an_empty_prompt_says_what_it_is_for(pilot: Pilot) -> None:
    assert "".join(part.text for part in prompt_of(pilot).render_line(0)).strip() == "Ask anything · / for commands"
