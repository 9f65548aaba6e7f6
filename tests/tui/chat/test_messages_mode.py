"""Letters are words for the prompt, unless somebody has stepped into the messages."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from textual import events

from chat_tui.core.chunks import End, Token
from chat_tui.providers.scripted_provider import Pause
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

CODE = "```py\nx = 1\n```\n\n```py\ny = 2\n```"
SENTENCES = ("what is a functor?", "rust version please", "bcrdsuYAvieftTgG123[]<>+-?/ 9", "curry", "summarise it")
WORDS = "a are branch code compare delete edit go is it r rust s save u undo version what y yes 1 2 [x] <b> +"


async def with_answers(chat: ScriptedChat) -> None:
    for text in ("first", "second"):
        await chat.ask(text)
        await chat.answered()


def focused(chat: ScriptedChat) -> str:
    return type(chat.screen.focused).__name__


def marked(chat: ScriptedChat) -> int | None:
    return chat.chat.transcript.viewport.cursor


def seen(chat: ScriptedChat, folder: Path) -> object:
    """All that typing must leave as it is."""
    transcript = chat.chat.transcript
    return (
        [(turn.id, turn.text, turn.verdict) for turn in transcript.turns],
        len(chat.provider.requests),
        sorted(folder.iterdir()),
        chat.app.screen is chat.screen,
        chat.chat.session.conversation_id,
        chat.app.clipboard,
        transcript.keyboard.caret,
    )


async def test_after_a_click_or_a_drag_every_sentence_is_for_the_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chance = random.Random(14)
    # Each word is the first once; all ways to click and drag come up, which are 24.
    words = WORDS.split()
    sentences = [*SENTENCES, *(" ".join((word, *chance.choices(words, k=chance.randint(0, 2)))) for word in words)]
    assert len(sentences) >= 24
    async with scripted_chat([CODE], ["plain words"]) as chat:
        await with_answers(chat)
        prompt, transcript = chat.chat.prompt, chat.chat.transcript
        before, stored = seen(chat, tmp_path), await chat.engine.conversations.summaries(10)
        for number, sentence in enumerate(sentences):
            if number % 3 == 0:
                transcript.focus()
            row = number % 8
            await chat.pilot.mouse_down(transcript, offset=(5, row))
            if number % 2:
                await chat.pilot.hover(transcript, offset=(20, row + 2))
                await chat.pilot.mouse_up(transcript, offset=(20, row + 2))
            else:
                await chat.pilot.mouse_up(transcript, offset=(5, row))
            await chat.pilot.press_at_once(*sentence)
            await chat.until(lambda sentence=sentence: prompt.text == sentence)  # type: ignore[misc]
            assert focused(chat) == "Prompt"
            assert seen(chat, tmp_path) == before
            prompt.clear_draft()
        assert await chat.engine.conversations.summaries(10) == stored


async def test_what_was_dragged_over_is_copied_by_ctrl_c() -> None:
    async with scripted_chat(["plain words"]) as chat:
        await chat.ask("first")
        await chat.answered()
        await chat.until(lambda: "plain words" in chat.shown(chat.chat.transcript))
        y = next(y for y, row in enumerate(chat.shown(chat.chat.transcript).split("\n")) if "plain words" in row)
        await chat.pilot.mouse_down(chat.chat.transcript, offset=(2, y))
        await chat.pilot.hover(chat.chat.transcript, offset=(6, y))
        await chat.pilot.mouse_up(chat.chat.transcript, offset=(6, y))
        await chat.pilot.press("ctrl+c")
        await chat.until(lambda: chat.app.clipboard.startswith("plai"))


async def test_tab_or_up_in_an_empty_prompt_steps_in_and_the_last_row_names_the_mode() -> None:
    async with scripted_chat(["one"], ["two"]) as chat:
        await with_answers(chat)
        for way_in, way_out in (("tab", "tab"), ("up", "escape")):
            await chat.pilot.press(way_in)
            assert focused(chat) == "Transcript"
            assert marked(chat) == 3
            await chat.shows("Messages · Esc back", "e edit · r regenerate")
            await chat.pilot.press(way_out)
            assert focused(chat) == "Prompt"
            assert marked(chat) is None
            assert "Messages ·" not in chat.shown(chat.screen.keys)
        chat.chat.prompt.insert("x")
        await chat.pilot.press("up")
        assert focused(chat) == "Prompt"


async def test_a_letter_that_is_no_command_goes_to_the_prompt_with_the_focus() -> None:
    async with scripted_chat(["one"]) as chat:
        await chat.ask("first")
        await chat.answered()
        for words in ("name it", "3 apples", "hello rust", " so"):
            await chat.pilot.press("tab")
            await chat.pilot.press_at_once(*words)
            await chat.until(lambda words=words: chat.chat.prompt.text == words)  # type: ignore[misc]
            assert focused(chat) == "Prompt"
            chat.chat.prompt.clear_draft()
        await chat.pilot.press("tab")
        chat.app.post_message(events.Paste("pasted"))
        await chat.until(lambda: chat.chat.prompt.text == "pasted")
        assert focused(chat) == "Prompt"


async def test_a_paid_request_waits_for_enter_and_words_are_no_consent() -> None:
    async with scripted_chat(["one"], ["other"]) as chat:
        await chat.ask("first")
        await chat.answered()
        await chat.pilot.press("tab", "r")
        await chat.shows("Regenerate with balanced?", "Enter yes · Esc no")
        await chat.pilot.press("escape")
        assert focused(chat) == "Transcript"
        assert "Regenerate with" not in chat.shown()
        await chat.pilot.press_at_once(*"rust version please")
        await chat.until(lambda: chat.chat.prompt.text == "rust version please")
        assert len(chat.provider.requests) == 1
        chat.chat.prompt.clear_draft()
        await chat.pilot.press("tab", "r", "down", "enter")
        assert len(chat.provider.requests) == 1
        await chat.pilot.press("r", "enter")
        await chat.shows("other", "‹2/2›")


async def test_an_answer_that_was_cut_goes_on_after_a_question() -> None:
    async with scripted_chat(["Half", End(finish_reason="length", state="length")], [" and more."]) as chat:
        await chat.ask("first")
        await chat.answered()
        await chat.pilot.press("tab", "c")
        await chat.shows("Continue the last answer?")
        assert len(chat.provider.requests) == 1
        await chat.pilot.press("enter")
        await chat.shows("and more.")


async def test_esc_cancels_an_answer_from_within_the_messages_too() -> None:
    async with scripted_chat(["Half ", Pause(60)]) as chat:
        await chat.ask("first")
        await chat.shows("Half")
        await chat.pilot.press("tab")
        await chat.shows("Messages · Esc stop", "Tab prompt")
        await chat.pilot.press("escape")
        await chat.answered()
        assert chat.chat.transcript.turns[-1].state == "cancelled"
        await chat.pilot.press("escape")
        assert focused(chat) == "Prompt"


async def test_end_in_an_empty_prompt_and_a_click_on_the_line_jump_to_the_latest_message() -> None:
    async with scripted_chat(["\n\n".join(f"line {number}" for number in range(80))]) as chat:
        await chat.ask("go")
        await chat.answered()
        viewport = chat.chat.transcript.viewport
        for jump in ("end", "click"):
            await chat.pilot.press("pageup", "pageup")
            await chat.until(lambda: chat.chat.more_below.display and viewport.lines_below)
            if jump == "end":
                await chat.pilot.press("end")
            else:
                await chat.pilot.click(chat.chat.more_below)
            await chat.until(lambda: not viewport.lines_below)
            assert chat.chat.prompt.has_focus
        # With text in it the key moves in the text.
        await chat.pilot.press("pageup", "a", "b", "home", "end", "c")
        assert chat.chat.prompt.text == "abc"
        assert viewport.lines_below


async def test_the_line_of_folded_thinking_names_its_key_as_it_is_pressed_from_where_the_user_is() -> None:
    async with scripted_chat([Token("Hm.", "thinking"), "Yes."]) as chat:
        await chat.ask("hi")
        await chat.answered()
        await chat.shows("· Tab t shows it")
        await chat.pilot.press("tab")
        await chat.until(lambda: "· t shows it" in chat.shown())
        await chat.pilot.press("t")
        await chat.shows("· t hides it")
        await chat.pilot.press("escape")
        await chat.shows("· Tab t hides it")
