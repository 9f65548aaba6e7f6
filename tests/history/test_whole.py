"""The store as a whole: checks and backups, while others use it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from chat_tui.core.conversation import Conversation, Turn, TurnDelta
from chat_tui.core.errors import HistoryError
from chat_tui.history.database import backup
from chat_tui.history.queries import deletion, reads, turn_deltas, writes
from chat_tui.history.store import Store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    store = await Store.open(file)
    for id in ("c", "gone"):
        turns = [Turn("user", f"question {n} of {id}", id=f"{id}{n}") for n in range(5)]
        await store.write(writes.add_conversation, Conversation(id, "A title", path=tuple(turns)))
    await store.write(deletion.delete, "gone")
    yield store
    await store.close()


async def test_a_check_of_a_sound_store_counts_what_is_there(store: Store, file: Path) -> None:
    await store.write(writes.add_turn, "c", Turn("assistant", "", id="grows", parent="c4", state="streaming"))
    await store.write(turn_deltas.append_deltas, [TurnDelta("grows", "a part")])
    report = await store.check()
    assert report.ok
    assert (report.conversations, report.turns, report.unfound_turns) == (1, 6, 0)
    assert report.deleted_conversations == 1
    assert report.size_bytes >= 4096
    assert not file.with_name("history.db.damaged").exists()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DELETE FROM conversation WHERE id = 'c'", "belongs to a missing row of `conversation`"),
        ("UPDATE turn SET parent = key WHERE id = 'c3'", "c3 follows a turn that cannot come before it"),
        ("UPDATE conversation SET leaf = 7 WHERE id = 'c'", "c ends in another conversation"),
        (
            "INSERT INTO piece (turn, text, thinking) VALUES (1, 'x', '')",
            "c0 has ended, but it was not fully assembled",
        ),
    ],
)
async def test_a_check_tells_what_is_wrong(store: Store, file: Path, statement: str, sentence: str) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(statement)
    report = await store.check()
    assert not report.ok
    assert sentence in report.problems[0]


async def test_damage_that_a_check_finds_is_mended_by_the_next_start(store: Store, file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("DELETE FROM conversation WHERE id = 'c'")
    assert (await store.check()).damaged
    await store.close()
    again = await Store.open(file)
    assert "damaged" in again.notice
    assert (await again.check()).ok
    assert [row.title for row in await again.read(reads.summaries)] == ["Recovered conversation"]
    await again.close()


async def test_turns_that_cannot_be_found_are_counted(store: Store, file: Path) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE turn SET indexed = 0 WHERE id = 'c1'")
    report = await store.check()
    assert (report.unfound_turns, report.ok) == (1, True)


async def test_a_backup_is_a_whole_store_that_only_its_owner_may_read(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    await store.backup(target)
    assert sorted(os.listdir(tmp_path)) == ["copy.db", "data"]
    assert os.stat(target).st_mode & 0o777 == 0o600
    copied = await Store.open(target)
    assert await copied.read(reads.conversation, "c") == await store.read(reads.conversation, "c")
    assert (await copied.check()).ok
    await copied.close()


async def test_a_backup_is_of_one_moment_while_others_write(store: Store, tmp_path: Path) -> None:
    running = asyncio.create_task(store.backup(tmp_path / "copy.db"))
    number = 0
    while not running.done():
        await store.write(writes.add_turn, "c", Turn("user", "more", id=f"more{number}"))
        number += 1
    await running
    copied = await Store.open(tmp_path / "copy.db")
    assert (await copied.check()).ok
    await copied.close()


async def test_a_backup_takes_no_files_place(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "letter.txt"
    target.write_text("Dear")
    with pytest.raises(HistoryError, match=r"letter\.txt already exists.*another name"):
        await store.backup(target)
    assert target.read_text() == "Dear"


async def test_a_backup_that_cannot_be_written_is_told(store: Store, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"could not be written.*No such file.*unchanged"):
        await store.backup(tmp_path / "nowhere" / "copy.db")
    assert (await store.check()).ok


def test_a_backup_that_was_stopped_leaves_nothing(tmp_path: Path) -> None:
    stop = Event()
    with closing(sqlite3.connect(tmp_path / "large.db", isolation_level=None)) as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (zeroblob(20000000))")
        stop.set()
        backup.copy(db, tmp_path / "copy.db", stop)
    assert os.listdir(tmp_path) == ["large.db"]


async def test_a_store_in_memory_has_no_file_to_copy(tmp_path: Path) -> None:
    store = await Store.open(None)
    with pytest.raises(HistoryError, match="only in memory"):
        await store.backup(tmp_path / "copy.db")
    await store.close()


def test_what_a_killed_backup_left_is_removed_by_the_next_one_and_by_the_next_start(tmp_path: Path) -> None:
    for name in ("history.db.77", "history.2026-11-23.db.88", "copy.db.99"):
        (tmp_path / f".{name}.unfinished").write_bytes(b"SQLite format 3\0")
        (tmp_path / f".{name}.unfinished-journal").touch()
    others = [".history.db.unfinished", ".history.db.x1.unfinished", "history.db.5.unfinished", ".letter.5.unfinished"]
    for name in others:
        (tmp_path / name).touch()
    with closing(sqlite3.connect(tmp_path / "source.db", isolation_level=None)) as db:
        db.execute("CREATE TABLE t (x)")
        backup.copy(db, tmp_path / "copy.db")
    assert not list(tmp_path.glob(".copy.db*"))
    assert list(tmp_path.glob(".history.db.77*"))
    backup.remove_unfinished(tmp_path, "history")
    left = {name for name in os.listdir(tmp_path) if name.startswith(".") or "unfinished" in name}
    assert left == set(others)


def test_a_copy_that_is_being_made_is_left_alone(tmp_path: Path) -> None:
    part = tmp_path / ".history.db.77.unfinished"
    with part.open("wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        backup.remove_unfinished(tmp_path, "history")
        assert part.exists()
    backup.remove_unfinished(tmp_path, "history")
    assert not part.exists()


async def test_a_start_removes_what_a_killed_backup_left(store: Store, file: Path) -> None:
    left = file.with_name(".history.2026-11-23-101010.db.4000000.unfinished")
    left.touch()
    await (await Store.open(file)).close()
    assert not left.exists()


async def test_an_empty_file_is_told_with_the_copies_that_are_there(store: Store, file: Path) -> None:
    await store.backup(file.with_name("history.2026-11-23-101010.db"))
    await store.close()
    os.truncate(file, 0)
    again = await Store.open(file)
    assert "was empty; a new history was started" in again.notice
    assert "Copies found next to it: history.2026-11-23-101010.db." in again.notice
    assert await again.read(reads.summaries) == []
    await again.close()
    once_more = await Store.open(file)
    assert once_more.notice == ""
    await once_more.close()
