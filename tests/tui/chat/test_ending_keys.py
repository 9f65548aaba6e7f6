"""The keys that are named below the last answer when it has failed or was cut."""

from __future__ import annotations

import pytest

from chat_tui.config.schema import Config
from chat_tui.core.chunks import End, Token
from chat_tui.core.errors import Rejected
from chat_tui.providers.scripted_provider import Fault, Script
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

REJECTED = Fault(Rejected("The server refused it.", "Change the settings."))
CUT: Script = [Token("Half of"), End(finish_reason="length", state="length")]
REFUSED: Script = [Token("No."), End(finish_reason="content_filter", state="refused")]


async def says(chat: ScriptedChat, line: str) -> None:
    """Wait until the messages show this line of keys."""
    await chat.until(lambda: line in chat.shown(chat.chat.transcript).replace("\xa0", " "))


async def continued(chat: ScriptedChat) -> None:
    """Press what the line names, from an empty prompt."""
    asked = len(chat.provider.requests)
    await chat.pilot.press("tab", "c")
    await chat.shows("Continue the last answer?")
    await chat.pilot.press("enter")
    await chat.until(lambda: len(chat.provider.requests) > asked)


@pytest.mark.parametrize("keys", [{}, {"answer.continue": "z", "models.open": "f18"}], ids=["default", "rebound"])
async def test_a_failed_answer_names_keys_that_work_from_an_empty_prompt(keys: dict[str, str]) -> None:
    config = Config(keys=keys, fallback=False, model="shelf/fast")
    async with scripted_chat([REJECTED], ["fine"], config=config) as chat:
        await chat.ask("hi")
        await chat.answered()
        again, models = keys.get("answer.continue", "c"), "F18" if keys else "Ctrl+O"
        await says(chat, f"Tab {again} ask again · {models} choose another model")
        await chat.pilot.press("f18" if keys else "ctrl+o")
        await chat.until(lambda: chat.screen.picker.is_open)
        await chat.pilot.press("escape", "tab", again)
        await chat.shows("Continue the last answer?")
        await chat.pilot.press("enter")
        await chat.shows("fine")


async def test_a_cut_answer_names_the_key_that_continues_it_as_long_as_it_is_the_last() -> None:
    async with scripted_chat(CUT, [" it."], ["Bye"]) as chat:
        await chat.ask("hi")
        await chat.answered()
        await says(chat, "Tab c continue · Tab r regenerate")
        await continued(chat)
        await chat.until(lambda: "regenerate" not in chat.shown(chat.chat.transcript))


async def test_the_keys_go_with_the_next_question() -> None:
    async with scripted_chat(CUT, ["Bye"]) as chat:
        await chat.ask("hi")
        await chat.answered()
        await says(chat, "Tab c continue")
        await chat.ask("on")
        await chat.answered()
        await chat.shows("Bye", "Half of")
        assert "regenerate" not in chat.shown(chat.chat.transcript)


async def test_a_refused_answer_names_the_key_that_edits_the_question() -> None:
    async with scripted_chat(REFUSED) as chat:
        await chat.ask("hi")
        await chat.answered()
        await says(chat, "Tab e edit the question")
        await chat.pilot.press("tab", "e")
        await chat.until(lambda: chat.chat.prompt.text == "hi")


async def test_in_the_messages_the_keys_are_named_without_the_one_that_leads_there() -> None:
    async with scripted_chat(CUT) as chat:
        await chat.ask("hi")
        await chat.answered()
        await says(chat, "Tab c continue · Tab r regenerate")
        await chat.pilot.press("tab")
        await says(chat, " c continue · r regenerate")
        assert "Tab" not in chat.shown(chat.chat.transcript)
        await chat.pilot.press("escape")
        await says(chat, "Tab c continue · Tab r regenerate")
