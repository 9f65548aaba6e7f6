"""A store is looked at without being opened as one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from chat_tui.history.inspection import inspect_store
from chat_tui.history.migrations import MIGRATIONS
from chat_tui.history.opening import damage_mark
from chat_tui.history.store import Store


def files(folder: Path) -> dict[Path, tuple[int, int]]:
    return {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in folder.rglob("*")}


async def test_a_whole_store_is_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    assert inspect_store(file) is None
    store = await Store.open(file)
    running = inspect_store(file)
    await store.close()
    before = files(tmp_path)
    found = inspect_store(file)
    assert running is not None
    assert found is not None
    assert (found.check, found.schema, found.conversations) == ("whole", len(MIGRATIONS), 0)
    assert (running.check, running.error) == ("whole", None)
    assert files(tmp_path) == before


async def test_damage_is_found(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    await (await Store.open(file)).close()
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * 8192 + content[12288:])
    found = inspect_store(file)
    assert found is not None
    assert found.check == "damaged"
    file.write_bytes(b"not a database" * 1000)
    assert (found := inspect_store(file)) is not None
    assert found.check == "damaged"


def test_a_mark_a_log_and_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    found = inspect_store(file)
    assert found is not None
    assert (found.schema, found.check, found.error) == (len(MIGRATIONS) + 1, "not checked", None)
    log = file.with_name("history.db-wal")
    log.write_bytes(b"log")
    assert (found := inspect_store(file)) is not None
    assert found.check == "unfinished"
    log.unlink()
    damage_mark(file).touch()
    assert (found := inspect_store(file)) is not None
    assert found.check == "damaged"
    assert (found := inspect_store(tmp_path)) is not None
    assert found.error is not None


async def test_a_check_ends_when_its_time_is_over(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    await (await Store.open(file)).close()
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("PRAGMA journal_mode = DELETE")
        numbers = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n"
        db.execute(f"CREATE TABLE large AS {numbers}")
        db.execute("CREATE INDEX by_number ON large (i)")
    found = inspect_store(file, seconds=0)
    assert found is not None
    assert found.check == "too large"
