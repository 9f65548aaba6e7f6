"""What stands on the screen is what counts now: on small screens too, and never in the way of what is written."""

from __future__ import annotations

import re

import pytest
from textual import events

from chat_tui.core.chunks import End
from chat_tui.core.errors import ChatTuiError
from chat_tui.providers.scripted_provider import Pause
from chat_tui.tui.dialogs.help import HelpScreen
from chat_tui.tui.history.screen import HistoryScreen
from tests.doubles.scripted_chat import scripted_chat


async def test_on_a_small_screen_the_history_list_covers_the_chat_and_esc_leads_back() -> None:
    async with scripted_chat(size=(60, 20)) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("ctrl+l")
        await chat.until(lambda: chat.screen.history.region.height == 18)
        assert "Hello there." not in chat.shown()
        await chat.pilot.press("escape")
        await chat.shows("Hello there.")
        assert chat.chat.prompt.has_focus
        await chat.pilot.press("ctrl+l")
        await chat.until(lambda: chat.screen.history.display)
        await chat.pilot.press("shift+tab", "shift+tab", "x")
        await chat.until(lambda: not chat.screen.history.display and chat.chat.prompt.text == "x")


async def test_esc_closes_the_list_that_covers_the_chat_before_it_cancels_the_answer() -> None:
    async with scripted_chat(["one"], ["Half ", Pause(60)], size=(60, 20)) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.ask("on")
        await chat.shows("Half")
        await chat.pilot.press("ctrl+l")
        await chat.until(lambda: chat.screen.history.has_focus_within)
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.chat.prompt.has_focus and not chat.screen.history.display)
        assert chat.chat.conversation.is_busy
        await chat.pilot.press("escape")
        await chat.shows("stopped")


async def test_on_a_small_screen_model_strategy_and_figures_stand_in_one_row() -> None:
    async with scripted_chat(["one ", Pause(0.3), "two"], size=(60, 20)) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.until(lambda: "TTFT" in chat.shown().split("\n")[0])
        first, *_, last = chat.shown().split("\n")
        assert first.split()[:4] == ["go", "shelf/fast", "·", "balanced"]
        assert last.split()[:8] == ["Enter", "send", "·", "Tab", "messages", "·", "Ctrl+P", "commands"]
        assert chat.screen.picker.region.height == 1


async def test_at_80_by_24_every_figure_is_in_sight_beside_the_insights() -> None:
    async with scripted_chat(["What a wonderful day."], size=(80, 24)) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.ask("/insights")
        # The list of words is read first.
        await chat.until(lambda: "positive" in chat.shown(), 30)
        for label in ("TTFT", "Tokens in", "Tokens out", "Context", "Cost"):
            assert chat.figure(label), label
        await chat.shows("chars", "4 words")


async def test_letters_typed_after_a_jump_from_the_search_are_words() -> None:
    async with scripted_chat(["Coffee."], ["Tea."]) as chat:
        for question in ("first", "second"):
            await chat.ask(question)
            await chat.answered()
        await chat.pilot.press("ctrl+r", *"coffee")
        await chat.until(lambda: isinstance(chat.app.screen, HistoryScreen) and "1 message" in chat.shown())
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.chat.transcript.viewport.cursor == 1)
        await chat.pilot.press(*"read", "space")
        assert chat.chat.prompt.text == "read "
        assert not chat.chat.conversation.is_busy
        await chat.pilot.press("tab", "e")
        await chat.until(lambda: chat.chat.prompt.text == "first")


async def test_a_letter_typed_right_behind_tab_is_for_the_transcript() -> None:
    async with scripted_chat() as chat:
        await chat.ask("go")
        await chat.answered()
        for key in ("tab", "e"):
            chat.app.post_message(events.Key(key, None if key == "tab" else key))
        await chat.until(lambda: chat.chat.prompt.text == "go")
        await chat.shows("Editing")


async def test_letters_typed_where_nobody_sees_what_they_do_are_words() -> None:
    async with scripted_chat() as chat:
        await chat.ask("go")
        await chat.answered()
        chat.chat.transcript.focus()
        await chat.pilot.resize_terminal(30, 8)
        await chat.shows("chat-tui needs 40×12")
        await chat.pilot.press("r", "b", "enter")
        await chat.pilot.resize_terminal(100, 30)
        await chat.until(lambda: chat.chat.transcript.has_focus)
        assert chat.chat.prompt.text == "rb"
        assert len(chat.provider.requests) == 1


