"""Nothing jumps: what stands on the screen stays where it is while an answer starts, grows and ends."""

from __future__ import annotations

import pytest

from chat_tui.providers.scripted_provider import Pause
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.transcript_app import answer, begin, pane, question, settled, shown

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
        await chat.shows("the first", "Short.")
        before = rows(chat)
        assert before[0] is not None
        await chat.ask("the second")
        seen = set()
        while "line 5" not in chat.shown(chat.chat.transcript):
            await chat.pilot.pause(0.01)
            seen.add(rows(chat))
        await chat.pilot.press("escape")
        await chat.shows("stopped")
        await chat.answered()
        assert seen | {rows(chat)} == {before}


async def test_what_is_read_stays_when_a_long_answer_ends() -> None:
    async with pane(height=12) as (transcript, pilot):
        begin(transcript)
        for lines in range(11, 16):
            transcript.live.append("".join(f"line {n}\n\n" for n in range(lines)))
            await settled(pilot)
            before = shown(transcript)
            text = transcript.viewport.copy_text()
            transcript.live.finish(answer(text))
            await settled(pilot)
            assert shown(transcript) == before
            transcript.add(question(id=f"q{lines}"))
            transcript.add(answer(id=f"a{lines}", state="streaming"))


async def test_rows_left_empty_at_an_end_go_when_somebody_scrolls() -> None:
    async with pane(height=12) as (transcript, pilot):
        begin(transcript)
        transcript.live.append("".join(f"line {n}\n\n" for n in range(20)))
        await settled(pilot)
        transcript.live.finish(answer(transcript.viewport.copy_text()))
        assert shown(transcript)[-2:] == ["", ""]
        transcript.viewport.scroll(-4)
        transcript.viewport.scroll(9)
        await settled(pilot)
        assert shown(transcript)[-2:] == ["line 19", ""]


async def test_the_line_of_a_wait_goes_with_the_first_thought() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        transcript.live.set_status("connecting 0.4 s")
        await settled(pilot)
        transcript.live.append("pondering", "thinking")
        await settled(pilot)
        assert "pondering" in shown(transcript)
        assert "connecting 0.4 s" not in shown(transcript)
