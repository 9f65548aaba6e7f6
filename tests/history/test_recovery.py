"""Recovery reads every leaf page that is there, whatever became of the pages above it."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, Role, Turn
from chat_tui.core.route import Route
from chat_tui.history import opening
from chat_tui.history.migrations import MIGRATIONS
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import branches, deletion, reads, writes
from chat_tui.history.recovery import rescue
from chat_tui.history.recovery.database_file import DatabaseFile
from chat_tui.history.recovery.report import RecoveryReport
from chat_tui.history.recovery.tables import BUILT_ANEW, KEPT
from chat_tui.history.store import Store

CONVERSATIONS, TURNS = 12, 30
PAGE_SIZES = (512, 4096, 65536)

Dump = dict[str, list[tuple[Any, ...]]]


async def make(file: Path) -> None:
    """A store with every kind of row: long texts, branches, files, routes, drafts, presets."""
    store = await Store.open(file)
    for number in range(CONVERSATIONS):
        id = f"c{number}"
        turns: list[Turn] = []
        for place in range(TURNS):
            role: Role = "assistant" if place % 2 else "user"
            words = f"{id} says {place}: " + "ein wörtchen 語 " * (3000 if place == 9 else place % 40)
            parent = turns[-1].id if turns else None
            turns.append(Turn(role, words, id=f"{id}.{place}", parent=parent, model="box/m", strategy="balanced"))
        await store.write(
            writes.add_conversation, Conversation(id, f"Title of {id}", path=tuple(turns), preset='{"name":"x"}')
        )
        answer = Turn("assistant", "routed", id=f"{id}.routed", parent=f"{id}.4", state="streaming")
        await store.write(writes.add_turn, id, answer)
        await store.write(writes.finish, Turn("assistant", "routed", id=answer.id, cost=0.5), Route("balanced"))
        file_of = Attachment("a.bin", "application/x", random.Random(number).randbytes(900 * (number % 7) + 1))
        await store.write(
            writes.add_turn, id, Turn("user", "Look.", id=f"{id}.file", parent=answer.id, attachments=(file_of,))
        )
        await store.write(branches.select, id, f"{id}.5")
    await store.write(writes.save_draft, "", "a draft")
    await store.write(writes.save_draft, "c1", "another " * 2000)
    await store.write(writes.set_place, "open conversation", "c1")
    await store.write(deletion.delete, "c3")
    await store.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("original") / "history.db"
    asyncio.run(make(file))
    return file


@pytest.fixture
def file(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(original, tmp_path / "history.db"))


def with_pages_of(file: Path, size: int) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute(f"PRAGMA page_size = {size}")
        db.execute("VACUUM")
        db.execute("PRAGMA journal_mode = WAL")


def dump(db: sqlite3.Connection) -> Dump:
    """All that is kept. Which turns are indexed is left out: that is done anew."""
    found: Dump = {}
    for table in KEPT:
        names = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] != "indexed"]
        found[table] = sorted(db.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall(), key=repr)
    return found


def dump_of(file: Path) -> Dump:
    with closing(sqlite3.connect(file)) as db:
        return dump(db)


def pages(file: Path, kind: str, name: str = "%") -> list[int]:
    """By SQLite's own account: `internal`, `leaf` or `overflow` pages."""
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute("SELECT pageno FROM dbstat WHERE pagetype = ? AND name LIKE ? ORDER BY pageno", (kind, name))
        return [number for (number,) in rows]


def page_size(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("PRAGMA page_size").fetchone()[0])


def overwrite(file: Path, offset: int, data: bytes) -> None:
    with file.open("r+b") as handle:
        handle.seek(offset)
        handle.write(data)


def recovered(file: Path, progress: Callable[[float], None] = lambda part: None) -> tuple[Dump, RecoveryReport]:
    """What recovery makes of a file, in memory; it must be sound."""
    with closing(opening.in_memory(StoreSettings())) as db, DatabaseFile(file) as source:
        db.execute("PRAGMA foreign_keys = OFF")
        report = rescue.recover_rows(source, db, progress)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        return dump(db), report


def assert_no_more_than(found: Dump, whole: Dump) -> None:
    """No key twice, and no turn that was never there."""
    keys = [row[0] for row in found["turn"]]
    assert len(keys) == len(set(keys))
    assert {row[1] for row in found["turn"]} <= {row[1] for row in whole["turn"]}


@pytest.mark.parametrize("size", PAGE_SIZES)
def test_a_sound_file_comes_back_whole(file: Path, size: int) -> None:
    with_pages_of(file, size)
    found, report = recovered(file)
    assert found == dump_of(file)
    assert (report.conversations, report.turns) == (CONVERSATIONS, CONVERSATIONS * (TURNS + 2))
    assert (report.files, report.presets) == (CONVERSATIONS, CONVERSATIONS)
    assert report.lost_text() == "Nothing else was damaged."


