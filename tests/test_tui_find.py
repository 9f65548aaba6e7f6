"""Find in the open conversation."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.conversation import Turn
from chat_tui.providers.scripted import Pause
from chat_tui.tui.transcript.found import Hit, Texts, spans_in
from chat_tui.tui.transcript.ink import plain_ink
from chat_tui.tui.transcript.wrapping import wrap
from tests.scripted_chat import ScriptedChat, scripted_chat

STORY = [f"paragraph {number} {'with a Café' if number % 10 == 5 else ''}\n\n" for number in range(60)]


def hits(turns: Sequence[Turn], wanted: str) -> list[Hit]:
    return Texts().hits(turns, wanted, lambda: True)


def test_hits_are_counted_by_block_also_across_markup() -> None:
    turns = [Turn("user", "a word", id="1"), Turn("assistant", "no\n\nthe **bold** word, word", id="2")]
    assert hits(turns, "WORD") == [Hit(0, 0, 0), Hit(1, 1, 0), Hit(1, 1, 1)]
    assert hits(turns, "bold word") == [Hit(1, 1, 0)]
    assert hits(turns, "") == hits(turns, "nothing") == []


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


async def typed(chat: ScriptedChat, text: str) -> None:
    await chat.pilot.press(*text)


async def test_words_are_found_as_they_are_typed_and_walked_round() -> None:
    async with scripted_chat(STORY, size=(100, 24)) as chat:
        await chat.ask("tell me about cafés")
        await chat.answered()
        chat.chat.prompt.insert("a draft")
        before = chat.chat.transcript.region
        await chat.pilot.press("ctrl+f")
        await chat.shows("Find", "Enter next  Up before  Esc close")
        assert chat.chat.transcript.region == before
        await typed(chat, "cafe")
        await chat.shows("7 of 7", "paragraph 55 with a Café")
        await chat.pilot.press("down")
        await chat.shows("1 of 7", "tell me about cafés")
        await chat.pilot.press("enter")
        await chat.shows("2 of 7", "paragraph 5 with a Café")
        await chat.pilot.press("up", "up")
        await chat.shows("7 of 7")
        await typed(chat, "xyz")
        await chat.shows("not found")
        place = chat.chat.transcript.reading_position
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.chat.prompt.has_focus)
        assert chat.chat.prompt.text == "a draft"
        assert chat.chat.transcript.reading_position == place


async def test_what_is_found_is_marked_and_the_marks_go() -> None:
    async with scripted_chat(["alpha beta alpha"]) as chat:
        await chat.ask("go")
        await chat.answered()
        ink = chat.app.ink()

        def grounds() -> set[object]:
            strips = chat.chat.transcript._strips
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
    async with scripted_chat(["alpha ", Pause(0.5), "alpha"]) as chat:
        await chat.ask("go")
        await chat.shows("alpha")
        await chat.pilot.press("ctrl+f", *"alpha")
        await chat.shows("1 of 1")
        await chat.shows("1 of 2")


async def test_input_methods_open_where_the_next_letter_goes() -> None:
    async with scripted_chat(STORY, size=(100, 24)) as chat:
        await chat.ask("go")
        await chat.answered()
        await chat.pilot.press("ctrl+f")
        await typed(chat, "日本w")
        x, y, _, _ = chat.chat.find_bar.content_region
        assert chat.app.cursor_position == (x + 5, y)
        await chat.pilot.press("left")
        assert chat.app.cursor_position == (x + 4, y)
