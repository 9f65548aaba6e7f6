"""A damaged, newer, locked, foreign or unreachable store, and a full disk: each is told in a sentence that helps."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, Turn, TurnDelta
from chat_tui.core.errors import HistoryError, SchemaTooNew, StoreBusy, StoreDamaged
from chat_tui.core.route import Route
from chat_tui.history.database.error_mapping import map_error
from chat_tui.history.database.process_locks import hold_opening_lock
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import attachments, branches, deletion, reads, turn_deltas, writes
from chat_tui.history.store import Store

HASTY = StoreSettings(busy_seconds=0.1)
PAGE = 4096


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A store with 20 conversations of 20 turns."""
    file = tmp_path / "history.db"
    store = await Store.open(file)
    for number in range(20):
        await fill(store, f"c{number}")
    await store.write(writes.save_draft, "", "a draft")
    await store.close()
    return file


async def fill(store: Store, id: str) -> None:
    turns: list[Turn] = []
    for number in range(20):
        parent = turns[-1].id if turns else None
        turns.append(Turn("user", f"{id} says {number} " + "words " * 80, id=f"{id}.{number}", parent=parent))
    await store.write(writes.add_conversation, Conversation(id, title=f"Title of {id}", path=tuple(turns)))


def content(file: Path) -> bytes:
    return file.read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def leaf_pages(file: Path, table: str) -> list[int]:
    """Where the table's rows are, by SQLite's own account of its pages."""
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno", (table,))
        return [number for (number,) in rows]


def spoil(file: Path, pages: list[int]) -> None:
    with file.open("r+b") as handle:
        for page in pages:
            handle.seek((page - 1) * PAGE)
            handle.write(b"\xff" * PAGE)


