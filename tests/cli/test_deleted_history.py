"""Conversations that were deleted on the screen are listed, restored and erased on the command line."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from pathlib import Path

import pytest

from chat_tui.history.queries import deletion
from chat_tui.history.store import Store
from tests.cli.test_history import history, home, kept, store_file, told

__all__ = ["home", "kept"]


def delete_on_screen(home: Path, *ids: str) -> None:
    """Delete these conversations as the screen does."""

    async def delete() -> None:
        store = await Store.open(store_file(home))
        for id in ids:
            await store.write(deletion.delete, id)
        await store.close()

    asyncio.run(delete())


def test_deleted_conversations_are_listed_and_restored(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "list", "--deleted") == []
    delete_on_screen(kept, "abc1")
    assert [row["id"] for row in told(capsys, "list")] == ["abd2"]
    listed = told(capsys, "list", "--deleted")
    assert [(row["id"], row["title"], row["turns"]) for row in listed] == [("abc1", "The sky", 3)]
    assert datetime.fromisoformat(listed[0]["deleted"]).tzinfo is not None
    assert history("list", "--deleted") == 0
    assert re.search(r"^abc1  deleted \d{4}-.* 30 days left  The sky$", capsys.readouterr().out, re.MULTILINE)
    assert history("restore", "abd2") == 1
    assert "`chat-tui history list --deleted` lists those" in capsys.readouterr().err
    assert history("restore", "ab") == 0
    assert capsys.readouterr().out == "“The sky” (abc1) was restored.\n"
    assert len(told(capsys, "show", "abc1", "--all")["turns"]) == 3
    delete_on_screen(kept, "abc1", "abd2")
    assert told(capsys, "restore", "last")["restored"] == "abd2"


def test_a_deleted_conversation_is_erased_by_its_id_and_by_no_name_of_others(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delete_on_screen(kept, "abc1")
    assert history("delete", "ab", "--yes") == 1
    assert "Several conversation ids start with `ab`" in capsys.readouterr().err
    assert told(capsys, "delete", "abc", "--yes") == {"deleted": "abc1", "title": "The sky", "turns": 3}
    assert told(capsys, "list", "--deleted") == []
    delete_on_screen(kept, "abd2")
    assert history("delete", "last", "--yes") == 1
    assert [row["id"] for row in told(capsys, "list", "--deleted")] == ["abd2"]
