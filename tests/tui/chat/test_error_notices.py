"""Errors that are shown as notices: each once, until Esc takes it away."""

from __future__ import annotations

import pytest

from chat_tui.core.errors import CommandError
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

ERROR = CommandError("That went wrong.", "Do this instead.")


async def told(chat: ScriptedChat) -> None:
    """Show the error, as often as twice."""
    for _ in range(2):
        chat.app.tell(ERROR)
        await chat.until(lambda: "That went wrong." in chat.notices())


async def test_the_same_error_twice_in_a_row_stands_once() -> None:
    async with scripted_chat() as chat:
        await told(chat)
        await chat.pilot.pause()
        assert chat.notices().count("That went wrong.") == 1
        await chat.shows("That went wrong.")
        assert chat.shown().count("That went wrong.") == 1


async def test_esc_takes_an_error_away_and_does_nothing_else() -> None:
    async with scripted_chat(["one"]) as chat:
        await chat.ask("first")
        await chat.answered()
        await chat.pilot.press("up")
        await told(chat)
        await chat.pilot.press("escape")
        await chat.until(lambda: not chat.notices())
        assert chat.chat.transcript.has_focus
        await chat.pilot.press("e")
        await chat.until(lambda: chat.chat.prompt.text == "first")
        await told(chat)
        await chat.pilot.press("escape")
        await chat.until(lambda: not chat.notices())
        assert chat.chat.session.edited is not None
        assert chat.chat.prompt.text == "first"
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.chat.session.edited is None)


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (110, 30), (120, 36)])
async def test_a_notice_leaves_the_model_and_strategy_in_sight(size: tuple[int, int]) -> None:
    async with scripted_chat(size=size) as chat:
        chat.app.say("Pinned", "A conversation")
        await chat.shows("A conversation", "balanced")
        await chat.pilot.press("ctrl+t")
        await chat.shows("A conversation", "speed-priority")
