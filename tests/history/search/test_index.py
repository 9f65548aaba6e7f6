"""The index follows what happens to turns, can be made again in pieces, and a search can be stopped."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from chat_tui.core.conversation import Conversation, SearchHit, Turn, now
from chat_tui.history import opening
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.migrations import MIGRATIONS, first
from chat_tui.history.queries import deletion, reads, writes
from chat_tui.history.search import index, stepped_search
from chat_tui.history.store import Store
from tests.support.store_search import found_in

COUNT = 700
FIRST_STEP = stepped_search.SearchBounds(best=COUNT, told=COUNT, seconds=60)


def path(count: int) -> tuple[Turn, ...]:
    return tuple(Turn("user", f"turn number{number} word{number % 7}", id=str(number)) for number in range(count))


@pytest.fixture
def db() -> StoreConnection:
    """A store of many turns whose index was lost."""
    db = opening.in_memory(opening.StoreSettings())
    writes.add_conversation(db, Conversation("c", path=path(COUNT)), "")
    for table in ("turn_tokens", "word_grams"):
        db.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")
    db.execute("DELETE FROM word")
    index.begin_again(db)
    return db


def found(db: sqlite3.Connection, query: str) -> set[str]:
    """By the index: the steps behind the first one find what is not in it."""
    return {hit.turn for hit in stepped_search.SteppedSearch(query, COUNT, FIRST_STEP).step(db, threading.Event()).hits}


def sound(db: sqlite3.Connection) -> None:
    for table in ("turn_tokens", "word_grams"):
        db.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")


def test_the_index_is_made_again_in_pieces_the_newest_turns_first(db: StoreConnection) -> None:
    with closing(db):
        assert found(db, "turn") == set()
        assert len(found_in(db, "turn", COUNT)) == COUNT
        assert index.catch_up(db)
        first = found(db, "turn")
        assert 0 < len(first) < COUNT
        assert first == {str(number) for number in range(COUNT - len(first), COUNT)}
        while index.catch_up(db):
            pass
        assert found(db, "turn") == {str(number) for number in range(COUNT)}
        assert not index.catch_up(db)
        sound(db)


def test_a_turn_that_changes_before_its_piece_is_indexed_is_found_as_it_is_then(db: StoreConnection) -> None:
    with closing(db):
        writes.finish(db, Turn("user", "rewritten", id="3"), None)
        writes.add_turn(db, "c", Turn("user", "entirely new", id="new"), "")
        assert found(db, "new") == {"new"}
        while index.catch_up(db):
            pass
        assert found(db, "number3") & {"3"} == set()
        assert found(db, "rewritten") == {"3"}
        writes.finish(db, Turn("user", "again", id="3"), None)
        assert found(db, "rewritten") == set()
        assert found(db, "again") == {"3"}
        sound(db)


async def test_an_opened_store_catches_up_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    store = await Store.open(file)
    await store.write(writes.add_conversation, Conversation("c", path=path(COUNT)))
    await store.close()
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("INSERT INTO turn_tokens (turn_tokens) VALUES ('delete-all')")
        index.begin_again(db)
    store = await Store.open(file)
    deadline = time.monotonic() + 30
    hits: list[SearchHit] = []
    while len(hits) < COUNT and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
        hits = await store.search("turn", limit=COUNT)
    assert len(hits) == COUNT
    await store.close()


def test_the_indexes_of_a_large_older_store_are_erased_in_pieces() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        first(db)
        text = " ".join(f"w{number * number:x}" for number in range(100_000))
        db.execute("INSERT INTO turn_words (rowid, text) VALUES (1, ?)", (text,))
        db.execute("INSERT INTO conversation (key, id, created, updated) VALUES (1, 'c', 0, 0)")
        db.execute(
            "INSERT INTO turn (key, id, conversation, role, state, created, indexed, text)"
            " VALUES (9000, 't', 1, 'user', 'complete', 0, 1, 'found again')"
        )
        for migration in MIGRATIONS[1:]:
            migration(db)
        assert index.catch_up(db)
        assert found(db, "again") == {"t"}
        pieces = 0
        while index.catch_up(db):
            pieces += 1
        assert pieces > 1
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        assert not [name for name in tables if name.startswith(("turn_words", "turn_grams"))]
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_what_is_erased_leaves_no_word_behind(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "history.db")
    await store.write(writes.add_conversation, Conversation("a", path=(Turn("user", "secret shared", id="a"),)))
    await store.write(writes.add_conversation, Conversation("b", path=(Turn("user", "shared", id="b"),)))
    await store.write(deletion.delete, "a")
    assert [hit.turn for hit in await store.search("shared")] == ["b"]
    await store.purge(now())
    await store.close()
    with closing(sqlite3.connect(tmp_path / "history.db")) as db:
        words = {token for (token,) in db.execute("SELECT token FROM word") if "=" not in token}
        sound(db)
        assert words == {"shared"}
        assert found(db, "secre") == set()
        assert found(db, "hare") == {"b"}


def test_a_search_that_nobody_waits_for_stops_at_once(db: StoreConnection) -> None:
    with closing(db):
        while index.catch_up(db):
            pass
        stopped = threading.Event()
        stopped.set()
        assert found_in(db, "turn", 10, stopped) == []
        assert len(found_in(db, "turn", 10)) == 10


async def test_a_search_that_is_cancelled_leaves_the_store_usable(tmp_path: Path) -> None:
    for file in (None, tmp_path / "history.db"):
        store = await Store.open(file)
        await store.write(writes.add_conversation, Conversation("c", path=path(COUNT)))
        for _ in range(5):
            search_as_typed = asyncio.create_task(store.search('"turn of"'))
            await asyncio.sleep(0)
            search_as_typed.cancel()
            with pytest.raises(asyncio.CancelledError):
                await search_as_typed
        assert [hit.turn for hit in await store.search("number699")] == ["699"]
        assert len((await store.read(reads.conversation, "c")).path) == 1
        await store.close()
