"""Models see unique names that every provider accepts."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from chat_tui.core.tools import OfferedTool, Tool
from chat_tui.tools.tool_names import wire_name, with_unique_names


def offered(*names: tuple[str, str]) -> list[str]:
    return [tool.tool.name for tool in with_unique_names(OfferedTool(Tool(""), s, name) for s, name in names)]


def test_names_stay_where_they_can() -> None:
    assert offered(("a", "read_file"), ("b", "get-time")) == ["read_file", "get-time"]
    assert offered(("a", "fs.read file"), ("a", "ä")) == ["fs_read_file", "tool"]


def test_the_same_name_of_two_servers_begins_with_theirs() -> None:
    assert offered(("fs", "read"), ("git", "Read"), ("git", "log")) == ["fs_read", "git_Read", "log"]


def test_a_name_cannot_be_made_to_look_like_another() -> None:
    names = offered(("fs", "read"), ("git", "read"), ("evil", "fs_read"), ("evil", "git_read"))
    assert names[2:] == ["fs_read", "git_read"]
    assert names[0] not in names[2:]
    assert len({name.lower() for name in names}) == 4


def test_long_names_differ_at_their_end() -> None:
    one, other = offered(("a", "x" * 100 + "1"), ("a", "x" * 100 + "2"))
    assert one != other
    assert len(one) == len(other) == 64


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "a_b"]), st.text(max_size=80)), unique=True, max_size=12))
def test_all_names_are_valid_and_unique(tools: list[tuple[str, str]]) -> None:
    names = offered(*tools)
    assert len({name.lower() for name in names}) == len(tools)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in names)


def test_a_name_without_letters_is_one() -> None:
    assert wire_name("///") == "tool"
