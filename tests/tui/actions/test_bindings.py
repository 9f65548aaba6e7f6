"""The keys: one table, and what each does on the screen."""

from __future__ import annotations

import pytest
from textual.keys import _character_to_key

from chat_tui.config.schema import Config
from chat_tui.providers.scripted_provider import Pause, Script
from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.rebinding import rebind
from chat_tui.tui.actions.table import TABLE
from chat_tui.tui.dialogs.help import HelpScreen
from chat_tui.tui.history.screen import HistoryScreen
from tests.doubles.scripted_chat import scripted_chat

HELD: Script = ["Half of ", "an answer", Pause(60)]


def test_no_key_stands_for_two_things_in_one_place() -> None:
    for where in ("everywhere", "prompt", "transcript", "history list"):
        keys = [key for row in TABLE if row.where in ("everywhere", where) and row.keys for key in row.keys.split(",")]
        assert len(keys) == len(set(keys)), where


def test_a_function_or_control_key_has_one_meaning_on_all_screens() -> None:
    meanings: dict[str, set[str]] = {}
    for row in TABLE:
        for key in row.keys.split(","):
            if key.startswith(("f", "ctrl+")) and len(key) > 1:
                meanings.setdefault(key, set()).add(row.id.partition(".")[2])
    twice = {key: ids for key, ids in meanings.items() if len(ids) > 1}
    # Undoing is undoing in the prompt and in the list; Ctrl+C leaves what is in front.
    assert set(twice) <= {"ctrl+z", "ctrl+c"}


def test_the_keys_that_gnome_terminal_takes_are_not_the_only_way() -> None:
    for key in ("f1", "f10", "f11"):
        assert all(row.slash for row in TABLE if key in row.keys.split(","))


def test_the_question_mark_is_help() -> None:
    assert {row.action for row in TABLE if "question_mark" in row.keys.split(",")} == {"screen.command('help')"}


def test_ids_are_noun_and_verb() -> None:
    ids = [row.id for row in TABLE]
    assert len(ids) == len(set(ids))
    assert all(len(id.split(".")) == 2 for id in ids)


def test_keys_that_terminals_take_are_not_used() -> None:
    used = {key for row in TABLE for key in row.keys.split(",")}
    assert not used & {"ctrl+b", "ctrl+a", "ctrl+s"}


@pytest.mark.parametrize(
    ("keys", "shown"), [("f8,delete", "F8 or Delete"), ("shift+enter", "Shift+Enter"), ("escape", "Esc")]
)
def test_keys_are_named_as_people_read_them(keys: str, shown: str) -> None:
    assert bindings.format_keys(keys) == shown


def test_a_rebound_key_is_taken_and_a_wrong_one_told() -> None:
    good, wrong = rebind({"models.open": "ctrl+k", "model.open": "f9", "help.open": "ctrl+t", "app.quit": " "})
    assert good == {"models.open": "ctrl+k"}
    assert {error.title.split("`")[1] for error in wrong} == {"model.open", "help.open", "app.quit"}
    assert "models.open" in wrong[0].hint


def test_a_rebound_letter_keeps_its_case_and_a_name_has_none() -> None:
    good, wrong = rebind({"question.edit": "E, Ctrl+K", "turn.branch": "R"})
    assert good == {"question.edit": "E,ctrl+k"}
    assert "answer.regenerate_with" in wrong[0].title


async def test_a_rebound_key_acts_and_stands_in_the_footer() -> None:
    async with scripted_chat(config=Config(keys={"models.open": "ctrl+k", "nonsense": "x"})) as chat:
        await chat.until(lambda: "unknown id `nonsense`" in chat.notices())
        await chat.shows("Ctrl+K models", "Ctrl+K  choose a model")
        await chat.pilot.press("ctrl+k")
        await chat.until(lambda: chat.screen.picker.is_open)


