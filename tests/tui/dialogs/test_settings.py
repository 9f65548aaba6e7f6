"""/settings: all settings with value, default and source; changed in place, with the file's comments kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.doubles.scripted_chat import ScriptedChat, scripted_chat

TEXT = "# mine\n[request]\ntemperature = 0.3  # calm\n"


def write(file: Path, text: str) -> None:
    file.write_text(text)


def content(file: Path) -> str:
    return file.read_text()


async def opened(chat: ScriptedChat, *typed: str) -> None:
    await chat.ask("/settings")
    await chat.shows("default: balanced", "config.toml")
    await chat.pilot.press(*typed)


async def test_a_number_is_changed_in_its_line_and_the_comments_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(TEXT)
    monkeypatch.setenv("CHAT_TUI_CONFIG", str(file))
    async with scripted_chat() as chat:
        await opened(chat, *"request.temp")
        await chat.shows("0.3", "from: config file", "default: not set", "takes effect at the next start")
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


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHAT_TUI_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-sekrit")
    return tmp_path / "config.toml"


async def test_what_set_changed_is_listed_as_the_conversations_and_the_file_keeps_its_own(file: Path) -> None:
    write(file, TEXT)
    async with scripted_chat(size=(120, 36)) as chat:
        await chat.ask("/set temperature 0.9")
        await opened(chat, *"request.temp")
        await chat.shows("0.9", "from: this conversation", "back with /set temperature default", "in the file: 0.3")
        await chat.pilot.press("enter", *"0.7", "enter")
        await chat.until(lambda: content(file) == TEXT.replace("0.3", "0.7"))
        await chat.shows("0.9", "in the file: 0.7")


async def test_rows_of_tables_and_variables_say_where_they_are_changed(file: Path) -> None:
    write(file, '# mine\n[[providers]]\nname = "box"\nbase_url = "http://box:9/v1"\n')
    async with scripted_chat(size=(120, 36)) as chat:
        await opened(chat, *"providers.")
        await chat.shows("providers.box", "base_url box:9", "config.toml:2")
        await chat.pilot.press("enter")
        await chat.until(lambda: "providers.box is changed in the file" in chat.notices())
        assert "config.toml, line 2" in chat.notices()
        await chat.pilot.press("ctrl+u", *"openai_")
        await chat.shows("$OPENAI_API_KEY", "set (not shown)", "from: environment")
        await chat.pilot.press("enter")
        await chat.until(lambda: "$OPENAI_API_KEY is set in the shell" in chat.notices())
        assert "sekrit" not in chat.shown() + chat.notices()


async def test_a_list_of_words_is_changed_in_its_line(file: Path) -> None:
    write(file, 'fallbacks = ["a/b", "c/d"] # mine\n')
    async with scripted_chat(size=(120, 36)) as chat:
        await opened(chat, *"fallbacks")
        await chat.shows("a/b, c/d", "words, separated by commas")
        await chat.pilot.press("enter", *", e/f", "enter")
        await chat.until(lambda: content(file) == 'fallbacks = ["a/b", "c/d", "e/f"] # mine\n')


async def test_a_token_is_not_shown_while_it_is_changed(file: Path) -> None:
    write(file, '[web]\ntoken = "sekrit-1"\n')
    async with scripted_chat(size=(120, 36)) as chat:
        await opened(chat, *"web.token")
        await chat.pilot.press("enter")
        await chat.shows("••••")
        assert "sekrit" not in chat.shown()
        await chat.pilot.press("2", "enter")
        await chat.until(lambda: 'token = "sekrit-12"' in content(file))


async def test_a_setting_that_an_editor_changed_meanwhile_is_saved_by_a_second_enter(file: Path) -> None:
    write(file, TEXT)
    async with scripted_chat(size=(120, 36)) as chat:
        await opened(chat, *"request.temp", "enter", *"0.7")
        write(file, "mouse = false\n" + TEXT.replace("0.3", "0.5"))
        await chat.pilot.press("enter")
        await chat.until(lambda: "was changed by another program meanwhile" in chat.notices())
        await chat.shows("0.5", "0.7")
        assert "temperature = 0.5" in content(file)
        await chat.pilot.press("enter")
        await chat.until(lambda: content(file) == "mouse = false\n" + TEXT.replace("0.3", "0.7"))


async def test_a_theme_that_cannot_be_saved_is_not_kept_and_the_text_stays(file: Path) -> None:
    write(file, TEXT)
    os.chmod(file, 0o444)
    async with scripted_chat(size=(120, 36)) as chat:
        before = chat.app.kept.theme
        await opened(chat, *"theme", "enter")
        await chat.until(lambda: "it is read-only" in chat.notices())
        assert "Make the file and its folder writable" in chat.notices()
        assert content(file) == TEXT
        assert (chat.app.kept.theme or "dusk") == (before or "dusk")
        await chat.pilot.press("ctrl+u", *"request.temp", "enter", *"0.7", "enter")
        await chat.shows("0.7")
        os.chmod(file, 0o600)
        await chat.pilot.press("enter")
        await chat.until(lambda: content(file) == TEXT.replace("0.3", "0.7"))


async def test_a_second_enter_before_the_first_is_saved_switches_back(file: Path) -> None:
    async with scripted_chat(size=(120, 36)) as chat:
        write(file, "mouse = true\n")
        await opened(chat, *"mouse", "enter", "enter")
        await chat.until(lambda: "mouse was saved" in chat.notices() and content(file) == "mouse = true\n")
        assert "another program" not in chat.notices()


async def test_long_names_of_settings_stay_apart_on_a_narrow_screen(file: Path) -> None:
    async with scripted_chat(size=(60, 20)) as chat:
        await opened(chat, *"quality-first")
        await chat.shows("first.speed", "first.fit", "answer_dollars")


async def test_a_default_is_told_once_and_that_of_a_strategy_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_TUI_CONFIG", str(tmp_path / "config.toml"))
    async with scripted_chat() as chat:
        await opened(chat)
        assert "from: default" not in chat.shown()
        await chat.pilot.press(*"strategies.balanced.min")
        await chat.shows("default: the strategy's own value")
