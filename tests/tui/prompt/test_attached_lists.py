"""Folders, patterns and lines of a file that are attached on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.scripted_chat import ScriptedChat, scripted_chat
from tests.tui.prompt.test_attachments import sent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in ("src/main.py", "src/util.py", "src/.env", "src/server.pem", "notes.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("".join(f"{path} {number}\n" for number in range(1, 31)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def attached(chat: ScriptedChat) -> list[str]:
    return [file.name for file in chat.chat.files.attachments]


async def test_a_folder_is_attached_by_its_own_row_or_by_writing_on(folder: Path) -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press(*"@src/")
        await chat.shows("@src/main.py", "attach its files")
        assert attached(chat) == []
        assert chat.chat.completions.current is not None
        assert chat.chat.completions.current.text == "@src/main.py "
        await chat.pilot.press("up", "tab")
        assert chat.chat.prompt.text == "@src/ "
        await chat.until(lambda: attached(chat) == ["src/main.py", "src/util.py"])
        await chat.shows("+ src/ · 2 files", "1 left out: src/server.pem")
        (folder / "src" / "more.py").write_text("x")
        await chat.pilot.press(*"what?", "enter")
        await chat.answered()
        assert sent(chat) == ["src/main.py", "src/more.py", "src/util.py"]


async def test_patterns_and_lines_are_attached_once_they_are_finished(folder: Path) -> None:
    async with scripted_chat() as chat:
        await chat.pilot.press(*"see @src/*.py and @notes.md#2-3 and @nothing* or ")
        await chat.until(lambda: attached(chat) == ["src/main.py", "src/util.py", "notes.md (lines 2-3)"])
        await chat.shows("+ *.py · 2 files", "+ notes.md#2-3", "22 B · ")
        assert chat.chat.files.attachments[-1].content == b"notes.md 2\nnotes.md 3\n"
        chat.chat.prompt.set_draft("")
        await chat.until(lambda: attached(chat) == [])
        await chat.ask("/attach notes.md#90")
        await chat.until(lambda: "notes.md has only 30 lines." in chat.notices())
        chat.chat.prompt.set_draft("")
        await chat.pilot.press(*"what is in @src/")
        await chat.pilot.press("escape", "enter")
        await chat.answered()
        assert sent(chat) == ["src/main.py", "src/util.py"]
