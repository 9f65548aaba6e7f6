"""Nothing jumps: what stands on the screen stays where it is while an answer starts, grows and ends."""

from __future__ import annotations

import pytest

from chat_tui.providers.scripted import Pause
from tests.scripted_chat import ScriptedChat, scripted_chat

GROWING = [piece for n in range(6) for piece in (f"line {n} of it\n\n", Pause(0.05))] + [Pause(60)]


def rows(chat: ScriptedChat) -> tuple[object, ...]:
    """Where the first question and its answer stand, and where each panel is."""
    lines = chat.shown(chat.chat.transcript).split("\n")
    panels = (chat.chat.prompt, chat.chat.transcript, chat.screen.stats, chat.screen.history, chat.screen.keys)
    found = [next((y for y, line in enumerate(lines) if text in line), None) for text in ("the first", "Short.")]
    return (*found, *(panel.region for panel in panels))


@pytest.mark.parametrize("size", [(120, 40), (90, 30), (60, 36)])
async def test_what_stands_above_stays_while_an_answer_starts_grows_and_ends(size: tuple[int, int]) -> None:
    async with scripted_chat(["Short."], GROWING, size=size) as chat:
        await chat.ask("the first")
        await chat.answered()
        before = rows(chat)
        assert before[0] is not None
        await chat.ask("the second")
        seen = set()
        while "line 5" not in chat.shown(chat.chat.transcript):
            await chat.pilot.pause(0.01)
            seen.add(rows(chat))
        await chat.pilot.press("escape")
        await chat.shows("cancelled")
        await chat.answered()
        assert seen | {rows(chat)} == {before}
