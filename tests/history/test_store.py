"""What the store promises while nothing goes wrong."""

from __future__ import annotations

import asyncio
import base64
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.core.chunks import ErrorInfo, State, Timings, Usage
from chat_tui.core.conversation import Conversation, Turn, TurnDelta, new_id, now
from chat_tui.core.errors import ConversationNotFound, HistoryError
from chat_tui.core.route import Candidate, Route, Try
from chat_tui.core.tools import ToolCall, ToolResult
from chat_tui.history.database import packing
from chat_tui.history.queries import reads, turn_deltas, writes
from chat_tui.history.records import storable
from chat_tui.history.store import Store

ENDINGS = [state for state in get_args(State) if state != "streaming"]

FULL = Turn(
    role="assistant",
    text="An answer with [brackets], colour, two\n\tlines and 漢字.",
    id="answer",
    parent="question",
    created=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    thinking="Hm.",
    model="local/smollm2-135m",
    strategy="balanced",
    state="length",
    finish_reason="length",
    usage=Usage(10, 20, 30, 5, 3, estimated=True),
    timings=Timings(0.1, 2.5, 40.0, estimated=True),
    cost=0.0012,
    error=ErrorInfo("TooSlow", "Too slow.", "Wait.", "local", "smollm2-135m", retryable=True),
    left_out=3,
)
ROUTE = Route(
    "balanced",
    (Candidate("local/smollm2-135m", 0.7, {"speed": 0.9}), Candidate("a/b", out="resting")),
    (Try("local/smollm2-135m", 1, "answered", duration_seconds=2.5),),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "chat-tui" / "history.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    store = await Store.open(file)
    yield store
    await store.close()


async def begin(store: Store, id: str = "c", question: str = "Why?") -> None:
    await store.write(writes.add_conversation, Conversation(id, title="A title", created=now(), updated=now()))
    await store.write(
        writes.add_turn, id, Turn("user", question, id="question" if id == "c" else f"question-{id}", created=now())
    )


def growing(id: str = "answer", parent: str = "question", text: str = "") -> Turn:
    return Turn("assistant", text, id=id, parent=parent, created=now(), state="streaming")


async def test_every_field_of_a_turn_comes_back(store: Store, file: Path) -> None:
    await begin(store)
    await store.write(writes.add_turn, "c", FULL)
    assert (await store.read(reads.conversation, "c")).path[1] == FULL
    await store.close()
    again = await Store.open(file)
    assert (await again.read(reads.conversation, "c")).path[1] == FULL
    await again.close()


async def test_every_field_of_a_finished_answer_comes_back_with_its_route(store: Store) -> None:
    await begin(store)
    await store.write(writes.add_turn, "c", growing())
    await store.write(writes.finish, FULL, ROUTE)
    kept = (await store.read(reads.conversation, "c")).path[1]
    assert kept.created is not None
    assert kept == Turn(**{name: getattr(FULL, name) for name in FULL.__struct_fields__} | {"created": kept.created})
    assert await store.read(reads.route, "answer") == ROUTE
    assert await store.read(reads.route, "question") is None
    assert await store.read(reads.route, "nobody") is None


KEPT_ROUTE = b"Bhl}e=^oh;=E$yqTWpEl^@;jPghLWqkl~0~tggWy*Q6I=z_N#kBCHlY|HC-(z%m%(BWxuCMhXT1"


def test_a_route_that_was_kept_can_always_be_read() -> None:
    model = "local/smollm2-135m"
    assert packing.unpack_route(base64.b85decode(KEPT_ROUTE)) == Route(
        "balanced",
        (Candidate(model, 0.7, {"speed": 0.9}), Candidate("a/b", out="resting")),
        (Try(model, 1, "answered", duration_seconds=2.5),),
        needs="chat",
    )


@pytest.mark.parametrize("record", [b"", b"\xff\xff", packing.pack_route("{}"), "{", packing.pack_route("\ufffd")])
def test_a_route_that_cannot_be_read_is_not_known(record: bytes | str) -> None:
    assert packing.unpack_route(record) is None


@pytest.mark.parametrize("state", ENDINGS)
async def test_each_ending_is_kept(store: Store, state: State) -> None:
    await begin(store)
    await store.write(writes.add_turn, "c", growing())
    await store.write(turn_deltas.append_deltas, [TurnDelta("answer", "a part")])
    await store.write(writes.finish, Turn("assistant", "a part", id="answer", state=state), None)
    turn = (await store.read(reads.conversation, "c")).path[-1]
    assert (turn.state, turn.text, turn.parent) == (state, "a part", "question")


async def test_a_growing_answer_is_seen_with_its_pieces_here_and_in_another_store(store: Store, file: Path) -> None:
    await begin(store)
    await store.write(writes.add_turn, "c", growing(text="One "))
    await store.write(turn_deltas.append_deltas, [TurnDelta("answer", "", "thought ")])
    await store.write(turn_deltas.append_deltas, [TurnDelta("answer", "two ", "more")])
    await store.write(turn_deltas.append_deltas, [TurnDelta("answer", "three")])
    other = await Store.open(file)
    for each in (store, other):
        turn = (await each.read(reads.conversation, "c")).path[-1]
        assert (turn.state, turn.text, turn.thinking) == ("streaming", "One two three", "thought more")
    await other.close()


async def test_the_text_of_the_ended_turn_wins_over_the_pieces(store: Store) -> None:
    await begin(store)
    await store.write(writes.add_turn, "c", growing())
    await store.write(turn_deltas.append_deltas, [TurnDelta("answer", "pieces", "thinking")])
    await store.write(writes.finish, Turn("assistant", "The whole.", id="answer"), None)
    turn = (await store.read(reads.conversation, "c")).path[-1]
    assert (turn.text, turn.thinking) == ("The whole.", "")


async def test_an_answer_can_be_finished_again(store: Store) -> None:
    await begin(store)
    await store.write(writes.add_turn, "c", growing())
    await store.write(writes.finish, Turn("assistant", "firstly", id="answer"), ROUTE)
    await store.write(writes.finish, Turn("assistant", "secondly", id="answer"), None)
    assert [hit.turn for hit in await store.search("secondly")] == ["answer"]
    assert await store.search("firstly") == []
    assert await store.read(reads.route, "answer") is None


async def test_a_piece_for_an_ended_answer_is_refused(store: Store) -> None:
    await begin(store)
    await store.write(writes.add_turn, "c", growing())
    await store.write(writes.finish, Turn("assistant", "done", id="answer"), None)
    assert "not growing" in str((await store.write(turn_deltas.append_deltas, [TurnDelta("answer", "late")]))[0])
    with pytest.raises(HistoryError, match="deleted from the history"):
        await store.write(writes.finish, Turn("assistant", "done", id="nobody"), None)


async def test_closing_keeps_a_growing_answer_as_a_broken_one(store: Store, file: Path) -> None:
    await begin(store)
    await store.write(writes.add_turn, "c", growing())
    await store.write(turn_deltas.append_deltas, [TurnDelta("answer", "as far as this")])
    await store.close()
    again = await Store.open(file)
    turn = (await again.read(reads.conversation, "c")).path[-1]
    assert (turn.state, turn.text) == ("broken", "as far as this")
    assert turn.error is not None
    assert turn.error.kind == "Interrupted"
    assert [hit.turn for hit in await again.search("far as this")] == ["answer"]
    await again.close()


async def test_a_second_answer_is_a_sibling_and_nothing_is_overwritten(store: Store) -> None:
    await begin(store)
    await store.write(writes.add_turn, "c", Turn("assistant", "First.", id="one", parent="question"))
    await store.write(writes.add_turn, "c", Turn("assistant", "Second.", id="two", parent="question"))
    assert [turn.id for turn in (await store.read(reads.conversation, "c")).path] == ["question", "two"]
    await store.write(writes.add_turn, "c", Turn("user", "And?", id="three", parent="one"))
    conversation = await store.read(reads.conversation, "c")
    assert [(turn.id, turn.parent) for turn in conversation.path] == [
        ("question", None),
        ("one", "question"),
        ("three", "one"),
    ]
    assert (await store.read(reads.summaries))[0].turns == 4


async def test_a_clock_that_jumps_back_does_not_reorder_turns(store: Store) -> None:
    await store.write(writes.add_conversation, Conversation("c", created=now()))
    parent = None
    for number in range(6):
        created = now() - timedelta(days=number)
        await store.write(
            writes.add_turn, "c", Turn("user", str(number), id=f"t{number}", parent=parent, created=created)
        )
        parent = f"t{number}"
    conversation = await store.read(reads.conversation, "c")
    assert [turn.text for turn in conversation.path] == list("012345")
    assert await store.read(reads.prompts) == list("543210")


async def test_a_conversation_added_with_a_path_comes_back_with_it(store: Store) -> None:
    time = datetime(2020, 1, 1, tzinfo=UTC)
    turns = (Turn("user", "Q", id="q", created=time), Turn("assistant", "A", id="a", parent="q", created=time))
    await store.write(writes.add_conversation, Conversation("c", "T", "Be brief.", time, time, turns))
    kept = await store.read(reads.conversation, "c")
    assert (kept.title, kept.system_prompt, kept.created, kept.path) == ("T", "Be brief.", time, turns)


async def test_a_turn_whose_parent_is_not_there_is_refused(store: Store) -> None:
    await begin(store)
    await begin(store, "other")
    for parent in ("nobody", "question-other"):
        with pytest.raises(HistoryError, match="follows"):
            await store.write(writes.add_turn, "c", Turn("user", "?", id="x", parent=parent))
    assert len((await store.read(reads.conversation, "c")).path) == 1


async def test_the_list_is_newest_first_and_comes_in_pages(store: Store) -> None:
    for number in range(5):
        await store.write(
            writes.add_conversation,
            Conversation(f"c{number}", title=f"Title {number}", created=datetime(2026, 1, 1 + number, tzinfo=UTC)),
        )
    assert [row.id for row in await store.read(reads.summaries)] == ["c4", "c3", "c2", "c1", "c0"]
    assert [row.id for row in await store.read(reads.summaries, limit=2, offset=1)] == ["c3", "c2"]
    await store.write(writes.add_turn, "c1", Turn("user", "Hello", id="u"))
    await store.write(writes.add_turn, "c1", Turn("assistant", "Hi", id="a", parent="u", model="p/m"))
    first = (await store.read(reads.summaries, limit=1))[0]
    assert (first.id, first.title, first.turns, first.model) == ("c1", "Title 1", 2, "p/m")
    assert first.created == datetime(2026, 1, 2, tzinfo=UTC)
    assert first.updated > first.created


async def test_title_and_system_prompt_can_be_changed(store: Store) -> None:
    await begin(store)
    await store.write(writes.retitle, "c", "Another")
    assert (await store.read(reads.conversation, "c")).system_prompt is None
    await store.write(writes.set_system_prompt, "c", "")
    conversation = await store.read(reads.conversation, "c")
    assert (conversation.title, conversation.system_prompt) == ("Another", "")
    await store.write(writes.set_system_prompt, "c", None)
    assert (await store.read(reads.conversation, "c")).system_prompt is None


async def test_an_unknown_conversation_is_told_as_such(store: Store) -> None:
    with pytest.raises(ConversationNotFound, match="nobody"):
        await store.read(reads.conversation, "nobody")
    with pytest.raises(ConversationNotFound):
        await store.read(reads.conversation, "\udcff")
    with pytest.raises(ConversationNotFound):
        await store.write(writes.retitle, "nobody", "x")
    with pytest.raises(ConversationNotFound):
        await store.write(writes.set_system_prompt, "nobody", "x")
    with pytest.raises(ConversationNotFound):
        await store.write(writes.add_turn, "nobody", Turn("user", "x", id="x"))


async def test_prompts_are_the_last_distinct_ones_newest_first(store: Store) -> None:
    await begin(store, question="one")
    parent = "question"
    for number, text in enumerate(["two", "one", "three", "x" * 2_000_000, "four", "two"]):
        await store.write(writes.add_turn, "c", Turn("user", text, id=f"p{number}", parent=parent))
        parent = f"p{number}"
    assert await store.read(reads.prompts) == ["two", "four"]
    assert await store.read(reads.prompts, 1) == ["two"]
    await store.write(writes.add_turn, "c", Turn("user", "y" * 2_000_000, id="last", parent=parent))
    assert [len(prompt) for prompt in await store.read(reads.prompts)] == [2_000_000]


async def test_drafts_and_places_survive(store: Store, file: Path) -> None:
    await store.write(writes.save_draft, "", "not yet begun")
    await store.write(writes.save_draft, "c", "half a\nthought")
    await store.write(writes.save_draft, "c", "half a\nthought more")
    await store.write(writes.set_place, "open", "c")
    await store.close()
    again = await Store.open(file)
    assert await again.read(reads.draft, "") == "not yet begun"
    assert await again.read(reads.draft, "c") == "half a\nthought more"
    assert await again.read(reads.draft, "other") == ""
    assert await again.read(reads.place, "open") == "c"
    await again.write(writes.save_draft, "", "")
    await again.write(writes.set_place, "open", "")
    assert await again.read(reads.draft, "") == ""
    assert await again.read(reads.place, "open") == ""
    await again.close()


async def test_lone_surrogates_are_saved_as_replacement_characters(store: Store) -> None:
    odd = "a\ud800b \ud83d\ude00 \udc80"
    mended = "a\ufffdb 😀 \ufffd"
    await store.write(writes.add_conversation, Conversation("c", title=odd, system_prompt=odd))
    await store.write(writes.add_turn, "c", growing("answer", None, odd))  # type: ignore[arg-type]
    await store.write(turn_deltas.append_deltas, [TurnDelta("answer", odd, odd)])
    error = ErrorInfo("Rejected", odd, odd)
    route = Route("balanced", tries=(Try(odd, 1, odd),))
    await store.write(writes.finish, Turn("assistant", odd, id="answer", thinking=odd, model=odd, error=error), route)
    await store.write(writes.save_draft, "c", odd)
    await store.write(writes.set_place, "c", odd)
    conversation = await store.read(reads.conversation, "c")
    turn = conversation.path[0]
    assert {conversation.title, conversation.system_prompt, turn.text, turn.thinking, turn.model} == {mended}
    assert turn.error == ErrorInfo("Rejected", mended, mended)
    assert await store.read(reads.route, "answer") == Route("balanced", tries=(Try(mended, 1, mended),))
    assert await store.read(reads.draft, "c") == await store.read(reads.place, "c") == mended
    assert [row.title for row in await store.read(reads.summaries)] == [mended]
    assert len(await store.search(odd)) == 1


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_only_surrogates_change_when_stored(text: str) -> None:
    kept = storable(text)
    kept.encode()
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    assert kept.replace("\ufffd", "") == whole.replace("\ufffd", "")


async def test_what_was_asked_is_saved_even_when_the_asker_is_cancelled(store: Store) -> None:
    await begin(store)
    await store.write(writes.add_turn, "c", growing())
    saving = [
        asyncio.create_task(store.write(turn_deltas.append_deltas, [TurnDelta("answer", f"{number} ")]))
        for number in range(50)
    ]
    last = asyncio.create_task(
        store.write(writes.finish, Turn("assistant", "The end.", id="answer", state="cancelled"), None)
    )
    await asyncio.sleep(0)
    for task in (*saving, last):
        task.cancel()
    ended = await asyncio.gather(*saving, last, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended)
    turn = (await store.read(reads.conversation, "c")).path[-1]
    while turn.state == "streaming":
        await asyncio.sleep(0.001)
        turn = (await store.read(reads.conversation, "c")).path[-1]
    assert (turn.state, turn.text) == ("cancelled", "The end.")


async def test_closing_waits_for_what_is_being_written_and_can_be_done_again(store: Store, file: Path) -> None:
    await begin(store)
    writing = asyncio.gather(*(store.write(writes.save_draft, str(number), "text") for number in range(50)))
    await asyncio.sleep(0)
    await asyncio.gather(store.close(), store.close())
    await writing
    await store.close()
    with pytest.raises(HistoryError, match="closed"):
        await store.read(reads.summaries)
    assert not file.with_name("history.db-wal").exists()
    again = await Store.open(file)
    assert [await again.read(reads.draft, str(number)) for number in range(50)] == ["text"] * 50
    await again.close()


async def test_nobody_else_may_read_the_store(store: Store, file: Path) -> None:
    await begin(store)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    for kept in file.parent.iterdir():
        assert stat.S_IMODE(kept.stat().st_mode) in (0o600, 0o700), kept


async def test_a_store_in_memory_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = await Store.open(None)
    await begin(store)
    await store.write(writes.add_turn, "c", growing())
    await store.write(turn_deltas.append_deltas, [TurnDelta("answer", "secret")])
    await store.write(writes.finish, Turn("assistant", "secret", id="answer"), ROUTE)
    assert [turn.text for turn in (await store.read(reads.conversation, "c")).path] == ["Why?", "secret"]
    assert len(await store.search("secret")) == 1
    assert await store.read(reads.route, "answer") == ROUTE
    await store.close()
    assert os.listdir(tmp_path) == []


def test_importing_the_history_creates_nothing(tmp_path: Path) -> None:
    code = "import chat_tui.history.store, threading; assert threading.active_count() == 1"
    places = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=places)
    assert list(tmp_path.iterdir()) == []


