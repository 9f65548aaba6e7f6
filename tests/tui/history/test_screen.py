"""The history screen: what it lists, the search as one types, and where Enter leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest
from rich.cells import cell_len
from textual.widgets import Input

from chat_tui.core.conversation import SearchHit, SearchStep
from chat_tui.core.request import Request
from chat_tui.tui.history.rows import HIT_HEIGHT, hit_lines, passage, without_marks
from chat_tui.tui.history.screen import HITS, HistoryScreen
from chat_tui.tui.widgets.styled_lines import text_of
from tests.doubles.fake_engine import NOW
from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.support.panels_app import EVIL


async def asked(chat: ScriptedChat, *questions: str) -> None:
    """A conversation for each; the last one stays in view."""
    for question in questions:
        if chat.chat.session.conversation_id is not None:
            await chat.chat.new()
        await chat.ask(question)
        await chat.answered()


@pytest.mark.parametrize("width", [12, 30, 96])
@pytest.mark.parametrize(
    "text", ["short", "日本語" * 60, "long words " * 40, EVIL.replace("\x1b", "") * 3, "", "x" * 300]
)
def test_every_hit_fits_and_keeps_its_height(width: int, text: str) -> None:
    hit = SearchHit("c", "t", text, 1.0, EVIL, "assistant", NOW, f"local/{EVIL}", ((2, 5), (120, 130)))
    lines = hit_lines(hit, width, NOW)
    assert len(lines) <= HIT_HEIGHT
    for line in lines:
        assert sum(cell_len(span.text) for span in line) <= width
    assert "\x1b" not in text_of(lines[:1])


def test_a_passage_lights_what_was_found_and_loses_nothing() -> None:
    text = "one two three four five"
    lines = passage(text, ((4, 7), (14, 18)), 12, 3)
    assert text_of(lines).split("\n") == ["one two", "three four", "five"]
    assert [span.text for line in lines for span in line if span.role == "mark"] == ["two", "four"]


def test_an_answers_passage_is_shown_without_markup() -> None:
    text = "# Tea **first**, `x**2` and 2**3 __init__ * one * two ~~no~~"
    place = text.index("one")
    shown, [mark] = without_marks(text, [(place, place + 3)])
    assert shown == "Tea first, x**2 and 2**3 __init__ • one • two no"
    assert shown[slice(*mark)] == "one"
    assert without_marks("*All* of 2*3, **so** *on* * x*y")[0] == "All of 2*3, so on • x*y"
    assert without_marks("so:\n\n```python\nprint(6)\n```")[0] == "so:\n\nprint(6)\n"
    code = "so: ```python print(6) ``` and `x` ```"
    assert without_marks("so:\n\n```python\nprint(6)\n```\n")[0] == "so:\n\nprint(6)\n"
    assert without_marks(code, [(code.index("6"), code.index("6") + 1)]) == ("so: print(6) and x ", [(10, 11)])
    by = {
        role: text_of(hit_lines(SearchHit("c", "t", "**a** b", 1.0, "T", role), 40, NOW))
        for role in ("user", "assistant", "summary")
    }
    assert ("**a** b" in by["user"], "a b" in by["assistant"]) == (True, True)
    assert ("a b" in by["summary"], "Summary · " in by["summary"]) == (True, True)


def test_a_passage_too_long_begins_near_what_was_found() -> None:
    text = "word " * 60 + "needle " + "word " * 60
    [first, *_] = passage(text, ((300, 306),), 40, 2)
    assert "needle" in text_of(passage(text, ((300, 306),), 40, 2))
    assert any(span.role == "mark" for span in first)


async def test_words_find_turns_as_they_are_typed_and_enter_leads_there() -> None:
    async with scripted_chat(["The answer is parse_http, of course."], ["No."]) as chat:
        await asked(chat, "how to read")
        found = chat.chat.conversation.turns[1].id
        await asked(chat, "something else")
        await chat.chat.new()
        await chat.pilot.press("ctrl+r")
        await chat.shows("Today", "how to read", "something else")
        await chat.pilot.press(*"parse_h")
        await chat.shows("1 message ", "parse_http, of course")
        await chat.pilot.press(*" role:assistant after:yesterday")
        await chat.shows("1 message ")
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.app.screen is chat.screen)
        await chat.until(lambda: chat.chat.session.conversation_id is not None)
        await chat.until(lambda: chat.chat.transcript.viewport.cursor == 1)
        assert chat.chat.conversation.turns[1].id == found


async def test_a_turn_on_another_branch_is_found_and_comes_into_view() -> None:
    async with scripted_chat(["first version"], ["second version"]) as chat:
        await chat.ask("go")
        await chat.answered()
        engine, id = chat.engine, chat.chat.session.conversation_id or ""
        former = chat.chat.conversation.turns[1].id
        answer = await engine.regenerate(id, former, Request())
        await answer.saved.wait()
        await chat.chat.new()
        await chat.chat.open(id)
        assert chat.chat.conversation.turns[1].id != former
        await chat.ask("/search first version")
        await chat.shows("1 message ", "first version")
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.app.screen is chat.screen)
        await chat.until(lambda: [turn.id for turn in chat.chat.conversation.turns][1:] == [former])
        await chat.until(lambda: chat.chat.transcript.viewport.cursor == 1)


async def test_a_wrong_filter_is_told_and_what_was_found_stays() -> None:
    async with scripted_chat(size=(70, 24)) as chat:
        await asked(chat, "hello you")
        await chat.ask("/search hello")
        await chat.shows("2 messages in 1 conversation")
        # At once: on the way to it `before` is a word like any other.
        chat.app.screen.query_one(Input).value = "hello before:tomorow"
        # All of it, though it takes more than a line.
        await chat.shows("tomorow", "yesterday", "hello you")
        await chat.until(lambda: "2 messages" not in chat.shown())


async def test_the_words_of_a_search_are_marked_in_the_message_until_one_writes() -> None:
    filler = "\n\n".join(f"Paragraph number {number} says little." for number in range(200))
    async with scripted_chat([f"{filler}\n\nHere the **quick** fox meets a zebra.\n\n{filler}"]) as chat:
        await chat.ask("tell me")
        await chat.answered()
        await chat.ask("/clear")
        await chat.ask("/search zebra quick")
        await chat.shows("1 message")
        await chat.pilot.press("enter")
        await chat.until(lambda: "quick fox meets a zebra" in chat.shown(chat.chat.transcript))
        highlights = chat.chat.transcript.finder.highlights
        assert sorted(highlights.wanted) == ["quick", "zebra"]
        await chat.pilot.press("x")
        await chat.until(lambda: not highlights.wanted)
        assert "quick fox meets a zebra" in chat.shown(chat.chat.transcript)
        # One word is what Ctrl+F then looks for, and counts.
        await chat.pilot.press("backspace")
        await chat.ask("/search number")
        await chat.shows("1 message")
        await chat.pilot.press("enter")
        await chat.until(lambda: highlights.wanted == ("number",))
        await chat.pilot.press("ctrl+f")
        await chat.until(lambda: chat.chat.find_bar.value == "number")
        await chat.shows("1 of 400")


async def test_a_search_that_finds_nothing_says_so() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello you")
        await chat.ask("/search xyzzy")
        await chat.shows("0 messages", "No message or title contains all these words.")
        await chat.pilot.press("enter", "backspace", "backspace", "backspace", "backspace", "backspace")
        await chat.shows("1 conversation", "hello you")


async def test_a_title_is_found_too() -> None:
    async with scripted_chat(size=(160, 36)) as chat:
        await asked(chat, "hello")
        await chat.ask("/rename Zebra crossing")
        await chat.until(lambda: "Zebra crossing" in chat.shown(chat.screen.history))
        await chat.ask("/search zebra")
        await chat.shows("1 title · ", " ms", "Titles")
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.app.screen is chat.screen)


async def test_enter_pressed_before_the_search_has_ended_is_for_what_it_finds() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "first one", "second one")
        second = chat.chat.session.conversation_id
        await chat.pilot.press("ctrl+r")
        await chat.shows("Today")
        await chat.pilot.press(*"first", "enter")
        await chat.until(lambda: chat.app.screen is chat.screen)
        await chat.until(lambda: chat.chat.session.conversation_id not in (None, second))


async def test_a_slow_search_holds_no_key_and_gives_way_to_the_next() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello")
        memory, asked_for, gone = chat.engine.conversations, [], []

        class Slow:
            def __getattr__(self, name: str) -> object:
                return getattr(memory, name)

            async def search_steps(self, words: str, limit: int, *, counts: bool) -> AsyncIterator[SearchStep]:
                asked_for.append(words)
                try:
                    await asyncio.sleep(60 if words == "a" else 0)
                except asyncio.CancelledError:
                    gone.append(words)
                    raise
                yield SearchStep((SearchHit("c", "t", f"found {words}", 1.0),), complete=True)

        chat.engine.conversations = Slow()  # type: ignore[assignment]
        await chat.pilot.press("ctrl+r", "a")
        await chat.shows("searching…")
        await chat.pilot.press("b")
        await chat.shows("found ab")
        assert gone == ["a"]
        assert asked_for == ["a", "ab"]
        chat.engine.conversations = memory


class Stepped:
    """A memory whose search goes on as far as the test lets it."""

    def __init__(self, memory: object) -> None:
        self._memory = memory
        self.steps: asyncio.Queue[SearchStep] = asyncio.Queue()
        self.left: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._memory, name)

    async def search_steps(
        self, words: str, limit: int, start: int | None = None, *, counts: bool = False
    ) -> AsyncIterator[SearchStep]:
        found = 0
        try:
            while True:
                step = await self.steps.get()
                found += len(step.hits)
                yield msgspec.structs.replace(step, messages=found, conversations=min(1, found))
                if step.complete:
                    return
        except (asyncio.CancelledError, GeneratorExit):
            self.left.append(words)
            raise


MARCH = datetime(2025, 3, 14, 12, tzinfo=UTC)


def hit(text: str) -> SearchHit:
    return SearchHit("c", text, f"found {text}", 1.0)


async def test_a_search_that_goes_on_says_how_far_it_has_looked_and_moves_no_row() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello")
        chat.engine.conversations = memory = Stepped(chat.engine.conversations)  # type: ignore[assignment]
        await chat.pilot.press("ctrl+r", "z")
        memory.steps.put_nowait(SearchStep(searched=0.1, searched_back_to=MARCH, rest=9))
        await chat.shows("0 messages · searched back to March 2025 (10 %) …", "Nothing found yet;")
        memory.steps.put_nowait(SearchStep((hit("one"), hit("two")), searched=0.4, rest=6))
        await chat.shows("more than 2 messages in 1 conversation · searched 40 % …", "found one", "found two")
        await chat.pilot.press("down")
        screen = chat.app.screen
        assert isinstance(screen, HistoryScreen)
        line = screen._rows.line_of(1)
        memory.steps.put_nowait(SearchStep(tuple(hit(f"more{number}") for number in range(50)), searched=0.5, rest=5))
        await chat.shows("more than 52 messages", "found more0")
        assert (screen._rows.cursor, screen._rows.line_of(1)) == (1, line)
        memory.steps.put_nowait(SearchStep(complete=True))
        await chat.shows("52 messages in 1 conversation")
        await chat.until(lambda: "more than" not in chat.shown(screen))
        assert memory.left == []


async def test_further_hits_are_read_as_the_cursor_comes_near_the_last_row() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello")
        chat.engine.conversations = memory = Stepped(chat.engine.conversations)  # type: ignore[assignment]
        await chat.pilot.press("ctrl+r", "z")
        hits = tuple(hit(f"row{number}") for number in range(HITS))
        memory.steps.put_nowait(SearchStep(hits, complete=True, rest=7))
        await chat.shows(f"{HITS} messages in 1 conversation", "found row0")
        screen = chat.app.screen
        assert isinstance(screen, HistoryScreen)
        screen._rows.move(HITS - 1)
        # Those that are listed come again.
        memory.steps.put_nowait(SearchStep((*hits[-2:], hit("further")), complete=True))
        await chat.until(lambda: screen._rows.count == HITS + 1)
        assert screen._rows.cursor == HITS - 1
        await chat.pilot.press("down")
        await chat.shows("found further")


async def test_a_search_that_goes_on_ends_with_the_next_key_and_with_leaving() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello")
        chat.engine.conversations = memory = Stepped(chat.engine.conversations)  # type: ignore[assignment]
        await chat.pilot.press("ctrl+r", "z")
        memory.steps.put_nowait(SearchStep((hit("one"),), searched=0.1, rest=9))
        await chat.shows("found one")
        await chat.pilot.press("y")
        await chat.until(lambda: memory.left == ["z"])
        memory.steps.put_nowait(SearchStep((hit("two"),), searched=0.1, rest=9))
        await chat.shows("found two")
        await chat.pilot.press("escape")
        await chat.until(lambda: memory.left == ["z", "zy"])


async def test_enter_takes_the_first_hit_while_the_search_goes_on() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello")
        chat.engine.conversations = memory = Stepped(chat.engine.conversations)  # type: ignore[assignment]
        await chat.pilot.press("ctrl+r", "z")
        memory.steps.put_nowait(SearchStep(searched=0.1, rest=9))
        await chat.shows("Nothing found yet;")
        found = hit("one")
        memory.steps.put_nowait(
            SearchStep((msgspec.structs.replace(found, conversation=chat.chat.session.conversation_id or ""),), rest=5)
        )
        await chat.shows("found one")
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.app.screen is chat.screen)


class Unread:
    """A memory whose list of conversations comes when the test lets it."""

    def __init__(self, memory: object) -> None:
        self._memory = memory
        self.gate = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._memory, name)

    async def summaries(self, limit: int) -> object:
        await self.gate.wait()
        return await self._memory.summaries(limit)  # type: ignore[attr-defined]


async def test_enter_before_the_list_is_read_takes_the_first_hit() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello", "other")
        chat.engine.conversations = memory = Unread(chat.engine.conversations)  # type: ignore[assignment]
        await chat.pilot.press("ctrl+r", *"hello", "enter")
        assert isinstance(chat.app.screen, HistoryScreen)
        memory.gate.set()
        await chat.until(lambda: chat.app.screen is chat.screen)
        await chat.until(lambda: [turn.text for turn in chat.chat.conversation.turns][:1] == ["hello"])


async def test_enter_before_the_list_is_read_takes_the_first_conversation() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello", "other")
        chat.engine.conversations = memory = Unread(chat.engine.conversations)  # type: ignore[assignment]
        await chat.pilot.press("ctrl+r", "enter")
        assert isinstance(chat.app.screen, HistoryScreen)
        memory.gate.set()
        await chat.until(lambda: chat.app.screen is chat.screen)


async def test_enter_while_nothing_is_found_yet_takes_the_first_hit() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello")
        id = chat.chat.session.conversation_id or ""
        chat.engine.conversations = memory = Stepped(chat.engine.conversations)  # type: ignore[assignment]
        await chat.pilot.press("ctrl+r", "z")
        memory.steps.put_nowait(SearchStep(searched=0.1, rest=9))
        await chat.shows("Nothing found yet;")
        await chat.pilot.press("enter")
        memory.steps.put_nowait(SearchStep((msgspec.structs.replace(hit("one"), conversation=id),), rest=5))
        await chat.until(lambda: chat.app.screen is chat.screen)


async def test_enter_for_words_that_find_nothing_is_not_kept_for_the_next_words() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello")
        await chat.pilot.press("ctrl+r", "z", "enter")
        await chat.shows("No message or title contains all these words.")
        await chat.pilot.press("backspace", *"hello")
        await chat.shows("2 messages in 1 conversation")
        assert isinstance(chat.app.screen, HistoryScreen)


async def test_a_search_ends_with_nothing_only_when_all_was_looked_at() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "hello")
        chat.engine.conversations = memory = Stepped(chat.engine.conversations)  # type: ignore[assignment]
        await chat.pilot.press("ctrl+r", "z")
        memory.steps.put_nowait(SearchStep(searched=0.99999, rest=9))
        await chat.shows("searched 99 % …", "Nothing found yet;")
        memory.steps.put_nowait(SearchStep(complete=True))
        await chat.shows("No message or title contains all these words.")


async def test_keys_act_on_the_row_under_the_cursor_and_the_list_follows() -> None:
    async with scripted_chat() as chat:
        await asked(chat, "first", "second")
        await chat.pilot.press("ctrl+r")
        await chat.until(lambda: isinstance(chat.app.screen, HistoryScreen))
        await chat.shows("2 conversations")
        await chat.pilot.press("down", "f8")
        await chat.shows("1 conversation")
        await chat.pilot.press("ctrl+z")
        await chat.shows("2 conversations")


async def test_titles_by_a_model_are_offered_once() -> None:
    async with scripted_chat() as chat:
        chat.screen.views.offer_titles("")
        assert not chat.app.kept.titles_offered
        chat.screen.views.offer_titles("local/qwen3-4b")
        await chat.until(lambda: "Titles can be made by a model" in chat.notices())
        assert 'titles = "model"' in chat.notices()
        chat.app.clear_notifications()
        chat.screen.views.offer_titles("local/qwen3-4b")
        await chat.pilot.pause()
        assert "Titles can be made" not in chat.notices()
