"""Tool servers of other programs' configs are read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.config.schema import ToolRow
from chat_tui.core.errors import ConfigError
from chat_tui.tools.foreign_configs import read_foreign_config, without_comments

CLAUDE = """{
  "mcpServers": {
    "filesystem": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "/a b"]},
    "git hub": {"command": "docker", "args": ["run"], "env": {"TOKEN": "${GITHUB_TOKEN}"}, "disabled": true}
  },
  "theme": "dark"
}"""
VS_CODE = """\ufeff{
  // The servers of this folder.
  "inputs": [{"id": "api-key", "type": "promptString", "password": true}],
  "servers": {
    "remote": {"type": "http", "url": "https://a.example/mcp", "headers": {"Authorization": "Bearer ${input:api-key}"}},
    /* a comment, with "quotes" */
    "local": {"type": "stdio", "command": "uvx", "args": ["mcp-server-time", "--a=//no comment",], "cwd": "/x"},
    "here": {"command": "node", "args": ["${workspaceFolder}/server.js"]},
    "old": {"type": "sse", "url": "https://a.example/sse"},
  },
}"""


def rows(text: str) -> list[ToolRow | None]:
    return [server.row for server in read_foreign_config(text.encode())]


def test_claude() -> None:
    assert rows(CLAUDE) == [
        ToolRow("filesystem", "npx", ("-y", "@modelcontextprotocol/server-filesystem", "/a b")),
        ToolRow("git-hub", "docker", ("run",), {"TOKEN": "${GITHUB_TOKEN}"}, enabled=False),
    ]


def test_vs_code_and_cursor_with_comments() -> None:
    remote, local, here, old = read_foreign_config(VS_CODE.encode())
    assert remote.row == ToolRow("remote", url="https://a.example/mcp", headers={"Authorization": "Bearer ${API_KEY}"})
    assert remote.note == "set API_KEY in the environment before you use it"
    assert local.row == ToolRow("local", "uvx", ("mcp-server-time", "--a=//no comment"), cwd="/x")
    assert (here.row, here.problem) == (None, "it needs a folder of the editor; write its table by hand")
    assert old.row is None
    assert "old SSE transport" in old.problem


@pytest.mark.parametrize(
    "config",
    [
        {"mcp": {"servers": {"a": {"command": "x"}}}},
        {"mcp": {"a": {"type": "local", "command": ["x"], "enabled": True}}},
        {"projects": {"/home/me": {"mcpServers": {"a": {"command": "x"}}}}},
        {"a": {"command": "x"}},
        {"mcpServers": {"a": {"command": "x", "args": None, "env": None}}},
    ],
)
def test_other_shapes(config: object) -> None:
    assert rows(json.dumps(config)) == [ToolRow("a", "x")]


def test_what_is_malformed_is_left_out() -> None:
    config = {
        "mcpServers": {
            "a": {"command": ""},
            "b": {"command": ["x", {}]},
            "c": {"url": "file:///etc"},
            "d": {"url": "http://x", "headers": {"a b": "c"}},
            "e": {"url": "http://x", "headers": []},
            "f\x1b[31m": {"command": "y\x1b[31m"},
            "chat-tui": {"command": "z", "args": [1]},
            "g": {"command": "x", "args": "-y z"},
        }
    }
    found = read_foreign_config(json.dumps(config).encode())
    assert [(server.name, bool(server.row), bool(server.problem)) for server in found] == [
        *((name, False, True) for name in "abcde"),
        ("f-31m", True, False),
        ("chat-tui-server", True, False),
        ("g", False, True),
    ]
    assert found[5].row is not None
    assert found[5].row.command == "y"


def test_of_two_servers_with_the_same_name_here_the_second_is_reported() -> None:
    config = {"mcpServers": {"a b": {"command": "x"}, "a-b": {"command": "y"}}}
    first, second = read_foreign_config(json.dumps(config).encode())
    assert first.row == ToolRow("a-b", "x")
    assert (second.name, second.row) == ("a-b", None)
    assert "same name" in second.problem


def test_a_file_of_variables_is_noted() -> None:
    config = {"servers": {"a": {"command": "x", "env": {"A": "${input:key}"}, "envFile": "/etc/keys.env"}}}
    (server,) = read_foreign_config(json.dumps(config).encode())
    assert server.row == ToolRow("a", "x", env={"A": "${KEY}"})
    assert server.note == (
        "set KEY in the environment before you use it; write the variables of its `envFile` into `env` of its table"
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"mcpServers": {}}', "\xff", '{"a": 1}', "[" * 100_000])
def test_what_is_no_such_config_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError):
        read_foreign_config(text.encode("latin-1"))


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_without_comments_stays_as_it_is(value: object) -> None:
    assert json.loads(without_comments(json.dumps(value))) == value
    assert json.loads(without_comments(json.dumps(value, indent=1, ensure_ascii=False))) == value
