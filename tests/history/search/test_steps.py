"""A search goes on to the oldest turn, says how far it has looked, and can be gone on with and left off."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import aclosing, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_tui.core.conversation import Conversation, SearchHit, SearchStep, Turn
from chat_tui.history import opening
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import deletion, writes
from chat_tui.history.search import index
from chat_tui.history.search.stepped_search import SearchBounds, SteppedSearch
from chat_tui.history.store import Store
from tests.support.store_search import found_in

SMALL = SearchBounds(ranked=10, examined=20, seconds=60, scanned=30)
COUNT = 300
BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
PHRASE = '"the of and"'


def turns(count: int, oldest: str = "here the of and stand", text: str = "of and the of more") -> tuple[Turn, ...]:
    """One a day; the oldest is different. The others have the words of `PHRASE`, and its neighbours, but not itself."""
    return tuple(
        Turn(
            "assistant" if number % 2 else "user",
            text if number else oldest,
            id=str(number),
            created=BEGINNING + timedelta(days=number),
        )
        for number in range(count)
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "history.db", StoreSettings(search=SMALL))
    await store.write(writes.add_conversation, Conversation("c", path=turns(COUNT)))
    yield store
    await store.close()


def filled(path: tuple[Turn, ...]) -> sqlite3.Connection:
    db = opening.in_memory(StoreSettings())
    writes.add_conversation(db, Conversation("c", path=path), "")
    return db


async def test_a_phrase_of_common_words_is_found_in_the_oldest_turn(store: Store) -> None:
    assert [hit.turn for hit in await store.search(PHRASE)] == ["0"]


async def test_each_step_says_how_far_the_search_has_looked(store: Store) -> None:
    steps = [step async for step in store.search_steps(PHRASE)]
    assert [step.complete for step in steps] == [False] * (len(steps) - 1) + [True]
    parts = [step.searched for step in steps]
    assert parts == sorted(parts)
    assert parts[0] == 0
    assert parts[-1] == 1
    times = [step.searched_back_to for step in steps if step.searched_back_to]
    assert len(times) > 3
    assert times == sorted(times, reverse=True)
    assert times[0] == BEGINNING + timedelta(days=COUNT - 1)
    assert steps[-1].rest is None
    assert steps[-1].searched_back_to is None


async def test_what_is_said_to_be_searched_holds_for_imported_turns_too(store: Store) -> None:
    # They come last, and are the oldest.
    old = [
        Turn("assistant", "of and the of more", id=f"i{n}", created=BEGINNING - timedelta(days=n)) for n in range(40)
    ]
    await store.write(writes.add_conversation, Conversation("imported", path=tuple(old)))
    async with aclosing(store.search_steps(PHRASE)) as steps:
        async for step in steps:
            if 0 < step.searched < 0.15:
                # Only imported ones have been looked at: the newest turn of all is still to come.
                assert step.searched_back_to == BEGINNING + timedelta(days=COUNT - 1)


async def test_the_first_hits_come_before_the_last_turn_is_looked_at(store: Store) -> None:
    await store.write(writes.add_turn, "c", Turn("user", "also here: the of and", id="new", parent=str(COUNT - 1)))
    hits = [[hit.turn for hit in step.hits] async for step in store.search_steps(PHRASE)]
    assert hits[0] == ["new"]
    assert hits[-1] == ["0"]
    assert sum(map(len, hits)) == 2


async def test_a_search_is_gone_on_with_where_it_was_left(store: Store) -> None:
    async with aclosing(store.search_steps(PHRASE)) as steps:
        first = [await anext(steps), await anext(steps)]
    assert not any(step.hits for step in first)
    rest = [step async for step in store.search_steps(PHRASE, start=first[-1].rest)]
    assert [hit.turn for step in rest for hit in step.hits] == ["0"]
    assert rest[0].searched > first[-1].searched
    assert rest[-1].complete


async def test_a_limit_ends_it_and_the_rest_can_be_asked_for(store: Store) -> None:
    found: list[str] = []
    start, complete = None, False
    while not complete:
        steps = [step async for step in store.search_steps("more", 25, start)]
        hits = [hit.turn for step in steps for hit in step.hits]
        assert len(hits) <= 25
        found += hits
        start, complete = steps[-1].rest, steps[-1].complete
    assert set(found) == {str(number) for number in range(1, COUNT)}


async def test_a_search_that_is_left_off_does_no_more_work(store: Store) -> None:
    steps: list[SearchStep] = []
    begun = asyncio.Event()

    async def collect() -> None:
        async for step in store.search_steps(PHRASE):
            steps.append(step)
            begun.set()

    task = asyncio.create_task(collect())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not any(step.complete for step in steps)
    assert [hit.turn for hit in await store.search(PHRASE)] == ["0"]


async def test_a_store_that_is_closed_meanwhile_waits_for_one_step_at_the_most(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "history.db", StoreSettings(search=SMALL))
    await store.write(writes.add_conversation, Conversation("c", path=turns(COUNT)))
    async with aclosing(store.search_steps(PHRASE)) as steps:
        await anext(steps)
        async with asyncio.timeout(5):
            await store.close()


@pytest.mark.parametrize(
    ("oldest", "query"),
    [
        ("x1 y2", '"1 y"'),
        ("the word needle", "ore needle"),
        ("zzq", "q"),
        ("你好世界", '"好世"'),
        ("the  of\nand", PHRASE),
        ("blackboard", "ackb"),
        ("the OF Ánd", PHRASE),
    ],
)
def test_what_the_first_step_leaves_is_found_by_a_later_one(oldest: str, query: str) -> None:
    # Every other turn has the signs and words, not in this order.
    with closing(filled(turns(100, oldest, "y2 x1 of the and 世好 or ack b"))) as db:
        expected = [] if query == "ore needle" else ["0"]
        assert [hit.turn for hit in found_in(db, query, 10, bounds=SMALL)] == expected


def test_a_part_of_more_words_than_the_index_is_asked_for_is_found_in_a_rare_one() -> None:
    words = " ".join(f"{number}ing st{number}" for number in range(400))
    with closing(filled((*turns(1, "rarest ending staying"), Turn("user", words, id="all")))) as db:
        assert [hit.turn for hit in found_in(db, '"ing sta"', 10)] == ["0"]


def test_a_first_step_without_time_leaves_all_to_the_later_ones() -> None:
    with closing(filled(turns(400))) as db:
        bounds = SearchBounds(seconds=0)
        assert SteppedSearch(PHRASE, 10, bounds).step(db, Event()).hits == ()
        assert [hit.turn for hit in found_in(db, PHRASE, 10, bounds=bounds)] == ["0"]


def test_filters_alone_go_on_to_the_oldest_turn() -> None:
    with closing(filled(turns(COUNT))) as db:
        hits = found_in(db, "role:user", COUNT, bounds=SMALL)
        assert sorted(int(hit.turn) for hit in hits) == list(range(0, COUNT, 2))
        assert len({hit.turn for hit in hits}) == len(hits)


def test_turns_that_an_older_version_left_out_of_the_index_are_found() -> None:
    with closing(filled(turns(50))) as db:
        for table in ("turn_tokens", "word_grams"):
            db.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")
        db.execute("DELETE FROM word")
        index.begin_again(db)
        assert [hit.turn for hit in found_in(db, PHRASE, 10, bounds=SMALL)] == ["0"]
        assert found_in(db, "absent", 10, bounds=SMALL) == []


def test_long_texts_end_a_step_early() -> None:
    bounds = SearchBounds(ranked=10, examined=50, scanned=200, characters=1000)
    with closing(filled(turns(COUNT, text="of and the of more " * 10))) as db:
        steps = SteppedSearch(PHRASE, 10, bounds)
        found: list[SearchHit] = []
        count = 0
        while not steps.ended:
            found += steps.step(db, Event()).hits
            count += 1
        assert [hit.turn for hit in found] == ["0"]
        assert count >= COUNT / 50


TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "ab", "ba", "c-a", "漢", "漢字", "字"]), max_size=5).map(" ".join), max_size=30
)


@settings(max_examples=80, deadline=None)
@given(TEXTS, st.lists(st.sampled_from(["a", "b", "ab", "漢", "字", "-"]), min_size=1, max_size=3).map(" ".join))
def test_all_steps_together_find_just_what_holds_the_words(texts: list[str], phrase: str) -> None:
    bounds = SearchBounds(ranked=2, examined=3, scanned=4)
    path = tuple(Turn("user", text, id=str(number)) for number, text in enumerate(texts))
    with closing(filled(path)) as db:
        hits = [hit.turn for hit in found_in(db, f'"{phrase}"', 100, bounds=bounds)]
    assert len(hits) == len(set(hits))
    assert set(hits) == {str(number) for number, text in enumerate(texts) if phrase in text}


async def test_a_search_counts_what_is_beyond_its_limit_and_its_order_does_not_depend_on_it(store: Store) -> None:
    await store.write(writes.add_conversation, Conversation("d", path=(Turn("user", "more of it", id="d1"),)))
    every = await store.search("more", 10_000)
    assert len(every) == COUNT
    for limit in (1, 25, 250):
        steps = [step async for step in store.search_steps("more", limit, counts=True)]
        hits = [hit for step in steps for hit in step.hits]
        assert [hit.turn for hit in hits] == [hit.turn for hit in every[:limit]]
        last = steps[-1]
        assert (last.complete, last.messages, last.conversations) == (True, COUNT, 2)
        assert [step.messages for step in steps] == sorted(step.messages for step in steps)
        rest = [
            hit.turn
            for step in [step async for step in store.search_steps("more", 10_000, last.rest)]
            for hit in step.hits
        ]
        assert {hit.turn for hit in every[limit:]} <= set(rest)
    assert [step.rest for step in [step async for step in store.search_steps("more", 10_000, counts=True)]][-1] is None


async def test_titles_are_found_by_all_words_unless_a_message_of_theirs_is(store: Store) -> None:
    for id, title in {"z1": "Zébra crossing", "z2": "A zebra", "z3": "斑马 and 🦓", "z4": "Crossing the zebra"}.items():
        await store.write(writes.add_conversation, Conversation(id, title, path=(Turn("user", "hello", id=f"{id}t"),)))
    await store.write(writes.add_turn, "z2", Turn("user", "zebra crossing", id="z2u", parent="z2t"))

    async def found(query: str) -> tuple[list[str], list[str], int]:
        steps = [step async for step in store.search_steps(query)]
        titles = [title.summary.id for step in steps for title in step.titles]
        return titles, [hit.turn for step in steps for hit in step.hits], steps[-1].conversations

    assert await found("CROSSING zebra") == (["z4", "z1"], ["z2u"], 3)
    assert await found('"zebra crossing"') == (["z1"], ["z2u"], 2)
    assert await found("斑马") == (["z3"], [], 1)
    assert await found("🦓") == (["z3"], [], 1)
    assert await found("crossing after:2020") == (["z4", "z1"], ["z2u"], 3)
    assert await found("crossing role:user") == ([], ["z2u"], 1)
    assert await found("crossing before:2020") == ([], [], 0)
    first = await anext(store.search_steps("crossing"))
    assert [[title.summary.title[start:end] for start, end in title.marks] for title in first.titles] == [
        ["Crossing"],
        ["crossing"],
    ]
    await store.write(deletion.delete, "z1")
    assert (await found("crossing"))[0] == ["z4"]
