"""The store's file is damaged while it is open: one goes on asking, and nothing that is in memory is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import ChatTuiError, StoreDamaged
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import reads, writes
from chat_tui.history.store import Store
from tests.support.scripted_engine import ended, in_loop, stage

PAGE = 4096
RECOVERING = StoreSettings(recovers=True)


def filled(id: str, text: Callable[[int], str] = lambda n: f"turn {n} " + "words " * 80) -> Conversation:
    turns = [
        Turn("user", text(n), id=f"{id}.{n}", parent=f"{id}.{n - 1}" if n else None, created=None) for n in range(200)
    ]
    return Conversation(id, "A title", path=tuple(turns))


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    file = tmp_path / "history.db"
    store = await Store.open(file)
    for id in ("old", "older"):
        await store.write(writes.add_conversation, filled(id))
    await store.close()
    return file


def damage(file: Path, select: str = "pagetype = 'internal'") -> None:
    """Overwrite pages in place, and let those who have the file open read it anew."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("INSERT OR REPLACE INTO place VALUES ('other', 'process')")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        rows = db.execute(f"SELECT pageno FROM dbstat WHERE pageno > 1 AND {select}").fetchall()
    assert rows
    with file.open("r+b") as handle:
        for (page,) in rows:
            handle.seek((page - 1) * PAGE)
            handle.write(b"\xa5" * PAGE)


@contextmanager
def opened_by_another_process(file: Path) -> Iterator[None]:
    """A store of another process holds a lock there."""
    import fcntl

    lock = file.with_name("history.db.owners") / "0123456789abcdef"
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    lock.unlink(missing_ok=True)


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not seen():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def texts(file: Path, id: str) -> list[str]:
    store = await Store.open(file)
    try:
        assert store.notice == ""
        assert (await store.check()).ok
        return [turn.text for turn in (await store.read(reads.conversation, id)).path]
    finally:
        await store.close()


ALL = ["pagetype = 'internal'", "name = 'turn'", "name LIKE 'sqlite_autoindex%'", "name = 'conversation'", "1"]
ALL += [
    "name = 'turn' AND pagetype = 'leaf' AND pageno % 3 = 0",
    "name = 'turn' AND pagetype = 'leaf' AND pageno % 4 = 1 OR name IN ('conversation', 'route')",
]


@pytest.mark.parametrize("select", ALL)
async def test_questions_are_sent_and_all_that_is_in_memory_is_saved_in_a_recovered_file(
    file: Path, select: str
) -> None:
    store = await Store.open(file, RECOVERING)
    async with stage(["one"], ["two"], ["three"], history=store) as on:
        store.when_displaced = in_loop(on.engine.conversations.note_displaced)
        first = await ended(await on.engine.ask("old", "First?"))
        await first.saved.wait()
        damage(file, select)
        second = await ended(await on.engine.ask("old", "Second?"))
        assert second.turn.text == "two"
        assert [turn.text for turn in (await on.engine.conversations.conversation("old")).path][-4:] == [
            "First?",
            "one",
            "Second?",
            "two",
        ]
        await until(lambda: any("damaged file is kept as" in str(error) for error in on.told))
        titles = [error.title for error in on.told]
        assert titles[0] == "The history file is damaged and is being recovered."
        assert len(titles) == len(set(titles))
        third = await ended(await on.engine.ask("old", "Third?"))
        await third.saved.wait()
    saved = await texts(file, "old")
    assert saved[:200] == [turn.text for turn in filled("old").path]
    assert saved[200:] == ["First?", "one", "Second?", "two", "Third?", "three"]


async def test_a_conversation_that_nobody_asks_on_is_saved_in_the_recovered_file_at_once(file: Path) -> None:
    store = await Store.open(file, RECOVERING)
    async with stage(["one"], ["two"], history=store) as on:
        store.when_displaced = in_loop(on.engine.conversations.note_displaced)
        answer = await ended(await on.engine.ask("old", "First?"))
        await answer.saved.wait()
        damage(file, "1")
        await ended(await on.engine.ask(None, "New?"))
        await until(lambda: any("damaged file is kept as" in str(error) for error in on.told))
        async with asyncio.timeout(60):
            while not any((row.id, row.turns) == ("old", 202) for row in await store.read(reads.summaries)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_what_runs_when_the_program_ends_is_saved_too(file: Path) -> None:
    store = await Store.open(file, RECOVERING)
    async with stage(["one"], history=store) as on:
        store.when_displaced = in_loop(on.engine.conversations.note_displaced)
        damage(file, "1")
        answer = await ended(await on.engine.ask(None, "New?"))
    # Nothing was waited for: the end has waited for the recovery.
    assert await texts(file, answer.conversation_id) == ["New?", "one"]


async def test_with_another_process_on_the_file_it_is_told_and_recovered_as_soon_as_that_is_gone(file: Path) -> None:
    store = await Store.open(file, RECOVERING)
    told: list[ChatTuiError] = []
    store.when_displaced = lambda why, replaced: told.append(why)
    with opened_by_another_process(file):
        damage(file, "1")
        with pytest.raises(StoreDamaged):
            await store.read(reads.conversation, "old")
        await until(lambda: len(told) == 1)
        assert "another chat-tui has it open" in told[0].title
        assert "stay in memory" in told[0].hint
        # Not to be tried by each write meanwhile.
        with pytest.raises(StoreDamaged):
            await store.read(reads.conversation, "old")
    assert not list(file.parent.glob("history.damaged*"))
    with suppress(StoreDamaged):
        await store.close()
    again = await Store.open(file, RECOVERING)
    assert "The damaged file is kept as" in again.notice
    await again.close()


async def test_the_end_tries_once_more_to_recover_and_saves_what_is_in_memory(file: Path) -> None:
    store = await Store.open(file, RECOVERING)
    async with stage(["one"], history=store) as on:
        store.when_displaced = in_loop(on.engine.conversations.note_displaced)
        with opened_by_another_process(file):
            damage(file, "1")
            answer = await ended(await on.engine.ask(None, "New?"))
            await until(lambda: any("another chat-tui has it open" in error.title for error in on.told))
    assert await texts(file, answer.conversation_id) == ["New?", "one"]


async def test_a_store_that_is_not_to_recover_while_it_is_open_is_left_to_the_next_start(file: Path) -> None:
    store = await Store.open(file)
    damage(file, "1")
    with pytest.raises(StoreDamaged, match="Start chat-tui again"):
        await store.read(reads.conversation, "old")
    with suppress(StoreDamaged):
        await store.close()
    assert not list(file.parent.glob("history.damaged*"))
    assert file.with_name("history.db.damaged").exists()
