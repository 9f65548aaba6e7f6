"""Parts of a conversation's path, read from the store without the rest, and cut from one in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, Role, Turn, WindowRange, cut_window
from chat_tui.core.errors import ConversationNotFound
from chat_tui.history.queries import branches, reads, windows, writes
from chat_tui.history.store import Store

ROLES: tuple[Role, ...] = ("user", "assistant", "tool", "tool", "assistant", "user", "assistant")
LENGTH = 3 * len(ROLES)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "history.db")
    path = [
        Turn(
            ROLES[number % len(ROLES)],
            f"text {number}",
            id=f"t{number}",
            parent=f"t{number - 1}" if number else None,
            attachments=(Attachment("a.txt", "text/plain", b"a"),) if number == 7 else (),
        )
        for number in range(LENGTH)
    ]
    await store.write(writes.add_conversation, Conversation("c", "A title", "Be brief.", path=tuple(path)))
    await store.write(writes.add_turn, "c", Turn("assistant", "other", id="b8", parent="t7"))
    await store.write(writes.add_turn, "c", Turn("user", "another beginning", id="p0"))
    await store.write(writes.add_turn, "c", Turn("user", "deep", id="b9", parent="b8"))
    await store.write(branches.select, "c", f"t{LENGTH - 1}")
    yield store
    await store.close()


ASKED = [
    WindowRange(size, before, turn)
    for size in (1, 3, 6, 50)
    for before in (None, 0, 4, 11, 99)
    for turn in ("", "t0", "t9", "t20", "b9", "unknown")
]


async def test_a_part_is_what_would_be_cut_from_the_whole(store: Store) -> None:
    whole = await store.read(reads.conversation, "c")
    assert len(whole.path) == LENGTH
    for asked in ASKED:
        assert await store.read(windows.window, "c", asked) == cut_window(whole, asked), asked


async def test_the_last_turns_are_read_and_those_before_them_next(store: Store) -> None:
    last = await store.read(windows.window, "c", WindowRange(3))
    assert [turn.id for turn in last.conversation.path] == ["t18", "t19", "t20"]
    assert (last.first, last.length) == (18, LENGTH)
    assert last.conversation.path[0].parent == "t17"
    before = await store.read(windows.window, "c", WindowRange(3, last.first))
    assert [turn.id for turn in before.conversation.path] == ["t15", "t16", "t17"]


async def test_results_stay_with_the_answer_that_has_made_the_calls(store: Store) -> None:
    part = await store.read(windows.window, "c", WindowRange(2, 11))
    assert [turn.role for turn in part.conversation.path] == ["assistant", "tool", "tool"]


async def test_a_part_begins_with_the_turn_that_is_asked_for_and_the_one_before(store: Store) -> None:
    part = await store.read(windows.window, "c", WindowRange(4, turn="t5"))
    assert [turn.id for turn in part.conversation.path] == ["t4", "t5", "t6", "t7"]
    near_end = await store.read(windows.window, "c", WindowRange(6, turn="t20"))
    assert [turn.id for turn in near_end.conversation.path] == ["t15", "t16", "t17", "t18", "t19", "t20"]


async def test_a_conversation_that_is_not_there_is_told(store: Store) -> None:
    with pytest.raises(ConversationNotFound):
        await store.read(windows.window, "none", WindowRange(3))


async def test_an_empty_conversation_has_an_empty_part(store: Store) -> None:
    await store.write(writes.add_conversation, Conversation("empty"))
    part = await store.read(windows.window, "empty", WindowRange(3))
    assert (part.conversation.path, part.first, part.length) == ((), 0, 0)
