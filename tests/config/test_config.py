"""The config file: every setting is read, and what is wrong is told with file, key and line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from chat_tui.config import paths
from chat_tui.config.diagnostics import line_of
from chat_tui.config.load import load, parse
from chat_tui.config.schema import DEFAULT_SYSTEM_PROMPT, Config, ModelRow, ProviderRow, ToolRow
from chat_tui.core.errors import ConfigError
from tests.support.whole_config import WHOLE


def wrong(text: str, file: str = "my.toml") -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        parse(text.encode(), file)
    error = raised.value
    assert error.file == file
    assert error.title.startswith(file)
    assert error.hint
    assert "\n" not in str(error)
    return error


# -- what is read -----------------------------------------------------------------------------------------------------


def test_no_file_and_an_empty_file_are_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_TUI_CONFIG", raising=False)
    assert load(tmp_path / "none.toml") == parse(b"", "x") == Config()
    assert Config().strategy == "balanced"
    assert Config().system_prompt == DEFAULT_SYSTEM_PROMPT
    assert (Config().error_handling.retry_attempts, Config().performance.max_concurrent_streams) == (3, 3)


def test_every_setting_is_read() -> None:
    config = parse(WHOLE.encode(), "x")
    default = Config()
    assert not same_fields(config, default)
    assert config.providers == (
        ProviderRow("box", "http://127.0.0.1:8000/v1", "openai", "BOX_KEY", ("llama", "small")),
    )
    assert config.models == (ModelRow("box/llama", 8192, 0.0, 0.1, 0.4, fallbacks=("box/small",)),)
    assert config.tools == (ToolRow("files", "npx", ("-y", "server"), {"KEY": "$FILES_KEY"}),)
    assert config.keys == {"answer.cancel": "ctrl+k"}
    assert (config.timeouts.connection_seconds, config.daily_budget) == (1.0, 2.0)


def same_fields(one: msgspec.Struct, other: msgspec.Struct, place: str = "") -> list[str]:
    """The settings that are the same in both."""
    same = []
    for name in one.__struct_fields__:
        first, second = getattr(one, name), getattr(other, name)
        if isinstance(first, msgspec.Struct):
            same += same_fields(first, second, f"{place}{name}.")
        elif first == second:
            same.append(place + name)
    return same


def test_a_byte_order_mark_and_windows_newlines_are_borne() -> None:
    assert parse(b'\xef\xbb\xbftheme = "dawn"\r\n[memory]\r\nexchanges = 2\r\n', "x").memory.exchanges == 2
    assert wrong("\ufefftheme = 1\r\n").title.startswith("my.toml, line 1")


# -- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "key", "hint"),
    [
        ('\ntheem = "dusk"', 2, "theem", "`theme`"),
        ("[timeouts]\n\nfirst_tokens_seconds = 3", 3, "timeouts.first_tokens_seconds", "`first_token_seconds`"),
        ("[memry]\nexchanges = 1", 1, "memry", "`memory`"),
        (
            '[[providers]]\nname="a"\nbase_url="http://x"\n[[providers]]\nname="b"\nbaseurl="http://x"',
            6,
            None,
            "`base_url`",
        ),
        ("[[models]]\nname = 'a/b'\nqualty = 1", 3, None, "`quality`"),
        ("request.max_tokns = 5", 1, "request.max_tokns", "`max_tokens`"),
        ("zzz = 1", 1, "zzz", "`chat-tui settings`"),
    ],
)
def test_an_unknown_setting_is_told_with_near_names(text: str, line: int, key: str | None, hint: str) -> None:
    error = wrong(text)
    assert error.title.startswith(f"my.toml, line {line}: ")
    assert "is not a setting" in error.title
    assert hint in error.hint
    if key:
        assert error.key == key


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("\n\nmouse = 1", 3, "mouse"),
        ("[request]\nmax_tokens = 'many'", 2, "request.max_tokens"),
        ("[request]\nmax_tokens = 1.5", 2, "request.max_tokens"),
        ("on_break = 'stop'", 1, "on_break"),
        ("discovered = 'yes'", 1, "discovered"),
        ("fallbacks = 'a/b'", 1, "fallbacks"),
        ("memory = 5", 1, "memory"),
        ("theme = 1979-05-27", 1, "theme"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told(text: str, line: int, key: str) -> None:
    error = wrong(text)
    assert error.title.startswith(f"my.toml, line {line}: `{key}")
    assert error.key.startswith(key)


@pytest.mark.parametrize("missing", ["name", "base_url"])
def test_a_provider_needs_a_name_and_an_address(missing: str) -> None:
    rows = {"name": 'name = "x"', "base_url": 'base_url = "http://x"'}
    del rows[missing]
    error = wrong("[[providers]]\n" + "\n".join(rows.values()))
    assert missing in error.title
    assert "providers" in error.key


NUMBERS = [
    ("max_price_per_answer", -1, 0),
    ("daily_budget", -0.5, 0),
    ("request.max_tokens", 0, 1),
    ("request.temperature", -0.1, 0),
    ("request.top_p", 1.1, 1),
    ("request.top_p", -0.1, 0),
    ("memory.exchanges", -1, 0),
    ("performance.streaming_buffer_size", 0, 1),
    ("performance.streaming_batch_size", 0, 1),
    ("performance.max_concurrent_streams", 0, 1),
    ("timeouts.connection_seconds", 0, 0.1),
    ("timeouts.first_token_seconds", -3, 3),
    ("timeouts.working_seconds", 0, 0.5),
    ("timeouts.token_seconds", 0.0, 1),
    ("timeouts.stream_seconds", -1, 1),
    ("error_handling.retry_attempts", 0, 1),
    ("error_handling.retry_delay_seconds", -1, 0),
    ("error_handling.max_tries", 0, 1),
    ("display.typing_delay_seconds", -1, 0),
    ("adaptive.first_max_tokens", 0, 1),
    ("adaptive.first_temperature", -1, 0),
    ("local.context_window", 0, 512),
    ("local.threads", 0, 1),
    ("local.idle_minutes", 0, 0.5),
    ("web.max_streams", 0, 1),
    ("web.requests_per_minute", 0, 1),
    ("web.unauthenticated_per_minute", 0, 1),
    ("web.unauthenticated_connections", 0, 1),
    ("web.max_body_bytes", 0, 1000),
    ("web.reader_seconds", 0, 1),
    ("web.stop_seconds", -1, 0),
    ("web.orphan_seconds", -1, 0),
    ("tool_use.max_calls", 0, 1),
]


@pytest.mark.parametrize(("key", "bad", "good"), NUMBERS)
def test_every_number_has_its_limits(key: str, bad: float, good: float) -> None:
    table, _, name = key.rpartition(".")
    head = f"\n[{table}]\n" if table else "\n\n"
    error = wrong(f"{head}{name} = {bad}")
    assert error.title.startswith(f"my.toml, line 3: `{key}` must be ")
    assert error.key == key
    parse(f"{head}{name} = {good}".encode(), "x")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("key", ["timeouts.token_seconds", "request.temperature", "daily_budget"])
def test_a_number_is_finite(key: str, value: str) -> None:
    assert "number" in wrong(f"{key} = {value}").title


def test_no_number_is_forgotten() -> None:
    """Each number of the config stands in the list above, each of a row in the test below."""
    found: set[str] = set()

    def walk(struct: Any, place: str) -> None:
        for field in msgspec.structs.fields(struct):
            kinds = {field.type, *get_args(field.type)}
            inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)), None)
            if inner is not None:
                if get_origin(field.type) is not tuple:
                    walk(inner, f"{place}{field.name}.")
            elif kinds & {int, float}:
                found.add(place + field.name)

    walk(Config, "")
    found = {key for key in found if not key.startswith("strategies.")}
    assert found - {"request.seed"} == {key for key, _, _ in NUMBERS}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ('name = "a b"\ncommand = "x"', "`tools[0].name` must be letters"),
        ('name = "chat-tui"\ncommand = "x"', "`tools[0].name` must be letters"),
        ('name = "a"', "`tools[0].name` needs a `command` or a `url`"),
        ('name = "a"\ncommand = "x"\nurl = "http://b"', "`tools[0].url` cannot be used together"),
        ('name = "a"\nurl = "ftp://b"', "`tools[0].url` must begin with http"),
        ('name = "a"\nurl = "http://b"\nheaders = { k = "sekrit\\n" }', "`tools[0].headers.k` must be one line"),
        ('name = "a"\ncommand = "x"\ncall_seconds = 0', "`tools[0].call_seconds` must be greater"),
        ('name = "a"\ncommand = "x"\n[[tools]]\nname = "a"\ncommand = "x"', "`tools[1].name` `a` is defined twice"),
    ],
)
def test_a_tool_server_is_a_command_or_an_address(row: str, told: str) -> None:
    error = wrong(f"[[tools]]\n{row}")
    assert told in error.title
    assert "sekrit" not in str(error)


@pytest.mark.parametrize("origin", ["*", "null", "chat.example.com", "https://chat.example.com/", "https://*.com"])
def test_an_origin_is_written_in_full(origin: str) -> None:
    error = wrong(f'[web]\norigins = ["{origin}"]')
    assert error.title.startswith("my.toml, line 2: `web.origins` must be written as https://HOST")


@pytest.mark.parametrize("table", ['{ "" = "a/b" }', '{ a = "" }', '{ auto = "a/b" }', '{ a = "b", b = "a/b" }'])
def test_an_alias_names_a_model_and_is_not_named_by_another(table: str) -> None:
    assert wrong(f"[web]\naliases = {table}").title.startswith("my.toml, line 2: `web.aliases`")


@pytest.mark.parametrize(
    "row", ['proxies = ["nginx"]', 'root_path = "chat"', 'root_path = "/chat/"', 'root_path = "/v1/a"']
)
def test_a_proxy_is_an_address_and_its_path_none_of_the_apps_own(row: str) -> None:
    assert wrong(f"[web]\n{row}").title.startswith(f"my.toml, line 2: `web.{row.split()[0]}` must be ")


@pytest.mark.parametrize("host", ["*", "https://chat.example.com", "chat.example.com:3000", "127.0.0.1:80", "a/b", ""])
def test_a_host_is_a_name_alone(host: str) -> None:
    assert wrong(f'[web]\nhosts = ["{host}"]').title.startswith("my.toml, line 2: `web.hosts` must be host names")


def test_hosts_may_be_names_and_addresses() -> None:
    hosts = '["chat.example.com", "10.0.0.1", "::1", "[fe80::1]", "my-box"]'
    assert len(parse(f"[web]\nhosts = {hosts}".encode(), "my.toml").web.hosts) == 5


@pytest.mark.parametrize("row", ["context_window = 0", "price_in = -1", "price_out = nan", "quality = 1.5"])
def test_a_models_numbers_have_their_limits(row: str) -> None:
    error = wrong(f'[[models]]\nname = "a/b"\n[[models]]\nname = "a/c"\n{row}')
    assert error.title.startswith(f"my.toml, line 5: `models[1].{row.split()[0]}` must be ")


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ('name = "a/b"\nbase_url = "http://x"', "name"),
        ('name = ""\nbase_url = "http://x"', "name"),
        ('name = "local"\nbase_url = "http://x"', "name"),
        ('name = "scripted"\nbase_url = "http://x"', "name"),
        ('name = "first"\nbase_url = "http://x"', "name"),
        ('name = "x"\nbase_url = "ws://localhost:8000"', "base_url"),
        ('name = "x"\nbase_url = "file:///etc"', "base_url"),
    ],
)
def test_a_providers_row_is_checked(row: str, key: str) -> None:
    error = wrong(f'[[providers]]\nname = "first"\nbase_url = "http://x"\n\n[[providers]]\n{row}')
    assert error.key == f"providers[1].{key}"
    assert error.title.startswith(f"my.toml, line {6 if key == 'name' else 7}: ")


@pytest.mark.parametrize("name", ["gpt", "/x", "x/", ""])
def test_a_model_is_named_with_its_provider(name: str) -> None:
    for text in (f'model = "{name}"', f'fallbacks = ["a/b", "{name}"]', f'[[models]]\nname = "{name}"'):
        assert "provider/model" in wrong(text).title


def test_a_model_stands_in_one_row() -> None:
    assert "twice" in wrong('[[models]]\nname = "a/b"\n[[models]]\nname = "a/b"').title


@pytest.mark.parametrize("text", ["theme = ", "[request", "a = 1\na = 2", "x = 'y"])
def test_what_is_no_toml_is_told_with_its_line(text: str) -> None:
    error = wrong("\n" + text)
    assert "not valid TOML" in error.title
    assert "line" in error.title


def test_hostile_text_in_the_file_does_not_reach_the_terminal() -> None:
    for text in ('"\\u001b]52;c;eA==\\u0007" = 1', 'model = "\\u001b[2J"', '[[models]]\nname = "\\u009b2J"'):
        assert not set(str(wrong(text))) & set("\x1b\x9b\x07")


# -- the file itself --------------------------------------------------------------------------------------------------


def test_bytes_that_are_not_utf8_are_told() -> None:
    with pytest.raises(ConfigError, match="not UTF-8"):
        parse(b"theme = '\xff'", "x")


def test_a_file_nested_too_deep_is_told() -> None:
    with pytest.raises(ConfigError):
        parse(b"x = " + b"[" * 100_000, "x")


def test_a_folder_a_pipe_and_a_huge_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a file"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not a file"):
        load(tmp_path / "pipe")
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="larger than 1 MB"):
        load(huge)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    file.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(file)


def test_where_a_file_stands_in_the_place_of_the_folder_there_is_no_config(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert load(tmp_path / "file" / "config.toml") == Config()


def test_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.toml"
    monkeypatch.setenv("CHAT_TUI_CONFIG", str(file))
    assert paths.config_file() == file
    with pytest.raises(ConfigError, match="does not exist") as raised:
        load(paths.config_file())
    assert "CHAT_TUI_CONFIG" in raised.value.hint
    file.write_text('theme = "dawn"')
    assert load(paths.config_file()).theme == "dawn"
    monkeypatch.setenv("CHAT_TUI_CONFIG", os.devnull)
    assert load(paths.config_file()) == Config()


def test_folders_follow_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_TUI_CONFIG", raising=False)
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    if os.uname().sysname == "Linux":
        assert paths.config_file() == tmp_path / "CONFIG" / "chat-tui" / "config.toml"
        assert paths.store_file().parent == tmp_path / "DATA" / "chat-tui"
        assert paths.cache_folder() == tmp_path / "CACHE" / "chat-tui"
        assert paths.state_folder() == tmp_path / "STATE" / "chat-tui"
    assert paths.expand("") is None
    assert paths.expand("~/x") == Path.home() / "x"
    assert not list(tmp_path.iterdir())


# -- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("a = 1\nb = 2", "b", 2),
        ("# b = 2\nb = 2", "b", 2),
        ("[t]\na = 1", "t.a", 2),
        ("t.a = 1", "t.a", 1),
        ("[other]\na = 1\n[t]\na = 1", "t.a", 4),
        ("[[p]]\nn = 1\n[[p]]\nn = 2", "p[1].n", 4),
        ('[keys]\n"answer.cancel" = 1', "keys.answer.cancel", 2),
        ("t = { a = 1 }", "t.a", 1),
        ("a = 1", "b", None),
        ("[[p]]\nn = 1", "p[7].n", None),
        ("[[p]]\nn = 1\n[[p]]", "p[1].n", 3),
        ("[t.u]\na = 1", "t.u.a", 2),
        ("l = [\n 1,\n 'x',\n]", "l[1]", 1),
    ],
)
def test_the_line_of_a_key_is_found(text: str, key: str, line: int | None) -> None:
    assert line_of(text, key) == line


@pytest.mark.parametrize("value", ["1e400", "nan", "-inf", f"1{'0' * 400}", "1e300", f"1{'0' * 5000}"])
def test_a_number_that_nothing_can_hold_is_told(value: str) -> None:
    for text in (f"[timeouts]\ntoken_seconds = {value}", f'[[models]]\nname = "a/b"\ncontext_window = {value}'):
        with pytest.raises(ConfigError):
            parse(text.encode(), "x")


def test_names_are_cleaned_where_they_come_in() -> None:
    evil = r"x\u001b]0;X\u0007y\u202e"
    config = parse(
        f"""
        model = "{evil}/m"
        fallbacks = ["{evil}/n"]
        [[providers]]
        name = "{evil}"
        base_url = "http://127.0.0.1:1/v1"
        [[models]]
        name = "{evil}/m"
        fallbacks = ["{evil}/n"]
        """.encode(),
        "x",
    )
    assert (config.model, config.fallbacks, config.providers[0].name) == ("xy/m", ("xy/n",), "xy")
    assert (config.models[0].name, config.models[0].fallbacks) == ("xy/m", ("xy/n",))


@pytest.mark.parametrize("pattern", ["files", "files.", ".read", ""])
def test_a_tool_that_may_run_is_written_with_its_server(pattern: str) -> None:
    error = wrong(f'[tool_use]\nallow = ["files.*", "{pattern}"]')
    assert "`tool_use.allow[1]` must be written as `server.tool`" in error.title
