"""The chat pane, by Textual's Pilot."""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from textual.pilot import Pilot

from chat_tui.core.chunks import ErrorInfo
from chat_tui.core.conversation import Turn
from chat_tui.core.text.sanitizer import sanitize
from tests.support.transcript_app import answer, begin, pane, question, settled, shown


async def test_a_stream_looks_at_its_end_as_if_it_had_come_at_once() -> None:
    text = "# Head\n\nSome *text* here.\n\n- a\n- b\n\n```\ncode\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nEnd."
    async with pane(height=40) as (transcript, pilot):
        begin(transcript)
        for character in text:
            transcript.live.append(character)
            await asyncio.sleep(0.001)
        transcript.live.finish(answer(text))
        await settled(pilot)
        streamed = shown(transcript)
        transcript.show([question(), answer(text)])
        await settled(pilot)
        assert shown(transcript) == streamed
        assert "Some text here." in streamed


async def test_the_first_token_is_painted_at_once_and_the_rest_within_a_frame() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        await settled(pilot)
        await asyncio.sleep(0.1)
        transcript.live.append("first")
        await pilot.pause(0.03)
        assert "first" in shown(transcript)
        transcript.live.append(" second")
        await pilot.pause(0.12)
        assert "first second" in shown(transcript)


async def test_an_idle_pane_has_no_timer() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        transcript.live.append("text")
        transcript.live.append("more")
        assert transcript.is_busy
        await settled(pilot)
        assert not transcript.is_busy


async def test_the_view_follows_only_at_the_end() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        transcript.live.append("\n\n".join(f"line {number}" for number in range(50)))
        await settled(pilot)
        assert transcript.viewport.follows
        assert any("line 49" in row for row in shown(transcript))
        transcript.focus()
        await pilot.press("pageup")
        await settled(pilot)
        held = shown(transcript)
        assert (transcript.viewport.follows, transcript.viewport.lines_below > 0) == (False, True)
        transcript.live.append("\n\n" + "\n\n".join(f"line {number}" for number in range(50, 90)))
        await settled(pilot)
        assert shown(transcript) == held
        await pilot.press("end")
        await settled(pilot)
        assert transcript.viewport.follows
        assert transcript.viewport.lines_below == 0
        assert any("line 89" in row for row in shown(transcript))
        assert below(pilot)[-1] == 0


def below(pilot: Pilot[None]) -> list[int]:
    """What the pane told of the lines below it."""
    told: list[int] = pilot.app.below  # type: ignore[attr-defined]
    return told


async def test_the_lines_below_are_told_anew_with_every_page() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        transcript.live.append("\n\n".join(f"line {number}" for number in range(80)))
        await settled(pilot)
        transcript.focus()
        for _ in range(3):
            await pilot.press("pageup")
            await settled(pilot)
            assert below(pilot)[-1] == transcript.viewport.lines_below
        assert below(pilot) == sorted(set(below(pilot)))


async def test_scrolling_back_into_turns_never_seen_skips_no_line() -> None:
    # Estimates are far off here: short lines, each a paragraph of its own.
    turns = [answer("\n\n".join(f"{turn}.{line}" for line in range(20)), id=str(turn)) for turn in range(10)]
    async with pane() as (transcript, pilot):
        transcript.show(turns)
        await settled(pilot)
        transcript.focus()
        seen: set[str] = set()
        for _ in range(24):
            seen.update(re.findall(r"\d+\.\d+", "\n".join(shown(transcript))))
            await pilot.press("pageup")
        await settled(pilot)
        assert len(seen) == 200
        assert "0.0" in "\n".join(shown(transcript))


async def test_the_wheel_moves_by_true_lines() -> None:
    turns = [answer("\n\n".join(f"{turn}.{line}" for line in range(30)), id=str(turn)) for turn in range(20)]
    async with pane() as (transcript, pilot):
        transcript.show(turns)
        await settled(pilot)
        before = shown(transcript)
        for _ in range(3):
            transcript.scroll_relative(y=-2, animate=False)
            await pilot.pause(0.02)
        assert shown(transcript)[6:] == before[:-6]


async def test_resizing_keeps_the_line_at_the_top() -> None:
    text = "\n\n".join(f"paragraph {number} " + "word " * 30 for number in range(60))
    async with pane() as (transcript, pilot):
        transcript.show([question(), answer(text)])
        await settled(pilot)
        transcript.focus()
        await pilot.press("pageup", "pageup", "pageup")
        await settled(pilot)
        first = next(row for row in shown(transcript) if "paragraph" in row)
        name = re.findall(r"paragraph \d+", first)[0]
        for width in (100, 33, 60):
            await pilot.resize_terminal(width, 20)
            await settled(pilot)
            assert any(name in row for row in shown(transcript)[:12])


async def test_a_reading_position_survives_reopening() -> None:
    turns = [answer("\n\n".join(f"{turn}.{line}" for line in range(30)), id=str(turn)) for turn in range(20)]
    async with pane() as (transcript, pilot):
        transcript.show(turns)
        await settled(pilot)
        transcript.focus()
        await pilot.press("pageup", "pageup")
        await settled(pilot)
        held, position = shown(transcript), transcript.viewport.reading_position
        transcript.show([question()])
        await settled(pilot)
        transcript.show(turns)
        transcript.viewport.restore(position)
        await settled(pilot)
        assert shown(transcript) == held


