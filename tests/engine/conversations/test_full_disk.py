"""What could not be saved is saved as soon as the store can again."""

from __future__ import annotations

import asyncio

import pytest

from chat_tui.core.errors import HistoryError
from chat_tui.history.queries import reads
from tests.doubles.fake_store import FakeStore
from tests.support.scripted_engine import ended, stage

WRITES = {"add_conversation", "add_user", "add_assistant", "append_deltas", "finish", "reconcile"}


def fill(disk: FakeStore) -> None:
    """From now on nothing can be written."""
    disk.fails, disk.error = WRITES, HistoryError("The disk is full: the history could not be saved.")


def free(disk: FakeStore) -> None:
    disk.fails = ()


async def test_what_was_asked_on_a_full_disk_is_saved_when_there_is_room_again() -> None:
    disk = await FakeStore.open(None)
    async with stage(["Hello."], history=disk) as on:
        id = (await ended(await on.engine.ask(None, "One?"))).conversation_id
        fill(disk)
        for text in ("Two?", "Three?"):
            await ended(await on.engine.ask(id, text))
        await asyncio.sleep(0.05)
        assert [error.title for error in on.told] == ["The disk is full: the history could not be saved."]
        assert len((await disk.read(reads.conversation, id)).path) <= 2
        free(disk)
        answer = await ended(await on.engine.ask(id, "Four?"))
        await answer.saved.wait()
        path = (await disk.read(reads.conversation, id)).path
        assert [turn.text for turn in path if turn.role == "user"] == ["One?", "Two?", "Three?", "Four?"]
        assert [turn.state for turn in path if turn.role == "assistant"] == ["complete"] * 4
        assert len(on.told) == 1


async def test_a_conversation_begun_on_a_full_disk_is_saved_at_the_end() -> None:
    saved: list[str] = []

    class Watched(FakeStore):
        async def close(self) -> None:
            saved.extend(turn.text for turn in (await self.read(reads.conversation, answer.conversation_id)).path)
            await super().close()

    disk = await Watched.open(None)
    async with stage(["Hello."], history=disk) as on:
        fill(disk)
        answer = await ended(await on.engine.ask(None, "One?"))
        await answer.saved.wait()
        free(disk)
    assert saved == ["One?", "Hello."]


async def test_what_is_not_saved_yet_stays_in_view_and_comes_to_the_disk_with_all_its_branches() -> None:
    disk = await FakeStore.open(None)
    async with stage(["one"], ["two"], ["three"], ["four"], history=disk) as on:
        first = await ended(await on.engine.ask(None, "One?"))
        id = first.conversation_id
        await first.saved.wait()
        await ended(await on.engine.regenerate(id, first.turn.id))
        fill(disk)
        second = await ended(await on.engine.ask(id, "Two?"))
        await second.saved.wait()
        await ended(await on.engine.regenerate(id, second.turn.id))
        memory = on.engine.conversations
        before = (await memory.conversation(id)).path
        for walk in (memory.select(id, first.turn.id), memory.end_at(id, first.turn.id), memory.deletion.delete(id)):
            with pytest.raises(HistoryError, match="would be lost"):
                await walk
        assert (await memory.conversation(id)).path == before
        free(disk)
        walked = await memory.select(id, first.turn.id)
        assert [turn.text for turn in walked.path] == ["One?", "one"]
        assert sorted(turn.text for turn in (await memory.siblings(id, before[-1].id))) == ["four", "three"]
        assert [turn.text for turn in (await memory.select(id, before[-1].id)).path] == ["One?", "two", "Two?", "four"]
