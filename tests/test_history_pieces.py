"""Pieces of many growing answers are written together, and each fares for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from chat_tui.conversation import Conversation, Turn
from chat_tui.errors import HistoryError
from chat_tui.history.pieces import Fault, Piece, Pieces
from chat_tui.history.store import Store


async def test_what_comes_together_is_written_together() -> None:
    written: list[list[str]] = []

    async def write(pieces: Sequence[Piece]) -> list[Fault]:
        written.append([piece.turn_id for piece in pieces])
        return [None] * len(pieces)

    gathering = Pieces(write)
    await asyncio.gather(*(gathering.add(Piece(name, "x", "", None)) for name in "abc"))
    await gathering.add(Piece("d", "x", "", None))
    assert written == [["a", "b", "c"], ["d"]]


async def test_a_piece_that_nobody_waits_for_any_more_is_not_written() -> None:
    written: list[str] = []

    async def write(pieces: Sequence[Piece]) -> list[Fault]:
        written.extend(piece.turn_id for piece in pieces)
        return [None] * len(pieces)

    gathering = Pieces(write)
    left = asyncio.ensure_future(gathering.add(Piece("left", "x", "", None)))
    await asyncio.sleep(0)
    left.cancel()
    await gathering.add(Piece("stays", "x", "", None))
    assert written == ["stays"]


async def test_a_piece_that_cannot_be_kept_keeps_no_other_out(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "history.db")
    for name in "ab":
        question = Turn("user", "Hi", id=f"q{name}")
        await store.add_conversation(Conversation(name, path=(question,)))
        await store.add_turn(name, Turn("assistant", "", id=f"a{name}", parent=f"q{name}", state="streaming"))
    said = [store.append("aa", "one "), store.append("gone", "two "), store.append("ab", "three ")]
    faults = await asyncio.gather(*said, return_exceptions=True)
    texts = [(await store.conversation(name)).path[-1].text for name in "ab"]
    await store.close()
    assert [type(fault) for fault in faults] == [type(None), HistoryError, type(None)]
    assert texts == ["one ", "three "]


async def test_nothing_is_gathered_any_more_when_the_store_is_closed() -> None:
    before = asyncio.all_tasks()
    store = await Store.open(None)
    left = asyncio.ensure_future(store.append("a", "one "))
    await asyncio.sleep(0)
    left.cancel()
    await store.close()
    assert asyncio.all_tasks() - before - {left} == set()


async def test_what_a_closed_store_cannot_keep_is_told(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "history.db")
    await store.close()
    with pytest.raises(HistoryError):
        await store.append("a", "x")
