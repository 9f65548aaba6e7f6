"""Older schemas open, after a backup."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chat_tui.core.chunks import ErrorInfo, Timings, Usage
from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.errors import HistoryError, SchemaTooNew
from chat_tui.core.route import Candidate, Route, Seam, Try
from chat_tui.history.migrations import MIGRATIONS
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import attachments, deletion, reads, writes
from chat_tui.history.store import Store
from tests.support.recorded_schemas import RECORDED, recorded

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def number(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def with_moods(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE conversation ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'")


def with_a_slip(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE conversation ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'")
    db.execute("ALTER TABLE nobody ADD COLUMN mood TEXT")


LATER = StoreSettings(migrations=(*MIGRATIONS, with_moods))
BROKEN = StoreSettings(migrations=(*MIGRATIONS, with_a_slip))


def test_every_older_schema_is_recorded() -> None:
    assert len(RECORDED) >= len(MIGRATIONS) - 1


@pytest.mark.parametrize("schema", range(1, len(RECORDED) + 1))
@pytest.mark.parametrize("settings", [StoreSettings(), LATER])
async def test_a_recorded_store_opens_with_all_that_is_in_it(
    tmp_path: Path, schema: int, settings: StoreSettings
) -> None:
    file = recorded(tmp_path, schema)
    store = await Store.open(file, settings)
    (row,) = await store.read(reads.summaries)
    assert (row.id, row.title, row.created, row.turns) == ("c1", "Why is the sky blue?", AT, 4)
    conversation = await store.read(reads.conversation, "c1")
    assert conversation.system_prompt == "Be brief."
    assert [(turn.id, turn.parent, turn.state) for turn in conversation.path] == [
        ("q1", None, "complete"),
        ("a2", "q1", "complete"),
        ("a3", "a2", "broken"),
    ]
    assert (conversation.path[2].text, conversation.path[2].thinking) == ("half an answer", "thought")
    assert await store.read(reads.route, "a1") == Route(
        "balanced", (Candidate("local/smollm2-135m", 0.7, {"speed": 0.9}),), (Try("local/smollm2-135m", 1, "answered"),)
    )
    for query, turn in [("空", "q1"), ("cattering", "a1"), ("half answer", "a3")]:
        assert [hit.turn for hit in await store.search(query)] == [turn]
    assert await store.read(reads.draft, "") == "draft"
    assert await store.read(reads.place, "open") == "c1"
    await store.write(writes.add_turn, "c1", Turn("user", "And now?", id="q2", parent="a1"))
    assert (await store.read(reads.conversation, "c1")).path[1] == Turn(
        "assistant",
        "Rayleigh scattering.",
        id="a1",
        parent="q1",
        created=AT,
        thinking="Hm.",
        model="local/smollm2-135m",
        strategy="balanced",
        state="length",
        finish_reason="length",
        usage=Usage(10, 20, 30, 5, 3, True),
        timings=Timings(0.1, 2.5, 40.0, True),
        cost=0.5,
        error=ErrorInfo("TooSlow", "Too slow.", "Wait.", "local", "smollm2-135m", True),
        left_out=3,
    )
    await store.close()


@pytest.mark.parametrize("settings", [StoreSettings(), LATER])
async def test_what_schema_2_brought_comes_back(tmp_path: Path, settings: StoreSettings) -> None:
    store = await Store.open(recorded(tmp_path, 2), settings)
    conversation = await store.read(reads.conversation, "c1")
    assert (conversation.preset, conversation.pinned) == ('{"name":"code"}', True)
    question, answer, _ = conversation.path
    assert (question.kept, answer.verdict, answer.seams) == (True, True, (Seam(3, "x/y", "cut"),))
    assert (await store.read(attachments.contents, ["q1"]))["q1"][0].content == b"blue"
    await store.write(deletion.restore, "c2")
    assert [hit.conversation for hit in await store.search("gone")] == ["c2"]
    await store.close()


async def test_a_migration_keeps_a_backup_of_what_was(tmp_path: Path) -> None:
    file = recorded(tmp_path, 1)
    store = await Store.open(file, LATER)
    await store.close()
    assert number(file) == len(LATER.migrations)
    backup = tmp_path / "history.schema-1.db"
    assert number(backup) == 1
    assert os.stat(backup).st_mode & 0o777 == 0o600
    old = await Store.open(backup)
    assert len((await old.read(reads.conversation, "c1")).path) == 3
    await old.close()
    with pytest.raises(SchemaTooNew):
        await Store.open(file)


@pytest.mark.parametrize(("seconds", "slow_seconds", "told"), [(0.3, 0.05, 1), (0.0, 60.0, 0)])
async def test_only_a_migration_that_takes_long_is_told(
    tmp_path: Path, seconds: float, slow_seconds: float, told: int
) -> None:
    said: list[int] = []

    def slowly(db: sqlite3.Connection) -> None:
        time.sleep(seconds)

    settings = StoreSettings(
        migrations=(*MIGRATIONS, slowly), when_slow=lambda: said.append(1), slow_seconds=slow_seconds
    )
    for _ in range(2):
        store = await Store.open(recorded(tmp_path, 4) if not said else tmp_path / "history.db", settings)
        await store.close()
    assert len(said) == told


async def test_no_backup_is_made_of_a_store_that_is_new_or_up_to_date(tmp_path: Path) -> None:
    for settings in (LATER, LATER):
        store = await Store.open(tmp_path / "history.db", settings)
        await store.close()
    assert sorted(os.listdir(tmp_path)) == ["history.db", "history.db.owners"]


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = recorded(tmp_path, 1)
    with pytest.raises(HistoryError, match="nobody"):
        await Store.open(file, BROKEN)
    assert number(file) == 1
    store = await Store.open(file, LATER)
    assert len((await store.read(reads.conversation, "c1")).path) == 3
    await store.close()


async def test_a_full_disk_leaves_an_older_store_as_it_was(tmp_path: Path) -> None:
    file = recorded(tmp_path, 1)
    with closing(sqlite3.connect(file)) as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
    with pytest.raises(HistoryError, match="disk is full"):
        await Store.open(file, StoreSettings(max_pages=pages))
    assert number(file) == 1
    store = await Store.open(file)
    assert len((await store.read(reads.conversation, "c1")).path) == 3
    await store.close()


async def test_a_store_of_an_older_schema_is_recovered_into_the_newest(tmp_path: Path) -> None:
    file = recorded(tmp_path, 1)
    (tmp_path / "history.db.damaged").touch()
    store = await Store.open(file, LATER)
    assert "conversations: 1, turns: 4" in store.notice
    await store.write(writes.add_conversation, Conversation("c2"))
    assert len((await store.read(reads.conversation, "c1")).path) == 3
    await store.close()
    assert number(file) == len(LATER.migrations)
