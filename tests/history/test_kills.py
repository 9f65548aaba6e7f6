"""`kill -9` at random moments of answering, editing, importing and migrating: the store opens and has what it had."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from chat_tui.core.conversation import now
from chat_tui.core.errors import ConversationNotFound
from chat_tui.core.request import Request
from chat_tui.core.tools import INTERRUPTED, ToolResult, ToolUse
from chat_tui.engine.tools.steps import last_of
from chat_tui.history.migrations import MIGRATIONS
from chat_tui.history.opening import StoreSettings, connect
from chat_tui.history.queries import deletion, reads
from chat_tui.history.store import Store
from tests.doubles.fake_tools import FakeTools, offered
from tests.support.killed_children import KILLS, check, killed
from tests.support.scripted_engine import stage

EACH = max(1, KILLS // 5)
"""Kills of one kind; streaming itself, in `test_history_crashes`, has one part too."""

SAVED_WITHIN_SECONDS = 0.25
PATIENCE_SECONDS = 1.0
"""A machine under load runs a timer late."""

ANSWER = """
from chat_tui.core.chunks import Start
from tests.support.scripted_engine import stage
from tests.support.scripted_router import slowly

async def main(file, id):
    store = await Store.open(Path(file))
    async with stage(slowly(*(f"{n} " for n in range(10000)), seconds=0.002), history=store) as on:
        answer = await on.engine.ask(None, f"question {id}")
        async for chunk in answer.follow():
            if isinstance(chunk, Start):
                # The answer's turn is stored, which may be some time after its question.
                say("begun")
            if token := getattr(chunk, "token", ""):
                say(token, time.monotonic())
"""

CALL = """
from chat_tui.core.chunks import ToolCallDelta
from chat_tui.core.request import Request
from chat_tui.core.tools import ToolUse
from tests.doubles.fake_tools import FakeTools, offered
from tests.support.scripted_engine import stage

async def main(file):
    store = await Store.open(Path(file))
    calls = []
    for n in range(2):
        calls.append(ToolCallDelta(n, "start", f"call-{n}", "send"))
        calls.append(ToolCallDelta(n, "arguments", f"call-{n}", arguments='{"to": "all"}'))
        calls.append(ToolCallDelta(n, "end", f"call-{n}", "send", '{"to": "all"}'))
    tools = FakeTools([offered("send")], send=asyncio.Event())
    async with stage(calls, history=store, tools=tools) as on:
        use = ToolUse(servers=("fake",), allow=("fake.*",))
        await on.engine.ask(None, "Send it.", Request(model="one/a", tool_use=use))
        async with asyncio.timeout(30):
            while not tools.calls:
                await asyncio.sleep(0.01)
        say("begun")
        await asyncio.sleep(60)
"""

EDIT = """
async def main(file, id):
    store = await Store.open(Path(file))
    say("begun")
    for number in count():
        talk = f"{id}.{number}"
        await store.write(writes.add_conversation, Conversation(talk))
        for place in range(4):
            question, answer = f"{talk}.q{place}", f"{talk}.a{place}"
            await store.write(branches.end_at, talk, None)
            await store.write(writes.add_turn, talk, Turn("user", f"text of {question}", id=question))
            say("asked", talk, question)
            growing = Turn("assistant", "", id=answer, parent=question, state="streaming")
            await store.write(writes.add_turn, talk, growing)
            await store.write(turn_deltas.append_deltas, [TurnDelta(answer, "a part ")])
            await store.write(writes.finish, Turn("assistant", f"text of {answer}", id=answer), None)
            say("answered", talk, answer)
            await store.write(writes.judge, answer, True)
            await store.write(branches.select, talk, f"{talk}.q0")
        await store.write(deletion.delete, talk)
        if number % 3 == 1:
            await store.write(deletion.restore, talk)
            say("restored", talk)
        elif number % 3 == 2:
            say("erasing", talk)
            await store.erase(talk)
            say("erased", talk)
"""

IMPORT = """
async def main(file, id):
    store = await Store.open(Path(file))
    say("begun")
    for number in count():
        talk = f"{id}.{number}"
        turns = tuple(Turn("user", "text " * 40, id=f"{talk}.{n}") for n in range(60))
        await store.write(writes.add_conversation, Conversation(talk, path=turns))
        say(talk)
"""

MIGRATE = """
async def main(file):
    say("begun")
    store = await Store.open(Path(file))
    say("opened")
    await store.close()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


async def test_a_kill_costs_an_answer_less_than_its_last_quarter_of_a_second(file: Path) -> None:
    lost = 0.0
    for run in range(EACH):
        said = killed(ANSWER, file, run, within_seconds=1.0)
        at = time.monotonic()
        store = await Store.open(file)
        newest, *_ = await store.read(reads.summaries)
        question, answer = (await store.read(reads.conversation, newest.id)).path
        assert question.text == f"question {run}"
        kept = [int(word) for word in answer.text.split()]
        assert kept == list(range(len(kept)))
        assert answer.state == "broken"
        missing = [float(line.split()[1]) for line in said if int(line.split()[0]) >= len(kept)]
        lost = max([lost, *(at - moment for moment in missing)])
        await store.close()
        check(file)
    assert lost < SAVED_WITHIN_SECONDS + PATIENCE_SECONDS


