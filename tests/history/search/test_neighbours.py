"""Phrases of common words are found by neighbouring words in the index, and also while it is still being filled."""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_tui.core.conversation import Conversation, Turn, now
from chat_tui.history import opening
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.database.connection_thread import transaction
from chat_tui.history.database.process_locks import ProcessLock
from chat_tui.history.migrations import MIGRATIONS
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import deletion, writes
from chat_tui.history.search import index
from chat_tui.history.search.candidates import BEGINS, full_text_queries
from chat_tui.history.search.index import CatchUpBounds
from chat_tui.history.search.query import parse
from chat_tui.history.search.stepped_search import SearchBounds, SteppedSearch
from chat_tui.history.search.tokenizer import neighbours, pair_token, pair_tokens
from chat_tui.history.store import Store
from tests.support.store_search import found_in

COUNT = 50_000
COMMON = ["the", "of", "and", "a", "in", "is", "it", "you", "that", "he", "was", "for", "on", "to", "be", "or", "not"]
PHRASE = "not to be or"
FEW_TEXTS = SearchBounds(ranked=10, examined=200, seconds=60, scanned=200)
SMALL = CatchUpBounds(turns=3, without_pairs=0)


def caught_up(db: sqlite3.Connection, bounds: CatchUpBounds) -> int:
    """Steps until there is nothing more to index."""
    steps = 0
    while index.catch_up(db, bounds):
        steps += 1
    return steps


def texts() -> Iterator[str]:
    """Common words, in which the phrase is only in the first text, and its words are in all."""
    chance = random.Random(3)
    yield f"whether {PHRASE} the same it is"
    phrase = set(pairwise(PHRASE.split()))
    for _ in range(COUNT - 1):
        words = [*chance.choices(COMMON, k=2), *PHRASE.split(), "same"]
        chance.shuffle(words)
        while phrase & set(pairwise(words)) or "the same" in " ".join(words):
            chance.shuffle(words)
        yield " ".join(words)


@pytest.fixture(scope="module")
def large() -> Iterator[sqlite3.Connection]:
    """A store of many turns, all in the index."""
    with closing(opening.in_memory(StoreSettings())) as db:
        with transaction(db):
            db.execute("INSERT INTO conversation (key, id, created, updated) VALUES (1, 'c', 0, 0)")
            db.executemany(
                "INSERT INTO turn (key, id, conversation, role, state, created, text)"
                " VALUES (?1, ?1, 1, 'user', 'complete', 0, ?2)",
                enumerate(texts(), 1),
            )
            index.begin_again(db)
            caught_up(db, CatchUpBounds(turns=COUNT, characters=10**9))
        yield db


@pytest.mark.parametrize("query", [f'"{PHRASE}"', '"be or"', '"to be o"', '"or the sa"', '"ot to be or"'])
def test_a_phrase_of_common_words_in_the_oldest_of_many_turns_is_found_by_the_first_step(
    large: sqlite3.Connection, query: str
) -> None:
    steps = SteppedSearch(query, 10, FEW_TEXTS)
    assert [hit.turn for hit in steps.step(large, Event()).hits] == ["1"]


def test_a_phrase_that_is_in_no_turn_is_looked_for_in_few_texts(large: sqlite3.Connection) -> None:
    steps, count = SteppedSearch('"or not to the same be"', 10, FEW_TEXTS), 0
    while not steps.ended:
        assert steps.step(large, Event()).hits == ()
        count += 1
    assert count < 10


def test_the_commonest_words_that_the_last_one_may_become_are_asked_for_first() -> None:
    texts = [f"of the s{number}x" for number in range(60)]
    with closing(filled(texts)) as db:
        caught_up(db, SMALL)
        queries = list(full_text_queries(db, parse('"of the s'), BEGINS))
        asked = [set(re.findall(r'"\+\w+"', query.with_pairs)) for query in queries]
        assert [len(pairs) for pairs in asked] == [21, 61]
        assert f'"{pair_token("the", "s0x")}"' in asked[0]
        assert found(db, "of the s") == {str(number) for number in range(60)}


def test_steps_of_a_busy_machine_go_through_all_candidates_and_ask_for_them_few_times() -> None:
    statements: list[str] = []
    with closing(filled(["the of", *["of the"] * 3000])) as db:
        steps = SteppedSearch('"the of"', 10, SearchBounds(seconds=0))
        db.set_trace_callback(statements.append)
        hits = [hit for _ in range(20) for hit in steps.step(db, Event()).hits]
    # Scores are given by the look at the whole history.
    assert [(hit.turn, hit.score > 1) for hit in hits] == [("0", True)]
    assert sum("turn_tokens MATCH" in statement for statement in statements) < 10


