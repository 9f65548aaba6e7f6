"""Every setting is listed with its value, its default and where the value comes from; no key is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_tui.cli.commands.config.settings import set_here
from chat_tui.config.setting_list import Override, Setting, read_settings

TEXT = """\
theme = "nord"
fallbacks = ["a/b", "c/d"]
fallback = true

[request]
stop = ["a, b"]

[web]
token = "sekrit-token-of-mine"

[strategies.quality-first]
speed = 0.5

[keys]
"answer.cancel" = "ctrl+k"

[[providers]]
name = "box"
base_url = "http://me:sekrit-password@box:9/v1"
api_key = "sk-sekrit-key-of-mine"
headers = { x-key = "sekrit-header" }
models = ["m1", "m2"]

[[models]]
name = "box/m1"
price_in = 1.0

[[tools]]
name = "files"
command = "npx"
args = ["--token", "sekrit-argument"]
env = { KEY = "sekrit-variable" }

[[tools]]
name = "far"
url = "https://me:sekrit-password@tools.example/mcp?token=sekrit-query"
headers = { Authorization = "Bearer sekrit-header" }
"""
ENVIRON = {
    "OPENAI_API_KEY": "sk-sekrit-in-the-shell",
    "OLLAMA_HOST": "me:sekrit-password@10.0.0.1:11434",
    "CHAT_TUI_TOKEN": "sekrit-token-in-the-shell",
    "https_proxy": "http://me:sekrit-password@proxy:3128",
    "BOX_KEY": "sekrit",
    "EDITOR": " ",
    "OTHER": "value",
}


def listed(file: Path, text: str = TEXT, **changed: Override) -> dict[str, Setting]:
    file.write_text(text)
    overrides = {name.replace("__", "."): each for name, each in changed.items()}
    return {setting.key: setting for setting in read_settings(file, environ=ENVIRON, overrides=overrides)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_tables_rows_and_lists_are_listed_with_their_place(file: Path) -> None:
    found = listed(file)
    shown = {key: (setting.to_text(), setting.source, setting.line) for key, setting in found.items()}
    assert shown["theme"] == ("nord", "config file", 1)
    assert shown["fallbacks"] == ("a/b, c/d", "config file", 2)
    assert shown["fallback"] == ("true", "config file", 3)
    assert shown["mouse"] == ("true", "default", None)
    assert shown["strategies.quality-first.speed"] == ("0.5", "config file", 12)
    assert shown["strategies.learned.cost"] == ("", "default", None)
    assert shown["keys.answer.cancel"] == ("ctrl+k", "config file", 15)
    summary = "base_url box:9 · models m1, m2 · api_key set (not shown) · headers set (not shown)"
    assert shown["providers.box"] == (summary, "config file", 17)
    assert shown["models.box/m1"] == ("price_in 1", "config file", 24)
    hidden = "command npx · args set (not shown) · env set (not shown)"
    assert shown["tools.files"] == (hidden, "config file", 28)
    assert shown["tools.far"] == ("url tools.example · headers set (not shown)", "config file", 34)
    assert all(setting.meaning for setting in found.values())


def test_where_there_is_no_row_of_a_table_the_table_is_listed(file: Path) -> None:
    found = listed(file, "")
    for table in ("keys", "providers", "models", "tools"):
        assert (found[table].to_text(), found[table].source, found[table].form) == ("none", "default", "table")


def test_variables_are_listed_and_no_key_or_password_is_shown(file: Path) -> None:
    found = listed(file, TEXT.replace('api_key = "sk-sekrit-key-of-mine"', 'api_key_env = "BOX_KEY"'))
    shown = {key: setting.to_text() for key, setting in found.items() if setting.source == "environment"}
    assert shown == {
        "$CHAT_TUI_TOKEN": "set (not shown)",
        "$OPENAI_API_KEY": "set (not shown)",
        "$OLLAMA_HOST": "10.0.0.1:11434",
        "$BOX_KEY": "set (not shown)",
        "$https_proxy": "proxy:3128",
    }
    assert found["$OPENAI_API_KEY"].meaning == "API key of OpenAI."
    told = "".join(f"{each.to_text()}{each.meaning}" for each in (*found.values(), *listed(file).values()))
    assert "sekrit" not in told
    assert "sekrit" not in set_here(list(found.values()))


def test_what_takes_precedence_over_the_file_is_the_value_and_the_source(file: Path) -> None:
    found = listed(
        file,
        request__temperature=Override(0.9, "this conversation", "back with /set temperature default"),
        theme=Override("nord", "elsewhere", only_if_other=True),
    )
    temperature = found["request.temperature"]
    assert (temperature.to_text(), temperature.saved, temperature.source) == ("0.9", None, "this conversation")
    assert temperature.reset == "back with /set temperature default"
    assert found["theme"].source == "config file"
    assert (found["web.token"].to_text(), found["web.token"].source) == ("set (not shown)", "$CHAT_TUI_TOKEN")
    assert found["web.token"].saved == "sekrit-token-of-mine"


def test_words_are_edited_with_commas_between_them_unless_one_has_a_comma(file: Path) -> None:
    found = listed(file)
    assert found["fallbacks"].form == "words"
    assert found["fallbacks"].line_text() == "a/b, c/d"
    assert found["fallbacks"].parse(" a/b ,, e/f") == ("a/b", "e/f")
    assert found["request.stop"].form == "table"


def test_the_command_line_lists_what_is_set_here(file: Path) -> None:
    told = set_here(read_settings(file, environ={}))
    assert told == "Nothing is set: every setting has its default.\n\n"
    told = set_here(list(listed(file).values()))
    assert "| `theme` | nord | config file, line 1 |" in told
    assert "| `$OPENAI_API_KEY` | set (not shown) | environment |" in told
    assert "`mouse`" not in told
