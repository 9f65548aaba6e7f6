"""Edit, regenerate, branch, verdicts, deleting, and conversations that are never saved."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, now
from chat_tui.core.errors import CommandError, ConversationNotFound
from chat_tui.engine.engine import Engine
from chat_tui.history.queries import deletion, reads, writes
from chat_tui.history.store import Store
from chat_tui.providers.scripted_provider import Pause
from tests.support.scripted_engine import Stage, ended, stage


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def whole(stage: Stage, conversation_id: str | None, text: str) -> tuple[str, str, str]:
    """The ids of the conversation, the question and its answer, which is saved."""
    answer = await ended(await stage.engine.ask(conversation_id, text))
    await answer.saved.wait()
    return answer.conversation_id, answer.question.id, answer.turn.id


async def texts(engine: Engine, conversation_id: str) -> list[str]:
    return [turn.text for turn in (await engine.conversations.conversation(conversation_id)).path]


async def forks(engine: Engine, conversation_id: str, *, fresh: bool = False) -> dict[str, tuple[str, ...]]:
    if fresh:
        engine.conversations.cache._open.clear()
    return (await engine.conversations.conversation(conversation_id)).forks


async def test_an_edited_question_stands_beside_the_one_it_was() -> None:
    async with stage(["one"], ["two"], ["other"]) as on:
        conversation, first, _ = await whole(on, None, "First?")
        await whole(on, conversation, "Second?")
        edited = await ended(await on.engine.edit(conversation, first, "Changed?"))
        await edited.saved.wait()
        assert await texts(on.engine, conversation) == ["Changed?", "other"]
        now = await forks(on.engine, conversation)
        assert now == {edited.question.id: (first, edited.question.id)}
        assert await forks(on.engine, conversation, fresh=True) == now
        asked = on.player.requests[-1]
        assert [turn.text for turn in asked.turns if turn.role != "system"] == ["Changed?"]
        back = await on.engine.conversations.select(conversation, first)
        assert [turn.text for turn in back.path] == ["First?", "one", "Second?", "two"]


async def test_an_answer_asked_for_anew_stands_beside_the_one_before() -> None:
    async with stage(["one"], ["again"], ["third"]) as on:
        conversation, question, first = await whole(on, None, "Question?")
        second = await ended(await on.engine.regenerate(conversation, first))
        await second.saved.wait()
        third = await ended(await on.engine.regenerate(conversation, second.turn.id))
        await third.saved.wait()
        assert await texts(on.engine, conversation) == ["Question?", "third"]
        now = await forks(on.engine, conversation)
        assert now == {third.turn.id: (first, second.turn.id, third.turn.id)}
        assert await forks(on.engine, conversation, fresh=True) == now
        siblings = await on.engine.conversations.siblings(conversation, second.turn.id)
        assert [turn.text for turn in siblings] == ["one", "again", "third"]
        assert third.turn.parent == question


async def test_a_branch_begins_at_any_turn_and_nothing_is_lost() -> None:
    async with stage(["one"], ["two"], ["aside"]) as on:
        conversation, _, first = await whole(on, None, "First?")
        _, second, _ = await whole(on, conversation, "Second?")
        await on.engine.conversations.end_at(conversation, first)
        assert await texts(on.engine, conversation) == ["First?", "one"]
        _, aside, _ = await whole(on, conversation, "Aside?")
        assert await texts(on.engine, conversation) == ["First?", "one", "Aside?", "aside"]
        now = await forks(on.engine, conversation)
        assert now == {aside: (second, aside)}
        assert await forks(on.engine, conversation, fresh=True) == now


async def test_what_is_not_on_the_path_cannot_be_edited() -> None:
    async with stage(["one"]) as on:
        conversation, question, answer = await whole(on, None, "First?")
        with pytest.raises(CommandError):
            await on.engine.edit(conversation, answer, "x")
        with pytest.raises(CommandError):
            await on.engine.regenerate(conversation, question)
        assert await texts(on.engine, conversation) == ["First?", "one"]


async def test_files_go_along_with_a_question_and_with_its_edited_form(tmp_path: Path) -> None:
    note = Attachment("note.txt", "text/plain", b"The code is 42.", size_bytes=15)
    async with stage(["one"], ["two"], history=await Store.open(tmp_path / "history.db")) as on:
        answer = await ended(await on.engine.ask(None, "What is it?", attachments=[note]))
        await answer.saved.wait()
        on.engine.conversations.cache._open.clear()
        await ended(await on.engine.edit(answer.conversation_id, answer.question.id, "And now?"))
        for request in on.player.requests:
            assert [file.content for file in request.turns[-1].attachments] == [b"The code is 42."]


async def test_a_verdict_is_kept_with_its_answer_and_counts_once() -> None:
    async with stage(["one"]) as on:
        conversation, _, _ = await whole(on, None, "First?")
        answer = (await on.engine.conversations.conversation(conversation)).path[-1]
        for _ in range(2):
            on.engine.judge(answer, good=True)
            await asyncio.sleep(0)
        assert (await on.engine.conversations.conversation(conversation)).path[-1].verdict is True
        judged = on.router.health.to_json(0)
        on.engine.judge(answer, good=True)
        assert on.router.health.to_json(0) == judged
        on.engine.judge(answer, good=False)
        assert on.router.health.to_json(0) != judged
        await on.engine._answers.wait()
        on.engine.conversations.cache._open.clear()
        assert (await on.engine.conversations.conversation(conversation)).path[-1].verdict is False


async def test_what_was_deleted_comes_back_as_long_as_it_was_not_erased() -> None:
    async with stage(["one"], ["two"]) as on:
        conversation, _, _ = await whole(on, None, "First?")
        await on.engine.delete(conversation)
        assert await on.engine.conversations.summaries() == []
        await on.engine.conversations.deletion.restore(conversation)
        assert [summary.title for summary in await on.engine.conversations.summaries()] == ["First?"]
        await on.engine.delete(conversation)
        await on.engine.conversations.deletion.erase(0)
        with pytest.raises(ConversationNotFound):
            await on.engine.conversations.deletion.restore(conversation)


async def eventually(stage: Stage, count: int) -> bool:
    """Whether so many deleted conversations are left within ten seconds."""
    for _ in range(1000):
        if await stage.engine.conversations.deletion.count() == count:
            return True
        await asyncio.sleep(0.01)
    return False


async def test_what_was_deleted_is_listed_and_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with stage(["one"], ["two"], history=await Store.open(file)) as on:
        first, _, _ = await whole(on, None, "First?")
        second, _, _ = await whole(on, None, "Second?")
        await on.engine.drafts.save(first, "a draft")
        for id in (first, second):
            await on.engine.delete(id)
    async with stage(["three"], history=await Store.open(file)) as on:
        deletion = on.engine.conversations.deletion
        await on.engine.prepare()
        await asyncio.sleep(0.05)
        assert [each.summary.title for each in await deletion.list_deleted()] == ["Second?", "First?"]
        assert await deletion.count() == 2
        assert all(now() - each.deleted < timedelta(minutes=1) for each in await deletion.list_deleted())
        await deletion.restore(first)
        assert [summary.id for summary in await on.engine.conversations.summaries()] == [first]
        assert await on.engine.drafts.load(first) == "a draft"
        assert await texts(on.engine, first) == ["First?", "one"]


async def test_what_was_deleted_a_month_ago_is_erased_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    store = await Store.open(file)
    for days in (29, 31):
        await store.write(writes.add_conversation, Conversation(f"d{days}", "Old", created=now(), updated=now()))
        await store.write(deletion.delete, f"d{days}")
    with closing(sqlite3.connect(file)) as db, db:
        for days in (29, 31):
            at = (now() - timedelta(days=days)).timestamp() * 1_000_000
            db.execute("UPDATE conversation SET deleted = ? WHERE id = ?", (int(at), f"d{days}"))
    async with stage(history=store) as on:
        await on.engine.prepare()
        assert await eventually(on, 1)
        assert [each.summary.id for each in await on.engine.conversations.deletion.list_deleted()] == ["d29"]


async def test_deleted_conversations_can_be_erased_one_by_one_or_all_at_once(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with stage(["SECRET one"], ["two"], ["three"], history=await Store.open(file)) as on:
        deletion = on.engine.conversations.deletion
        ids = [(await whole(on, None, question))[0] for question in ("First?", "Second?", "Third?")]
        for id in ids:
            await on.engine.delete(id)
        await deletion.erase_one(ids[0])
        assert [each.summary.id for each in await deletion.list_deleted()] == [ids[2], ids[1]]
        with pytest.raises(ConversationNotFound):
            await deletion.restore(ids[0])
        await deletion.erase_all()
        assert await deletion.list_deleted() == []
    # Whatever was not erased by now is erased before the program ends.
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM conversation").fetchone() == (0,)


async def test_deleted_private_conversations_come_first_and_never_reach_the_disk(tmp_path: Path) -> None:
    async with stage(["one"], ["two"], history=await Store.open(tmp_path / "history.db")) as on:
        saved, _, _ = await whole(on, None, "Saved?")
        private = await on.engine.conversations.begin_private()
        await whole(on, private.id, "Private?")
        for id in (private.id, saved):
            await on.engine.delete(id)
        deleted = await on.engine.conversations.deletion.list_deleted()
        assert [(each.summary.id, each.summary.private) for each in deleted] == [(private.id, True), (saved, False)]


async def test_deleting_ends_the_answer_that_runs() -> None:
    async with stage(["one ", Pause(60), "two"]) as on:
        answer = await on.engine.ask(None, "First?")
        async for _ in answer.follow():
            if answer.text:
                break
        await on.engine.delete(answer.conversation_id)
        assert answer.turn.state == "cancelled"
        assert on.rig.open == 0
        await on.engine.conversations.deletion.restore(answer.conversation_id)
        assert await texts(on.engine, answer.conversation_id) == ["First?", "one "]


async def test_a_private_conversation_never_reaches_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    async with stage(["a secret answer"], ["another"], history=await Store.open(file)) as on:
        private = await on.engine.conversations.begin_private()
        await whole(on, private.id, "zebra question")
        await on.engine.drafts.save(private.id, "zebra draft")
        assert on.engine.conversations.is_private(private.id)
        assert await texts(on.engine, private.id) == ["zebra question", "a secret answer"]
        assert [hit.conversation for hit in await on.engine.conversations.search("zebra")] == [private.id]
        assert [summary.title for summary in await on.engine.conversations.summaries()] == ["zebra question"]
        await whole(on, None, "An open one?")
    written = on_disk(tmp_path)
    assert b"An open one" in written
    assert b"zebra" not in written
    assert b"secret" not in written
    later = await Store.open(file)
    assert [summary.title for summary in await later.read(reads.summaries)] == ["An open one?"]
    await later.close()


async def test_the_context_of_a_conversation_is_told_exchange_by_exchange() -> None:
    async with stage(["one"], ["two"]) as on:
        conversation, first, _ = await whole(on, None, "First?")
        await whole(on, conversation, "Second?")
        context = await on.engine.estimates.context(conversation)
        assert [(exchange.question == first, exchange.sent) for exchange in context.exchanges] == [
            (True, True),
            (False, True),
        ]
        await on.engine.conversations.keep(conversation, first, False)
        context = await on.engine.estimates.context(conversation)
        assert [exchange.why_not for exchange in context.exchanges] == ["kept out", ""]


async def test_a_conversation_is_exported_with_all_its_branches() -> None:
    async with stage(["one"], ["again"]) as on:
        conversation, _, first = await whole(on, None, "Question?")
        await (await ended(await on.engine.regenerate(conversation, first))).saved.wait()
        record = json.loads(await on.engine.conversations.export(conversation, "json"))
        assert [turn["text"] for turn in record["turns"]] == ["Question?", "one", "again"]
        written = await on.engine.conversations.export(conversation, "markdown")
        assert "Question?" in written
        assert "again" in written