async def test_keys_pressed_before_the_engine_is_open_are_not_lost() -> None:
    async with scripted_chat(opened=False) as chat:
        await chat.pilot.press("ctrl+t", "ctrl+o", *"deep")
        await chat.until(lambda: chat.screen.models.strategy != "balanced")
        await chat.until(lambda: chat.screen.picker.is_open)


async def test_a_question_sent_before_the_engine_is_open_is_asked_then() -> None:
    async with scripted_chat(opened=False) as chat:
        await chat.pilot.press("h", "i", "enter")
        await chat.until(lambda: chat.chat.conversation.answer is not None)
        await chat.answered()
        assert chat.chat.transcript.turns[0].text == "hi"


async def test_a_turn_chosen_in_the_history_comes_into_view() -> None:
    async with scripted_chat(["line\n\n" * 60]) as chat:
        for text in ("first", "second"):
            await chat.ask(text)
            await chat.answered()
        await chat.pilot.press("ctrl+r")
        await chat.until(lambda: isinstance(chat.app.screen, HistoryScreen))
        await chat.shows("1 conversation", "You: second")
        await chat.pilot.press("up", "up", "enter")
        await chat.until(lambda: chat.app.screen is chat.screen)
        first = chat.chat.transcript.turns[0].id
        await chat.until(lambda: (place := chat.chat.transcript.viewport.reading_position) and place.turn == first)


async def test_ctrl_n_begins_a_new_conversation() -> None:
    async with scripted_chat() as chat:
        await chat.ask("first")
        await chat.answered()
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: chat.chat.session.conversation_id is None and chat.chat.welcome.display)


async def test_ctrl_t_goes_through_the_strategies_in_sight() -> None:
    async with scripted_chat() as chat:
        seen = []
        for _ in chat.engine.models.strategies():
            seen.append(chat.screen.models.strategy)
            await chat.until(lambda: seen[-1] in chat.shown(chat.screen.picker))
            await chat.pilot.press("ctrl+t")
        assert sorted(seen) == sorted(chat.engine.models.strategies())
        assert chat.screen.models.strategy == seen[0] == "balanced"


async def test_ctrl_t_takes_a_fixed_model_back_to_the_strategy_in_use() -> None:
    async with scripted_chat() as chat:
        chat.screen.models.choose("shelf/fast", "speed-priority")
        await chat.pilot.press("ctrl+t")
        assert (chat.screen.models.model, chat.screen.models.strategy) == (None, "speed-priority")


async def test_ctrl_o_opens_the_models_while_an_answer_streams_and_esc_closes_them_first() -> None:
    async with scripted_chat(HELD) as chat:
        await chat.ask("go")
        await chat.shows("Half of")
        await chat.pilot.press("ctrl+o")
        await chat.shows("shelf/deep", "128k", "$3/$15")
        await chat.pilot.press("escape")
        await chat.until(lambda: not chat.screen.picker.is_open)
        assert chat.chat.conversation.is_busy
        assert chat.chat.prompt.has_focus
        await chat.pilot.press("escape")
        await chat.shows("stopped")


async def test_the_list_of_models_is_as_tall_as_it_needs_to_be() -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("ctrl+o")
        await chat.shows("Auto", "scripted/demo")
        assert chat.screen.picker._list.region.height <= 15
        chosen = "shelf/deep"
        await chat.pilot.press(*"deep", "enter")
        await chat.until(lambda: chat.screen.models.model == chosen)
        assert chat.chat.prompt.has_focus


async def test_tab_leads_to_the_messages_and_back_and_shift_tab_to_the_history() -> None:
    async with scripted_chat(size=(150, 36)) as chat:
        await chat.ask("first")
        await chat.answered()
        rows = chat.screen.history._rows
        for key, widget in (
            ("tab", chat.chat.transcript),
            ("tab", chat.chat.prompt),
            ("shift+tab", rows),
            ("shift+tab", chat.chat.transcript),
            ("escape", chat.chat.prompt),
        ):
            await chat.pilot.press(key)
            assert chat.screen.focused is widget


