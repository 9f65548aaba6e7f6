"""Engines that share a store, such as a terminal and the workers of a server, see what the others have written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from chat_tui.core.errors import ConversationNotFound
from chat_tui.engine.conversations.cache import OPEN_CONVERSATIONS
from chat_tui.engine.engine import Engine
from chat_tui.history.opening import StoreSettings
from chat_tui.history.store import Store
from tests.doubles.fake_store import FakeStore
from tests.support.scripted_engine import stage
from tests.support.scripted_router import endless, slowly


@asynccontextmanager
async def two(file: Path, *words: str) -> AsyncIterator[tuple[Engine, Engine]]:
    async with AsyncExitStack() as stack:
        engines = []
        for _ in range(2):
            script = slowly(*words) if words else endless()
            engines.append((await stack.enter_async_context(stage(script, history=await Store.open(file)))).engine)
        yield engines[0], engines[1]


async def answered(engine: Engine, conversation_id: str | None, question: str) -> str:
    """Ask, wait until the answer is saved, and give the conversation's id."""
    answer = await engine.ask(conversation_id, question)
    async with asyncio.timeout(20):
        await answer.saved.wait()
    return answer.conversation_id


async def texts(engine: Engine, conversation_id: str) -> list[str]:
    return [turn.text for turn in (await engine.conversations.conversation(conversation_id)).path]


async def test_a_question_goes_on_behind_what_another_process_has_written(tmp_path: Path) -> None:
    async with two(tmp_path / "history.db", "Yes") as (one, other):
        id = await answered(one, None, "First")
        for question, engine in (("Second", other), ("Third", one), ("Fourth", other)):
            await answered(engine, id, question)
        expected = ["First", "Yes", "Second", "Yes", "Third", "Yes", "Fourth", "Yes"]
        assert await texts(one, id) == await texts(other, id) == expected


async def test_what_another_process_has_renamed_or_deleted_is_seen(tmp_path: Path) -> None:
    async with two(tmp_path / "history.db", "Yes") as (one, other):
        id = await answered(one, None, "First")
        assert await texts(other, id) == ["First", "Yes"]
        await other.conversations.rename(id, "Another")
        assert (await one.conversations.conversation(id)).title == "Another"
        await other.delete(id)
        with pytest.raises(ConversationNotFound):
            await one.conversations.conversation(id)


async def test_a_running_answer_is_not_replaced_by_what_is_saved_of_it(tmp_path: Path) -> None:
    async with two(tmp_path / "history.db") as (one, other):
        answer = await one.ask(None, "First")
        known = await one.conversations.conversation(answer.conversation_id)
        await other.ask(None, "Elsewhere")
        assert await one.conversations.conversation(answer.conversation_id) is known
        assert known.path[-1].id == answer.turn.id
        await answer.cancel()
        await answer.saved.wait()


class Slow(FakeStore):
    """A store in which a conversation is read only when it may be."""

    def __init__(self, file: Path | None, settings: StoreSettings) -> None:
        super().__init__(file, settings)
        self.may, self.reads = asyncio.Event(), asyncio.Event()
        self.may.set()

    async def note(self, name: str, what: str = "") -> None:
        if name == "changed_conversation":
            self.reads.set()
            await self.may.wait()


async def test_a_conversation_that_is_forgotten_while_it_is_read_again_is_given_as_it_was_read(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    slow = await Slow.open(file)
    async with stage(slowly("Yes"), history=slow) as one, stage(slowly("Yes"), history=await Store.open(file)) as other:
        ids = [await answered(one.engine, None, str(number)) for number in range(OPEN_CONVERSATIONS + 1)]
        assert await texts(one.engine, ids[0]) == ["0", "Yes"]
        await answered(other.engine, ids[0], "More")
        slow.may.clear()
        slow.reads.clear()
        reading = asyncio.create_task(texts(one.engine, ids[0]))
        await slow.reads.wait()
        for number in range(OPEN_CONVERSATIONS):
            await answered(one.engine, None, f"And {number}")
        slow.may.set()
        assert await reading == ["0", "Yes", "More", "Yes"]


async def test_what_has_grown_while_the_store_was_asked_is_given(tmp_path: Path) -> None:
    async with two(tmp_path / "history.db", "Yes") as (one, _):
        id = await answered(one, None, "First")
        known = await one.conversations.conversation(id)
        asking = asyncio.create_task(one.conversations.conversation(id))
        await asyncio.sleep(0)
        grown = replace(known, title="Grown")
        one.conversations.cache.remember(grown)
        assert await asking is grown
