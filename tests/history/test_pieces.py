"""Pieces of many growing answers are written together, and each fares for itself."""

from __future__ import annotations

from pathlib import Path

from chat_tui.core.conversation import Conversation, Turn, TurnDelta
from chat_tui.core.errors import ConversationNotFound, HistoryError
from chat_tui.history.store import Store


async def test_a_piece_that_cannot_be_kept_keeps_no_other_out(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "history.db")
    for name in "ab":
        question = Turn("user", "Hi", id=f"q{name}")
        await store.add_conversation(Conversation(name, path=(question,)))
        await store.add_turn(name, Turn("assistant", "", id=f"a{name}", parent=f"q{name}", state="streaming"))
    faults = await store.grow([TurnDelta("aa", "one "), TurnDelta("gone", "two "), TurnDelta("ab", "three ")])
    texts = [(await store.conversation(name)).path[-1].text for name in "ab"]
    await store.close()
    assert [type(fault) for fault in faults] == [type(None), ConversationNotFound, type(None)]
    assert texts == ["one ", "three "]


async def test_what_a_closed_store_cannot_keep_is_told(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "history.db")
    await store.close()
    assert [type(fault) for fault in await store.grow([TurnDelta("a", "x"), TurnDelta("b", "y")])] == [HistoryError] * 2
