"""`kill -9` at any moment, and several processes at one store."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from chat_tui.core.conversation import Conversation, QuickAnswer, Turn
from chat_tui.history.queries import reads, writes
from chat_tui.history.store import Store
from tests.support.killed_children import KILLS, check, child, killed, lines_until

EACH = max(1, KILLS // 5)

BEGIN = """
async def grow(store, id, pieces):
    await store.write(writes.add_conversation, Conversation(id))
    await store.write(writes.add_turn, id, Turn("user", "Why?", id="q" + id))
    await store.write(writes.add_turn, id, Turn("assistant", "", id="a" + id, parent="q" + id, state="streaming"))
    say("begun")
    for number in range(pieces):
        await store.write(turn_deltas.append_deltas, [TurnDelta("a" + id, f"{number} ")])
        say(number)
"""

GROW = """
async def main(file, id):
    store = await Store.open(Path(file))
    for again in range(1000):
        await grow(store, f"{id}.{again}", 30)
        if again % 3:
            text = "".join(f"{n} " for n in range(30))
            await store.write(writes.finish, Turn("assistant", text, id=f"a{id}.{again}"), None)
        say("ended")
"""

HOLD = """
async def main(file, id):
    store = await Store.open(Path(file))
    await grow(store, id, 3)
    await asyncio.sleep(60)
"""

SHORT = """
from chat_tui.core.conversation import TurnDelta, QuickAnswer

async def main(file):
    store = await Store.open(Path(file))
    await grow(store, "c", 0)
    await store.write(turn_deltas.append_deltas, [TurnDelta("ac", "", "Hm.", QuickAnswer("In short.", "two/b", 0.2))])
    say("short")
    await asyncio.sleep(60)
"""

WRITE = """
async def main(file, id):
    store = await Store.open(Path(file))
    await store.write(writes.add_conversation, Conversation(id))
    parent = None
    for number in range(60):
        await store.write(writes.add_turn, id, Turn("user", f"question {number}", id=f"{id}.{number}", parent=parent))
        parent = f"{id}.{number}"
    await store.close()
"""


async def test_a_kill_loses_at_most_the_piece_that_was_being_saved(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    for run in range(EACH):
        said = ["begun", *killed(BEGIN + GROW, file, run, within_seconds=0.06)]
        store = await Store.open(file)
        assert not store.notice
        last = said.count("begun") - 1
        for again in range(last + 1):
            path = (await store.read(reads.conversation, f"{run}.{again}")).path
            assert [turn.role for turn in path] == ["user", "assistant"]
            if again < last:
                assert path[1].text == "".join(f"{number} " for number in range(30))
        acknowledged = 0
        for line in said[len(said) - said[::-1].index("begun") :]:
            acknowledged += line.isdigit()
        numbers = [int(word) for word in path[1].text.split()]
        assert numbers == list(range(len(numbers)))
        assert acknowledged <= len(numbers) <= acknowledged + 1
        assert path[1].state in ("broken", "complete")
        await store.close()
        check(file)
    assert os.listdir(tmp_path / "history.db.owners") == ["opening"]


async def test_an_answer_that_grows_in_another_process_is_broken_only_once_that_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with child(BEGIN + HOLD, file, "c") as process:
        lines_until(process, "2")
        store = await Store.open(file)
        turn = (await store.read(reads.conversation, "c")).path[1]
        assert (turn.state, turn.text) == ("streaming", "0 1 2 ")
        process.kill()
        process.wait()
        turn = (await store.read(reads.conversation, "c")).path[1]
        assert (turn.state, turn.text) == ("broken", "0 1 2 ")
    await store.close()
    store = await Store.open(file)
    assert (await store.read(reads.conversation, "c")).path[1] == turn
    await store.close()
    check(file)


async def test_a_short_answer_that_was_there_before_the_detailed_one_outlives_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with child(BEGIN + SHORT, file) as process:
        lines_until(process, "short")
        store = await Store.open(file)
        turn = (await store.read(reads.conversation, "c")).path[1]
        assert (turn.state, turn.text, turn.quick) == ("streaming", "", QuickAnswer("In short.", "two/b", 0.2))
        await store.close()
        process.kill()
        process.wait()
    store = await Store.open(file)
    turn = (await store.read(reads.conversation, "c")).path[1]
    assert (turn.state, turn.text, turn.thinking, turn.model) == ("broken", "In short.", "Hm.", "two/b")
    assert turn.quick == QuickAnswer("", "two/b", 0.2)
    await store.close()


async def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with child(WRITE, file, "one") as first, child(WRITE, file, "two") as second:
        store = await Store.open(file)
        await store.write(writes.add_conversation, Conversation("own"))
        for number in range(60):
            await store.write(writes.add_turn, "own", Turn("user", f"question {number}", id=f"own.{number}"))
        assert first.wait(30) == 0
        assert second.wait(30) == 0
    for id in ("one", "two"):
        assert [turn.text for turn in (await store.read(reads.conversation, id)).path] == [
            f"question {n}" for n in range(60)
        ]
    assert {row.id: row.turns for row in await store.read(reads.summaries)} == {"one": 60, "two": 60, "own": 60}
    await store.close()
    check(file)


@pytest.mark.parametrize("stores", [4])
async def test_many_starts_at_once_make_one_store(tmp_path: Path, stores: int) -> None:
    file = tmp_path / "new" / "history.db"
    with ExitStack() as children:
        processes = [children.enter_context(child(WRITE, file, str(number))) for number in range(stores)]
        assert [process.wait(30) for process in processes] == [0] * stores
    store = await Store.open(file)
    assert sorted(row.turns for row in await store.read(reads.summaries)) == [60] * stores
    await store.close()