async def test_up_and_down_recall_earlier_prompts() -> None:
    async with scripted_chat() as chat:
        for text in ("first", "second"):
            await chat.ask(text)
            await chat.answered()
        await chat.pilot.press("alt+up")
        assert chat.chat.prompt.text == "second"
        await chat.pilot.press("up")
        assert chat.chat.prompt.text == "first"
        await chat.pilot.press("down", "alt+down")
        assert chat.chat.prompt.text == ""
        await chat.pilot.press("ctrl+n", "up")
        assert chat.chat.prompt.text == "second"


async def test_ctrl_j_makes_a_new_line_and_enter_sends_both() -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("a", "ctrl+j", "b", "shift+enter", "c", "enter")
        await chat.answered()
        assert chat.chat.transcript.turns[0].text == "a\nb\nc"


async def test_a_pasted_text_with_newlines_is_not_sent() -> None:
    from textual.events import Paste

    async with scripted_chat() as chat:
        chat.app.post_message(Paste("one\ntwo\n"))
        await chat.until(lambda: "two" in chat.chat.prompt.text)
        assert not chat.provider.requests


async def test_ctrl_c_cancels_then_clears_the_draft_then_quits_when_pressed_twice() -> None:
    async with scripted_chat(HELD) as chat:
        await chat.ask("go")
        await chat.shows("Half of")
        chat.chat.prompt.insert("draft")
        await chat.pilot.press("ctrl+c")
        await chat.shows("stopped")
        assert chat.chat.prompt.text == "draft"
        await chat.pilot.press("ctrl+c")
        assert chat.chat.prompt.text == ""
        await chat.pilot.press("ctrl+z")
        assert chat.chat.prompt.text == "draft"
        await chat.pilot.press("ctrl+c", "ctrl+c")
        await chat.shows("Press Ctrl+C again to quit")
        assert chat.app.return_code is None
        await chat.pilot.press("ctrl+c")
        await chat.until(lambda: chat.app.return_code == 0)


async def test_ctrl_c_copies_a_selection_first() -> None:
    async with scripted_chat(HELD) as chat:
        await chat.ask("go")
        await chat.shows("Half of")
        chat.chat.prompt.insert("some words")
        chat.chat.prompt.select_all()
        await chat.pilot.press("ctrl+c")
        assert chat.app.clipboard == "some words"
        assert chat.chat.conversation.is_busy


async def test_y_copies_the_answer() -> None:
    async with scripted_chat(["The **answer**."]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("tab", "y")
        await chat.until(lambda: chat.app.clipboard == "The **answer**.")


async def test_f1_opens_the_help_and_ctrl_r_the_history_and_ctrl_p_the_palette() -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("f1")
        await chat.until(lambda: isinstance(chat.app.screen, HelpScreen))
        await chat.pilot.press("escape", "ctrl+r")
        await chat.until(lambda: isinstance(chat.app.screen, HistoryScreen))
        await chat.pilot.press("escape", "ctrl+p")
        await chat.shows("New conversation", "Ctrl+N")
        await chat.pilot.press(*"theme paper")
        await chat.shows("Theme: paper")
        await chat.pilot.pause(0.2)
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.app.theme == "paper")


async def test_panels_fold_where_there_is_no_room_and_keys_bring_them_back() -> None:
    async with scripted_chat(size=(60, 20)) as chat:
        await chat.ask("go")
        await chat.answered()
        assert not chat.screen.stats.display
        assert not chat.screen.history.display
        await chat.shows("balanced", "Ctrl+P commands")
        await chat.pilot.press("f3")
        await chat.shows("TTFT", "Tokens out", "Context", "Ask anything")
        await chat.pilot.press("f3", "ctrl+l")
        await chat.until(lambda: chat.screen.history.display)
        await chat.pilot.press("enter")
        await chat.until(lambda: not chat.screen.history.display)
        await chat.pilot.press("ctrl+o")
        await chat.shows("shelf/fast", "Enter choose")


