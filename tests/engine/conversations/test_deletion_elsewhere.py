"""A conversation that another program deletes while it is open here stays deleted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chat_tui.core.errors import ConversationNotFound
from chat_tui.history.queries import deletion, reads
from chat_tui.history.store import Store
from tests.doubles.scripted_chat import scripted_chat
from tests.support.scripted_engine import stage
from tests.support.scripted_router import endless, slowly


async def erase(file: Path, id: str) -> None:
    """What `chat-tui history delete` does."""
    store = await Store.open(file)
    await store.erase(id)
    await store.close()


async def ids(file: Path) -> list[str]:
    store = await Store.open(file)
    rows = await store.read(reads.summaries)
    await store.close()
    return [row.id for row in rows]


async def test_a_question_in_it_is_refused_and_writes_nothing_back(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with stage(slowly("Yes"), history=await Store.open(file)) as rig:
        answer = await rig.engine.ask(None, "First")
        await answer.saved.wait()
        await erase(file, answer.conversation_id)
        for _ in range(2):
            with pytest.raises(ConversationNotFound, match="Another program deleted this conversation"):
                await rig.engine.ask(answer.conversation_id, "Second")
    assert await ids(file) == []


@pytest.mark.parametrize("cancelled", [True, False])
async def test_an_answer_that_grows_meanwhile_is_not_saved_again(tmp_path: Path, *, cancelled: bool) -> None:
    file = tmp_path / "history.db"
    script = endless() if cancelled else slowly(*["Yes "] * 40)
    async with stage(script, history=await Store.open(file)) as rig:
        answer = await rig.engine.ask(None, "First")
        id = answer.conversation_id
        await erase(file, id)
        if cancelled:
            # Pieces of it have nowhere to go by now.
            await asyncio.sleep(0.6)
            await answer.cancel()
        async with asyncio.timeout(20):
            await answer.saved.wait()
        assert "Yes" in answer.turn.text or cancelled
        with pytest.raises(ConversationNotFound, match="Another program deleted this conversation"):
            await rig.engine.ask(id, "Second")
        assert [str(error) for error in rig.told if "Another program deleted this conversation" in str(error)] != []
        assert len(rig.told) == 1
    assert await ids(file) == []


async def test_one_that_is_only_put_out_of_sight_elsewhere_is_not_brought_back(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with stage(slowly("Yes"), history=await Store.open(file)) as rig:
        answer = await rig.engine.ask(None, "First")
        await answer.saved.wait()
        store = await Store.open(file)
        await store.write(deletion.delete, answer.conversation_id)
        await store.close()
        with pytest.raises(ConversationNotFound):
            await rig.engine.ask(answer.conversation_id, "Second")
    assert await ids(file) == []


async def test_on_the_screen_the_next_question_begins_a_new_one_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with scripted_chat(["one"], ["two"], ["three"], file=file) as chat:
        await chat.ask("first")
        await chat.shows("one")
        await chat.until(lambda: not chat.chat.conversation.is_busy)
        old = chat.chat.session.conversation_id or ""
        await erase(file, old)
        await chat.ask("second")
        await chat.shows("two")
        await chat.until(lambda: "Another program deleted this conversation." in chat.notices())
        await chat.until(lambda: not chat.chat.conversation.is_busy)
        new = chat.chat.session.conversation_id or ""
        assert new not in ("", old)
        assert [turn.text for turn in chat.chat.transcript.turns] == ["second", "two"]
        await chat.ask("third")
        await chat.shows("three")
        await chat.until(lambda: not chat.chat.conversation.is_busy)
        assert chat.chat.session.conversation_id == new
    assert await ids(file) == [new]
    store = await Store.open(file)
    assert [turn.text for turn in (await store.read(reads.conversation, new)).path] == [
        "second",
        "two",
        "third",
        "three",
    ]
    await store.close()