@pytest.mark.parametrize("size", PAGE_SIZES)
@pytest.mark.parametrize("filling", [b"\xff", b"\0", b"\x05\x0d"])
def test_no_row_is_lost_with_an_inner_page(file: Path, size: int, filling: bytes) -> None:
    with_pages_of(file, size)
    whole = dump_of(file)
    inner = pages(file, "internal")
    assert inner or size == 65536
    for number in [number for number in inner if number > 1][:: 1 + len(inner) // 12]:
        content = file.read_bytes()
        overwrite(file, (number - 1) * size, (filling * 512)[:512])
        found, report = recovered(file)
        assert found == whole
        assert report.lost_turns == report.unreadable_rows == 0
        file.write_bytes(content)


@pytest.mark.parametrize("size", PAGE_SIZES)
@pytest.mark.parametrize("damaged", [100, 512, 4096])
def test_without_its_header_and_schema_the_rows_tell_what_they_are(file: Path, size: int, damaged: int) -> None:
    with_pages_of(file, size)
    whole = dump_of(file)
    overwrite(file, 0, bytes(min(damaged, size)))
    found, report = recovered(file)
    assert found == whole
    assert report.turns == CONVERSATIONS * (TURNS + 2)


@pytest.mark.parametrize("part", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("size", PAGE_SIZES)
def test_of_a_file_that_was_cut_everything_comes_back_whose_leaf_is_there(file: Path, part: float, size: int) -> None:
    with_pages_of(file, size)
    whole = dump_of(file)
    length = int(file.stat().st_size * part)
    left = length // size
    expected = sum(rows_on(file, number) for number in pages(file, "leaf", "turn") if number <= left)
    os.truncate(file, length)
    found, report = recovered(file)
    assert report.turns >= expected
    assert_no_more_than(found, whole)
    uncut = [row for row in found["turn"] if "\ufffd" not in str(row)]
    texts = {row[1]: row[-2:] for row in whole["turn"]}
    assert all(row[-2:] == texts[row[1]] for row in uncut)
    assert len(found["turn"]) - len(uncut) == report.cut_turns


def rows_on(file: Path, page: int) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("SELECT ncell FROM dbstat WHERE pageno = ?", (page,)).fetchone()[0])


def cut(file: Path, part: float) -> bytes:
    os.truncate(file, int(file.stat().st_size * part))
    return file.read_bytes()


async def test_a_file_that_was_cut_is_recovered_at_the_first_start_and_searchable(file: Path) -> None:
    content = cut(file, 0.7)
    store = await Store.open(file)
    assert "The history was damaged. Recovered: conversations: " in store.notice
    (aside,) = file.parent.glob("history.damaged-*.db")
    assert str(aside) in store.notice
    assert aside.read_bytes() == content
    rows = await store.read(reads.summaries)
    assert rows
    one = await store.read(reads.conversation, next(row.id for row in rows if row.turns))
    for _ in range(500):
        if hits := await store.search(f'"{one.path[0].text[:10].strip()}"'):
            break
        await asyncio.sleep(0.02)
    assert one.id in {hit.conversation for hit in hits}
    assert (await store.check()).ok
    await store.close()


def test_rows_that_are_only_in_the_log_come_back(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("UPDATE conversation SET title = 'Newer title' WHERE id = 'c1'")
        db.execute(
            "INSERT INTO turn (id, conversation, role, state, text) VALUES ('new', 1, 'user', 'complete', 'late')"
        )
        copy = file.with_name("copy.db")
        for name in ("", "-wal"):
            shutil.copy(f"{file}{name}", f"{copy}{name}")
        whole = dump(db)
    assert recovered(copy)[0] == whole
    # Without its header nothing of the log is proven, and still nothing of it is lost.
    overwrite(copy.with_name("copy.db-wal"), 0, bytes(32))
    overwrite(copy, 0, bytes(4096))
    assert {row[1] for row in recovered(copy)[0]["turn"]} == {row[1] for row in whole["turn"]}


def test_a_commit_that_is_not_whole_does_not_count(file: Path) -> None:
    whole = dump_of(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("UPDATE conversation SET title = 'Newer title'")
        copy = file.with_name("copy.db")
        for name in ("", "-wal"):
            shutil.copy(f"{file}{name}", f"{copy}{name}")
    log = copy.with_name("copy.db-wal")
    overwrite(log, log.stat().st_size - 10, b"x" * 10)
    assert recovered(copy)[0] == whole


def test_the_current_copy_of_a_row_wins_over_one_in_a_free_page(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        # Old pages of these rows become free.
        db.execute("UPDATE turn SET text = text || printf('%.*c', 700, 'x') WHERE key % 3 = 0")
        db.execute("UPDATE conversation SET system_prompt = printf('%.*c', 900, 'y'), updated = updated + 1")
        db.execute("UPDATE turn SET text = 'short', thinking = ''")
        assert db.execute("PRAGMA freelist_count").fetchone()[0] > 0
    whole = dump_of(file)
    assert recovered(file)[0] == whole


def test_a_draft_that_was_sent_does_not_come_back_from_a_free_page(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        drafts = [(f"d{number}", "words that were sent " * 20) for number in range(200)]
        db.execute("PRAGMA secure_delete = OFF")
        db.executemany("INSERT INTO draft VALUES (?, 5, ?)", drafts)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("DELETE FROM draft WHERE conversation LIKE 'd%'")
        assert db.execute("PRAGMA freelist_count").fetchone()[0] > 0
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"words that were sent" in file.read_bytes()
    found, _ = recovered(file)
    assert found == dump_of(file)


def test_a_text_that_lost_its_end_says_so(file: Path) -> None:
    (first, *_) = pages(file, "overflow", "turn")
    overwrite(file, (first - 1) * page_size(file), bytes(page_size(file)))
    found, report = recovered(file)
    assert report.cut_turns == 1
    (cut,) = [row for row in found["turn"] if row[-2].endswith("\ufffd")]
    (whole,) = [row for row in dump_of_sound(found) if row[1] == cut[1]]
    assert whole[-2].startswith(cut[-2][:100])
    assert cut[5] == "broken"
    assert "file was damaged" in str(cut)
    assert "\0" not in cut[-2]
    assert "truncated turns: 1" in report.lost_text()


def dump_of_sound(found: Dump) -> list[tuple[Any, ...]]:
    """The turns as they were made, without the help of the damaged file."""
    turns: list[tuple[Any, ...]] = []
    for row in found["turn"]:
        id, _, place = row[1].partition(".")
        turns.append((*row[:-2], f"{id} says {place}: " + "ein wörtchen 語 " * 3000, ""))
    return turns


def test_turns_whose_parent_is_lost_follow_the_nearest_one_before(file: Path) -> None:
    leaves = pages(file, "leaf", "turn")
    overwrite(file, (leaves[4] - 1) * 4096, b"\xff" * 4096)
    found, report = recovered(file)
    assert report.lost_turns > 0
    assert report.moved_turns >= report.lost_turns
    by_key = {row[0]: row for row in found["turn"]}
    for key, _, conversation, parent, *_ in found["turn"]:
        assert parent is None or (parent < key and by_key[parent][2] == conversation)
    roots = [row for row in found["turn"] if row[3] is None]
    assert len(roots) <= CONVERSATIONS + 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(1, 400), st.sampled_from((1, 4, 64, 512)))
def test_no_damage_ends_recovery_or_doubles_a_row(file: Path, original: Path, seed: int, count: int, size: int) -> None:
    shutil.copy(original, file)
    whole = dump_of(original)
    source = random.Random(seed)
    length = file.stat().st_size
    for _ in range(count):
        overwrite(file, source.randrange(length - size), source.randbytes(size))
    begun = time.monotonic()
    found, report = recovered(file)
    assert time.monotonic() - begun < 20
    keys = [row[0] for row in found["turn"]]
    assert len(keys) == len(set(keys)) == report.turns
    assert len(keys) <= len(whole["turn"]) + report.unreadable_rows + count


NO_DATABASES = {
    "nothing": b"",
    "only the beginning": b"SQLite format 3\0",
    "random bytes": random.Random(7).randbytes(100_000),
    "leaves of cells that are nowhere": b"\x0d\0\0\xff\xff\0\0\0" * 9000,
}


@pytest.mark.parametrize("content", NO_DATABASES.values(), ids=NO_DATABASES.keys())
def test_what_is_no_database_gives_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "history.db"
    file.write_bytes(content)
    found, report = recovered(file)
    assert (report.conversations, report.turns) == (0, 0)
    assert not any(found.values())


def test_every_table_is_brought_over_or_built_anew() -> None:
    with closing(opening.in_memory(StoreSettings())) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert set(KEPT) <= set(names)
    assert [name for name in names if name not in KEPT and not name.startswith(BUILT_ANEW)] == []


@pytest.mark.parametrize("schema", range(1, len(MIGRATIONS)))
def test_rows_of_older_schemas_come_back(tmp_path: Path, schema: int) -> None:
    file = tmp_path / "history.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        for number, migration in enumerate(MIGRATIONS[:schema], 1):
            migration(db)
            db.execute(f"PRAGMA user_version = {number}")
        db.execute("INSERT INTO conversation (id, created, updated, title) VALUES ('c', 1, 2, 'Old')")
        db.execute("INSERT INTO turn (id, conversation, role, state, text) VALUES ('t', 1, 'user', 'complete', 'Hi')")
        db.execute("""INSERT INTO route VALUES (1, '{"strategy":"balanced"}')""")
        db.execute("INSERT INTO draft VALUES ('', 5, 'words')")
        # The schema is lost.
        db.execute("PRAGMA page_size")
    overwrite(file, 100, bytes(412))
    found, report = recovered(file)
    assert (report.conversations, report.turns) == (1, 1)
    assert [row[-2:] for row in found["turn"]] == [("Hi", "")]
    assert found["route"] == [(1, '{"strategy":"balanced"}')]
    assert found["draft"] == [("", 5, "words")]
    assert found["conversation"][0][1:4] == ("c", 1, 2)


def test_progress_is_told_up_to_the_end(file: Path) -> None:
    parts: list[float] = []
    recovered(file, parts.append)
    assert parts == sorted(parts)
    assert all(0 <= part <= 1 for part in parts)
