"""`chat-tui history search`: titles and messages, how many there are, and what Ctrl-C leaves."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from chat_tui.cli.commands.history.command import search_turns
from chat_tui.core.conversation import Conversation, SearchHit, SearchStep, Turn
from chat_tui.history.queries import writes
from chat_tui.history.store import Store
from tests.cli.test_history import history, home, kept, store_file, told

__all__ = ["home", "kept"]


def test_a_search_finds_titles_counts_and_shows_a_part(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def rename() -> None:
        store = await Store.open(store_file(kept))
        await store.write(writes.retitle, "abc1", "Zebra crossing")
        await store.close()

    asyncio.run(rename())
    (title,) = told(capsys, "search", "zebra")
    assert (title["turn"], title["role"], title["conversation"]) == ("", "title", "abc1")
    assert [title["snippet"][start:end] for start, end in title["marks"]] == ["Zebra"]
    assert history("search", "zebra") == 0
    shown = capsys.readouterr()
    assert "    title: Zebra crossing\n" in shown.out
    assert shown.err == "chat-tui: 1 title.\n"
    every = told(capsys, "search", "e", "--limit", "all")
    assert len(every) > 2
    assert [told(capsys, "search", "e", "--limit", "1", "--offset", str(at))[0] for at in range(len(every))] == every
    assert history("search", "e", "--limit", "1", "--offset", "1") == 0
    assert capsys.readouterr().err.endswith("conversations; shown are 2 to 2.\n")
    assert history("search", "e", "--offset", "99") == 0
    assert capsys.readouterr().err.endswith("; no more.\n")


class UnendingStore:
    """A store whose search finds one turn and goes on."""

    def __init__(self) -> None:
        self.is_searched = asyncio.Event()

    async def search_steps(self, query: str, limit: int, *, counts: bool) -> AsyncIterator[SearchStep]:
        yield SearchStep((SearchHit("abc1", "a1", f"found {query}", 1.0, "The sky"),), searched=0.5)
        self.is_searched.set()
        await asyncio.sleep(60)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_search_that_is_interrupted_tells_what_it_has_found(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    options = argparse.Namespace(query=["two", "words"], limit=50, offset=0, json=as_json)

    async def interrupt() -> None:
        store = UnendingStore()
        task = asyncio.create_task(search_turns(options, lambda: nullcontext(store)))  # type: ignore[arg-type]
        await store.is_searched.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(interrupt())
    told = capsys.readouterr()
    assert "found two words" in told.out
    assert "older messages may contain more" in told.err
    if as_json:
        assert [hit["turn"] for hit in json.loads(told.out)] == ["a1"]


def test_a_search_on_the_command_line_goes_on_to_the_oldest_turn(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fill() -> None:
        store = await Store.open(store_file(home))
        texts = ["here: of the and", *("the of and" for _ in range(2500))]
        path = [Turn("user", text, id=str(number)) for number, text in enumerate(texts)]
        await store.write(writes.add_conversation, Conversation("long", path=tuple(path)))
        await store.close()

    asyncio.run(fill())
    assert [hit["turn"] for hit in told(capsys, "search", '"of the and"')] == ["0"]


def test_one_of_a_kind_is_counted_in_singular(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / "export.json"
    question = {"role": "user", "id": "q", "text": "Why?"}
    file.write_text(json.dumps({"format": "chat-tui", "version": 1, "id": "one", "title": "T", "turns": [question]}))
    assert history("import", str(file)) == 0
    assert "1 turn came in" in capsys.readouterr().out
    assert history("check") == 0
    assert "1 conversation, 1 turn, " in capsys.readouterr().out
    assert history("delete", "one", "--yes") == 0
    assert capsys.readouterr().out == "“T” (one, 1 turn) was deleted.\n"