@contextmanager
def raw(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        yield db


async def test_a_newer_store_is_refused_and_left_alone(file: Path) -> None:
    with raw(file) as db:
        db.execute("PRAGMA user_version = 999")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = content(file)
    with pytest.raises(SchemaTooNew, match=r"schema 999.*nothing is saved"):
        await Store.open(file)
    assert content(file) == before


async def test_a_newer_store_is_refused_even_when_it_is_damaged(file: Path) -> None:
    with raw(file) as db:
        db.execute("PRAGMA user_version = 999")
    file.with_name("history.db.damaged").touch()
    with pytest.raises(SchemaTooNew):
        await Store.open(file)


async def test_a_file_that_is_no_database_is_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    file.write_bytes(b"this is not a database" * 1000)
    store = await Store.open(file)
    assert "damaged" in store.notice
    assert "conversations: 0" in store.notice
    await fill(store, "new")
    await store.close()
    aside = [name for name in names(tmp_path) if name.startswith("history.damaged-")]
    assert len(aside) == 1
    assert aside[0] in store.notice
    assert (tmp_path / aside[0]).read_bytes() == b"this is not a database" * 1000
    again = await Store.open(file)
    assert again.notice == ""
    assert len(await again.read(reads.summaries)) == 1
    await again.close()


async def test_what_is_left_of_a_file_that_was_cut_is_brought_over(file: Path) -> None:
    whole = len(content(file))
    os.truncate(file, whole // 2)
    store = await Store.open(file)
    if not store.notice:
        with pytest.raises(StoreDamaged):
            await store.search("words")
        await store.close()
        store = await Store.open(file)
    assert "damaged" in store.notice
    assert 0 < sum(row.turns for row in await store.read(reads.summaries)) < 400
    await store.close()


async def test_a_damaged_store_that_is_locked_is_not_taken_for_an_empty_one(file: Path, tmp_path: Path) -> None:
    file.with_name("history.db.damaged").touch()
    with raw(file) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            await Store.open(file, HASTY)
    assert not any(name.startswith("history.damaged-") for name in names(tmp_path))
    store = await Store.open(file)
    assert "conversations: 20, turns: 400" in store.notice
    await store.close()


async def test_damage_met_on_the_way_is_recovered_by_the_next_start(file: Path, tmp_path: Path) -> None:
    pages = leaf_pages(file, "turn")
    spoil(file, pages[5:8])
    store = await Store.open(file)
    assert store.notice == ""
    damaged = 0
    for number in range(20):
        try:
            await store.read(reads.conversation, f"c{number}")
        except StoreDamaged:
            damaged += 1
    assert 0 < damaged < 10
    with pytest.raises(StoreDamaged, match="Start chat-tui again"):
        await store.read(reads.prompts, 1000)
    await store.close()

    again = await Store.open(file)
    assert "conversations: 20" in again.notice
    lost = 0
    for number in range(20):
        path = (await again.read(reads.conversation, f"c{number}")).path
        lost += 20 - len(path)
        texts = [int(turn.text.split()[2]) for turn in path]
        assert texts == sorted(texts)
    # A page of 4 KB holds about seven of these turns.
    assert 0 < lost <= 3 * 8
    assert await again.read(reads.draft, "") == "a draft"
    # Old turns are indexed while the store is used.
    for _ in range(500):
        if hits := await again.search('"c0 says"'):
            break
        await asyncio.sleep(0.02)
    assert {hit.conversation for hit in hits} == {"c0"}
    await fill(again, "new")
    await again.close()
    with raw(file) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert "history.db.damaged" not in names(tmp_path)
    assert "history.db.recovering" not in names(tmp_path)


async def test_turns_whose_conversation_is_lost_come_back_in_a_recovered_one(file: Path) -> None:
    spoil(file, leaf_pages(file, "conversation")[:1])
    file.with_name("history.db.damaged").touch()
    store = await Store.open(file)
    rows = await store.read(reads.summaries)
    assert sum(row.turns for row in rows) == 400
    assert len((await store.read(reads.conversation, rows[0].id)).path) == 20
    await store.close()


async def test_routes_and_growing_answers_are_recovered_too(file: Path) -> None:
    store = await Store.open(file)
    await store.write(writes.add_turn, "c1", Turn("assistant", "done", id="done", parent="c1.19"))
    await store.write(writes.finish, Turn("assistant", "done", id="done"), Route("balanced"))
    await store.write(writes.add_turn, "c1", Turn("assistant", "", id="grows", parent="c1.19", state="streaming"))
    await store.write(turn_deltas.append_deltas, [TurnDelta("grows", "a part")])
    with raw(file) as db:
        # As a kill leaves it: no store owns the answer.
        db.execute("UPDATE turn SET owner = 'gone' WHERE id = 'grows'")
    await store.close()
    with raw(file) as db:
        db.execute("UPDATE turn SET state = 'streaming', text = '' WHERE id = 'grows'")
        db.execute("INSERT INTO piece (turn, text, thinking) SELECT key, 'a part', '' FROM turn WHERE id = 'grows'")
    file.with_name("history.db.damaged").touch()
    store = await Store.open(file)
    turn = (await store.read(reads.conversation, "c1")).path[-1]
    assert (turn.id, turn.state, turn.text) == ("grows", "broken", "a part")
    assert await store.read(reads.route, "done") == Route("balanced")
    await store.close()


async def test_files_branches_and_what_was_deleted_are_recovered_too(file: Path) -> None:
    store = await Store.open(file)
    note = Attachment("a.txt", "text/plain", b"x" * 9000)
    await store.write(
        writes.add_turn, "c1", Turn("user", "Look.", id="look", parent="c1.3", attachments=(note,), verdict=True)
    )
    await store.write(branches.select, "c1", "c1.4")
    await store.write(deletion.delete, "c2")
    await store.close()
    file.with_name("history.db.damaged").touch()
    store = await Store.open(file)
    assert "conversations: 20, turns: 401" in store.notice
    await store.write(branches.select, "c1", "c1.3")
    assert (await store.read(reads.conversation, "c1")).path[-1].id == "c1.19"
    (looked,) = [turn for turn in await store.read(reads.siblings, "c1.4") if turn.id == "look"]
    assert (looked.verdict, (await store.read(attachments.contents, ["look"]))["look"][0].content) == (
        True,
        b"x" * 9000,
    )
    await store.write(deletion.restore, "c2")
    assert len(await store.read(reads.summaries)) == 20
    assert (await store.check()).ok
    await store.close()


async def test_a_file_whose_content_is_lost_costs_only_itself(file: Path) -> None:
    store = await Store.open(file)
    for number in range(2):
        note = Attachment("a.txt", "text/plain", bytes([number]) * 3000)
        await store.write(writes.add_turn, "c1", Turn("user", "Look.", id=f"look{number}", attachments=(note,)))
    await store.close()
    spoil(file, leaf_pages(file, "content")[:1])
    file.with_name("history.db.damaged").touch()
    store = await Store.open(file)
    assert "turns: 402" in store.notice
    assert len(await store.read(attachments.contents, ["look0", "look1"])) < 2
    assert (await store.check()).ok
    await store.close()


async def test_a_damaged_store_that_another_process_has_open_is_not_taken_away(file: Path) -> None:
    first = await Store.open(file)
    file.with_name("history.db.damaged").touch()
    with pytest.raises(StoreDamaged, match="another chat-tui"):
        await Store.open(file)
    assert len(await first.read(reads.summaries)) == 20
    await first.close()
    second = await Store.open(file)
    assert "conversations: 20, turns: 400" in second.notice
    await second.close()


async def test_a_locked_store_is_told_to_be_busy(file: Path) -> None:
    store = await Store.open(file, HASTY)
    with raw(file) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="locked the history"):
            await store.write(writes.save_draft, "", "x")
        assert await store.read(reads.draft, "") == "a draft"
        with pytest.raises(StoreBusy):
            await Store.open(file, HASTY)
        db.execute("ROLLBACK")
    await store.write(writes.save_draft, "", "x")
    await store.close()


async def test_a_store_that_is_being_opened_elsewhere_is_told_to_be_busy(file: Path) -> None:
    with hold_opening_lock(file.with_name("history.db.owners"), 1), pytest.raises(StoreBusy, match="opening"):
        await Store.open(file, HASTY)


async def test_a_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with raw(file) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(HistoryError, match="another program"):
        await Store.open(file)
    with raw(file) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("a file")
    with pytest.raises(HistoryError, match="in-the-way"):
        await Store.open(tmp_path / "in-the-way" / "chat-tui" / "history.db")


async def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "history.db").mkdir()
    with pytest.raises(HistoryError, match=r"history\.db"):
        await Store.open(tmp_path / "history.db")