async def test_a_kill_in_a_tool_call_leaves_its_state_and_nothing_runs_again(file: Path) -> None:
    killed(CALL, file, within_seconds=0.1)
    store = await Store.open(file)
    (row,) = await store.read(reads.summaries)
    assert (row.turns, row.model) == (3, "one/a")
    path = (await store.read(reads.conversation, row.id)).path
    assert [(turn.role, turn.state) for turn in path] == [
        ("user", "complete"),
        ("assistant", "complete"),
        ("tool", "broken"),
    ]
    result = path[-1]
    assert result.result == ToolResult("call-0", "send", "fake")
    assert result.text == INTERRUPTED
    assert result.error is not None
    assert "may have had an effect" in result.error.hint
    tools = FakeTools([offered("send")])
    async with stage(["I cannot tell whether it was sent."], history=store, tools=tools) as on:
        use = ToolUse(servers=("fake",), allow=("fake.*",))
        answer = await on.engine.ask(row.id, "Was it sent?", Request(model="one/a", tool_use=use))
        assert (await last_of(answer)).turn.text == "I cannot tell whether it was sent."
        (request,) = on.player.requests
        sent = [(turn.result.call, turn.text) for turn in request.turns if turn.result is not None]
        assert sent == [("call-0", INTERRUPTED), ("call-1", "This call was not run.")]
        assert tools.calls == []
    check(file)


async def test_a_kill_while_branches_are_made_chosen_and_erased_loses_no_turn(file: Path) -> None:
    for run in range(EACH):
        said = [line.split() for line in killed(EDIT, file, run, within_seconds=0.5)]
        store = await Store.open(file)
        turns: dict[str, dict[str, str]] = {}
        for talk in {talk for _, talk, *_ in said}:
            await see(store, talk, turns, {word for word, of, *_ in said if of == talk})
        for word, talk, *turn in said:
            if turn and talk in turns:
                known = turns[talk].get(turn[0])
                assert known == f"text of {turn[0]}", (word, turn)
        await store.purge(now())
        await store.close()
        check(file)


async def see(store: Store, talk: str, turns: dict[str, dict[str, str]], words: set[str]) -> None:
    """Adds the conversation's turns; one that was erased is gone."""
    if "erasing" in words:
        assert "erased" not in words or not await is_there(store, talk)
        return
    if not await is_there(store, talk):
        await store.write(deletion.restore, talk)
    turns[talk] = {turn.id: turn.text for turn in (await store.read(reads.tree, talk)).turns}


async def is_there(store: Store, talk: str) -> bool:
    try:
        await store.read(reads.conversation, talk)
    except ConversationNotFound:
        return False
    return True


async def test_a_kill_while_much_comes_in_leaves_whole_conversations(file: Path) -> None:
    for run in range(EACH):
        said = killed(IMPORT, file, run, within_seconds=0.3)
        store = await Store.open(file)
        rows = {row.id: row.turns for row in await store.read(reads.summaries, limit=10_000)}
        assert {talk: rows.get(talk) for talk in said} == dict.fromkeys(said, 60)
        assert set(rows.values()) <= {60}
        await store.close()
        check(file)


def older(file: Path, conversations: int) -> None:
    """A store of schema 1 that takes a while to migrate."""
    with closing(connect(file, StoreSettings(), create=True)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN")
        MIGRATIONS[0](db)
        db.execute("PRAGMA user_version = 1")
        for talk in range(conversations):
            db.execute("INSERT INTO conversation (id, created, updated) VALUES (?, 0, 0)", (f"c{talk}",))
            db.executemany(
                "INSERT INTO turn (id, conversation, role, state, text) VALUES (?, ?, 'user', 'complete', ?)",
                ((f"t{talk}.{n}", talk + 1, "text " * 100) for n in range(50)),
            )
        db.execute("COMMIT")


def again(template: Path, file: Path) -> None:
    for left in file.parent.glob("history*"):
        if left.is_file():
            left.unlink()
    shutil.copy(template, file)


async def test_a_kill_while_an_older_store_is_brought_up_to_date_loses_nothing(file: Path, tmp_path: Path) -> None:
    template = tmp_path / "older.db"
    older(template, 100)
    for _ in range(EACH):
        again(template, file)
        said = killed(MIGRATE, file, within_seconds=0.15)
        with closing(sqlite3.connect(file)) as db:
            schema = db.execute("PRAGMA user_version").fetchone()[0]
            assert schema in ((len(MIGRATIONS),) if said else (1, len(MIGRATIONS)))
        store = await Store.open(file)
        assert not store.notice
        assert {row.turns for row in await store.read(reads.summaries)} == {50}
        await store.close()
        check(file)
