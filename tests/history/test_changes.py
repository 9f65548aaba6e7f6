"""Marks of the history, by which faces notice what was changed here and by other processes."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from chat_tui.core.conversation import Conversation, HistoryState, Turn, TurnDelta, now
from chat_tui.history.queries import branches, changes, turn_deltas, writes
from chat_tui.history.store import Store

QUESTION = Turn("user", "Hi", id="q", created=now())
ANSWER = Turn("assistant", "", id="a", parent="q", created=now(), state="streaming", model="box/one")


async def test_a_state_changes_with_what_it_marks_and_not_without() -> None:
    store = await Store.open(None)
    await store.write(writes.add_conversation, Conversation("c", "Title", created=now(), path=(QUESTION,)))
    await store.write(writes.add_conversation, Conversation("d", "Other", created=now(), path=()))

    async def look(before: HistoryState) -> HistoryState:
        return await store.read(changes.look, before, ["c", "d", "none"])

    first = await look(HistoryState())
    assert await look(first) is first
    await store.write(writes.retitle, "c", "Another title")
    renamed = await look(first)
    assert renamed.list_mark != first.list_mark
    assert renamed.marks == first.marks
    await store.write(writes.set_place, "key", "value")
    placed = await look(renamed)
    assert (placed.list_mark, placed.marks) == (renamed.list_mark, renamed.marks)
    await store.write(writes.add_turn, "c", ANSWER)
    begun = await look(placed)
    assert begun.marks["c"] != placed.marks["c"]
    assert begun.marks["d"] == placed.marks["d"]
    await store.write(turn_deltas.append_deltas, [TurnDelta("a", "more", "")])
    grown = await look(begun)
    assert grown.marks == begun.marks
    await store.write(writes.finish, replace(ANSWER, text="more", state="complete"), None)
    ended = await look(grown)
    assert ended.marks["c"] != grown.marks["c"]
    await store.write(writes.judge, "a", True)
    judged = await look(ended)
    assert judged.marks["c"] != ended.marks["c"]
    await store.write(branches.select, "c", "q")
    assert (await look(judged)).running == ()
    await store.close()


async def test_what_another_process_writes_is_noticed_as_it_grows_and_when_it_dies(tmp_path: Path) -> None:
    store, other = [await Store.open(tmp_path / "history.db") for _ in range(2)]
    await other.write(writes.add_conversation, Conversation("c", "Title", created=now(), path=(QUESTION,)))
    before = await store.read(changes.look, HistoryState(), ["c"])
    await other.write(writes.add_turn, "c", ANSWER)
    begun = await store.read(changes.look, before, ["c"])
    assert [(turn.conversation, turn.title, turn.turn, turn.model) for turn in begun.running] == [
        ("c", "Title", "a", "box/one")
    ]
    assert (await other.read(changes.look, HistoryState(), ["c"])).running == ()
    await other.write(turn_deltas.append_deltas, [TurnDelta("a", "more", "")])
    grown = await store.read(changes.look, begun, ["c"])
    assert grown.marks != begun.marks
    await other.close()
    left = await store.read(changes.look, grown, ["c"])
    assert left.running == ()
    assert left.marks != grown.marks
    await store.close()
