"""Find in the open conversation."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.text.sanitizer import sanitize
from chat_tui.history.queries import writes
from chat_tui.history.store import Store
from chat_tui.markdown.block import Block
from chat_tui.tui.theme.ink import plain_ink
from chat_tui.tui.transcript.find import FindHit, spans_in
from chat_tui.tui.transcript.find_scan import FindMatch, FindScan
from chat_tui.tui.transcript.model.parts import TurnPart
from chat_tui.tui.transcript.render.wrapping import wrap
from chat_tui.tui.transcript.turn_matches import TurnMatches
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.scripted_router import Gate

STORY = [f"paragraph {number} {'with a Café' if number % 10 == 5 else ''}\n\n" for number in range(60)]


TOP = FindHit(0, 0, 0)


async def hits(turns: Sequence[Turn], wanted: str, top: FindHit = TOP) -> list[FindHit]:
    """All matches from the first on, as they are walked through."""
    scan = FindScan(turns, wanted, top)
    while not scan.complete:
        await scan.advance()
    found: list[FindHit] = []
    match = scan.first()
    for _ in range(scan.total):
        assert match is not None
        found.append(await scan.locate(match))
        match = scan.step_from(match, 1)
    return found


async def test_hits_are_counted_by_block_also_across_markup() -> None:
    turns = [Turn("user", "a word", id="1"), Turn("assistant", "no\n\nthe **bold** word, word", id="2")]
    assert await hits(turns, "WORD") == [FindHit(0, 0, 0), FindHit(1, 1, 0), FindHit(1, 1, 1)]
    assert await hits(turns, "bold word") == [FindHit(1, 1, 0)]
    assert await hits(turns, "") == await hits(turns, "nothing") == []


def test_words_are_marked_where_a_line_was_broken_within_them() -> None:
    style = plain_ink().text
    lines = wrap([("one two three two three", style, True)], 8)
    assert [line.text for line in lines] == ["one two", "three", "two", "three"]
    assert [tuple(span) for span in spans_in(lines, "two three")] == [
        (0, 4, 7, 0),
        (1, 0, 5, 0),
        (2, 0, 3, 1),
        (3, 0, 5, 1),
    ]


async def test_words_are_found_as_they_are_typed_and_walked_round() -> None:
    async with scripted_chat(STORY, size=(100, 24)) as chat:
        await chat.ask("tell me about cafés")
        await chat.answered()
        chat.chat.prompt.insert("a draft")
        before = chat.chat.transcript.region
        await chat.pilot.press("ctrl+f")
        await chat.shows("Find", "Enter next · Up previous · Esc close")
        assert chat.chat.transcript.region == before
        await chat.pilot.press(*"cafe")
        await chat.shows("7 of 7", "paragraph 55 with a Café")
        await chat.pilot.press("down")
        await chat.shows("1 of 7", "tell me about cafés")
        await chat.pilot.press("enter")
        await chat.shows("2 of 7", "paragraph 5 with a Café")
        await chat.pilot.press("up", "up")
        await chat.shows("7 of 7")
        await chat.pilot.press(*"xyz")
        await chat.shows("not found")
        place = chat.chat.transcript.viewport.reading_position
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.chat.prompt.has_focus)
        assert chat.chat.prompt.text == "a draft"
        assert chat.chat.transcript.viewport.reading_position == place


async def test_what_is_found_is_marked_and_the_marks_go() -> None:
    async with scripted_chat(["alpha beta alpha"]) as chat:
        await chat.ask("go")
        await chat.answered()
        ink = chat.app.ink()

        def grounds() -> set[object]:
            strips = chat.chat.transcript._painter._strips
            return {segment.style.bgcolor for strip in strips for segment in strip if segment.style}

        await chat.ask("/find ALPHA")
        await chat.shows("1 of 2")
        await chat.until(lambda: {ink.warning.color, ink.selection.bgcolor} <= grounds())
        await chat.pilot.press("escape")
        await chat.until(lambda: ink.warning.color not in grounds())


async def test_another_conversation_or_another_place_ends_it() -> None:
    async with scripted_chat(["alpha"]) as chat:
        await chat.pilot.press("ctrl+f")
        await chat.until(lambda: "nothing to find" in chat.notices())
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("ctrl+f")
        await chat.until(lambda: chat.chat.find_bar.has_focus)
        chat.chat.transcript.focus()
        await chat.until(lambda: not chat.chat.find_bar.display and chat.chat.prompt.display)
        await chat.pilot.press("ctrl+f")
        await chat.until(lambda: chat.chat.find_bar.has_focus)
        await chat.pilot.press("ctrl+n")
        await chat.until(lambda: chat.chat.prompt.has_focus)
        assert not chat.chat.find_bar.display


async def test_what_streams_in_is_counted_when_the_answer_has_ended() -> None:
    gate = Gate()
    async with scripted_chat(["alpha ", gate, "alpha"]) as chat:
        await chat.ask("go")
        await chat.shows("alpha")
        await chat.pilot.press("ctrl+f", *"alpha")
        await chat.shows("1 of 1")
        gate.open()
        await chat.shows("1 of 2")


async def test_input_methods_open_where_the_next_letter_goes() -> None:
    async with scripted_chat(STORY, size=(100, 24)) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("ctrl+f")
        await chat.pilot.press(*"日本w")
        x, y, _, _ = chat.chat.find_bar.content_region
        assert chat.app.cursor_position == (x + 5, y)
        await chat.pilot.press("left")
        assert chat.app.cursor_position == (x + 4, y)


TEXTS = [f"this turn {n}" + " needle" * (n % 10 == 0) for n in range(100)]
MANY = [Turn("assistant" if n % 2 else "user", text, id=str(n)) for n, text in enumerate(TEXTS)]


async def scanned(scan: FindScan) -> FindScan:
    while not scan.complete:
        await scan.advance()
    return scan


async def test_matches_are_looked_for_from_the_view_on_and_then_from_the_top() -> None:
    scan = FindScan(MANY, "needle", FindHit(50, 0, 0), slice_seconds=0)
    await scan.advance()
    assert scan.first() == FindMatch(50, 0)
    assert not scan.complete
    assert scan.step_from(FindMatch(50, 0), 1) is None
    assert scan.step_from(FindMatch(50, 0), -1) is None
    while scan.total < 6:
        await scan.advance()
    # The five from the view on and the first of all are known; what stands between it and the view is not.
    assert scan.step_from(FindMatch(50, 0), 1) == FindMatch(60, 0)
    assert scan.step_from(FindMatch(90, 0), 1) == FindMatch(0, 0)
    assert scan.step_from(FindMatch(0, 0), -1) == FindMatch(90, 0)
    assert scan.step_from(FindMatch(0, 0), 1) is None
    assert scan.step_from(FindMatch(50, 0), -1) is None
    await scanned(scan)
    assert scan.step_from(FindMatch(50, 0), -1) == FindMatch(40, 0)
    assert [scan.number(FindMatch(turn, 0)) for turn in (0, 40, 50, 90)] == [0, 4, 5, 9]
    assert await hits(MANY, "needle", FindHit(50, 0, 0)) == [FindHit(n % 100, 0, 0) for n in range(50, 150, 10)]


async def test_without_a_match_below_the_first_of_all_comes() -> None:
    scan = FindScan(MANY, "needle", FindHit(95, 0, 0), slice_seconds=0)
    while scan.first() is None:
        await scan.advance()
    assert scan.first() == FindMatch(0, 0)
    # The one before it stands above the view, where nobody has looked yet.
    assert scan.step_from(FindMatch(0, 0), -1) is None
    assert (await scanned(scan)).step_from(FindMatch(0, 0), -1) == FindMatch(90, 0)


async def test_a_match_above_the_view_in_the_same_turn_is_the_last() -> None:
    turns = [Turn("assistant", "word one\n\nword two\n\nword three", id="a"), Turn("user", "word", id="b")]
    assert await hits(turns, "word", FindHit(0, 1, 0)) == [
        FindHit(0, 1, 0),
        FindHit(0, 2, 0),
        FindHit(1, 0, 0),
        FindHit(0, 0, 0),
    ]
    assert await hits(turns[:1], "one", FindHit(0, 2, 0)) == [FindHit(0, 0, 0)]


async def test_what_is_counted_is_what_stands_in_the_blocks() -> None:
    texts = {
        "```python\npython is\n```\n\nthe python": 2,
        "> ```\n> of\n> the\n> ```\n\nof the **of** the": 2,
        "of\n\nthe": 0,
        "py**th**on Python": 2,
        "a\x1b[31mpy\x1b[0mthon": 1,
        "PYTHÖN pythön": 2,
    }
    for text, count in texts.items():
        wanted = "of the" if "of" in text else "python"
        found = await hits([sanitize(Turn("assistant", text, id="a"))], wanted)
        assert len(found) == count, text
        assert len(set(found)) == count, text


async def test_a_long_text_is_counted_block_by_block() -> None:
    text = "the word stands here\n\n" * 4000
    scan = await scanned(FindScan([Turn("assistant", text, id="a")], "word", TOP))
    assert scan.total == 4000
    assert await scan.locate(FindMatch(0, 3999)) == FindHit(0, 3999, 0)
    matches = TurnMatches("word", lambda: True)
    assert list(matches.counts(Turn("assistant", text, id="a"))) == []


async def test_the_first_match_of_a_long_answer_is_known_before_the_rest_of_it_is_looked_at() -> None:
    """Its parts are in view already: splitting it again is what would take long."""
    blocks = [Block("markdown", f"the word stands here {number}") for number in range(40_000)]
    parts = [part for block in blocks for part in (TurnPart("space", 1), TurnPart("body", 1, block))]
    turns = [Turn("assistant", "x" * 1_000_000, id="a"), *MANY]
    scan = FindScan(turns, "word", FindHit(0, 30_000, 0), parts, slice_seconds=0)
    await scan.advance()
    first = scan.first()
    assert (first, scan.total, scan.complete) == (FindMatch(0, 0), 1, False)
    assert first is not None
    assert await scan.locate(first) == FindHit(0, 30_000, 0)
    for _ in range(5):
        await scan.advance()
    assert scan.step_from(first, 1) == FindMatch(0, 1)
    # What stands above the view comes last of all.
    assert scan.step_from(first, -1) is None
    rest = FindScan(turns, "word", FindHit(0, 30_000, 0), parts)
    await scanned(rest)
    assert (rest.total, rest.number(first)) == (40_000, 30_000)
    before = rest.step_from(first, -1)
    assert before == FindMatch(0, 29_999, above=True)
    assert before is not None
    assert await rest.locate(before) == FindHit(0, 29_999, 0)


async def test_a_long_answer_out_of_view_is_looked_through_in_slices() -> None:
    turns = [Turn("user", "no", id="q"), Turn("assistant", "the word stands here\n\n" * 4000, id="a")]
    scan = FindScan(turns, "word", TOP, slice_seconds=0)
    while scan.first() is None:
        await scan.advance()
    assert not scan.complete
    assert scan.total < 10
    assert (await scanned(FindScan(turns, "word", TOP))).total == 4000


async def test_a_find_that_is_left_off_stops_its_thread() -> None:
    turns = [Turn("assistant", "**some** words " * 500, id="a")] * 20_000
    task = asyncio.create_task(FindScan(turns, "some words", TOP, slice_seconds=600).advance())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        await asyncio.get_running_loop().shutdown_default_executor()


@asynccontextmanager
async def long_chat(tmp_path: Path, turns: int = 6_000) -> AsyncIterator[ScriptedChat]:
    """A conversation in which every tenth turn has the needle, as it is opened from the history."""
    file = tmp_path / "history.db"
    store = await Store.open(file)
    path = [msgspec.structs.replace(MANY[n % 100], id=f"t{n}", parent=f"t{n - 1}" if n else None) for n in range(turns)]
    await store.write(writes.add_conversation, Conversation("long", path=tuple(path)))
    await store.close()
    async with scripted_chat(["yes"], file=file) as chat:
        await chat.chat.open("long")
        await chat.until(lambda: len(chat.chat.conversation.turns) == turns)
        yield chat


async def test_a_long_conversation_shows_a_match_while_it_is_still_searched(tmp_path: Path) -> None:
    async with long_chat(tmp_path) as chat:
        bar = chat.chat.find_bar
        # The end is in view before anything is searched.
        await chat.until(lambda: chat.chat.transcript.viewport.filled_rows()[-1:] != [])
        await chat.until(lambda: chat.chat.transcript.viewport.filled_rows()[-1].position.turn > 5_900)
        await chat.pilot.press("ctrl+f")
        # It stands in each turn, and takes a while because each one has to be split.
        bar.value = "this turn"
        await chat.until(lambda: re.fullmatch(r"[\d,]+ of [\d,]+\+ · searching…", str(bar.border_subtitle)) is not None)
        await chat.until(lambda: str(bar.border_subtitle).endswith(" of 6,000"))
        first = int(str(bar.border_subtitle).split(" of ")[0].replace(",", ""))
        # The one that it went to stands in view, which is the end.
        assert 5_900 < first < 6_000
        await chat.pilot.press("enter")
        await chat.until(lambda: bar.border_subtitle == f"{first + 1:,} of 6,000")


async def test_what_was_found_for_the_words_before_is_gone_with_the_next_key(tmp_path: Path) -> None:
    async with long_chat(tmp_path) as chat:
        bar = chat.chat.find_bar
        await chat.pilot.press("ctrl+f", *"needle")
        await chat.until(lambda: " of " in str(bar.border_subtitle))
        bar.value = "needlex"
        await chat.until(lambda: chat.chat.transcript.finder.highlights.wanted == ("needlex",))
        assert " of " not in str(bar.border_subtitle)
        await chat.until(lambda: bar.border_subtitle == "not found")
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.chat.prompt.has_focus)
        assert not [worker for worker in bar.workers if worker.node is bar and worker.is_running]


async def test_the_program_ends_at_once_while_a_find_runs(tmp_path: Path) -> None:
    async with long_chat(tmp_path) as chat:
        await chat.pilot.press("ctrl+f", *"turn")
        await chat.pilot.press("ctrl+q")
        begun = time.monotonic()
        async with asyncio.timeout(10):
            await asyncio.get_running_loop().shutdown_default_executor()
        assert time.monotonic() - begun < 2
