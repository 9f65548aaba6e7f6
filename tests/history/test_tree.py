"""The tree of a conversation: branches, siblings, what is kept of them, and deleting."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, Role, Turn, TurnDelta, now
from chat_tui.core.errors import ConversationNotFound, HistoryError
from chat_tui.core.route import Route, Seam
from chat_tui.history.queries import attachments, branches, deletion, reads, turn_deltas, writes
from chat_tui.history.store import Store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    store = await Store.open(file)
    yield store
    await store.close()


async def grown(store: Store, *links: str, id: str = "c") -> None:
    """A conversation of turns given as `child<parent`; those that begin with p, q, r are questions."""
    await store.write(writes.add_conversation, Conversation(id, "A title"))
    for link in links:
        name, _, parent = link.partition("<")
        role: Role = "user" if name[0] in "pqr" else "assistant"
        await store.write(
            writes.add_turn, id, Turn(role, f"text of {name}", id=name, parent=parent or None, created=now())
        )


FAMILY = ("q1", "a1<q1", "q2<a1", "a2<q2", "b2<q2", "q3<b2", "r2<a1", "s2<r2", "p1", "o1<p1")


def everything(file: Path) -> bytes:
    """What stands in the store's files, free pages too."""
    return b"".join(each.read_bytes() for each in file.parent.glob("history.db*") if each.is_file())


async def path(store: Store, id: str = "c") -> str:
    return " ".join(turn.id for turn in (await store.read(reads.conversation, id)).path)


async def test_each_turn_of_the_path_knows_its_siblings_of_the_same_role(store: Store) -> None:
    await grown(store, *FAMILY)
    await store.write(branches.select, "c", "q3")
    conversation = await store.read(reads.conversation, "c")
    assert [turn.id for turn in conversation.path] == ["q1", "a1", "q2", "b2", "q3"]
    assert conversation.forks == {"q1": ("q1", "p1"), "q2": ("q2", "r2"), "b2": ("a2", "b2")}
    await store.write(writes.add_turn, "c", Turn("user", "Or?", id="q4", parent="a1"))
    assert (await store.read(reads.conversation, "c")).forks == {"q1": ("q1", "p1"), "q4": ("q2", "r2", "q4")}


async def test_siblings_come_oldest_first_with_all_their_fields(store: Store) -> None:
    await grown(store, *FAMILY)
    assert [(turn.id, turn.parent, turn.text) for turn in await store.read(reads.siblings, "b2")] == [
        ("a2", "q2", "text of a2"),
        ("b2", "q2", "text of b2"),
    ]
    assert [turn.id for turn in await store.read(reads.siblings, "p1")] == ["q1", "p1"]
    assert await store.read(reads.siblings, "nobody") == []


async def test_selecting_a_turn_shows_the_newest_branch_below_it(store: Store) -> None:
    await grown(store, *FAMILY)
    assert await path(store) == "p1 o1"
    await store.write(branches.select, "c", "q1")
    assert await path(store) == "q1 a1 r2 s2"
    await store.write(branches.select, "c", "a2")
    assert await path(store) == "q1 a1 q2 a2"


async def test_walking_away_and_back_shows_the_branch_as_it_was_left(store: Store) -> None:
    await grown(store, *FAMILY)
    await store.write(branches.select, "c", "a2")
    await store.write(branches.select, "c", "p1")
    await store.write(branches.select, "c", "q1")
    assert await path(store) == "q1 a1 q2 a2"
    await store.write(branches.select, "c", "b2")
    await store.write(branches.select, "c", "r2")
    await store.write(branches.select, "c", "q2")
    assert await path(store) == "q1 a1 q2 b2 q3"


async def test_what_came_below_a_branch_that_was_left_is_shown_with_it(store: Store) -> None:
    await grown(store, "q1", "a1<q1", "b1<q1")
    await store.write(branches.select, "c", "a1")
    await store.write(branches.select, "c", "b1")
    await store.write(writes.add_turn, "c", Turn("user", "More?", id="q2", parent="a1"))
    await store.write(branches.select, "c", "b1")
    await store.write(branches.select, "c", "a1")
    assert await path(store) == "q1 a1 q2"