OPEN_AS_NOBODY = """
import asyncio, os, sys
from pathlib import Path
from chat_tui.core.errors import HistoryError
from chat_tui.history.store import Store

async def main(file):
    await (await Store.open(None)).close()
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        await Store.open(file)
    except HistoryError as error:
        print(type(error).__name__, error)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("name", ["history.db", "new/history.db"])
def test_a_folder_that_may_not_be_written_is_told(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.close(os.open(f"{folder}/history.db", os.O_CREAT, 0o444))
        os.chmod(folder, 0o555)
        command = [sys.executable, "-c", OPEN_AS_NOBODY, f"{folder}/{name}"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.startswith("HistoryError")
    assert "cannot be written" in said
    assert "nothing is saved" in said


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(errno.EACCES, "no"), "cannot be written.*nothing is saved"),
        (OSError(errno.EROFS, "read-only"), "cannot be written.*XDG_DATA_HOME"),
        (OSError(errno.ENOSPC, "full"), "disk is full.*Free some disk space"),
        (OSError(errno.EDQUOT, "quota"), "disk is full"),
        (OSError(errno.EIO, "input/output error"), "input/output error"),
        (sqlite3.DataError("string or blob too big"), "too long"),
        (sqlite3.OperationalError("strange"), "strange"),
    ],
)
def test_foreign_errors_become_sentences(error: sqlite3.Error | OSError, sentence: str) -> None:
    with pytest.raises(HistoryError, match=sentence):
        raise map_error(error, "history.db")


async def test_a_full_disk_is_told_and_loses_nothing_that_was_saved(file: Path) -> None:
    pages = len(content(file)) // PAGE
    store = await Store.open(file, StoreSettings(max_pages=pages + 40))
    await store.write(writes.add_turn, "c0", Turn("assistant", "", id="grows", parent="c0.19", state="streaming"))
    pieces: list[str] = []
    with pytest.raises(HistoryError, match="disk is full"):
        await append_until_it_fails(store, "grows", pieces)
    saved = "".join(pieces)
    assert saved
    # Reading goes on, and so does writing once there is room.
    turn = (await store.read(reads.conversation, "c0")).path[-1]
    assert (turn.text, turn.state) == (saved, "streaming")
    with pytest.raises(HistoryError, match="disk is full"):
        await store.write(writes.finish, Turn("assistant", "y" * 1_000_000, id="grows"), None)
    assert (await store.read(reads.conversation, "c0")).path[-1].text == saved
    await store.write(writes.finish, Turn("assistant", "short", id="grows", state="cancelled"), None)
    assert (await store.read(reads.conversation, "c0")).path[-1].text == "short"
    await store.close()
    with raw(file) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def append_until_it_fails(store: Store, id: str, saved: list[str]) -> None:
    for number in range(1000):
        piece = f"{number} " + "x" * 1000
        if fault := (await store.write(turn_deltas.append_deltas, [TurnDelta(id, piece)]))[0]:
            raise fault
        saved.append(piece)


async def test_an_opening_that_fails_leaves_no_sign_of_life(file: Path) -> None:
    with raw(file) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            await Store.open(file, HASTY)
    assert names(file.with_name("history.db.owners")) == ["opening"]


async def test_a_recovery_for_which_there_is_no_room_leaves_everything_as_it_was(file: Path) -> None:
    spoil(file, leaf_pages(file, "turn")[5:8])
    file.with_name("history.db.damaged").touch()
    before = content(file)
    with pytest.raises(HistoryError, match="disk is full"):
        await Store.open(file, StoreSettings(max_pages=60))
    assert content(file) == before
    assert not [name for name in names(file.parent) if "recovering" in name or ".damaged-" in name]
    store = await Store.open(file)
    assert "conversations: 20" in store.notice
    await store.close()
