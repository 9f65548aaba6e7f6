"""The chat pane where a turn has several versions: what its header tells, and what stays in place."""

from __future__ import annotations

import msgspec

from chat_tui.tui.transcript.transcript import Transcript
from tests.support.transcript_app import WHEN, answer, pane, question, settled, shown

CLOCK = WHEN.astimezone().strftime("%H:%M")
LONG = "\n\n".join(f"line {number}" for number in range(60))


async def test_the_header_tells_which_version_and_a_verdict() -> None:
    async with pane() as (transcript, pilot):
        turns = [question("one"), answer("two", id="2")]
        transcript.show(turns)
        transcript.set_headers([turns[0], msgspec.structs.replace(turns[1], verdict=True)], {"2": ("1", "2", "3")})
        await settled(pilot)
        page = shown(transcript)
        assert next(line for line in page if "local/m" in line).split()[1:] == ["+", CLOCK, "‹2/3›"]
        assert "‹" not in page[0]


async def test_another_version_leaves_all_above_it_in_place() -> None:
    async with pane(height=14) as (transcript, pilot):
        turns = [question("\n".join(str(number) for number in range(8))), answer(LONG, id="1")]
        transcript.show(turns)
        await settled(pilot)
        transcript.focus()
        transcript.action_begin()
        await pilot.press("down", "down")
        before = shown(transcript)
        header = next(at for at, line in enumerate(before) if "local/m" in line)
        for text in ("short", LONG, ""):
            transcript.replace_from(1, [answer(text, id="2")], chosen=True)
            await settled(pilot)
            assert shown(transcript)[:header] == before[:header]
            assert "local/m" in shown(transcript)[header]
        assert transcript.viewport.cursor == 1


async def test_at_the_end_too_the_place_is_held() -> None:
    async with pane(height=14) as (transcript, pilot):
        transcript.show([question(LONG), answer(LONG, id="1"), question("two", id="q2"), answer("three", id="3")])
        await settled(pilot)
        header = next(at for at, line in enumerate(shown(transcript)) if "You" in line)
        transcript.replace_from(2, [question("2", id="q3"), answer("x", id="4"), question("y", id="q5")], chosen=True)
        await settled(pilot)
        assert "You" in shown(transcript)[header]
        transcript.replace_from(2)
        await settled(pilot)
        assert not any(shown(transcript)[header:])
        transcript.viewport.scroll(-3)
        await settled(pilot)
        assert all(line is not None for line in transcript.viewport.rows)


async def test_an_answer_that_streams_in_place_is_followed_once_it_reaches_the_bottom() -> None:
    async with pane(height=14) as (transcript, pilot):
        transcript.show([question(LONG), answer("first\n\nsecond\n\nthird", id="1")])
        await settled(pilot)
        transcript.replace_from(1)
        transcript.add(answer(id="2", state="streaming"))
        await settled(pilot)
        header = next(at for at, line in enumerate(shown(transcript)) if "local/m" in line)
        transcript.live.append("word\n\n")
        await settled(pilot)
        assert "local/m" in shown(transcript)[header]
        transcript.live.append(LONG)
        await settled(pilot)
        assert transcript.viewport.follows
        assert "line 59" in shown(transcript)


async def test_a_click_on_its_marks_asks_for_another_version() -> None:
    async with pane() as (transcript, pilot):
        transcript.show([question("one"), answer("two", id="2")])
        transcript.set_headers(transcript.turns, {"2": ("1", "2", "3")})
        await settled(pilot)
        page = shown(transcript)
        y = next(at for at, line in enumerate(page) if "‹2/3›" in line)
        x = page[y].index("‹") + 2
        await pilot.click(Transcript, offset=(x, y))
        await pilot.click(Transcript, offset=(x + 4, y))
        await pilot.click(Transcript, offset=(x - 3, y))
        await pilot.pause()
        assert pilot.app.asked == [("2", -1), ("2", 1)]  # type: ignore[attr-defined]
