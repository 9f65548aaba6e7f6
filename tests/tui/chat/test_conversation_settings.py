"""/set, /thinking and /max-tokens: what a conversation asks models with, shown at the prompt and kept."""

from __future__ import annotations

from pathlib import Path

from chat_tui.core.request import Request
from chat_tui.core.settings.preset import Preset
from tests.doubles.scripted_chat import scripted_chat


async def test_settings_are_used_shown_and_back_when_the_conversation_is_opened_again(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(["one"], ["two"], file=file) as chat:
        prompt = chat.chat.prompt
        await chat.ask("/set temperature 0.2")
        await chat.until(lambda: "temp 0.2" in chat.shown(prompt))
        assert "Temperature for the next conversation: 0.2" in chat.notices()
        await chat.ask("Hi")
        await chat.answered()
        first = chat.chat.session.conversation_id
        assert chat.provider.requests[-1].temperature == 0.2
        await chat.ask("/max-tokens 500")
        await chat.ask("/thinking high")
        await chat.until(lambda: "temp 0.2 · max 500 · thinking high" in chat.shown(prompt))
        chat.screen.context.answers.regenerate(None)
        await chat.until(lambda: len(chat.provider.requests) == 2)
        await chat.answered()
        asked = chat.provider.requests[-1]
        assert (asked.temperature, asked.max_tokens, asked.thinking) == (0.2, 500, "high")
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: "temp 0.2" not in chat.shown(prompt))
    async with scripted_chat(["three"], file=file) as chat:
        assert first is not None
        await chat.screen.context.conversations.open(first)
        await chat.until(lambda: "temp 0.2 · max 500 · thinking high" in chat.shown(chat.chat.prompt))
        await chat.ask("/set temperature default")
        await chat.until(lambda: "temp" not in chat.shown(chat.chat.prompt))
        await chat.ask("/set default")
        await chat.until(lambda: "max 500" not in chat.shown(chat.chat.prompt))
        await chat.ask("Then?")
        await chat.answered()
        asked = chat.provider.requests[-1]
        assert (asked.temperature, asked.max_tokens, asked.thinking) == (None, None, None)


async def test_what_is_wrong_is_told_with_the_range_and_stays_in_the_prompt() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/set temperature 3")
        await chat.until(lambda: "temperature must be a number from 0 to 2, not 3." in chat.notices())
        assert chat.chat.prompt.text == "/set temperature 3"
        chat.chat.prompt.clear_draft()
        await chat.ask("/set theme dusk")
        await chat.until(lambda: "theme cannot be set for a conversation." in chat.notices())


async def test_web_search_is_switched_for_one_conversation_and_says_where_no_model_can() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/set web on")
        await chat.until(lambda: "web search on" in chat.shown(chat.chat.prompt))
        assert "None of your models can search the web" in chat.notices()
        assert chat.chat.session.new_conversation.settings.apply(Request()).web_search is True
        await chat.ask("/set web_search maybe")
        await chat.until(lambda: "web_search must be on or off, not maybe." in chat.notices())
        chat.chat.prompt.clear_draft()
        await chat.ask("/set web_search off")
        await chat.until(lambda: "web search off" in chat.shown(chat.chat.prompt))
        own = chat.chat.session.new_conversation.settings
        # What the conversation says comes before its preset.
        assert Preset(web_search=True).settings(own.apply(Request())).web_search is False


async def test_without_a_value_it_tells_what_is_set_and_where() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/set seed=7")
        await chat.until(lambda: "seed 7" in chat.shown(chat.chat.prompt))
        await chat.ask("/set")
        await chat.until(lambda: "seed: 7 (this conversation)" in chat.notices())
        assert "temperature: the model's default" in chat.notices()