async def test_a_path_can_end_at_any_turn_and_go_on_from_there(store: Store) -> None:
    await grown(store, *FAMILY)
    await store.write(branches.select, "c", "a2")
    await store.write(branches.end_at, "c", "a1")
    assert await path(store) == "q1 a1"
    await store.write(writes.add_turn, "c", Turn("user", "Instead?", id="q9", parent="a1"))
    conversation = await store.read(reads.conversation, "c")
    assert [turn.id for turn in conversation.path] == ["q1", "a1", "q9"]
    assert conversation.forks["q9"] == ("q2", "r2", "q9")
    await store.write(branches.end_at, "c", None)
    assert (await store.read(reads.conversation, "c")).path == ()
    assert (await store.read(reads.tree, "c")).leaf == ""
    await store.write(branches.select, "c", "q2")
    assert await path(store) == "q1 a1 q2 a2"


async def test_a_turn_of_another_conversation_cannot_be_selected(store: Store) -> None:
    await grown(store, "q1")
    await grown(store, "qx", id="other")
    for choose in (branches.select, branches.end_at):
        with pytest.raises(HistoryError, match="not in the conversation"):
            await store.write(choose, "c", "qx")
        with pytest.raises(ConversationNotFound):
            await store.write(choose, "nobody", "qx")
    assert await path(store) == "q1"


async def test_a_tree_has_every_turn_and_route(store: Store) -> None:
    await grown(store, *FAMILY)
    await store.write(writes.finish, Turn("assistant", "Better.", id="a2"), Route("balanced"))
    await store.write(branches.select, "c", "a1")
    tree = await store.read(reads.tree, "c")
    assert [f"{turn.id}<{turn.parent}" if turn.parent else turn.id for turn in tree.turns] == list(FAMILY)
    assert tree.conversation == await store.read(reads.conversation, "c")
    assert tree.leaf == "s2"
    assert tree.routes == {"a2": Route("balanced")}
    with pytest.raises(ConversationNotFound):
        await store.read(reads.tree, "nobody")


async def test_two_stores_in_one_conversation_make_siblings_and_lose_nothing(store: Store, file: Path) -> None:
    await grown(store, "q1", "a1<q1")
    other = await Store.open(file)
    await store.write(writes.add_turn, "c", Turn("user", "Here?", id="q2", parent="a1"))
    await other.write(writes.add_turn, "c", Turn("user", "There?", id="q3", parent="a1"))
    growing = Turn("assistant", "", id="a2", parent="q2", state="streaming")
    await store.write(writes.add_turn, "c", growing)
    await other.write(writes.add_turn, "c", Turn("assistant", "Yes.", id="a3", parent="q3"))
    await store.write(turn_deltas.append_deltas, [TurnDelta("a2", "Well")])
    await store.write(writes.finish, Turn("assistant", "Well.", id="a2"), None)
    assert await path(store) == await path(other) == "q1 a1 q3 a3"
    assert (await store.read(reads.conversation, "c")).forks["q3"] == ("q2", "q3")
    await store.write(branches.select, "c", "q2")
    assert await path(other) == "q1 a1 q2 a2"
    await other.close()


async def test_verdicts_keeping_seams_and_attachments_come_back(store: Store, file: Path) -> None:
    image = Attachment("sky.png", "image/png", b"\x89PNG blue")
    text = Attachment("notes.txt", "text/plain", b"grey")
    question = Turn("user", "Why?", id="q", created=now(), kept=True, attachments=(image, text))
    answer = Turn("assistant", "So.", id="a", parent="q", created=now(), verdict=False, seams=(Seam(1, "x/y", "cut"),))
    await store.write(writes.add_conversation, Conversation("c", path=(question, answer)))
    again = await Store.open(file)
    kept, answered = (await again.read(reads.conversation, "c")).path
    assert (kept.kept, answered) == (True, answer)
    assert [(each.name, each.media_type, each.content, each.size_bytes) for each in kept.attachments] == [
        ("sky.png", "image/png", b"", 9),
        ("notes.txt", "text/plain", b"", 4),
    ]
    contents = await again.read(attachments.contents, ["q", "a", "nobody"])
    assert {id: [each.content for each in files] for id, files in contents.items()} == {"q": [b"\x89PNG blue", b"grey"]}
    assert [each.id for each in contents["q"]] == [each.id for each in kept.attachments]
    await again.write(writes.judge, "a", True)
    await again.write(writes.keep, "q", None)
    first, second = (await store.read(reads.conversation, "c")).path
    assert (first.kept, second.verdict) == (None, True)
    for change in (writes.judge, writes.keep):
        with pytest.raises(HistoryError, match="not in the history"):
            await store.write(change, "nobody", True)
    await again.close()


