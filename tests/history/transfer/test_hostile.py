"""Imports that somebody else has made up: nothing of them reaches a terminal, a calendar or SQLite as it is."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chat_tui.core.conversation import Conversation, Turn
from chat_tui.core.text.bounds import EARLIEST, LATEST
from chat_tui.history.queries import reads, writes
from chat_tui.history.store import Store
from chat_tui.history.transfer.formats import native
from chat_tui.history.transfer.records import safe_id
from tests.support.transfers import chatgpt, imported, node

EVIL = "zz\u001b]0;X\u0007\u202e\u009b31m"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
DATES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00-14:00"]


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = await Store.open(None)
    yield store
    await store.close()


def record(id: str, *turns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "format": "chat-tui",
        "version": 1,
        "id": id,
        "title": "Title",
        "created": "2026-01-02T03:04:05Z",
        "turns": list(turns),
        **more,
    }


def question(id: str = "q", **more: Any) -> dict[str, Any]:
    return {"id": id, "role": "user", "text": "Why?", **more}


def answer(id: str = "a", parent: str = "q", **more: Any) -> dict[str, Any]:
    return {"id": id, "parent": parent, "role": "assistant", "text": "Because.", **more}


async def bring_in(store: Store, folder: Path, text: str | dict[str, Any]) -> Any:
    file = folder / "export.json"
    file.write_text(text if isinstance(text, str) else json.dumps(text))
    return await imported(store, file)


async def test_ids_that_a_terminal_would_obey_are_replaced_and_the_tree_holds(store: Store, tmp_path: Path) -> None:
    whole = record(EVIL, question(EVIL + "q"), answer(EVIL + "a", EVIL + "q"), answer("b", EVIL + "q"), leaf=EVIL + "a")
    report = await bring_in(store, tmp_path, whole)
    assert report.skipped == ()
    (row,) = await store.read(reads.summaries)
    tree = await store.read(reads.tree, row.id)
    assert [turn.text for turn in tree.conversation.path] == ["Why?", "Because."]
    ids = [row.id, *(turn.id for turn in tree.turns)]
    assert all(re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", id) for id in ids)
    assert [turn.parent for turn in tree.turns] == [None, ids[1], ids[1]]
    assert ids[3] == "b"
    # The second import finds the first.
    again = await bring_in(store, tmp_path, whole)
    assert (again.conversations, again.known, again.turns) == (0, 1, 0)


def test_an_id_of_ours_stays_and_others_do_not_meet() -> None:
    kept = ["01952e8c1a2f3c4d5e6f7", "c", "a-b_c.d:e", "x" * 64]
    assert [safe_id(id) for id in kept] == kept
    others = ["", " ", "-x", "../x", "x" * 65, "é", "a\nb", "a b", EVIL, "\ud800", "\u202e"]
    assert len({safe_id(id) for id in others}) == len(others)


async def test_no_field_of_an_import_keeps_a_control(store: Store, tmp_path: Path) -> None:
    error = dict.fromkeys(("kind", "title", "hint", "provider", "model"), EVIL)
    route = {
        "strategy": EVIL,
        "candidates": [{"model": EVIL, "scores": {EVIL: 0.5}, "out": EVIL, "note": EVIL}],
        "tries": [{"model": EVIL, "attempt": 1, "outcome": EVIL, "reason": EVIL, "address": EVIL}],
        "left_out_for": {EVIL: 1},
        "needs": EVIL,
    }
    file = {"name": EVIL, "media_type": f"text/html\r\nX: {EVIL}", "content": "YQ=="}
    turns = [
        question(text=f"{EVIL}\nsecond line", attachments=[file]),
        answer(
            text=EVIL,
            thinking=EVIL,
            model=EVIL,
            strategy=EVIL,
            finish_reason=EVIL,
            error=error,
            state="failed",
            seams=[{"at_characters": 1, "model": EVIL, "reason": EVIL}],
            quick={"text": EVIL, "model": EVIL, "alone": EVIL},
            route=route,
            import_key=EVIL,
        ),
    ]
    preset = json.dumps({"name": "p", "title": EVIL, "stop": [EVIL]})
    whole = record("c", *turns, title=EVIL, system_prompt=EVIL, preset=preset, import_key=EVIL)
    assert (await bring_in(store, tmp_path, whole)).skipped == ()
    tree = await store.read(reads.tree, "c")
    assert tree.turns[0].text.endswith("\nsecond line")
    assert tree.turns[0].attachments[0].media_type == "text/plain"
    assert "\\" not in tree.conversation.preset
    exported = json.dumps(json.loads(native.json_text(native.record(tree))), ensure_ascii=False)
    assert not CONTROLS.search(exported)


async def test_chatgpts_ids_and_names_are_cleaned_too(store: Store, tmp_path: Path) -> None:
    nodes = (
        node("q\x1b[31m", None, "user", "Why?", 1.0),
        node("a\x9b", "q\x1b[31m", "assistant", "Because.\x1b]0;X\x07", 2.0, metadata={"model_slug": EVIL}),
    )
    text = json.dumps([chatgpt(EVIL, *nodes, title=EVIL)])
    assert (await bring_in(store, tmp_path, text)).turns == 2
    (row,) = await store.read(reads.summaries)
    exported = json.dumps(
        json.loads(native.json_text(native.record(await store.read(reads.tree, row.id)))), ensure_ascii=False
    )
    assert not CONTROLS.search(exported)
    assert (await bring_in(store, tmp_path, text)).known == 1


@pytest.mark.parametrize("date", DATES)
async def test_a_date_that_no_calendar_can_show_costs_itself_only(store: Store, tmp_path: Path, date: str) -> None:
    whole = record("c", question(created=date), answer(created=date), created=date, updated=date)
    report = await bring_in(store, tmp_path, whole)
    assert (report.conversations, report.turns) == (1, 2)
    tree = await store.read(reads.tree, "c")
    for time in (tree.conversation.created, tree.conversation.updated, *(turn.created for turn in tree.turns)):
        assert time is not None
        assert EARLIEST < time < LATEST


@pytest.mark.parametrize(
    "fields",
    [
        '"usage": {"prompt_tokens": -5, "completion_tokens": 99999999999999999999999}',
        '"usage": {"prompt_tokens": true}',
        '"usage": {"prompt_tokens": 1e400}',
        '"cost": 1e400',
        '"cost": NaN',
        '"cost": -Infinity',
        '"cost": -3',
        f'"left_out": 1{"0" * 5000}',
        f'"left_out": {1 << 70}',
        '"left_out": true',
        '"created": "0000-13-99"',
        '"created": true',
        '"created": 1e400',
        '"verdict": "yes"',
        '"timings": {"duration_seconds": 1e308, "ttft_seconds": -1}',
        '"route": {"strategy": "x", "left_out": 1e999}',
    ],
)
async def test_a_number_that_cannot_be_costs_itself_only(store: Store, tmp_path: Path, fields: str) -> None:
    whole = json.dumps(record("c", question(), answer(mark="MARK"))).replace('"mark": "MARK"', fields)
    report = await bring_in(store, tmp_path, whole)
    assert (report.conversations, report.turns) == (1, 2)
    turn = (await store.read(reads.tree, "c")).turns[1]
    assert turn.text == "Because."
    assert turn.cost is None
    assert turn.left_out == 0
    if turn.usage is not None:
        assert min(turn.usage.prompt_tokens or 0, turn.usage.completion_tokens or 0) >= 0
    json.loads(native.json_text(native.record(await store.read(reads.tree, "c"))), parse_constant=pytest.fail)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_a_store_that_holds_such_a_date_opens_in_every_zone(tmp_path: Path, zone: str) -> None:
    """Earlier versions imported them as they were."""
    file = tmp_path / "data" / "chat-tui" / "history.db"

    async def fill() -> None:
        store = await Store.open(file)
        for number in range(4):
            turns = (Turn("user", "Why is the sky blue?", id=f"q{number}"),)
            await store.write(writes.add_conversation, Conversation(f"c{number}", f"Sky {number}", path=turns))
        await store.close()

    asyncio.run(fill())
    with closing(sqlite3.connect(file)) as db, db:
        # 0001-01-01, 9999-12-31, beyond any calendar on both sides.
        for number, time in enumerate((-62_135_596_800_000_000, 253_402_300_799_000_000, 1 << 62, -(1 << 62))):
            db.execute("UPDATE conversation SET created = ?, updated = ? WHERE id = ?", (time, time, f"c{number}"))
            db.execute("UPDATE turn SET created = ? WHERE id = ?", (time, f"q{number}"))
    environment = {**os.environ, "HOME": str(tmp_path), "TZ": zone}
    environment |= {f"XDG_{name}_HOME": str(tmp_path / name.lower()) for name in ("DATA", "CONFIG", "CACHE", "STATE")}
    script = """
from chat_tui.cli import main as cli
for arguments in (["list"], ["list", "--json"], ["search", "sky"], ["search", "sky", "role:user"], ["check"],
                  *(["show", f"c{n}"] for n in range(4)), *(["show", "--json", f"c{n}"] for n in range(4)),
                  ["export", "c0"], ["export", "--all"], ["delete", "--yes", "c2"]):
    assert cli.main(["history", *arguments]) == 0, arguments
"""
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    # The two searches say how much they have found, and nothing else is said.
    assert (done.returncode, done.stderr) == (0, "chat-tui: 4 messages in 4 conversations.\n" * 2)
    assert done.stdout.count("Why is the sky blue?") >= 8
