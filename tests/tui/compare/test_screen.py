"""Several answers side by side on the screen: begun, stopped, held and kept, each for itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chat_tui.config.schema import Config
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Token
from chat_tui.core.errors import Overloaded
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.core.settings.conversation_settings import ConversationSettings
from chat_tui.core.tools import ToolUse
from chat_tui.providers.scripted_provider import Fault, Script
from chat_tui.tui.compare.model_choice import CompareChoice
from tests.doubles.fake_tools import FakeTools, offered
from tests.doubles.scripted_chat import DEEP, FAST
from tests.support.comparison_screen import ByModel, compared
from tests.support.scripted_router import Gate, endless, slowly

BROKEN: Script = ["some ", "words ", Fault(Overloaded("deep is overloaded.", provider="shelf", model=DEEP.name))]


async def test_no_word_comes_into_another_column() -> None:
    words = {letter: [f"{letter}{number} " for number in range(60)] for letter in "pqrs"}
    async with compared(*(slowly(*words[letter], seconds=0.001) for letter in "pqrs"), size=(200, 60)) as on:
        await on.begin()
        await on.ended()
        for letter, text, column in zip("pqrs", on.texts(), on.screen.columns, strict=True):
            assert column.answer.turn.text == "".join(words[letter])
            assert [other for other in "pqrs" if f" {other}1 " in text] == [letter]
            assert f"{letter}59" in text


async def test_a_word_in_the_prompt_and_the_key_ask_those_that_are_chosen() -> None:
    async with compared(["from fast"], ["from deep"]) as on:
        chat = on.chat
        chat.chat.prompt.insert("Which?")
        await on.press("f4")
        await chat.until(lambda: isinstance(chat.app.screen, CompareChoice))
        await chat.shows("[1] shelf/fast", "for 2", "≈$")
        await on.press("enter")
        await on.until(lambda: on.is_open)
        await on.ended()
        assert on.comparison.question.text == "Which?"
        assert chat.chat.prompt.text == ""


async def test_models_are_chosen_in_the_list_and_the_prompt_asks_them() -> None:
    async with compared(["from fast"], ["from deep"], ["from local"]) as on:
        await on.ask("/compare")
        await on.until(lambda: isinstance(on.chat.app.screen, CompareChoice))
        assert isinstance(on.chat.app.screen, CompareChoice)
        chosen = on.chat.app.screen._chosen
        for name in (*chosen,):
            await on.press(*name, "space", *("backspace",) * len(name))
        await on.until(lambda: not chosen)
        await on.press("enter")
        await on.until(lambda: "Select at least 2" in on.chat.notices())
        for name in (LOCAL_MODEL, FAST.name):
            await on.press(*name, "space", *("backspace",) * len(name))
        await on.press("enter")
        await on.left()
        assert list(on.chat.chat.session.compare_models) == [LOCAL_MODEL, FAST.name]
        assert "compare local/" in str(on.chat.chat.prompt.border_subtitle)
        await on.ask("Which?")
        await on.until(lambda: on.is_open)
        assert on.comparison.models == (LOCAL_MODEL, FAST.name)
        assert on.chat.chat.session.compare_models == ()


async def test_a_comparison_says_that_it_offers_no_tools_and_starts_none() -> None:
    tools = FakeTools([offered("now", "time")])
    async with compared(["from fast"], ["from deep"], tools=tools) as on:
        on.chat.chat.session.own_settings = ConversationSettings(tools=ToolUse(("time",)))
        await on.ask(f"/compare {FAST.name},{DEEP.name}")
        await on.until(lambda: "without tools" in str(on.chat.chat.prompt.border_subtitle))
        await on.ask("Which?")
        await on.ended()
        assert "without tools · all done" in on.shown()
        assert [request.tools for request in on.chat.provider.requests] == [(), ()]
        assert tools.started == []
        await on.press("1")
        await on.left()
        await on.until(lambda: "tools: time" in str(on.chat.chat.prompt.border_subtitle))


async def test_esc_gives_the_next_question_back_to_one_model() -> None:
    async with compared(["from fast"], ["from deep"]) as on:
        await on.ask(f"/compare {FAST.name},{DEEP.name}")
        await on.until(lambda: on.chat.chat.session.compare_models)
        await on.press("escape")
        await on.until(lambda: not on.chat.chat.session.compare_models)
        await on.ask("Which?")
        await on.chat.answered()
        assert on.chat.app.screen is on.chat.screen


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (FAST.name, "One model cannot be compared"),
        (f"{FAST.name} nobody/knows", "Unknown model: nobody/knows"),
        (f"{FAST.name},{FAST.name}", "One model cannot be compared"),
    ],
)
async def test_what_cannot_be_compared_is_told_and_stays_in_the_prompt(typed: str, told: str) -> None:
    async with compared(["x"]) as on:
        on.chat.chat.prompt.set_draft(f"/compare {typed} ")
        await on.press("enter")
        await on.until(lambda: told in on.chat.notices())
        assert on.chat.chat.prompt.text.startswith("/compare")


async def test_the_price_of_all_stands_at_the_prompt_before_they_are_asked() -> None:
    async with compared(["x"], ["y"]) as on:
        await on.ask(f"/compare {FAST.name} {DEEP.name}")
        on.chat.chat.prompt.insert("Which?")
        await on.until(lambda: "≈$" in str(on.chat.chat.prompt.border_subtitle))
        prices = await on.chat.engine.estimates.prices(None, "Which?", (FAST.name, DEEP.name))
        one = await on.chat.engine.estimates.prices(None, "Which?", (DEEP.name,))
        assert prices.dollars > one.dollars > 0
        assert "for 2" in str(on.chat.chat.prompt.border_subtitle)
        assert on.chat.provider.requests == []


async def test_one_that_fails_says_why_in_its_column_and_disturbs_no_other() -> None:
    async with compared(["from fast"], BROKEN, slowly(*"abcdef"), [Fault(Overloaded("Away."))], size=(200, 40)) as on:
        await on.begin()
        await on.ended()
        fast, deep, local, demo = on.texts()
        assert "from fast" in fast
        assert "some words" in deep
        assert "deep is overloaded." in deep
        assert "abcdef" in local
        assert "Away." in demo
        assert "overloaded" not in fast + local
        await on.until(lambda: "failed" in on.chat.shown(on.screen._summary))
        table = on.chat.shown(on.screen._summary)
        assert [state for state in ("done", "connection lost", "failed") if state in table] == [
            "done",
            "connection lost",
            "failed",
        ]


async def test_x_stops_one_and_esc_all_the_others() -> None:
    async with compared(endless(), endless(), endless()) as on:
        await on.begin()
        await on.grown()
        await on.press("tab", "x")
        await on.until(lambda: on.comparison.answers[1].ended)
        assert [answer.ended for answer in on.comparison.answers] == [False, True, False]
        await on.press("escape")
        await on.ended()
        assert {answer.turn.state for answer in on.comparison.answers} == {"cancelled"}
        assert all(answer.turn.text for answer in on.comparison.answers)
        # The second Esc of an impatient person is for the answers, too.
        await on.press("escape")
        assert on.is_open


async def test_f6_holds_one_and_lets_the_others_go_on() -> None:
    async with compared(endless(), endless()) as on:
        await on.begin()
        await on.grown()
        await on.press("tab", "f6")
        held, free = on.comparison.answers[1], on.comparison.answers[0]
        await on.until(lambda: held.paused)
        assert not free.paused
        await on.until(lambda: "paused" in on.chat.shown(on.screen.columns[1].head))
        await asyncio.sleep(0.05)
        length, before = len(held.text), len(free.text)
        await on.until(lambda: len(free.text) > before + 50)
        assert len(held.text) <= length + 8
        await on.press("f6")
        await on.until(lambda: len(held.text) > length + 50)
        await on.press("escape")


@pytest.mark.parametrize("private", [False, True])
async def test_the_kept_one_is_in_view_and_the_next_question_follows_it(private: bool) -> None:
    async with compared(["from fast"], ["from deep"], ["from local"]) as on:
        chat = on.chat
        if private:
            await on.press("f12")
            await on.until(lambda: chat.engine.conversations.is_private(chat.chat.session.conversation_id))
        await on.begin()
        await on.ended()
        await on.press("2")
        await on.left()
        await on.until(lambda: [turn.text for turn in chat.chat.transcript.turns] == ["Which?", "from deep"])
        await chat.shows("from deep", "2/3")
        await on.until(lambda: chat.chat.transcript.turns[1].verdict is True)
        await on.until(lambda: DEEP.name in chat.notices())
        assert chat.engine.conversations.is_private(chat.chat.session.conversation_id) is private
        await chat.ask("And then?")
        await chat.answered()
        sent = [turn.text for turn in chat.provider.requests[-1].turns if turn.role != "system"]
        assert sent == ["Which?", "from deep", "And then?"]


async def test_keeping_one_stops_those_that_still_run() -> None:
    async with compared(endless(), ["from deep"]) as on:
        await on.begin()
        await on.until(lambda: on.comparison.answers[1].ended)
        running = on.comparison.answers[0]
        await on.press("1")
        await on.until(lambda: "still running" in on.chat.notices())
        await on.press("2")
        await on.left()
        await on.until(lambda: running.ended)
        assert running.turn.state == "cancelled"
        await on.until(lambda: [turn.text for turn in on.chat.chat.transcript.turns] == ["Which?", "from deep"])


async def test_who_leaves_without_a_choice_is_told_which_one_stands() -> None:
    async with compared([Fault(Overloaded("Away."))], ["from deep"]) as on:
        await on.begin()
        await on.ended()
        await on.press("escape")
        await on.left()
        await on.until(lambda: f"No answer was chosen: {DEEP.name} is shown" in on.chat.notices())
        await on.until(lambda: on.chat.chat.transcript.turns[-1].text == "from deep")


async def test_they_go_on_while_one_is_elsewhere_and_the_key_leads_back() -> None:
    gate = Gate()
    async with compared(endless(), [*"abcd", gate, *"efgh"]) as on:
        await on.begin()
        comparison = on.comparison
        await on.grown()
        await on.press("f4")
        await on.left()
        assert not comparison.ended
        length = len(comparison.answers[0].text)
        gate.open()
        await on.until(lambda: comparison.answers[1].ended and len(comparison.answers[0].text) > length)
        await on.press("f4")
        await on.until(lambda: on.is_open)
        assert on.comparison is comparison
        await on.until(lambda: "abcdefgh" in on.texts()[1] and "w9" in on.texts()[0])
        await on.press("f4")
        await on.left()
        await on.press("escape")
        await on.until(lambda: comparison.ended)
        assert comparison.answers[0].turn.state == "cancelled"


async def test_system_prompt_and_files_go_to_all_of_them(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Buy milk.")
    async with compared(["a"], ["b"]) as on:
        await on.ask("/system Answer in rhymes.")
        await on.ask(f"/attach {file}")
        await on.until(lambda: len(on.chat.chat.files))
        await on.begin()
        await on.ended()
        assert isinstance(on.chat.provider, ByModel)
        for request in on.chat.provider.requests:
            assert any("rhymes" in turn.text for turn in request.turns if turn.role == "system")
            assert isinstance(request.turns[-1].attachments[0], Attachment)
            assert request.turns[-1].attachments[0].content == b"Buy milk."


async def test_thinking_is_folded_and_t_unfolds_it() -> None:
    async with compared([Token("Let me see. ", "thinking"), "Forty-two."], ["b"]) as on:
        await on.begin()
        await on.ended()
        assert "Let me see." not in on.texts()[0]
        await on.press("t")
        await on.until(lambda: "Let me see." in on.texts()[0])


async def test_a_budget_that_is_spent_is_told_in_the_columns() -> None:
    async with compared(["a"], ["b"], config=Config(max_price_per_answer=0.0)) as on:
        await on.begin()
        await on.ended()
        assert {answer.turn.state for answer in on.comparison.answers} == {"failed"}


async def test_the_kept_one_comes_into_view_below_a_long_conversation() -> None:
    async with compared(["\n\n".join("line" for _ in range(60))], ["from deep"]) as on:
        on.chat.screen.models.choose(FAST.name, "balanced")
        await on.chat.ask("Long?")
        await on.chat.answered()
        await on.begin()
        await on.ended()
        await on.press("2")
        await on.left()
        await on.chat.shows("from deep", "2/2")


async def test_a_name_that_its_tab_shows_is_not_repeated_in_the_head() -> None:
    async with compared(["from fast"], ["from deep"], size=(80, 24)) as on:
        await on.begin()
        await on.ended()
        head = on.screen.current.head
        await on.until(lambda: head.region.height == 2)
        assert FAST.name not in on.chat.shown(head)
        assert FAST.name in on.chat.shown(on.screen._tabs)
        await on.chat.pilot.resize_terminal(120, 24)
        await on.until(lambda: head.region.height == 3)
        assert FAST.name in on.chat.shown(head)