async def test_a_terminal_too_small_says_so_and_nothing_is_lost() -> None:
    async with scripted_chat(size=(40, 10)) as chat:
        await chat.shows("chat-tui needs 40×12")
        await chat.pilot.press("h", "i")
        await chat.pilot.resize_terminal(40, 12)
        await chat.shows("hi")
        await chat.pilot.press("!", "enter")
        await chat.answered()
        assert chat.chat.transcript.turns[0].text == "hi!"
        await chat.pilot.resize_terminal(39, 12)
        await chat.shows("39×12")


PLAIN_XTERM = {
    *(f"ctrl+{letter}" for letter in "abcdefghjklnopqrstuvwxyz"),
    *(f"f{number}" for number in range(1, 13)),
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete"),
    *("enter", "tab", "shift+tab", "escape", "backspace", "space"),
    *(f"{modifier}+{arrow}" for modifier in ("ctrl", "shift") for arrow in ("up", "down", "left", "right")),
    *(_character_to_key(chr(code)) for code in range(33, 127)),
    "1–9",
    "1–4",
}
"""What xterm sends without any protocol of its own; Ctrl+I and Ctrl+M arrive as Tab and Enter, Shift+Enter as Enter."""
TAKEN_BY_MULTIPLEXERS = {"ctrl+a", "ctrl+b"}


def test_every_action_can_be_reached_from_a_plain_xterm_in_a_multiplexer() -> None:
    reached = PLAIN_XTERM - TAKEN_BY_MULTIPLEXERS
    assert [row.id for row in TABLE if row.keys and not reached.intersection(row.keys.split(","))] == []


@pytest.mark.parametrize(
    ("overrides", "kept", "told"),
    [
        ({"help.open": "ctrl+k", "find.open": "ctrl+k"}, ["find.open"], ["help.open", "find.open", "ctrl+k"]),
        ({"help.open": "ctrl+n"}, [], ["help.open", "conversation.new", "ctrl+n"]),
        ({"answer.regenerate": "y"}, [], ["answer.regenerate", "transcript.copy"]),
        ({"help.open": "enter"}, [], ["help.open", "prompt.send"]),
        ({"help.open": "?"}, [], ["help.open", "question_mark", "typing"]),
        ({"list.up": "k"}, [], ["list.up", "k", "typing"]),
        ({"turn.before": "5"}, [], ["turn.before", "transcript.copy_code"]),
        ({"answer.good": "?"}, [], ["answer.good", "help.here"]),
        ({"prompt.recall": "ctrl+k"}, [], ["prompt.recall", "cannot be rebound", "arrow"]),
        ({"transcript.copy_code": "f5"}, [], ["transcript.copy_code", "cannot be rebound", "digits"]),
        ({"help.open": "ctrl+enter+x"}, [], ["help.open", "ctrl+enter+x"]),
        ({"help.open": "f99"}, [], ["help.open", "f99"]),
        ({"help.open": "ctlr+k"}, [], ["help.open", "ctlr+k"]),
    ],
)
def test_keys_that_two_actions_would_have_or_that_do_not_exist_are_named(
    overrides: dict[str, str], kept: list[str], told: list[str]
) -> None:
    good, wrong = rebind(overrides)
    assert list(good) == kept
    [error] = wrong
    assert all(word in error.title for word in told), error.title
    assert error.hint


def test_two_actions_can_change_places_and_a_key_can_mean_two_things_in_two_places() -> None:
    swap = {"help.open": "f3", "stats.toggle": "f1"}
    assert rebind(swap) == (swap, [])
    elsewhere = {"find.before": "f5"}
    assert rebind(elsewhere) == (elsewhere, [])


def test_a_row_that_falls_back_to_its_own_key_takes_it_from_whoever_had_it() -> None:
    good, wrong = rebind({"help.open": "ctrl+n", "find.open": "f1"})
    assert good == {}
    assert len(wrong) == 2
