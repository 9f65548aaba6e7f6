"""An import takes time in proportion to its turns, however long a conversation is."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from chat_tui.core.conversation import Turn
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.opening import StoreSettings, in_memory
from chat_tui.history.transfer.formats import chatgpt, native
from chat_tui.history.transfer.ingest import add_imported
from chat_tui.history.transfer.records import ConversationHeader, ImportedTurn

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
HEAD = ConversationHeader("c", WHEN, WHEN, "Long", keeps_ids=True)


def arrivals(first: int, count: int) -> list[ImportedTurn]:
    """Turns of one chain."""
    return [
        ImportedTurn(
            f"t{place}", f"t{place - 1}" if place else None, Turn("user", f"words {place % 50}", id=f"t{place}")
        )
        for place in range(first, first + count)
    ]


def store_with_chain(turns: int) -> StoreConnection:
    """A store with a conversation of so many turns, written past the index of its words to save time."""
    db = in_memory(StoreSettings())
    add_imported(db, HEAD, arrivals(0, 1))
    (conversation, key) = db.execute("SELECT conversation, key FROM turn").fetchone()
    db.executemany(
        "INSERT INTO turn (key, id, conversation, parent, role, state, created, text)"
        " VALUES (?, ?, ?, ?, 'user', 'complete', 0, '')",
        ((key + place, f"t{place}", conversation, key + place - 1) for place in range(1, turns)),
    )
    db.execute("UPDATE conversation SET leaf = ?", (key + turns - 1,))
    return db


def steps_of_a_part(turns: int, *, leaf: str = "") -> int:
    """Steps of SQLite's machine for sixteen turns behind so many; `leaf`: where the user has gone since."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    with closing(store_with_chain(turns)) as db:
        if leaf:
            db.execute("UPDATE conversation SET leaf = (SELECT key FROM turn WHERE id = ?)", (leaf,))
        db.set_progress_handler(count, 10)
        landed = add_imported(db, HEAD, arrivals(turns, 16))
        db.set_progress_handler(None, 0)
        assert landed.added == 16
        found = db.execute("SELECT turn.id FROM conversation JOIN turn ON turn.key = leaf").fetchone()
        assert found == (leaf or f"t{turns + 15}",)
    return counted


@pytest.mark.parametrize("leaf", ["", "t3"])
def test_a_part_costs_the_same_at_the_end_of_a_long_conversation(leaf: str) -> None:
    assert steps_of_a_part(50_000, leaf=leaf) < 2 * steps_of_a_part(500, leaf=leaf)


def test_the_path_follows_through_all_parts() -> None:
    with closing(in_memory(StoreSettings())) as db:
        for first in range(0, 100, 10):
            add_imported(db, HEAD, arrivals(first, 10))
        again = add_imported(db, HEAD, arrivals(90, 30))
        assert (again.known, again.added) == (10, 20)
        assert db.execute("SELECT turn.id FROM conversation JOIN turn ON turn.key = leaf").fetchone() == ("t119",)


def conversation(steps: int) -> dict[str, Any]:
    """A conversation of ChatGPT: a question, and a chain of what tools gave back."""

    def node(place: int) -> dict[str, Any]:
        content = {"content_type": "text", "parts": [f"words {place}"]}
        author = {"role": "tool" if place else "user", "name": "browser"}
        return {"parent": f"n{place - 1}" if place else None, "message": {"author": author, "content": content}}

    mapping = {f"n{place}": node(place) for place in range(steps)}
    return {"conversation_id": "x", "title": "T", "mapping": mapping, "current_node": f"n{steps - 1}"}


def seconds_for(steps: int) -> float:
    value = conversation(steps)
    begun = time.process_time()
    _, answer = list(chatgpt.convert(value, None).turns)
    assert isinstance(answer, ImportedTurn)
    assert answer.turn.thinking.count("words") == steps - 1
    return time.process_time() - begun


def test_a_chain_of_steps_that_nobody_saw_is_read_in_linear_time() -> None:
    few = min(seconds_for(3_000) for _ in range(3))
    assert seconds_for(30_000) < 30 * few


def own_turns(turns: int, order: str) -> list[dict[str, Any]]:
    made = [
        {"id": f"t{place}", "parent": f"t{place - 1}" if place else None, "role": "user", "text": "x"}
        for place in range(turns)
    ]
    if order == "ring":
        made[0]["parent"] = f"t{turns - 1}"
    return made[::-1] if order == "backwards" else made


def seconds_for_own(turns: int, order: str) -> float:
    value = {"format": "chat-tui", "version": 1, "id": "c", "turns": own_turns(turns, order)}
    begun = time.process_time()
    came = [item for item in native.convert(value).turns if isinstance(item, ImportedTurn)]
    assert {turn.key for turn in came} == {f"t{place}" for place in range(turns)}
    seen: set[str | None] = {None}
    for turn in came:
        assert turn.parent in seen
        seen.add(turn.key)
    return time.process_time() - begun


@pytest.mark.parametrize("order", ["forwards", "backwards", "ring"])
def test_turns_in_any_order_are_read_in_linear_time(order: str) -> None:
    few = min(seconds_for_own(1_000, order) for _ in range(3))
    assert seconds_for_own(10_000, order) < 30 * few