async def test_the_last_row_names_only_what_can_be_done() -> None:
    async with scripted_chat(["plain"], ["again ", Pause(60)], ["```py\nx\n```"]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("tab")
        await chat.shows("e edit · r regenerate · y copy")
        for word in ("previous", "compare", "code", "continue"):
            assert word not in chat.shown(chat.screen.keys)
        await chat.pilot.press("r", "enter")
        await chat.shows("again ", "Esc stop")
        await chat.pilot.press("escape")
        await chat.answered()
        chat.chat.transcript.focus()
        await chat.shows("c continue", "Left previous", "d compare")
        chat.chat.prompt.focus()
        await chat.ask("code")
        await chat.answered()
        await chat.pilot.press("tab")
        await chat.shows("Y copy code")


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_no_notice_hides_the_prompt_or_what_is_offered_above_it(size: tuple[int, int]) -> None:
    async with scripted_chat(["Half ", Pause(60)], size=size) as chat:
        await chat.ask("go")
        await chat.shows("Half")
        chat.app.tell(ChatTuiError("The server is overloaded.", "Try again in 20 seconds, or choose another model."))
        chat.app.say("Copied", "by the desktop's clipboard")
        chat.app.say("The answer is paused")
        chat.chat.prompt.insert("other words")
        await chat.pilot.press("enter")
        await chat.shows(
            "The server is overloaded.",
            "The answer is paused",
            "Up takes it back · Tab steers",
            "Esc stop",
        )


async def test_the_last_row_names_what_keys_do_in_an_open_list() -> None:
    async with scripted_chat(["Half ", Pause(60)]) as chat:
        await chat.pilot.press("slash", "e")
        await chat.shows("/export", "Tab complete · Esc close")
        await chat.pilot.press("escape")
        await chat.shows("Enter send")
        chat.chat.prompt.clear_draft()
        await chat.pilot.press("ctrl+o")
        await chat.shows("Enter choose · F5 favourite · Esc close")
        await chat.pilot.press("escape")
        await chat.pilot.press("ctrl+l")
        await chat.shows("Esc back")
        assert "F8 delete" not in chat.shown()
        await chat.pilot.press("escape")
        await chat.ask("go")
        await chat.shows("Half", "Esc stop")
        await chat.ask("other words")
        await chat.shows("Queued: other words", "Esc stop · F6 pause")


async def test_notices_stand_where_others_stood_that_were_taken_away_and_the_same_one_stands_once() -> None:
    async with scripted_chat(size=(60, 20)) as chat:
        chat.app.say("One", "of two rows")
        await chat.shows("of two rows")
        chat.app.clear_notifications()
        await chat.until(lambda: "of two rows" not in chat.shown())
        for _ in range(2):
            chat.app.say("Another", "that is said twice")
            await chat.shows("that is said twice")
        await chat.until(lambda: chat.shown().split("\n")[1:3] == ["▌ Another", "▌ that is said twice"])
        assert chat.shown().count("said twice") == 1


async def test_a_command_that_is_written_says_what_may_follow_it() -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press("ctrl+p", *"import", "enter")
        await chat.until(lambda: str(chat.chat.prompt.border_subtitle).startswith("FILE · import conv"))


async def test_an_answer_that_was_refused_says_what_can_be_done() -> None:
    async with scripted_chat([End(state="refused", finish_reason="content_filter")]) as chat:
        await chat.ask("go")
        await chat.shows(
            "refused", "refused to answer", "Tab\xa0e\xa0edit\xa0the\xa0question", "choose\xa0another\xa0model"
        )


async def test_the_price_is_told_whole_beside_the_preset_in_use() -> None:
    async with scripted_chat(size=(80, 24)) as chat:
        await chat.ask("/preset story adventure 150")
        await chat.shows("Story · adventure")
        chat.chat.prompt.insert("Which?")
        await chat.until(lambda: re.search(r"Story · .* tokens · ≈\$0\.\d+ ─╯", chat.shown()))


async def test_the_last_row_names_the_doors_whole_and_a_click_opens_them() -> None:
    async with scripted_chat(size=(120, 36)) as chat:
        row = chat.shown().split("\n")[-1]
        assert row.strip().startswith("Enter send · Ctrl+P commands · Ctrl+O models · Ctrl+R history · ")
        assert row.rstrip().endswith(" · F1 help")
        await chat.pilot.click(chat.screen.keys, offset=(row.index("models"), 0))
        await chat.until(lambda: chat.screen.picker.is_open)
        await chat.pilot.press("escape")
        await chat.pilot.click(chat.screen.keys, offset=(row.index("F1"), 0))
        await chat.until(lambda: isinstance(chat.app.screen, HelpScreen))
        await chat.pilot.press("escape")
        await chat.ask("go")
        await chat.answered()
        await chat.shows("Enter send · Tab messages · Ctrl+P commands · Ctrl+O models · Ctrl+R history")
        row = chat.shown().split("\n")[-1]
        await chat.pilot.click(chat.screen.keys, offset=(row.index("messages"), 0))
        await chat.until(lambda: chat.chat.transcript.has_focus)


async def test_a_click_on_the_strategy_lists_the_strategies_and_one_on_the_model_the_models() -> None:
    async with scripted_chat(size=(120, 36)) as chat:
        before = chat.screen.models.strategy
        await chat.until(lambda: "shelf/deep" in chat.shown(chat.screen.picker))
        row = chat.shown(chat.screen.picker)
        await chat.pilot.click(chat.screen.picker, offset=(row.index(before) + 1, 0))
        await chat.shows("how Auto chooses a model", "the cheapest that probably answers well", "in use")
        await chat.pilot.press(*"speed", "enter")
        await chat.until(lambda: chat.screen.models.strategy == "speed-priority")
        assert not chat.screen.picker.is_open
        await chat.pilot.click(chat.screen.picker, offset=(2, 0))
        await chat.until(lambda: chat.screen.picker.is_open)


@pytest.mark.parametrize(
    ("typed", "columns", "told"),
    [
        ("/thinking ", 80, "[off|low|medium|high|default] · set this conversation's reasoning effort"),
        ("/thinking ", 60, "[off|low|medium|high|default] · Reasoning effort"),
        ("/set ", 80, "[name value] · Request settings"),
        ("/version ", 120, "[number] · Previous version"),
    ],
)
async def test_what_a_command_takes_is_told_in_words_that_fit(typed: str, columns: int, told: str) -> None:
    async with scripted_chat(size=(columns, 24)) as chat:
        await chat.pilot.press(*typed)
        await chat.shows(f"─ {told} ─")
