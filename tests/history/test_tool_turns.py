"""Conversations with tool calls: sums, branches, search, deletion, export and import, and a check of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Usage
from chat_tui.core.conversation import Conversation, Turn, now
from chat_tui.core.tools import ToolCall, ToolResult
from chat_tui.history.queries import attachments, branches, costs, deletion, reads, usage, writes
from chat_tui.history.store import Store
from chat_tui.history.transfer.exporting import export_text
from tests.support.transfers import imported

WHEN = now()
PLOT = Attachment("plot.png", "image/png", b"png")


def turn(id: str, parent: str | None, role: str, text: str, **fields: object) -> Turn:
    return replace(Turn("user", text, id=id, parent=parent, created=WHEN), role=role, **fields)


def answer(id: str, parent: str, text: str, *calls: ToolCall) -> Turn:
    return turn(
        id,
        parent,
        "assistant",
        text,
        calls=calls,
        model="box/m",
        cost=0.25,
        usage=Usage(10, 2, 12),
        strategy="balanced",
    )


def result(id: str, parent: str, text: str, call: str, state: str = "complete", **fields: object) -> Turn:
    return turn(id, parent, "tool", text, state=state, result=ToolResult(call, "read", "files"), **fields)


# A question, an answer with two calls and their results, the second answer; then a version without calls.
TURNS = [
    turn("q", None, "user", "What is in the harbour?"),
    answer("a", "q", "", ToolCall("c1", "read", '{"path": "lighthouse.txt"}'), ToolCall("c2", "read", "{}", "signed")),
    result("r1", "a", "Twelve boats.", "c1", attachments=(PLOT,)),
    result("r2", "r1", "The user refused this call.", "c2", "refused"),
    answer("b", "r2", "There are twelve."),
    answer("z", "q", "I do not know."),
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "history.db")
    await store.write(writes.add_conversation, Conversation("c", "Harbour", created=WHEN, updated=WHEN))
    for each in TURNS:
        await store.write(writes.add_turn, "c", each)
    await store.write(branches.select, "c", "a")
    yield store
    await store.close()


async def path(store: Store) -> list[str]:
    return [each.id for each in (await store.read(reads.conversation, "c")).path]


async def test_each_step_counts_once_and_results_cost_nothing(store: Store) -> None:
    since = datetime.combine(WHEN.date(), datetime.min.time(), WHEN.tzinfo)
    report = await store.read(usage.statistics, since)
    assert (report.whole.answers, report.whole.prompt_tokens, report.whole.completion_tokens) == (3, 30, 6)
    assert report.whole.cost == pytest.approx(0.75)
    assert [(each.name, each.answers) for each in report.models] == [("box/m", 3)]
    assert await store.read(costs.conversation_cost, "c") == pytest.approx(0.75)
    assert await store.read(costs.total_since, WHEN - timedelta(hours=1)) == pytest.approx(0.75)
    (row,) = await store.read(reads.summaries)
    assert (row.turns, row.model) == (6, "box/m")
    assert row.cost == pytest.approx(0.75)
    await store.write(deletion.delete, "c")
    await store.erase("c")
    assert await store.read(costs.total_since, WHEN - timedelta(hours=1)) == pytest.approx(0.75)


async def test_branches_lead_through_results_and_undo_ends_the_path_at_any_of_them(store: Store) -> None:
    assert await path(store) == ["q", "a", "r1", "r2", "b"]
    conversation = await store.read(reads.conversation, "c")
    assert conversation.forks == {"a": ("a", "z")}
    assert [each.id for each in await store.read(reads.siblings, "a")] == ["a", "z"]
    assert [each.id for each in await store.read(reads.siblings, "r1")] == ["r1"]
    await store.write(branches.select, "c", "z")
    assert await path(store) == ["q", "z"]
    await store.write(branches.select, "c", "r1")
    assert await path(store) == ["q", "a", "r1", "r2", "b"]
    await store.write(branches.end_at, "c", "r1")
    conversation = await store.read(reads.conversation, "c")
    assert ([each.id for each in conversation.path], conversation.below) == (["q", "a", "r1"], ("r2",))
    assert (await store.read(reads.summaries))[0].model == "box/m"


async def test_results_are_found_and_what_was_deleted_is_not(store: Store) -> None:
    assert [(hit.turn, hit.role) for hit in await store.search("boats")] == [("r1", "tool")]
    assert [hit.turn for hit in await store.search("role:tool call")] == ["r2"]
    assert [hit.turn for hit in await store.search("role:assistant twelve")] == ["b"]
    await store.write(deletion.delete, "c")
    assert await store.search("boats") == []
    await store.write(deletion.restore, "c")
    assert [hit.turn for hit in await store.search("boats")] == ["r1"]
    assert await path(store) == ["q", "a", "r1", "r2", "b"]


@pytest.mark.parametrize("again", [False, True])
async def test_an_export_restores_all_of_it(store: Store, tmp_path: Path, *, again: bool) -> None:
    tree = await store.read(reads.tree, "c")
    file = tmp_path / "export.json"
    file.write_text(await export_text(store, tree, "json"))
    other = await Store.open(tmp_path / "other.db")
    try:
        for _ in range(2 if again else 1):
            await imported(other, file)
        (row,) = await other.read(reads.summaries)
        back = await other.read(reads.tree, row.id)
        contents = await other.read(attachments.contents, [each.id for each in back.turns])
        assert [shape(each) for each in back.turns] == [shape(each) for each in TURNS]
        assert [file.content for files in contents.values() for file in files] == [b"png"]
        assert back.leaf == next(each.id for each in back.turns if each.text == "There are twelve.")
        assert [hit.role for hit in await other.search("boats")] == ["tool"]
        assert (await other.check()).ok
    finally:
        await other.close()


def shape(turn: Turn) -> object:
    return turn.role, turn.text, turn.state, turn.calls, turn.result, turn.cost, turn.usage, len(turn.attachments)


async def test_markdown_has_every_call_and_result_of_the_path_once(store: Store) -> None:
    text = await export_text(store, await store.read(reads.tree, "c"), "markdown")
    for part in ("lighthouse.txt", "Twelve boats.", "refused", "There are twelve."):
        assert text.count(part) >= 1, part
    assert text.count("Twelve boats.") == text.count("lighthouse.txt") == 1


async def test_the_store_is_whole(store: Store) -> None:
    report = await store.check()
    assert (report.problems, report.conversations, report.turns) == ((), 1, len(TURNS))
