"""Keys on an answer: let it go on, show its route, say what it was worth; and its price before it comes."""

from __future__ import annotations

import msgspec
import pytest

from chat_tui.cli.output.route_table import _figures
from chat_tui.core.chunks import Metadata
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import Unreachable
from chat_tui.core.models import SCRIPTED_MODEL
from chat_tui.core.route import Alternative, Candidate, Route, Seam, Try
from chat_tui.core.text.sanitizer import sanitize
from chat_tui.core.tools import ToolCall
from chat_tui.providers.scripted_provider import Fault, Pause
from chat_tui.tui.dialogs.route import RouteScreen, route_lines
from tests.doubles.scripted_chat import FAST, ScriptedChat, scripted_chat

CUT = Fault(Unreachable("Connection lost."))
ROUTE = Route(
    "balanced",
    (
        Candidate("shelf/deep", 0.9, {"quality": 1.0, "cost": 0.0}),
        Candidate("shelf/old", out="is in cooldown for 30 s"),
    ),
    (Try("shelf/deep", 1, "Overloaded", "Too \x1b[31mbusy.", waited_seconds=1.0), Try("shelf/fast", 1, "answered")),
    left_out=7,
    seams=(Seam(8, "shelf/fast", "Connection lost."),),
    others=(Alternative("cost-optimized", "shelf/fast", 0.0004), Alternative("learned")),
    needs="code, hard",
)


async def break_off(chat: ScriptedChat) -> None:
    chat.screen.models.choose(SCRIPTED_MODEL, "balanced")
    await chat.ask("Count.")
    await chat.answered()
    await chat.shows("one two", "connection lost")


async def test_c_lets_a_broken_answer_go_on_in_its_place() -> None:
    async with scripted_chat(["one ", "two ", CUT], ["three"]) as chat:
        await break_off(chat)
        chat.chat.transcript.focus()
        await chat.pilot.press("c", "enter")
        await chat.until(
            lambda: chat.chat.conversation.answer is not None and chat.chat.conversation.answer.text == "one two three"
        )
        await chat.answered()
        await chat.shows("one two three", "interrupted, then continued")
        assert "connection lost" not in chat.shown()
        assert chat.shown().count("one two") == 1


async def test_what_was_changed_about_a_request_is_told_once_and_stands_in_the_route() -> None:
    known, fresh = (Metadata("note", reason=f"box: {what}.", attempt=at) for at, what in enumerate(("old", "new")))
    async with scripted_chat([known, fresh, "one"]) as chat:
        chat.screen.models.choose(SCRIPTED_MODEL, "balanced")
        await chat.ask("Count.")
        await chat.answered()
        await chat.until(lambda: "box: new." in chat.notices())
        assert "box: old." not in chat.notices()
        await chat.ask("/why")
        await chat.until(lambda: isinstance(chat.app.screen, RouteScreen))
        answer = chat.chat.conversation.answer
        assert answer is not None
        assert answer.route is not None
        assert answer.route.notes == ("box: old.", "box: new.")
        lines = route_lines(answer.turn, answer.route, 80)
        assert "box: new." in "\n".join("".join(span.text for span in line) for line in lines)


async def test_continue_does_the_same_and_says_when_there_is_nothing_to_go_on_with() -> None:
    async with scripted_chat(["one ", "two ", CUT], ["three"]) as chat:
        await chat.ask("/continue")
        await chat.until(lambda: "no incomplete answer" in chat.notices() or "id" in chat.notices())
        await break_off(chat)
        await chat.ask("/continue")
        await chat.shows("one two three")


async def test_letters_are_written_where_the_prompt_is_in_focus() -> None:
    async with scripted_chat(["one ", CUT]) as chat:
        chat.screen.models.choose(SCRIPTED_MODEL, "balanced")
        await chat.ask("Count.")
        await chat.answered()
        await chat.pilot.press("c", "question_mark", "plus", "minus", "w")
        assert chat.chat.prompt.text == "c?+-w"
        assert chat.app.screen is chat.screen


async def test_the_route_opens_by_its_key_and_by_why_and_closes_with_esc() -> None:
    async with scripted_chat(["fine"]) as chat:
        await chat.ask("Hello?")
        await chat.answered()
        chat.chat.transcript.focus()
        await chat.pilot.press("w")
        await chat.until(lambda: isinstance(chat.app.screen, RouteScreen))
        await chat.shows(
            "Why this answer", "Candidates", "Tries", "What other strategies would have picked", "quality-first"
        )
        await chat.pilot.press("escape")
        assert chat.app.screen is chat.screen
        chat.chat.prompt.focus()
        await chat.ask("/why")
        await chat.until(lambda: isinstance(chat.app.screen, RouteScreen))


async def test_where_there_is_no_answer_there_is_no_route() -> None:
    async with scripted_chat() as chat:
        await chat.ask("/why")
        await chat.until(lambda: "no route to show" in chat.notices())