async def test_ten_thousand_turns_open_like_ten() -> None:
    turns = [answer(f"answer {number} " + "word " * 100, id=str(number)) for number in range(10_000)]
    async with pane() as (transcript, pilot):
        transcript.show(turns[:10])
        await settled(pilot)
        begun = time.process_time()
        transcript.show(turns)
        assert time.process_time() - begun < 0.5
        await settled(pilot)
        assert any("answer 9999" in row for row in shown(transcript))
        built = [view for view in transcript.model.views.made.values() if view.built]
        assert len(built) < 20


async def test_only_the_open_block_is_rendered_again() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        transcript.live.append("first paragraph\n\nsecond\n\nthird")
        await settled(pilot)
        before = {id(part): part.lines for part in transcript.model.views[-1].parts() if part.kind == "body"}
        transcript.live.append(" goes on")
        await settled(pilot)
        parts = [part for part in transcript.model.views[-1].parts() if part.kind == "body"]
        assert [id(part) in before and part.lines is before[id(part)] for part in parts] == [True, True, False]


async def test_each_ending_has_its_badge_and_an_error_its_hint() -> None:
    async with pane(height=40) as (transcript, pilot):
        error = ErrorInfo("TooSlow", "No answer\x1b]0;x\x07 came.", "Try again.")
        transcript.show(
            [
                answer("part", id="1", state="cancelled"),
                answer("part", id="2", state="broken"),
                answer("", id="3", state="failed", error=error),
                answer("part", id="4", state="length", left_out=3),
                answer("part", id="5", state="refused"),
            ]
        )
        await settled(pilot)
        page = "\n".join(shown(transcript))
        for word in (
            "stopped",
            "connection lost",
            "failed",
            "token limit",
            "refused",
            "No answer came.",
            "Try again.",
        ):
            assert word in page
        assert "3 earlier exchanges were not sent" in page


async def test_the_status_line_stands_until_text_comes() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        transcript.live.set_status("connecting 0.4 s")
        await settled(pilot)
        assert "connecting 0.4 s" in shown(transcript)
        transcript.live.append("Hello")
        await settled(pilot)
        assert "connecting 0.4 s" not in shown(transcript)
        assert "Hello" in shown(transcript)


async def test_thinking_is_folded_once_the_answer_begins() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        transcript.live.append("deep thoughts", "thinking")
        await settled(pilot)
        assert "deep thoughts" in shown(transcript)
        transcript.live.append("The answer.")
        await settled(pilot)
        assert "deep thoughts" not in shown(transcript)
        assert any("thinking · 13 characters · Tab t shows it" in row for row in shown(transcript))
        transcript.focus()
        await pilot.press("t")
        await settled(pilot)
        assert "deep thoughts" in shown(transcript)
        assert "The answer." in shown(transcript)
        transcript.live.finish(answer("The answer.", thinking="deep thoughts"))
        await settled(pilot)
        assert shown(transcript).count("The answer.") == 1


async def test_an_answer_saved_otherwise_than_it_came_is_shown_as_saved() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        transcript.live.append("what came")
        transcript.live.finish(answer("what was kept"))
        await settled(pilot)
        assert "what was kept" in shown(transcript)
        assert "what came" not in shown(transcript)


HOSTILE = [
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]0;title\x1b\\",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "\x9d0;t\x9c",
    "\x1bP+q\x1b\\",
    "\x1bc",
    "\x00\x08\x0c\r\x07\x7f",
]
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 1_000])
async def test_control_sequences_never_reach_a_strip(cut: int) -> None:
    text = "".join(f"safe{number} {hostile}\n\n```\n{hostile}\n```\n\n" for number, hostile in enumerate(HOSTILE))
    async with pane(height=90) as (transcript, pilot):
        nasty = "".join(HOSTILE)
        transcript.add(question(f"ask{nasty}"))
        transcript.add(Turn("assistant", "", id="a", model=f"m{nasty}", state="streaming"))
        transcript.live.set_status(f"status{nasty}")
        for at in range(0, len(nasty), cut):
            transcript.live.append(nasty[at : at + cut], "thinking")
        await pilot.pause(0.08)
        rows = [strip.text for strip in transcript._painter._strips]
        for at in range(0, len(text), cut):
            transcript.live.append(text[at : at + cut])
        await pilot.pause(0.08)
        rows += [strip.text for strip in transcript._painter._strips]
        error = ErrorInfo("X", f"title{nasty}", f"hint{nasty}")
        ended = Turn("assistant", text, id="a", model=f"m{nasty}", state="broken", error=error, thinking=nasty)
        transcript.live.finish(ended)
        await settled(pilot)
        rows += [strip.text for strip in transcript._painter._strips]
        transcript.show([sanitize(ended)])
        await settled(pilot)
        rows += [strip.text for strip in transcript._painter._strips]
        assert not [row for row in rows if CONTROLS.search(row)]
        assert "safe7" in "\n".join(rows)
        assert not CONTROLS.search(transcript.viewport.copy_text().replace("\n", ""))


async def test_markup_in_a_question_means_nothing() -> None:
    async with pane() as (transcript, pilot):
        transcript.show([question("[bold]x[/] *y* # z")])
        await settled(pilot)
        assert "[bold]x[/] *y* # z" in shown(transcript)
