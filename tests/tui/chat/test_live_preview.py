"""The preset that translates as one types: a preview above the prompt, sent by Enter and not asked for twice."""

from __future__ import annotations

from chat_tui.config.schema import Adaptive, Config
from chat_tui.providers.scripted_provider import Pause
from chat_tui.tui.chat.conversation.live_preview import PreviewBox
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat


async def translating(chat: ScriptedChat, typed: str) -> None:
    """The preset is on, and something is typed."""
    await chat.ask("/preset translate French")
    await chat.until(lambda: "Translate · French" in chat.shown(chat.chat.prompt))
    await chat.until(lambda: chat.chat.prompt.text == "")
    chat.chat.prompt.insert(typed)


def boxes(chat: ScriptedChat) -> list[PreviewBox]:
    """The preview that is to be seen."""
    return [box for box in chat.app.screen.query(PreviewBox) if box.display]


def previews(chat: ScriptedChat) -> int:
    """How many of them run."""
    return len(chat.engine._answers._previews)


async def test_a_pause_of_the_hand_shows_the_translation_and_enter_takes_it() -> None:
    async with scripted_chat(["Bon", "jour."], ["never"], size=(80, 24)) as chat:
        await translating(chat, "Good day.")
        await chat.shows("Bonjour.", "Enter sends it")
        assert not await chat.engine.conversations.summaries()
        assert chat.chat.prompt.text == "Good day."
        assert chat.chat.prompt.has_focus
        await chat.pilot.press("enter")
        await chat.answered()
        assert len(chat.provider.requests) == 1
        assert [turn.text for turn in chat.chat.conversation.turns] == ["Good day.", "Bonjour."]
        assert not boxes(chat)
        assert (await chat.engine.conversations.summaries())[0].cost


async def test_typing_on_ends_the_preview_and_begins_another() -> None:
    async with scripted_chat(["Bon", Pause(60), "jour."], ["Bonne nuit."]) as chat:
        await translating(chat, "Good")
        await chat.until(lambda: boxes(chat) and "Bon" in chat.shown(boxes(chat)[0]))
        assert previews(chat) == 1
        chat.chat.prompt.insert(" night.")
        await chat.until(lambda: previews(chat) == 0)
        await chat.shows("Bonne nuit.")
        assert len(chat.provider.requests) == 2


async def test_enter_before_it_is_whole_asks_once_and_esc_takes_it_away() -> None:
    async with scripted_chat(["Bon", Pause(60)], ["Bon", Pause(60)], ["Bonjour."]) as chat:
        await translating(chat, "Good day.")
        await chat.shows("Bon")
        await chat.pilot.press("escape")
        await chat.until(lambda: not boxes(chat) and previews(chat) == 0)
        assert chat.chat.prompt.text == "Good day."
        chat.chat.prompt.insert("!")
        await chat.until(lambda: len(chat.provider.requests) == 2 and "Bon" in chat.shown())
        await chat.pilot.press("enter")
        await chat.until(lambda: previews(chat) == 0 and len(chat.provider.requests) == 3)
        await chat.answered()
        assert [turn.text for turn in chat.chat.conversation.turns] == ["Good day.!", "Bonjour."]


async def test_a_paid_model_that_was_not_in_sight_is_not_asked() -> None:
    async with scripted_chat(["Bonjour."]) as chat:
        await translating(chat, "")
        await chat.ask("/model shelf/fast")
        await chat.until(lambda: chat.screen.models.model == "shelf/fast")
        chat.chat.prompt.insert("Good day.")
        await chat.shows("This model costs money")
        assert not chat.provider.requests
        chat.chat.prompt.clear_draft()
        await chat.until(lambda: not boxes(chat))
        await translating(chat, "Good day.")
        await chat.shows("Bonjour.")


async def test_other_presets_begin_no_preview() -> None:
    async with scripted_chat(["no"]) as chat:
        await translating(chat, "")
        await chat.ask("/preset story")
        await chat.until(lambda: "Story" in chat.shown(chat.chat.prompt))
        chat.chat.prompt.insert("Once")
        await chat.until(lambda: chat.backend.warmed)
        await chat.pilot.pause(1.1)
        assert not boxes(chat)
        assert not chat.provider.requests


async def test_what_the_answer_needs_is_loaded_while_somebody_writes() -> None:
    async with scripted_chat() as chat:
        chat.chat.prompt.insert("Hel")
        await chat.until(lambda: chat.backend.warmed)


async def test_adaptive_answers_are_begun_by_enter_only() -> None:
    async with scripted_chat(["Bonjour."], config=Config(adaptive=Adaptive(enabled=True))) as chat:
        await translating(chat, "Good day.")
        await chat.until(lambda: "tokens" in str(chat.chat.prompt.border_subtitle))
        assert not boxes(chat)
        chat.screen.models.toggle_adaptive()
        chat.chat.prompt.insert(" And you?")
        await chat.shows("Bonjour.", "Enter sends it")
        assert len(chat.provider.requests) == 1
        assert "And you?" in chat.provider.requests[0].turns[-1].text
