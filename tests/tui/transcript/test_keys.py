"""The chat pane's keys, mouse, inks and sizes, by Textual's Pilot."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.selection import Selection

from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.transcript import Transcript
from tests.support.transcript_app import answer, begin, pane, question, settled, shown


async def test_keys_choose_a_turn_and_copy_it() -> None:
    async with pane() as (transcript, pilot):
        transcript.show(
            [
                question("one"),
                answer("```\nfirst\n```\n\nand\n\n```\nsecond\n```", id="1"),
                question("two", id="q2"),
                answer("last", id="2"),
            ]
        )
        await settled(pilot)
        transcript.focus()
        await pilot.press("y")
        await pilot.press("up", "up", "up", "2", "up", "y", "9")
        await settled(pilot)
        assert transcript.viewport.cursor == 0
        assert pilot.app.copies == ["last", "second", "one"]  # type: ignore[attr-defined]


async def test_a_click_chooses_the_turn() -> None:
    async with pane() as (transcript, pilot):
        transcript.show([question("one"), answer("two")])
        await settled(pilot)
        await pilot.click(Transcript, offset=(5, 1))
        assert transcript.viewport.cursor == 0


async def test_what_the_mouse_selects_is_copied_without_bars_and_breaks() -> None:
    async with pane(width=30) as (transcript, pilot):
        transcript.show([question("a question"), answer("> quoted words that are broken over lines\n\nplain")])
        await settled(pilot)
        await pilot.mouse_down(Transcript, offset=(2, 0))
        await pilot.hover(Transcript, offset=(20, 8))
        await pilot.mouse_up(Transcript, offset=(20, 8))
        await settled(pilot)
        copied = transcript.screen.get_selected_text() or ""
        assert "a question" in copied
        assert "quoted words that are broken over lines\n\nplain" in copied
        assert "▌" not in copied
        assert "▎" not in copied
        backgrounds = {seg.style.bgcolor for strip in transcript._painter._strips for seg in strip if seg.style}
        assert plain_ink().selection.bgcolor in backgrounds


async def test_a_selection_stays_on_its_text_while_more_streams_in() -> None:
    async with pane() as (transcript, pilot):
        begin(transcript)
        transcript.live.append("alpha beta\n\ngamma\n\n")
        await settled(pilot)
        row = next(row for row in transcript.viewport.rows if row is not None and row.line.text.startswith("alpha"))
        start = Offset(6, row.position.code)
        transcript.screen.selections = {transcript: Selection(start, Offset(10, start.y))}
        transcript.live.append("\n\n".join("more" for _ in range(60)))
        await settled(pilot)
        assert transcript.screen.get_selected_text() == "beta"


async def test_a_new_ink_is_used_at_once() -> None:
    import msgspec
    from rich.style import Style

    async with pane() as (transcript, pilot):
        transcript.show([answer("text")])
        await settled(pilot)
        transcript.set_palette(msgspec.structs.replace(plain_ink(), ground=Style(color="#101010", bgcolor="#fafafa")))
        await settled(pilot)
        strip = transcript._painter._strips[0]
        assert {segment.style.bgcolor.name for segment in strip if segment.style} == {"#fafafa"}  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [(40, 10), (12, 4), (3, 2), (1, 1)])
async def test_a_tiny_terminal_does_not_break_it(size: tuple[int, int]) -> None:
    async with pane(*size) as (transcript, pilot):
        begin(transcript)
        transcript.live.append(
            "# 漢字\n\n- word 漢字漢字 word\n\n| a | b |\n|---|---|\n| 漢字 | c |\n\n```py\nx\n```\n"
        )
        await settled(pilot)
        assert all(strip.cell_length == size[0] for strip in transcript._painter._strips)


async def test_text_given_before_mounting_is_shown() -> None:
    class Early(App[None]):
        def compose(self) -> ComposeResult:
            transcript = Transcript()
            transcript.show([question("early"), answer("*bird*")])
            yield transcript

    async with Early().run_test(size=(60, 20)) as pilot:
        await settled(pilot)
        page = shown(pilot.app.query_one(Transcript))
        assert "early" in page
        assert "bird" in page


async def test_wide_tables_scroll_sideways_and_nothing_else_moves() -> None:
    heads = "".join(f" column {n} |" for n in range(8))
    table = f"| name |{heads}\n|---|{'---|' * 8}\n| first |{' some value |' * 8}\n"
    async with pane(width=50) as (transcript, pilot):
        transcript.show([question("one"), answer(f"before\n\n{table}\nafter")])
        await settled(pilot)
        before = shown(transcript)
        assert not transcript.viewport.scroll_tables(-1)
        steps = 0
        while transcript.viewport.scroll_tables(1):
            steps += 1
            await settled(pilot)
            changed = [new for old, new in zip(before, shown(transcript), strict=True) if old != new]
            assert all("│" in row or "─" in row or "‹" in row for row in changed)
        assert steps == 5
        for _ in range(steps):
            assert transcript.viewport.scroll_tables(-1)
        await settled(pilot)
        assert shown(transcript) == before
