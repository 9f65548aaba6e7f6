"""A question of its own: neither it nor its answer is stored, and its cost counts."""

from __future__ import annotations

import asyncio
from pathlib import Path

from chat_tui.config import presets
from chat_tui.config.schema import Config
from chat_tui.core.attachments.attachment import of_bytes
from chat_tui.core.chunks import Token
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.tools import ToolCall, ToolResult
from chat_tui.history.queries import reads
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Pause
from tests.support.scripted_engine import ended, stage

PAID = Model("one/a", price_in=1000.0, price_out=1000.0, quality=0.9)
TRANSLATE = presets.find("translate", presets.folders()[1:])


async def test_nothing_of_it_is_stored() -> None:
    async with stage(["Hel", "lo."]) as on:
        answer = await ended(await on.engine.ask_apart(NewConversation("Be short."), "Hi", Request(temperature=0.5)))
        await answer.saved.wait()
        assert (answer.turn.text, answer.turn.state) == ("Hello.", "complete")
        assert not await on.engine.conversations.summaries()
        assert not on.engine.running()
        asked = on.player.requests[-1]
        assert [turn.text for turn in asked.turns] == ["Be short.", "Hi"]
        assert asked.temperature == 0.5


async def test_turns_that_come_from_elsewhere_go_before_it_and_are_not_stored() -> None:
    async with stage(["Yes."]) as on:
        earlier = (Turn("user", "One?"), Turn("assistant", "First."))
        image = of_bytes("dot.png", b"\x89PNG\r\n\x1a\n and so on")
        await ended(await on.engine.ask_apart(NewConversation(earlier=earlier), "Two?", Request(), attachments=[image]))
        asked = on.player.requests[-1].turns
        assert [turn.text for turn in asked[1:]] == ["One?", "First.", "Two?"]
        assert asked[-1].attachments == (image,)
        assert not await on.engine.conversations.summaries()


async def test_turns_that_come_from_elsewhere_are_stored_with_the_conversation_they_begin() -> None:
    history = await Store.open(None)
    async with stage(["Yes."], history=history) as on:
        earlier = (Turn("user", "One?"), Turn("assistant", "First."))
        answer = await ended(await on.engine.ask(NewConversation(earlier=earlier), "Two?"))
        await answer.saved.wait()
        path = (await history.read(reads.conversation, answer.conversation_id)).path
        assert [turn.text for turn in path] == ["One?", "First.", "Two?", "Yes."]
        assert [turn.parent for turn in path] == [None, *(turn.id for turn in path[:-1])]


async def test_a_preset_says_what_goes_before_it() -> None:
    async with stage(["Bonjour."]) as on:
        await ended(await on.engine.ask_apart(NewConversation(preset=TRANSLATE), "Hi", Request()))
        assert on.player.requests[-1].turns[0].text == TRANSLATE.system()


async def test_a_cancel_keeps_the_part() -> None:
    async with stage(["Half", Pause(60.0), "more"]) as on:
        answer = await on.engine.ask_apart(None, "Hi", Request())
        async with asyncio.timeout(20):
            async for chunk in answer.follow():
                if isinstance(chunk, Token):
                    await answer.cancel()
        await ended(answer)
        assert (answer.turn.text, answer.turn.state) == ("Half", "cancelled")


async def test_what_it_costs_counts_for_the_day_after_a_restart_too(tmp_path: Path) -> None:
    config = Config(strategy="quality-first", daily_budget=3.0)
    cost = 0.0
    for count in (1, 2):
        history = await Store.open(tmp_path / "history.db")
        async with stage(["one two three"], history=history, config=config, models=(PAID,)) as on:
            answer = await ended(await on.engine.ask_apart(None, "Hi", Request()))
            await answer.saved.wait()
            assert answer.turn.cost
            cost += answer.turn.cost
            assert abs(((await on.engine.spending(None)).today or 0.0) - cost) < 1e-6, count


async def test_turns_that_are_given_whole_are_answered_as_they_are() -> None:
    """The last may be the result of a tool call; the beginning of an answer is continued and does not come again."""
    call = ToolCall("c", "add", "{}")
    turns = (
        Turn("user", "One?"),
        Turn("assistant", "", calls=(call,)),
        Turn("tool", "2", result=ToolResult("c", "add")),
    )
    async with stage(["Two."]) as on:
        answer = await ended(
            await on.engine.answer_turns(NewConversation("", earlier=turns), Request(), is_stored=False)
        )
        asked = on.player.requests[-1].turns
        assert [(turn.role, turn.text) for turn in asked] == [("user", "One?"), ("assistant", ""), ("tool", "2")]
        assert answer.turn.text == "Two."
        request = Request(part="It is ")
        answer = await ended(
            await on.engine.answer_turns(NewConversation("", earlier=turns[:1]), request, is_stored=False)
        )
        assert on.player.requests[-1].turns[-1].text == "It is"
        assert answer.turn.text == "Two."
        assert not await on.engine.conversations.summaries()


async def test_what_other_strategies_would_choose_is_found_out_where_somebody_can_look_at_it() -> None:
    turns = (Turn("user", "One?"),)
    async with stage(["Two."]) as on:
        for is_stored in (False, True):
            answer = await ended(
                await on.engine.answer_turns(NewConversation("", earlier=turns), Request(), is_stored=is_stored)
            )
            assert answer.route is not None
            assert answer.route.candidates
            assert bool(answer.route.others) == is_stored


async def test_turns_that_are_given_whole_can_be_stored() -> None:
    history = await Store.open(None)
    call = ToolCall("c", "add", "{}")
    turns = (
        Turn("user", "One?"),
        Turn("assistant", "", calls=(call,)),
        Turn("tool", "2", result=ToolResult("c", "add")),
    )
    async with stage(["Two."], history=history) as on:
        answer = await ended(
            await on.engine.answer_turns(NewConversation("", earlier=turns), Request(), is_stored=True)
        )
        await answer.saved.wait()
        conversation = await history.read(reads.conversation, answer.conversation_id)
        assert conversation.title == "One?"
        assert [turn.role for turn in conversation.path] == ["user", "assistant", "tool", "assistant"]
        assert conversation.path[1].calls == (call,)
        assert conversation.path[3].text == "Two."
