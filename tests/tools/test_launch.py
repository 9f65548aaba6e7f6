"""What a tool server is started with, and what is shown of it."""

from __future__ import annotations

import os
import sys

import pytest

from chat_tui.config.schema import ToolRow
from chat_tui.core.errors import ToolFailed
from chat_tui.tools.launch import expand_variables, launch_of, shown_source

ENVIRON = {"A": "1", "LONG_NAME": "x y", "EMPTY": "", "PATH": os.environ["PATH"], "HOME": "/home/me", "SECRET": "s"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$A", "1"),
        ("a${A}b$LONG_NAME", "a1bx y"),
        ("${env:A}", "1"),
        ("${NONE:-default}", "default"),
        ("${NONE:-}", ""),
        ("${EMPTY:-d}", "d"),
        ("^a$", "^a$"),
        ("$1 $ ${} $$", "$1 $ ${} $$"),
        ("", ""),
    ],
)
def test_variables_are_replaced(text: str, expanded: str) -> None:
    assert expand_variables(text, ENVIRON) == expanded


@pytest.mark.parametrize("field", ["command", "args", "env", "cwd"])
def test_a_variable_that_is_not_set_is_named(field: str) -> None:
    row = {
        "command": ToolRow("box", "$NONE"),
        "args": ToolRow("box", "sh", ("$NONE",)),
        "env": ToolRow("box", "sh", env={"K": "$NONE"}),
        "cwd": ToolRow("box", "sh", cwd="$NONE"),
    }[field]
    with pytest.raises(ToolFailed, match=r"\$NONE is not set"):
        launch_of(row, ENVIRON)


def test_a_program_gets_a_few_variables_and_those_of_its_row() -> None:
    launch = launch_of(ToolRow("box", "sh", ("-c", "$A"), {"K": "$LONG_NAME"}, "~"), ENVIRON)
    assert os.path.isabs(launch.arguments[0])
    assert launch.arguments[1:] == ("-c", "1")
    assert launch.environment["K"] == "x y"
    assert launch.environment["HOME"] == "/home/me"
    assert "SECRET" not in launch.environment
    assert launch.folder == os.path.expanduser("~")
    assert "x y" not in repr(launch)


def test_a_program_in_the_working_folder_is_not_started() -> None:
    with pytest.raises(ToolFailed, match="was not found"):
        launch_of(ToolRow("box", "./server"), ENVIRON)


def test_an_address_and_its_headers_are_expanded() -> None:
    launch = launch_of(ToolRow("box", url="https://$A/x", headers={"Authorization": "Bearer $SECRET"}), ENVIRON)
    assert (launch.url, launch.headers) == ("https://1/x", {"Authorization": "Bearer s"})
    assert not launch.arguments


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (ToolRow("a", "npx", ("-y", "server", "/a b")), "npx -y server '/a b'"),
        (ToolRow("a", "x", ("--api-key", "secret", "-v")), "x --api-key [key] -v"),
        (ToolRow("a", "x", ("--api-key=secret", "--token-file=f")), "x --api-key=[key] --token-file=[key]"),
        (ToolRow("a", "x", ("sk-0123456789abcdef",)), "x [key]"),
        (ToolRow("a", "x", ("https://me:secret@host/",)), "x https://[key]@host/"),
        (ToolRow("a", url="https://me:secret@host:1/mcp?token=secret"), "host:1"),
        (ToolRow("a", "x", env={"K": "secret"}, args=("y" * 500,)), "x " + "y" * 197 + "…"),
    ],
)
def test_no_secret_is_shown(row: ToolRow, shown: str) -> None:
    assert shown_source(row) == shown
    assert "secret" not in shown_source(row)


def test_the_child_is_the_one_of_this_python() -> None:
    from chat_tui.tools.sdk import install_command

    assert install_command().startswith(sys.executable)