async def test_an_edited_question_shares_the_files_of_the_first(store: Store, file: Path) -> None:
    await store.write(
        writes.add_conversation,
        Conversation("c", path=(Turn("user", "Why?", id="q", attachments=(Attachment("a.txt", "text/plain", b"x"),)),)),
    )
    (without_content,) = (await store.read(reads.conversation, "c")).path[0].attachments
    await store.write(writes.add_turn, "c", Turn("user", "Why not?", id="p", attachments=(without_content,)))
    assert (await store.read(attachments.contents, ["p"]))["p"][0].content == b"x"
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM content").fetchone() == (1,)


async def test_the_list_shows_pinned_ones_first_with_model_cost_and_what_is_unseen(store: Store) -> None:
    for number in range(3):
        start = datetime(2026, 1, 1 + number, tzinfo=UTC)
        await store.write(writes.add_conversation, Conversation(f"c{number}", created=start, updated=start))
    await store.write(writes.add_turn, "c0", Turn("user", "Why?", id="q"))
    await store.write(
        writes.add_turn, "c0", Turn("assistant", "", id="a", parent="q", model="x/first", state="streaming")
    )
    await store.write(writes.finish, Turn("assistant", "So.", id="a", model="x/then", cost=0.25), None)
    await store.write(writes.add_turn, "c0", Turn("assistant", "Or so.", id="b", parent="q", model="x/last", cost=0.5))
    await store.write(writes.add_turn, "c0", Turn("user", "And?", id="q2", parent="b"))
    await store.write(writes.pin, "c1", True)
    await store.write(writes.set_unseen, "c2", True)
    rows = await store.read(reads.summaries)
    assert [row.id for row in rows] == ["c1", "c0", "c2"]
    assert [(row.pinned, row.unseen) for row in rows] == [(True, False), (False, False), (False, True)]
    assert [(row.turns, row.model, row.cost) for row in rows] == [(0, "", None), (4, "x/last", 0.75), (0, "", None)]
    await store.write(writes.pin, "c1", False)
    await store.write(writes.set_unseen, "c2", False)
    assert [row.id for row in await store.read(reads.summaries)] == ["c0", "c2", "c1"]


async def test_a_preset_and_a_pin_come_back(store: Store) -> None:
    await store.write(writes.add_conversation, Conversation("c", preset='{"name":"code"}', pinned=True))
    conversation = await store.read(reads.conversation, "c")
    assert (conversation.preset, conversation.pinned) == ('{"name":"code"}', True)
    await store.write(writes.set_preset, "c", "")
    assert (await store.read(reads.conversation, "c")).preset == ""


async def test_a_deleted_conversation_is_out_of_sight_until_it_is_restored(store: Store) -> None:
    await grown(store, *FAMILY)
    before = await store.read(reads.conversation, "c")
    await store.write(deletion.delete, "c")
    await store.write(deletion.delete, "c")
    assert await store.read(reads.summaries) == []
    assert await store.search("text") == []
    assert await store.read(reads.prompts) == []
    with pytest.raises(ConversationNotFound):
        await store.read(reads.conversation, "c")
    with pytest.raises(ConversationNotFound):
        await store.read(reads.tree, "c")
    await store.purge(now() - timedelta(hours=1))
    await store.write(deletion.restore, "c")
    assert await store.read(reads.conversation, "c") == before
    assert len(await store.search("text")) == len(FAMILY)