async def test_a_verdict_is_noted_once() -> None:
    async with scripted_chat(["fine"]) as chat:
        await chat.ask("Hello?")
        await chat.answered()
        chat.chat.transcript.focus()
        await chat.pilot.press("minus", "minus")
        await chat.until(lambda: "Rated as bad" in chat.notices())
        answer = chat.chat.conversation.answer
        assert answer is not None
        outcomes = chat.engine._router.health.vitals(answer.turn.model).outcomes
        assert [bad for _, bad in outcomes.values()] == [1.0]


async def test_the_price_stands_in_the_panel_before_the_answer_comes() -> None:
    async with scripted_chat([Pause(60), "fine"]) as chat:
        chat.screen.models.choose(FAST.name, "balanced")
        await chat.ask("Hello?")
        await chat.shows("≈$0.0002")


def test_the_route_shows_how_hard_the_prompt_is_and_what_each_model_would_do() -> None:
    best = Candidate("x/best", 0.7, success=0.934, price=0.0042, seconds=7.34)
    free = Candidate("x/free", 0.2, success=0.4, price=0.0, seconds=20.0)
    route = Route("balanced", (best, free), needs="math, hard", difficulty=1.2)
    medium = route_lines(Turn("assistant", ""), msgspec.structs.replace(route, difficulty=0.3), 98)
    assert "hard" not in "".join(span.text for line in medium for span in line)
    for width in (40, 60, 98):
        text = ["".join(span.text for span in line) for line in route_lines(Turn("assistant", ""), route, width)]
        assert all(len(line) <= width for line in text)
        shown = "\n".join(text).replace("\xa0", " ")
        for told in ("hard", "█████████░░░", "math", "Chance of a good answer", "93%", "$0.004", "7.3", "40%", "free"):
            assert told in shown, (told, width, shown)
    trivial = "\n".join(
        "".join(span.text for span in line)
        for line in route_lines(Turn("assistant", ""), msgspec.structs.replace(route, difficulty=-3.0), 60)
    )
    assert "trivial" in trivial
    assert "█░░░░░░░░░░░" in trivial


@pytest.mark.parametrize("width", [40, 60, 98])
def test_the_route_names_the_calls_of_the_answer_with_their_arguments(width: int) -> None:
    calls = (ToolCall("c1", "read_file", '{\n  "path": "notes.txt"\n}'), ToolCall("c2", "fetch_page", "x" * 100_000))
    text = [
        "".join(span.text for span in line) for line in route_lines(Turn("assistant", "", calls=calls), ROUTE, width)
    ]
    assert all(len(line) <= width for line in text)
    behind = text[text.index("Tool calls") :]
    assert any(line.startswith("read_file") and '{ "path":' in line for line in behind)
    assert any(line.startswith("fetch_page") for line in behind)
    assert len(text) < 80
    assert not any("Tool calls" in span.text for line in route_lines(Turn("assistant", ""), ROUTE, 60) for span in line)


def test_no_answer_is_told_to_be_certainly_good() -> None:
    sure = Candidate("x/sure", 0.9, success=0.997, price=0.0, seconds=1.0)
    lines = route_lines(Turn("assistant", ""), Route("balanced", (sure,), difficulty=-3.8), 80)
    text = "\n".join("".join(span.text for span in line) for line in lines)
    assert "99%" in text
    assert "100%" not in text
    assert "   99%" in _figures(sure)


def test_the_route_in_words_is_whole_clean_and_fits() -> None:
    for width in (40, 60, 98):
        lines = [
            "".join(span.text for span in line) for line in route_lines(Turn("assistant", ""), sanitize(ROUTE), width)
        ]
        assert all(len(line) <= width for line in lines)
        text = " ".join(" ".join(lines).split())
        for told in (
            "is in cooldown for",
            "failed after",
            "busy.",
            "and 7 more",
            "continued after 8" if width > 30 else "continued",
            "cost-opt",
            "nothing",
        ):
            assert told in text
        assert "\x1b" not in text


@pytest.mark.parametrize(("size", "scrolls"), [((120, 50), False), ((80, 12), True)])
async def test_the_keys_that_scroll_are_named_where_there_is_more(size: tuple[int, int], scrolls: bool) -> None:
    async with scripted_chat(["one"], size=size) as chat:
        await chat.ask("Count.")
        await chat.answered()
        await chat.ask("/why")
        await chat.shows("Why this answer", "Esc close")
        await chat.until(lambda: ("Down scroll" in chat.shown()) is scrolls)


def test_a_price_that_is_not_known_is_told_in_words() -> None:
    unknown = Candidate("x/new", 0.7, success=0.9, seconds=7.3)
    others = (Alternative("learned", "x/new"), Alternative("cost-optimized", "x/free", 0.0), Alternative("own"))
    route = Route("balanced", (unknown,), others=others, difficulty=0.3)
    lines = route_lines(Turn("assistant", ""), route, 80)
    shown = [" ".join("".join(span.text for span in line).split()) for line in lines]
    assert "x/new 90% price unknown · about 7.3 s" in shown
    assert "learned x/new (price unknown)" in shown
    assert "cost-optimized free x/free" in shown
    assert "own nothing" in shown
    assert not any("–" in line for line in shown)
