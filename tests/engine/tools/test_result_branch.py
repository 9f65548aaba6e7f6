"""Results and the answer with them are stored below their calls, whichever branch is chosen meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chat_tui.core.conversation import Turn
from chat_tui.core.errors import HistoryError
from chat_tui.core.request import Request
from chat_tui.core.tools import ToolUse
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.tools.steps import last_of
from chat_tui.history.queries import branches, reads
from tests.doubles.fake_store import FakeStore
from tests.doubles.fake_tools import FakeTools, offered
from tests.engine.tools.test_loop import call
from tests.support.scripted_engine import Stage, ended, stage
from tests.support.scripted_router import Gate, until

SETTINGS = Request(model="one/a", tool_use=ToolUse(servers=("fake",), allow=("fake.*",)))


class Running:
    """A second version of an answer, whose call runs until `gate` is set."""

    def __init__(self, on: Stage, store: FakeStore, gate: asyncio.Event, first: Answer, second: Answer) -> None:
        self.on, self.store, self.gate, self.first, self.second = on, store, gate, first, second
        self.id = first.conversation_id

    async def path(self, *, stored: bool = False) -> list[str]:
        """The texts of the current path, as the engine or the store has it."""
        if stored:
            return [turn.text for turn in (await self.store.read(reads.conversation, self.id)).path]
        return [turn.text for turn in (await self.on.engine.conversations.conversation(self.id)).path]

    async def finish(self) -> Answer:
        """Let the call end, and return the answer with its result."""
        self.gate.set()
        last = await last_of(self.second)
        await last.saved.wait()
        return last

    async def below_second(self) -> list[Turn]:
        """The stored turns from the second version on."""
        tree = await self.store.read(reads.tree, self.id)
        turns, found = {turn.id: turn for turn in tree.turns}, list[Turn]()
        turn = next(turn for turn in tree.turns if turn.text == "It is noon.")
        while turn.id != self.second.question.id:
            found.insert(0, turn)
            assert turn.parent is not None
            turn = turns[turn.parent]
        return found


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    gate, store = asyncio.Event(), await FakeStore.open(None)
    tools = FakeTools([offered("now")], now=gate)
    async with stage(["I do not know."], ["Let me look.", *call()], ["It is noon."], tools=tools, history=store) as on:
        first = await ended(await on.engine.ask(None, "What time is it?", SETTINGS))
        second = await on.engine.regenerate(first.conversation_id, first.turn.id, SETTINGS)
        await until(lambda: tools.calls)
        yield Running(on, store, gate, first, second)


async def test_a_person_who_chose_another_version_while_a_call_runs_stays_there() -> None:
    async with running() as chat:
        await chat.on.engine.conversations.select(chat.id, chat.first.turn.id)
        await chat.finish()
        assert await chat.path() == await chat.path(stored=True) == ["What time is it?", "I do not know."]
        texts = [(turn.role, turn.state, turn.text) for turn in await chat.below_second()]
        assert texts == [
            ("assistant", "complete", "Let me look."),
            ("tool", "complete", "result of now"),
            ("assistant", "complete", "It is noon."),
        ]
        sent = [turn.text for turn in chat.on.player.requests[-1].turns if turn.role != "system"]
        assert sent == ["What time is it?", "Let me look.", "result of now"]
        await chat.on.engine.conversations.select(chat.id, chat.second.turn.id)
        assert (await chat.path())[-1] == "It is noon."


async def test_a_person_who_comes_back_while_the_call_runs_sees_its_result() -> None:
    async with running() as chat:
        await chat.on.engine.conversations.select(chat.id, chat.first.turn.id)
        await chat.on.engine.conversations.select(chat.id, chat.second.turn.id)
        await chat.finish()
        whole = ["What time is it?", "Let me look.", "result of now", "It is noon."]
        assert await chat.path() == await chat.path(stored=True) == whole


@pytest.mark.parametrize("to_question", [True, False])
async def test_the_path_that_undo_has_shortened_stays_short(*, to_question: bool) -> None:
    async with running() as chat:
        at = chat.second.question.id if to_question else None
        await chat.on.engine.conversations.end_at(chat.id, at)
        await chat.finish()
        assert await chat.path() == await chat.path(stored=True) == (["What time is it?"] if to_question else [])
        assert [turn.text for turn in await chat.below_second()][-1] == "It is noon."


async def test_another_program_that_chose_a_version_keeps_it() -> None:
    async with running() as chat:
        await chat.store.write(branches.select, chat.id, chat.first.turn.id)
        await chat.finish()
        assert await chat.path(stored=True) == ["What time is it?", "I do not know."]
        assert [turn.text for turn in await chat.below_second()][-1] == "It is noon."


async def test_what_could_not_be_saved_beside_the_path_is_saved_with_the_next_question() -> None:
    async with running() as chat:
        await chat.on.engine.conversations.select(chat.id, chat.first.turn.id)
        chat.store.fails = ("finish", "add_assistant", "reconcile")
        chat.store.error = HistoryError("The disk is full.")
        await chat.finish()
        assert [error.title for error in chat.on.told] == ["The disk is full."]
        assert await chat.path() == ["What time is it?", "I do not know."]
        chat.store.fails = ()
        await ended(await chat.on.engine.ask(chat.id, "Really?", SETTINGS))
        assert (await chat.path(stored=True))[:3] == ["What time is it?", "I do not know.", "Really?"]
        assert [turn.text for turn in await chat.below_second()] == ["Let me look.", "result of now", "It is noon."]


async def test_a_question_beside_a_running_answer_leaves_its_calls_below_it() -> None:
    gate, tools = Gate(), FakeTools([offered("now")])
    async with stage(["Let me look.", gate, *call()], ["Fine."], ["It is noon."], tools=tools) as on:
        first = await on.engine.ask(None, "What time is it?", SETTINGS)
        await until(lambda: first.text)
        other = await ended(await on.engine.ask(first.conversation_id, "How are you?", SETTINGS))
        gate.open()
        await last_of(first)
        path = (await on.engine.conversations.conversation(first.conversation_id)).path
        assert [turn.text for turn in path] == ["What time is it?", "Let me look.", "How are you?", "Fine."]
        assert path[-1].id == other.turn.id
        asked = [turn.text for turn in on.player.requests[-1].turns if turn.role != "system"]
        assert asked == ["What time is it?", "Let me look.", "result of now"]
