"""Exports: what is asked for, how the file is named, that nothing is overwritten, and that it says where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chat_tui.core.errors import HistoryError
from chat_tui.tui.actions.export_file import name_of, parse_argument, write
from tests.doubles.scripted_chat import scripted_chat
from tests.support.panels_app import EVIL


def test_form_and_file_may_each_be_left_out(tmp_path: Path) -> None:
    title = "What: is a/monad?"
    assert parse_argument("", title) == ("markdown", Path("What is a monad.md"))
    assert parse_argument("json", title) == ("json", Path("What is a monad.json"))
    assert parse_argument("notes of today.md", title) == ("markdown", Path("notes of today.md"))
    assert parse_argument("kept.JSON", title) == ("json", Path("kept.JSON"))
    assert parse_argument("html", title) == ("html", Path("What is a monad.html"))
    assert parse_argument("kept.htm", title) == ("html", Path("kept.htm"))
    assert parse_argument("md notes", title) == ("markdown", Path("notes.md"))
    assert parse_argument(f"json {tmp_path}", title) == ("json", tmp_path / "What is a monad.json")
    assert parse_argument("~/x.md", title)[1] == Path.home() / "x.md"


@pytest.mark.parametrize("title", ["", "...", "../../etc/passwd", EVIL, "日本 語", "a" * 500, "-rf"])
def test_a_title_makes_a_harmless_name(title: str) -> None:
    name = name_of(title)
    assert name
    assert "/" not in name
    assert not name.startswith((".", "-"))
    assert name.isprintable()
    assert len(name) <= 60


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    written = [write(text, file) for text in ("one", "two", "three")]
    assert [path.name for path in written] == ["notes.md", "notes-2.md", "notes-3.md"]
    assert [path.read_text() for path in written] == ["one", "two", "three"]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="No such file") as caught:
        write("text", tmp_path / "nowhere" / "notes.md")
    assert "/export" in caught.value.hint


async def test_export_writes_the_conversation_and_says_where(tmp_path: Path) -> None:
    async with scripted_chat(["The answer."]) as chat:
        await chat.ask(f"/export {tmp_path}/early.md")
        await chat.until(lambda: "This conversation is empty" in chat.notices())
        chat.chat.prompt.clear_draft()
        await chat.ask("well?")
        await chat.answered()
        await chat.ask(f"/export {tmp_path}/kept.md")
        await chat.until(lambda: "Exported “well?”" in chat.notices())
        assert str(tmp_path / "kept.md") in chat.notices()
        assert "The answer." in (tmp_path / "kept.md").read_text("utf-8")
        await chat.ask(f"/export html {tmp_path}/kept")
        await chat.until(lambda: "kept.html" in chat.notices())
        assert "<p>The answer.</p>" in (tmp_path / "kept.html").read_text("utf-8")
        await chat.ask(f"/export json {tmp_path}/kept")
        await chat.until(lambda: "kept.json" in chat.notices())
        assert json.loads((tmp_path / "kept.json").read_text("utf-8"))["title"] == "well?"


async def test_what_was_exported_is_imported_from_the_screen(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    async with scripted_chat(["a zebra"]) as chat:
        await chat.ask("first?")
        await chat.answered()
        await chat.ask(f"/export {file}")
        await chat.until(file.exists)
        await chat.until(lambda: chat.chat.prompt.text == "")
    async with scripted_chat(size=(145, 36)) as chat:
        await chat.pilot.press("ctrl+p", *"import", "enter")
        await chat.until(lambda: chat.chat.prompt.text == "/import ")
        chat.chat.prompt.insert(str(file))
        await chat.pilot.press("enter")
        await chat.until(lambda: "chat-tui: 1 new conversation; 2 turns came in" in chat.notices())
        await chat.until(lambda: "first?" in chat.shown(chat.screen.history))
        await chat.ask(f"/import {tmp_path / 'nowhere.zip'}")
        await chat.until(lambda: "nowhere.zip cannot be read: No such file" in chat.notices())