def test_every_two_neighbours_of_a_long_text_are_known() -> None:
    words = [*(f"w{number}" for number in range(3500)), "x" * 90, "é" * 90, "ende", "天", "last"]
    expected = {pair_token(*pair) for pair in pairwise(word for word in words if word != "天")}
    # Whatever a slice of the text ends with.
    for start in range(40):
        assert set(pair_tokens("." * start + " " * 300 + "—\n".join(words))) == expected


@pytest.mark.parametrize(
    ("term", "known"),
    [
        ("of the sa", ["…of the", "the sa…"]),
        ("self.name_of", ["…self name", "name of…"]),
        ("- of the -", ["of the"]),
        ("of the", ["…of the…"]),
        ("of", []),
        ("天气 of", []),
    ],
)
def test_only_the_ends_of_a_term_may_stand_inside_of_words(term: str, known: list[str]) -> None:
    found = []
    for first, second in neighbours(term, open_start=True, open_end=True):
        start, end = "…" * (first.reach == "ends"), "…" * (second.reach == "begins")
        found.append(f"{start}{first.text} {second.text}{end}")
    assert found == known


def filled(texts: list[str]) -> StoreConnection:
    db = opening.in_memory(StoreSettings())
    path = tuple(Turn("user", text, id=str(number)) for number, text in enumerate(texts))
    writes.add_conversation(db, Conversation("c", path=path))
    return db


def found(db: sqlite3.Connection, phrase: str) -> set[str]:
    return {hit.turn for hit in found_in(db, f'"{phrase}"', 1000, bounds=FEW_TEXTS)}


def sound(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO turn_tokens (turn_tokens) VALUES ('integrity-check')")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_the_newest_turns_wait_until_there_are_many() -> None:
    with closing(filled(["the of and"] * 10)) as db:
        assert caught_up(db, CatchUpBounds(turns=10, without_pairs=0)) == 0
        assert len(found(db, "the of")) == 10
        writes.add_turn(db, "c", Turn("user", "of the", id="new"))
        assert caught_up(db, CatchUpBounds(turns=10, without_pairs=0)) == 1
        assert index.gap(db).has_pairs(10)
        assert not index.gap(db).has_pairs(11)
        assert len(found(db, "the of")) == 10
        assert found(db, "of the") == {"new"}


def test_a_history_gets_tokens_of_neighbours_when_it_is_so_large_that_it_needs_them() -> None:
    bounds = CatchUpBounds(turns=3, without_pairs=10)
    with closing(filled(["the of and"] * 10)) as db:
        assert caught_up(db, bounds) == 0
        # Also when all is indexed anew.
        for table in ("turn_tokens", "word_grams"):
            db.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")
        db.execute("DELETE FROM word")
        index.begin_again(db)
        assert caught_up(db, bounds) == 4
        assert not index.gap(db).words
        assert pairs_in(db) == 0
        writes.add_turn(db, "c", Turn("user", "of the", id="new"))
        assert caught_up(db, bounds) > 3
        # The new turn waits until there are more of them.
        assert pairs_in(db) == 2 * 10
        assert found(db, "of the") == {"new"}
        sound(db)


def pairs_in(db: sqlite3.Connection) -> int:
    """How many tokens of neighbours the index has of all turns together."""
    db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab (main, turn_tokens, row)")
    count: int = db.execute("SELECT coalesce(sum(doc), 0) FROM vocabulary WHERE term GLOB '+?*'").fetchone()[0]
    return count


TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "ab", "ba", "c-a", "漢", "b" * 40, "a" * 18]), max_size=6).map(" ".join),
    min_size=1,
    max_size=20,
)
PHRASES = st.lists(st.sampled_from(["a", "b", "ab", "漢", "-", "b" * 40]), min_size=1, max_size=3).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(PHRASES, min_size=1, max_size=3), st.data())
def test_a_search_is_right_at_every_moment(texts: list[str], phrases: list[str], data: st.DataObject) -> None:
    """Whatever is indexed, lost, changed and erased meanwhile."""
    with closing(filled(texts)) as db:
        now_there = {str(number): text for number, text in enumerate(texts)}
        for _ in range(data.draw(st.integers(1, 6))):
            match data.draw(st.sampled_from(["catch up", "catch up", "lose", "change", "erase", "add"])):
                case "catch up":
                    index.catch_up(db, SMALL)
                case "lose":
                    for table in ("turn_tokens", "word_grams"):
                        db.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")
                    db.execute("DELETE FROM word")
                    index.begin_again(db)
                case "change" if now_there:
                    id, text = data.draw(st.sampled_from(sorted(now_there))), data.draw(TEXTS)[0]
                    writes.finish(db, Turn("user", text, id=id), None)
                    now_there[id] = text
                case "erase" if now_there:
                    id = data.draw(st.sampled_from(sorted(now_there)))
                    key, text = db.execute("SELECT key, text FROM turn WHERE id = ?", (id,)).fetchone()
                    index.remove(db, key, text)
                    db.execute("UPDATE turn SET parent = NULL WHERE parent = ?", (key,))
                    db.execute("DELETE FROM turn WHERE key = ?", (key,))
                    del now_there[id]
                case _:
                    id, text = f"new{len(now_there)}{data.draw(st.integers())}", data.draw(TEXTS)[0]
                    writes.add_turn(db, "c", Turn("user", text, id=id))
                    now_there[id] = text
            for phrase in phrases:
                assert found(db, phrase) == {id for id, text in now_there.items() if phrase in text}
        sound(db)
        for id in now_there:
            key, text = db.execute("SELECT key, text FROM turn WHERE id = ?", (id,)).fetchone()
            index.remove(db, key, text)
        # What was put in was taken out.
        assert not db.execute("SELECT count(*) FROM turn_tokens WHERE turn_tokens MATCH '\"+\" *'").fetchone()[0]


