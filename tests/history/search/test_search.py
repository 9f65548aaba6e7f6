"""What is found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_tui.core.conversation import Conversation, Turn, TurnDelta
from chat_tui.core.errors import QueryError
from chat_tui.history import opening
from chat_tui.history.queries import turn_deltas, writes
from chat_tui.history.search.query import parse
from chat_tui.history.store import Store
from tests.support.store_search import found_in

TEXTS = {
    "english": "The quick brown fox jumps over the lazy dog.",
    "code": "def parse_http_header(line): return HTTPConnectionPool.urlopen(line) -> c++ or C#",
    "chinese": "今天天气很好，我们去公园散步吧。",
    "japanese": "東京タワーはガラスの塔です。",
    "korean": "서울의 날씨는 맑습니다.",
    "accents": "Crème brûlée à la façon de Zoë, naïve Ångström; Ёлка",
    "wide": "ＦＵＬＬ　ＷＩＤＴＨ and ﬁne ligatures",
    "long": "start " + "padding words here " * 500 + "needle-in-haystack " + "padding words here " * 500,
    "quote": 'He said "never again" and left. 100% sure_thing* (really) AND OR NOT NEAR',
}


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = await Store.open(None)
    await store.write(writes.add_conversation, Conversation("c"))
    for id, text in TEXTS.items():
        await store.write(writes.add_turn, "c", Turn("user", text, id=id))
    yield store
    await store.close()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("fox", "english"),
        ("FOX Quick", "english"),
        ('"quick brown"', "english"),
        ("bro", "english"),
        ("lazy jum", "english"),
        ("azy", "english"),
        ("http_head", "code"),
        ("ConnectionPool", "code"),
        ("nectionpoo", "code"),
        (".urlopen(", "code"),
        ("c++", "code"),
        ("c#", "code"),
        ("天", "chinese"),
        ("天气", "chinese"),
        ("公园散步", "chinese"),
        ("气 公", "chinese"),
        ("塔", "japanese"),
        ("東京", "japanese"),
        ("タワ", "japanese"),
        ("ガラス", "japanese"),
        ("날씨", "korean"),
        ("맑", "korean"),
        ("creme brulee", "accents"),
        ("CRÈME", "accents"),
        ("angstrom", "accents"),
        ("елка", "accents"),
        ("full", "wide"),
        ("fine", "wide"),
        ("needle-in", "long"),
        ("ure_thing*", "quote"),
        ('"never again', "quote"),
        ("100%", "quote"),
        ("*", "quote"),
        ("->", "code"),
        (") -> c", "code"),
        ("haystack pad", "long"),
        ('"in-haystack padding words"', "long"),
        ("NEAR NOT", "quote"),
        ("(really)", "quote"),
    ],
)
async def test_this_is_found(store: Store, query: str, found: str) -> None:
    assert [hit.turn for hit in await store.search(query)] == [found]


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        '"',
        '""',
        "absent",
        "fox absent",
        '"brown quick"',
        "气天",
        "天 absent",
        "カラス",
        "\0",
        "ab\0",
        "'; --",
    ],
)
async def test_this_is_not_found(store: Store, query: str) -> None:
    assert await store.search(query) == []


async def test_grams_that_stand_apart_are_not_a_hit(store: Store) -> None:
    await store.write(writes.add_turn, "c", Turn("user", "abcd xbcde", id="apart"))
    assert [hit.turn for hit in await store.search("bcde")] == ["apart"]
    assert await store.search("abcde") == []


async def test_words_come_before_the_insides_of_words_and_newest_first_among_these(store: Store) -> None:
    for id, text in [("a", "concatenate"), ("b", "a cat"), ("c", "scatter")]:
        await store.write(writes.add_turn, "c", Turn("user", text, id=id))
    hits = await store.search("cat")
    assert [hit.turn for hit in hits] == ["b", "c", "a"]
    assert hits[0].score > hits[1].score == 0
    assert [hit.turn for hit in await store.search("cat", limit=2)] == ["b", "c"]


async def test_the_snippet_shows_the_passage_on_one_clean_line(store: Store) -> None:
    hit = (await store.search("needle"))[0]
    assert "needle-in-haystack" in hit.snippet
    assert hit.snippet.startswith("…")
    assert hit.snippet.endswith("…")
    assert len(hit.snippet) <= 162
    await store.write(writes.add_turn, "c", Turn("user", "x\x1b]52;c;aGk=\x07\n\n" + "é" * 400 + "ﬁ ﬁ zebra", id="odd"))
    snippet = (await store.search("zebra"))[0].snippet
    assert "zebra" in snippet
    await store.write(writes.add_turn, "c", Turn("user", "tiger\x1b]52;c;aGk=\x07\nstripes", id="escape"))
    assert (await store.search("tiger"))[0].snippet == "tiger stripes"


async def test_a_growing_answer_is_found_once_it_has_ended(store: Store) -> None:
    await store.write(writes.add_turn, "c", Turn("assistant", "", id="a", state="streaming"))
    await store.write(turn_deltas.append_deltas, [TurnDelta("a", "unicorn")])
    assert await store.search("unicorn") == []
    await store.write(writes.finish, Turn("assistant", "unicorn", id="a"), None)
    assert [hit.turn for hit in await store.search("unicorn")] == ["a"]


async def test_a_hit_tells_where_it_is_and_marks_the_words(store: Store) -> None:
    created = datetime(2026, 1, 31, 12, tzinfo=UTC)
    answer = Turn("assistant", "Une CRÈME, deux crèmes.", id="a", created=created, model="maker/model-1")
    await store.write(writes.add_conversation, Conversation("d", "Desserts", path=(answer,)))
    hit = (await store.search("creme model:MODEL-1"))[0]
    assert (hit.conversation, hit.conversation_title, hit.turn) == ("d", "Desserts", "a")
    assert (hit.role, hit.created, hit.model) == ("assistant", created, "maker/model-1")
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["CRÈME", "crème"]


@pytest.fixture
async def dated() -> AsyncIterator[Store]:
    store = await Store.open(None)
    turns = [
        Turn("user", "apple pie", id="q1", created=datetime(2024, 12, 15, 12, tzinfo=UTC)),
        Turn("assistant", "apple tart", id="a1", created=datetime(2025, 1, 15, 12, tzinfo=UTC), model="maker/Large 1"),
        Turn("user", "apple cake", id="q2", created=datetime(2025, 6, 15, 12, tzinfo=UTC)),
        Turn("assistant", "apple jam", id="a2", created=datetime(2026, 3, 10, 12, tzinfo=UTC), model="other/small"),
    ]
    await store.write(writes.add_conversation, Conversation("c", path=tuple(turns)))
    yield store
    await store.close()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("role:user", ["q2", "q1"]),
        ("role:system", []),
        ("model:maker", ["a1"]),
        ('model:"large 1" apple', ["a1"]),
        ("model:none", []),
        ("apple role:assistant model:small", ["a2"]),
        ("after:2025", ["a2", "q2", "a1"]),
        ("before:2025", ["q1"]),
        ("after:2025-06 before:2026", ["q2"]),
        ("after:2025-06-15 before:2025-06-16", ["q2"]),
        ("before:2025-06-15", ["a1", "q1"]),
        ("after:2026-03-10", ["a2"]),
        ("after:2026-03-11", []),
        ("after:2026 before:2025", []),
        ("tart before:2025", []),
    ],
)
async def test_filters_narrow_the_search_and_alone_give_the_newest(dated: Store, query: str, found: list[str]) -> None:
    assert [hit.turn for hit in await dated.search(query)] == found


async def test_a_wrong_filter_is_told(dated: Store) -> None:
    with pytest.raises(QueryError, match="is not a date"):
        await dated.search("apple before:soon")


@pytest.mark.parametrize("start", range(16_384 - 20, 16_384 + 3))
async def test_a_word_is_found_wherever_it_stands_in_a_long_text(start: int) -> None:
    with closing(opening.in_memory(opening.StoreSettings())) as db:
        text = ("é漢 " * start)[: start - 1] + " needle_天気 " + "x" * 700 + "tail"
        writes.add_conversation(db, Conversation("c", path=(Turn("user", text, id="t"),)), "")
        for query in ("needle", "edle_天気", "天気", '"needle_天気 xxx"'):
            (hit,) = found_in(db, query, 10)
            assert [hit.snippet[at:end] for at, end in hit.marks] == [query.strip('"')]
        assert found_in(db, "x" * 600, 10)
        assert not found_in(db, "needles", 10)


DAYS = st.integers(0, 1500).map(lambda days: date(2022, 11, 20) + timedelta(days))


@settings(max_examples=40, deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=12), DAYS, DAYS)
def test_all_turns_between_two_days_are_found(days: list[date], first: date, last: date) -> None:
    query = f"after:{first} before:{last}"
    wanted = parse(query)
    assert wanted.after is not None
    assert wanted.before is not None
    with closing(opening.in_memory(opening.StoreSettings())) as db:
        turns = [
            Turn("user", "x", id=str(number), created=datetime(day.year, day.month, day.day, number, tzinfo=UTC))
            for number, day in enumerate(days)
        ]
        writes.add_conversation(db, Conversation("c", path=tuple(turns)), "")
        found = {hit.turn for hit in found_in(db, query, 20)}
    assert found == {turn.id for turn in turns if turn.created and wanted.after <= turn.created < wanted.before}


WORDS = st.text(alphabet=st.sampled_from("abcXYZ0_-.äß漢字かが한글éﬁİ\"'*"), min_size=2, max_size=60)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=6), st.data())
def test_any_two_or_more_characters_of_a_text_are_found(words: list[str], data: st.DataObject) -> None:
    word = data.draw(st.sampled_from(words))
    start = data.draw(st.integers(0, len(word) - 2))
    part = word[start : data.draw(st.integers(start + 2, len(word)))]
    with closing(opening.in_memory(opening.StoreSettings())) as db:
        writes.add_conversation(db, Conversation("c", path=(Turn("user", " ".join(words), id="t"),)), "")
        found = found_in(db, part, 10)
    assert [hit.turn for hit in found] == ["t"] or not parse(part).wanted or '"' in part
