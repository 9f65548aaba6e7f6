"""A wrong byte in a stored value costs that value: everything else opens, is found, exported and goes on."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from chat_tui.config.schema import Config
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Usage
from chat_tui.core.conversation import Conversation, Turn, now
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.route import Route
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import costs, naming, reads, usage, writes
from chat_tui.history.store import Store
from chat_tui.history.transfer.exporting import export_text
from tests.wire.home import Home

GARBLED = "CAST(x'6265666f7265ff6166746572' AS TEXT)"
SHOWN = "before\ufffdafter"


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    file = tmp_path / "data" / "chat-tui" / "history.db"
    store = await Store.open(file)
    for id in ("c", "other"):
        note = Attachment("a.txt", "text/plain", f"content of {id}".encode())
        question = Turn("user", f"question of {id}", id=f"{id}.q", attachments=(note,))
        path = (question, Turn("assistant", "", id=f"{id}.a", parent=f"{id}.q", model="box/m", state="streaming"))
        await store.write(writes.add_conversation, Conversation(id, f"Title of {id}", "Be brief.", path=path))
        answer = Turn("assistant", f"answer of {id}", id=f"{id}.a", model="box/m", usage=Usage(3, 5), cost=0.5)
        await store.write(writes.finish, answer, Route("balanced"))
    await store.write(writes.save_draft, "c", "a draft")
    await store.write(writes.set_place, "open conversation", "c")
    await store.close()
    return file


def change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        assert db.execute(statement).rowcount == 1
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


TEXTS = [
    *(f"UPDATE conversation SET {name} = {GARBLED} WHERE id = 'c'" for name in ("title", "system_prompt", "preset")),
    *(
        f"UPDATE turn SET {name} = {GARBLED} WHERE id = 'c.{turn}'"
        for turn in ("q", "a")
        for name in ("text", "thinking", "model", "strategy", "details", "role", "state")
    ),
    f"UPDATE conversation SET id = {GARBLED} WHERE id = 'c'",
    f"UPDATE turn SET id = {GARBLED} WHERE id = 'c.a'",
]
OTHER_VALUES = [
    "UPDATE turn SET text = CAST(text AS BLOB) WHERE id = 'c.a'",
    "UPDATE turn SET details = '{\"usage\":' WHERE id = 'c.a'",
    "UPDATE turn SET details = '[' || printf('%.*c', 5000, '[') WHERE id = 'c.a'",
    "UPDATE route SET record = x'00ff00ff' WHERE turn = 2",
    "UPDATE route SET record = '{' WHERE turn = 2",
    "UPDATE conversation SET preset = '{\"name\":' WHERE id = 'c'",
    "UPDATE content SET bytes = x'00ff' WHERE key = 1",
]


@pytest.fixture
async def store(file: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    change(file, request.param)
    store = await Store.open(file)
    assert store.notice == ""
    yield store
    await store.close()


@pytest.mark.parametrize("store", [*TEXTS, *OTHER_VALUES], indirect=True)
async def test_a_damaged_value_costs_itself(store: Store) -> None:
    rows = await store.read(reads.summaries)
    assert len(rows) == 2
    for row in rows:
        tree = await store.read(reads.tree, row.id)
        assert [turn.role for turn in tree.turns] == ["user", "assistant"]
        for form in ("markdown", "html", "json"):
            assert await export_text(store, tree, form)
        await store.write(writes.add_turn, row.id, Turn("user", "More?", id=f"{row.id}.more", parent=tree.leaf))
        assert (await store.read(reads.conversation, row.id)).path[-1].text == "More?"
        await store.write(writes.retitle, row.id, "Another title")
        assert len(await store.read(reads.siblings, tree.turns[0].id)) <= 1
    assert {hit.conversation for hit in await store.search('"answer of other"')} == {"other"}
    assert await store.search("before") is not None
    assert await store.read(reads.prompts)
    await store.read(usage.statistics, now() - timedelta(days=1))
    await store.read(costs.total_since, now() - timedelta(days=1))
    await store.read(naming.resolve_id, "last")
    await store.read(naming.resolve_id, "oth")


@pytest.mark.parametrize("store", [*TEXTS, *OTHER_VALUES[1:]], indirect=True)
async def test_a_check_finds_a_damaged_value_and_names_its_place(store: Store, file: Path) -> None:
    report = await store.check()
    assert not report.ok
    (problem,) = report.problems
    assert "conversation c" in problem or SHOWN in problem
    structural = " id of " in problem or "role" in problem or "state" in problem
    assert report.damaged == structural
    await store.close()
    again = await Store.open(file)
    # What cannot stay as it is, is mended by the next start; the rest loses no byte.
    assert bool(again.notice) == structural
    assert (await again.check()).ok == structural
    await again.close()


@pytest.mark.parametrize("store", TEXTS[3:4], indirect=True)
async def test_a_damaged_text_is_shown_with_a_mark_and_told_once(store: Store, file: Path) -> None:
    told: list[int] = []
    looking = await Store.open(file, StoreSettings(when_garbled=lambda: told.append(threading.get_ident())))
    for _ in range(3):
        assert (await looking.read(reads.conversation, "c")).path[0].text == SHOWN
    assert len(told) == 1
    assert looking.garbled_texts >= 3
    await looking.close()


async def test_an_engine_tells_a_damaged_text(file: Path) -> None:
    from chat_tui.bootstrap.open_engine import open_engine

    change(file, TEXTS[3])
    told: list[ChatTuiError] = []
    engine = await open_engine(Config(), tell=told.append, store_file=file, environ={}, known={})
    conversation = await engine.conversations.conversation("c")
    assert conversation.path[0].text == SHOWN
    await engine.close()
    assert [error.title for error in told if "damaged" in error.title] == [
        "Some text in the history is damaged: unreadable characters are shown as \ufffd."
    ]


async def test_drafts_and_places_are_shown_as_far_as_they_go(file: Path) -> None:
    change(file, f"UPDATE draft SET text = {GARBLED}")
    change(file, f"UPDATE place SET value = {GARBLED} WHERE name = 'open conversation'")
    store = await Store.open(file)
    assert (await store.read(reads.draft, "c"), await store.read(reads.place, "open conversation")) == (SHOWN, SHOWN)
    await store.close()


async def test_a_turn_with_a_damaged_text_can_be_erased(file: Path) -> None:
    change(file, TEXTS[3])
    store = await Store.open(file)
    await store.erase("c")
    assert [row.id for row in await store.read(reads.summaries)] == ["other"]
    assert (await store.check()).ok
    await store.close()


async def test_the_command_line_exports_the_others_and_names_what_is_damaged(tmp_path: Path, file: Path) -> None:
    home = Home(tmp_path)
    for statement in (TEXTS[3], TEXTS[0].replace("'c'", "'other'")):
        change(file, statement)
    ran = await home.run("history", "export", "--all")
    assert ran.code == 0
    exports = [json.loads(line) for line in ran.text.splitlines()]
    assert {record["turns"][0]["text"] for record in exports} == {SHOWN, "question of other"}
    assert {record["title"] for record in exports} == {SHOWN, "Title of c"}
    assert "`chat-tui history check` names them" in ran.told()
    ran = await home.run("history", "check")
    assert ran.code == 1
    assert "The text of turn c.q in conversation c is damaged from character 7 on." in ran.text
    assert "The title of conversation other is damaged from character 7 on." in ran.text
    ran = await home.run("history", "search", "answer")
    assert (ran.code, ran.text.count("answer of")) == (0, 2)


async def test_a_conversation_that_cannot_be_read_is_left_out_of_an_export(tmp_path: Path, file: Path) -> None:
    home = Home(tmp_path)
    store = await Store.open(file)
    long = Turn("user", "x" * 20_000, id="long")
    await store.write(writes.add_conversation, Conversation("broken", "A broken one", path=(long,)))
    await store.close()
    spoil_overflow_of(file)
    ran = await home.run("history", "export", "--all")
    assert ran.code == 1
    assert {json.loads(line)["id"] for line in ran.text.splitlines()} == {"c", "other"}
    assert "“A broken one” (broken) was left out" in ran.told()


def spoil_overflow_of(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        pages = db.execute("SELECT pageno FROM dbstat WHERE name = 'turn' AND pagetype = 'overflow'").fetchall()
    with file.open("r+b") as handle:
        for (page,) in pages:
            handle.seek((page - 1) * 4096)
            handle.write(b"\xff" * 4)


def spoil_a_leaf_of_the_conversations(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        pages = db.execute("SELECT pageno FROM dbstat WHERE name = 'conversation' AND pagetype = 'leaf'").fetchall()
    with file.open("r+b") as handle:
        handle.seek((pages[3][0] - 1) * 4096)
        handle.write(b"\xff" * 4096)


async def test_valid_texts_of_every_script_are_lossless(tmp_path: Path) -> None:
    texts = ["\ufffd", "ein wörtchen", "語", "👩‍👩‍👧", "\U0010ffff", "a\u0301", "tab\tand\nline"]
    store = await Store.open(tmp_path / "history.db")
    for number, text in enumerate(texts):
        await store.write(
            writes.add_conversation, Conversation(f"c{number}", text, path=(Turn("user", text, id=f"t{number}"),))
        )
        assert (await store.read(reads.conversation, f"c{number}")).path[0].text == text
    assert store.garbled_texts == 0
    assert (await store.check()).ok
    await store.close()


async def test_a_check_of_a_file_that_was_cut_tells_what_was_recovered_and_exits_with_1(
    tmp_path: Path, file: Path
) -> None:
    home = Home(tmp_path)
    os.truncate(file, 60_000)
    ran = await home.run("history", "check")
    assert ran.code == 1
    assert "The history was damaged. Recovered: conversations: " in ran.told()
    assert (await home.run("history", "check")).code == 0


async def test_a_list_that_meets_damage_recovers_and_goes_on(tmp_path: Path, file: Path) -> None:
    home = Home(tmp_path)
    store = await Store.open(file)
    for number in range(300):
        await store.write(writes.add_conversation, Conversation(f"c{number}", f"A title {number} " + "x" * 100))
    await store.close()
    spoil_a_leaf_of_the_conversations(file)
    ran = await home.run("history", "export", "--all")
    assert ran.code == 0
    assert 250 < len(ran.text.splitlines()) < 302
    assert "The history was damaged" in ran.told()
