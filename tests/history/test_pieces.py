"""Pieces of many growing answers are written together, and each fares for itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_tui.core.conversation import Conversation, Turn, TurnDelta
from chat_tui.core.errors import ConversationNotFound, HistoryError
from chat_tui.history.queries import reads, turn_deltas, writes
from chat_tui.history.store import Store


async def test_a_piece_that_cannot_be_kept_keeps_no_other_out(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "history.db")
    for name in "ab":
        question = Turn("user", "Hi", id=f"q{name}")
        await store.write(writes.add_conversation, Conversation(name, path=(question,)))
        await store.write(
            writes.add_turn, name, Turn("assistant", "", id=f"a{name}", parent=f"q{name}", state="streaming")
        )
    faults = await store.write(
        turn_deltas.append_deltas, [TurnDelta("aa", "one "), TurnDelta("gone", "two "), TurnDelta("ab", "three ")]
    )
    texts = [(await store.read(reads.conversation, name)).path[-1].text for name in "ab"]
    await store.close()
    assert [type(fault) for fault in faults] == [type(None), ConversationNotFound, type(None)]
    assert texts == ["one ", "three "]


async def test_a_closed_store_keeps_nothing(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "history.db")
    await store.close()
    with pytest.raises(HistoryError, match="The history is closed"):
        await store.write(turn_deltas.append_deltas, [TurnDelta("a", "x"), TurnDelta("b", "y")])