def opened(file: Path) -> StoreConnection:
    owner = ProcessLock(opening.owners_folder(file))
    db, _ = opening.writer(file, owner, StoreSettings())
    owner.release()
    return db


def path(count: int) -> tuple[Turn, ...]:
    return tuple(Turn("user", f"of the n{n} of" if n else "the of", id=str(n)) for n in range(count))


def test_a_store_of_the_schema_before_is_searched_and_gets_its_neighbours(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with closing(opened(file)) as db:
        writes.add_conversation(db, Conversation("c", path=path(20)))
        # As schema 5 had it.
        for column in ("pairs_after", "pairs_until"):
            db.execute(f"ALTER TABLE index_gap DROP COLUMN {column}")
        db.execute("ALTER TABLE conversation DROP COLUMN settings")
        db.execute("PRAGMA user_version = 5")
    with closing(opened(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert found(db, "the of") == {"0"}
        steps = 0
        while index.catch_up(db, SMALL):
            steps += 1
            assert found(db, "the of") == {"0"}
            assert found(db, "the n3") == {"3"}
        assert steps > 5
        assert index.gap(db).has_pairs(1)
        sound(db)


CATCHING_UP = """
import os, sys
from pathlib import Path
from tests.history.search.test_neighbours import SMALL, index, opened, transaction
file, steps = sys.argv[1:]
db = opened(Path(file))
for _ in range(int(steps)):
    with transaction(db):
        index.catch_up(db, SMALL)
db.execute("BEGIN IMMEDIATE")
index.catch_up(db, SMALL)
print("in the middle", flush=True)
if not sys.stdin.read(1):
    os._exit(9)
"""


def test_catching_up_goes_on_after_a_kill_in_the_middle(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with closing(opened(file)) as db:
        writes.add_conversation(db, Conversation("c", path=path(30)))
        for table in ("turn_tokens", "word_grams"):
            db.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")
        db.execute("DELETE FROM word")
        index.begin_again(db)
    for steps in (0, 2, 3):
        with subprocess.Popen(
            [sys.executable, "-c", CATCHING_UP, str(file), str(steps)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert b"middle" in child.stdout.readline()
            child.kill()
        with closing(opened(file)) as db:
            assert found(db, "the of") == {"0"}
            assert len(found(db, "of the")) == 29
            sound(db)
    with closing(opened(file)) as db:
        caught_up(db, SMALL)
        assert index.gap(db).has_pairs(1)
        assert found(db, "the of") == {"0"}


def test_two_processes_that_catch_up_and_write_leave_one_index(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with closing(opened(file)) as one, closing(opened(file)) as other:
        writes.add_conversation(one, Conversation("c", path=path(10)))
        index.begin_again(one)
        one.execute("INSERT INTO turn_tokens (turn_tokens) VALUES ('delete-all')")
        number = 10
        while any(index.catch_up(db, SMALL) for db in (one, other)):
            if number < 30:
                writes.add_turn(other, "c", Turn("user", "of the of", id=str(number)))
                number += 1
            assert found(one, "the of") == found(other, "the of") == {"0", *map(str, range(10, number))}
        sound(other)


async def test_what_an_open_store_gets_is_caught_up_with(tmp_path: Path) -> None:
    settings = StoreSettings(catch_up=CatchUpBounds(without_pairs=600))
    store = await Store.open(tmp_path / "history.db", settings)
    await store.write(writes.add_conversation, Conversation("c", path=path(700)))
    await store.close()
    store = await Store.open(tmp_path / "history.db", settings)
    async with asyncio.timeout(30):
        while not (await store.read(index.gap)).has_pairs(1):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert [hit.turn for hit in await store.search('"the of"')] == ["0"]
    await store.write(deletion.delete, "c")
    assert await store.search('"the of"') == []
    await store.purge(now())
    with closing(sqlite3.connect(tmp_path / "history.db")) as db:
        sound(db)
        assert not db.execute("SELECT count(*) FROM turn_tokens WHERE turn_tokens MATCH '\"+\" *'").fetchone()[0]
    await store.close()