async def test_a_long_conversation_comes_back_whole_and_in_order(store: Store) -> None:
    turns = [Turn("user", f"text {number}", id=new_id() + str(number)) for number in range(2000)]
    linked = [turns[0], *(Turn("user", t.text, id=t.id, parent=p.id) for p, t in pairwise(turns))]
    await store.write(writes.add_conversation, Conversation("c", path=tuple(linked)))
    path = (await store.read(reads.conversation, "c")).path
    assert [(turn.id, turn.parent, turn.text) for turn in path] == [(t.id, t.parent, t.text) for t in linked]


async def test_a_result_of_a_tool_is_found_and_the_list_names_the_model_before_it(store: Store) -> None:
    question = Turn("user", "What time is it?", id="q")
    calls = (ToolCall("c1", "now"), ToolCall("c2", "now"))
    answer = Turn("assistant", "", id="a", parent="q", model="one/a", calls=calls)
    first = Turn("tool", "half past nine", id="r1", parent="a", result=ToolResult("c1", "now"))
    second = Turn("tool", "nine thirty", id="r2", parent="r1", result=ToolResult("c2", "now"))
    await store.write(writes.add_conversation, Conversation("t", "Time", path=(question, answer, first, second)))
    (row,) = [row for row in await store.read(reads.summaries) if row.id == "t"]
    assert (row.turns, row.model) == (4, "one/a")
    hits = await store.search("role:tool half")
    assert [(hit.turn, hit.role) for hit in hits] == [("r1", "tool")]
    assert [hit.turn for hit in await store.search("role:tool")] == ["r2", "r1"]


async def test_long_arguments_results_and_what_the_provider_wants_back_are_stored_whole(store: Store) -> None:
    arguments = '{"text": "' + "line\\n" * 1000 + '",\n "n": 1}'
    call = ToolCall("c1", "write", arguments, signature="s" * 5000)
    answer = Turn("assistant", "", id="a", calls=(call,), replay='{"signed": "' + "\u202e\\n" * 3000 + '"}')
    result = ToolResult("c1", "write", "files", arguments=arguments, structured='{"n": "' + "x\\n" * 3000 + '"}')
    written = Turn("tool", "done", id="r", parent="a", result=result)
    await store.write(writes.add_conversation, Conversation("t", "Write", path=(answer, written)))
    path = (await store.read(reads.conversation, "t")).path
    assert (path[0].calls, path[0].replay, path[1].result) == (answer.calls, answer.replay, written.result)
