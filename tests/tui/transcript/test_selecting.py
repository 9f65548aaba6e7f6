"""Selecting by keyboard."""

from __future__ import annotations

import pytest

from tests.doubles.scripted_chat import scripted_chat
from tests.support.transcript_app import answer, pane, question, settled, shown

WORDS = "> quoted words that are broken over lines\n\nplain 漢字 end"


async def test_what_lies_between_is_copied_as_it_reads() -> None:
    async with pane(width=30) as (transcript, pilot):
        transcript.show([question("a question"), answer(WORDS)])
        await settled(pilot)
        transcript.focus()
        transcript.viewport.cursor = 1
        transcript.begin_selecting()
        await pilot.press("v", "down", "down", "down", "end", "y")
        await settled(pilot)
        assert pilot.app.copies == ["quoted words that are broken over lines\n\nplain 漢字 end"]  # type: ignore[attr-defined]
        assert transcript.keyboard.caret is None
        assert transcript.text_selection is None


async def test_the_caret_goes_by_characters_and_over_the_ends_of_lines() -> None:
    async with pane(width=30) as (transcript, pilot):
        transcript.show([question("ab"), answer("漢e\u0301x")])
        await settled(pilot)
        transcript.focus()
        transcript.viewport.cursor = 1
        transcript.begin_selecting()
        seen = []
        for _ in range(4):
            seen.append(transcript.keyboard.caret.column if transcript.keyboard.caret else None)
            await pilot.press("right")
        assert seen == [0, 1, 3, 4]
        await pilot.press("left")
        assert transcript.keyboard.caret is not None
        assert transcript.keyboard.caret.column == 4
        await pilot.press("left", "v", "left", "space", "v", "left", "enter")
        assert pilot.app.copies == ["漢e\u0301"]  # type: ignore[attr-defined]


async def test_the_pane_follows_the_caret_and_escape_leaves() -> None:
    async with pane(height=10) as (transcript, pilot):
        transcript.show([answer("\n\n".join(f"line {n}" for n in range(50)))])
        await settled(pilot)
        transcript.focus()
        transcript.begin_selecting()
        await pilot.press("v", *["pageup"] * 20)
        await settled(pilot)
        assert "line 0" in shown(transcript)
        assert (transcript.screen.get_selected_text() or "").count("line") > 40
        await pilot.press("escape")
        assert transcript.keyboard.caret is None
        assert not transcript.screen.get_selected_text()


async def test_letters_do_nothing_else_while_there_is_a_caret() -> None:
    async with scripted_chat(["The answer."]) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("tab", "v")
        await chat.shows("v start", "y copy", "Esc done")
        await chat.pilot.press("e", "r", "b", "c", "f")
        assert len(chat.chat.transcript.turns) == 2
        assert not chat.chat.conversation.is_busy
        await chat.pilot.press("y")
        await chat.until(lambda: chat.app.clipboard == "The answer.")
        await chat.shows("e edit")


TABLE = """Before

| name | words |
|---|---|
| one | so many words that they stand on several lines of the cell |
| 漢字 | few |

After
"""


@pytest.mark.parametrize("width", [24, 60])
async def test_a_selected_table_is_copied_as_cells_without_borders(width: int) -> None:
    async with pane(width=width, height=30) as (transcript, pilot):
        transcript.show([question("ab"), answer(TABLE)])
        await settled(pilot)
        transcript.focus()
        transcript.viewport.cursor = 1
        transcript.begin_selecting()
        await pilot.press("v", "pagedown", "end", "y")
        [copied] = pilot.app.copies  # type: ignore[attr-defined]
    rows = ["name\twords", "one\tso many words that they stand on several lines of the cell", "漢字\tfew"]
    assert copied.rstrip("\n") == "\n".join(["Before", "", *rows, "", "After"])


async def test_words_within_a_tables_line_are_copied_as_they_were_marked() -> None:
    async with pane(width=60, height=30) as (transcript, pilot):
        transcript.show([question("ab"), answer(TABLE)])
        await settled(pilot)
        transcript.focus()
        transcript.viewport.cursor = 1
        transcript.begin_selecting()
        await pilot.press("down", "down", "v", *["right"] * 9, "y")
        assert pilot.app.copies == ["name\twor"]  # type: ignore[attr-defined]


async def test_two_clicks_select_a_word_and_three_the_turn_and_nothing_around_it() -> None:
    async with scripted_chat(["Read docs/a-file.md, 漢字 too."]) as chat:
        await chat.ask("go")
        await chat.answered()
        transcript, screen = chat.chat.transcript, chat.app.screen
        y = next(y for y, row in enumerate(transcript.viewport.rows) if row is not None and "Read" in row.line.text)
        for times, column, selected in (
            (2, 10, "docs/a-file.md"),
            (2, 25, "漢字"),
            (3, 4, "Read docs/a-file.md, 漢字 too."),
        ):
            await chat.pilot.click(transcript, offset=(column, y), times=times)
            assert (screen.get_selected_text() or "").strip() == selected