async def test_deleted_conversations_are_listed_by_when_they_were_deleted(store: Store) -> None:
    await grown(store, *FAMILY)
    await grown(store, "qx", id="other")
    await grown(store, "qy", id="kept")
    summary = next(row for row in await store.read(reads.summaries) if row.id == "c")
    for id in ("other", "c"):
        await store.write(deletion.delete, id)
    listed = await store.read(reads.deleted_conversations)
    assert [each.summary.id for each in listed] == ["c", "other"]
    assert listed[0].summary == summary
    assert listed[0].deleted >= listed[1].deleted
    assert await store.read(reads.count_deleted) == 2
    await store.write(deletion.condemn, "c")
    assert [each.summary.id for each in await store.read(reads.deleted_conversations)] == ["other"]
    await store.write(deletion.condemn_all)
    assert await store.read(reads.count_deleted) == 0
    assert [row.id for row in await store.read(reads.summaries)] == ["kept"]


async def test_what_faces_remember_of_a_conversation_is_erased_with_it(store: Store) -> None:
    await grown(store, "q1")
    for place in ("words that wait c", "words that wait abc", "open conversation", "c"):
        await store.write(writes.set_place, place, "value")
    await store.write(deletion.delete, "c")
    await store.purge(now() - timedelta(hours=1))
    assert await store.read(reads.place, "words that wait c") == "value"
    await store.erase("c")
    kept = ("words that wait abc", "open conversation", "c")
    assert [await store.read(reads.place, place) for place in kept] == ["value"] * 3
    assert await store.read(reads.place, "words that wait c") == ""


async def test_what_is_purged_leaves_nothing_behind(store: Store, file: Path) -> None:
    await grown(store, *FAMILY)
    await grown(store, "qx", id="other")
    await store.write(writes.add_turn, "c", Turn("user", "NEVER SEEN AGAIN " * 1000, id="long"))
    await store.write(writes.retitle, "c", "NEVER SEEN AGAIN")
    assert b"NEVER SEEN AGAIN" in everything(file)
    for turn in ("r", "s"):
        files = (Attachment("a.txt", "text/plain", b"SECRET"), Attachment("b.txt", "text/plain", turn.encode()))
        target = "c" if turn == "r" else "other"
        await store.write(writes.add_turn, target, Turn("user", "SECRET words", id=turn, attachments=files))
    await store.write(writes.finish, Turn("assistant", "SECRET", id="a2"), Route("balanced"))
    await store.write(writes.add_turn, "c", Turn("assistant", "", id="grows", parent="r", state="streaming"))
    await store.write(turn_deltas.append_deltas, [TurnDelta("grows", "SECRET")])
    await store.write(writes.save_draft, "c", "SECRET draft")
    await store.write(branches.select, "c", "q1")
    await store.write(deletion.delete, "c")
    await store.purge(now())
    with pytest.raises(ConversationNotFound):
        await store.write(deletion.restore, "c")
    assert [row.id for row in await store.read(reads.summaries)] == ["other"]
    assert [hit.turn for hit in await store.search("secret")] == ["s"]
    assert [each.content for each in (await store.read(attachments.contents, ["s"]))["s"]] == [b"SECRET", b"s"]
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        counts = {"turn": 2, "piece": 0, "route": 0, "content": 2, "attachment": 2, "ending": 0, "draft": 0}
        for table, count in counts.items():
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (count,), table
    assert b"NEVER SEEN AGAIN" not in everything(file)


async def test_erasing_a_long_conversation_lets_others_write_in_between(store: Store, file: Path) -> None:
    turns = tuple(Turn("user", f"{number} " * 200, id=f"t{number}") for number in range(600))
    await store.write(writes.add_conversation, Conversation("c", path=turns))
    other = await Store.open(file)
    erasing = asyncio.create_task(store.erase("c"))
    written = 0
    while not erasing.done():
        await other.write(writes.add_conversation, Conversation(f"other{written}"))
        written += 1
    assert written > 1
    assert len(await store.read(reads.summaries, limit=100_000)) == written
    await other.close()


async def test_one_conversation_can_be_erased_at_once(store: Store) -> None:
    await grown(store, "q1")
    await grown(store, "qx", id="other")
    await grown(store, "qy", id="deleted")
    await store.write(deletion.delete, "deleted")
    await store.erase("c")
    with pytest.raises(ConversationNotFound):
        await store.erase("c")
    await store.write(deletion.restore, "deleted")
    assert sorted(row.id for row in await store.read(reads.summaries)) == ["deleted", "other"]
