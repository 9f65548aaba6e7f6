"""/settings: all settings with value, default and source; changed in place, with the file's comments kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

TEXT = "# mine\n[request]\ntemperature = 0.3  # calm\n"


async def opened(chat: ScriptedChat, *typed: str) -> None:
    await chat.ask("/settings")
    await chat.shows("from: default", "config.toml")
    await chat.pilot.press(*typed)


async def test_a_number_is_changed_in_its_line_and_the_comments_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(TEXT)
    monkeypatch.setenv("CHAT_TUI_CONFIG", str(file))
    async with scripted_chat() as chat:
        await opened(chat, *"request.temp")
        await chat.shows("0.3", "from: config file", "default not set", "takes effect at the next start")
        await chat.pilot.press("enter", "backspace", "backspace", "backspace", *"-1", "enter")
        await chat.until(lambda: "`request.temperature` must be" in chat.notices())
        assert file.read_text() == TEXT
        await chat.pilot.press("backspace", "backspace", *"0.7", "enter")
        await chat.until(lambda: file.read_text() == TEXT.replace("0.3", "0.7"))
        await chat.until(lambda: "request.temperature was saved" in chat.notices())
        await chat.pilot.press("enter", *(["backspace"] * 3), "enter")
        await chat.until(lambda: "temperature" not in file.read_text())
        assert file.read_text().startswith("# mine\n")


async def test_switches_and_choices_go_on_in_a_file_that_did_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("CHAT_TUI_CONFIG", raising=False)
    file = tmp_path / "chat-tui" / "config.toml"
    async with scripted_chat(size=(80, 24)) as chat:
        await opened(chat, *"mouse")
        await chat.shows("does not exist yet")
        await chat.pilot.press("enter")
        await chat.until(lambda: file.exists() and "mouse = false" in file.read_text())
        await chat.pilot.press("ctrl+u", *"strategy")
        await chat.shows("acts at once")
        before = chat.screen.models.strategy
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.screen.models.strategy != before)
        assert f'strategy = "{chat.screen.models.strategy}"' in file.read_text()
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.app.screen is chat.screen)


async def test_a_broken_file_is_told_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text("theme = \n")
    monkeypatch.setenv("CHAT_TUI_CONFIG", str(file))
    async with scripted_chat() as chat:
        await chat.ask("/settings")
        await chat.until(lambda: "is not valid TOML" in chat.notices())
        assert file.read_text() == "theme = \n"
