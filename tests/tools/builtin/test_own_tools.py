"""The program's own tools, as a tool server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chat_tui.bootstrap.tool_servers import build_tool_servers
from chat_tui.config.schema import Config, ToolLimits
from chat_tui.core.errors import ToolFailed
from chat_tui.core.tools import OfferedTool, Tool, ToolOutput
from chat_tui.tools.builtin.own_tools import OwnTools
from chat_tui.tools.tool_servers import ToolServers
from tests.doubles.tool_server import PNG


async def call(folder: Path, name: str, **arguments: Any) -> ToolOutput:
    return await OwnTools([folder], None).call(name, arguments)


async def test_they_are_the_last_server_and_what_is_offered_depends_on_the_config(tmp_path: Path) -> None:
    servers = build_tool_servers(Config(tool_use=ToolLimits(folders=(str(tmp_path),))))
    [status] = servers.statuses()
    assert (status.name, status.state) == ("chat-tui", "ready")
    tools = await servers.start(["chat-tui"])
    assert [(tool.tool.name, tool.is_read_only) for tool in tools] == [
        ("read_file", True),
        ("list_files", True),
        ("fetch_page", False),
    ]
    assert str(tmp_path) in tools[0].tool.description
    (tmp_path / "a").write_text("alpha")
    assert (await servers.call(tools[0], {"path": "a"})).text == "alpha"
    assert [tool.own_name for tool in build_tool_servers(Config()).statuses()[0].tools] == ["fetch_page"]
    assert not build_tool_servers(Config(tool_use=ToolLimits(fetch_page=False))).statuses()[0].tools


async def test_a_file_is_read_in_parts(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("".join(f"line {n}\n" for n in range(1, 11)) + "\x1b[31mred")
    assert (await call(tmp_path, "read_file", path="a")).text.endswith("line 10\nred")
    part = await call(tmp_path, "read_file", path="a", first_line=3, lines=2)
    assert part.text == "line 3\nline 4\n[lines 3 to 4 of 11]"
    (tmp_path / "b").write_text("x" * 1_000_000)
    assert (await call(tmp_path, "read_file", path="b")).text.endswith("the first 200 kB of 1.0 MB]")
    (tmp_path / "c.png").write_bytes(PNG)
    assert (await call(tmp_path, "read_file", path="c.png")).images[0].content == PNG


async def test_what_is_refused_is_told_to_the_model(tmp_path: Path) -> None:
    for arguments in ({"path": "../x"}, {"path": 1}, {}, {"path": ".env"}):
        refused = await call(tmp_path, "read_file", **arguments)
        assert refused.is_error
        assert refused.text
    listing = await call(tmp_path, "list_files")
    assert (listing.text, listing.is_error) == (f"{tmp_path}/", False)
    with pytest.raises(ToolFailed, match="no tool fetch_page"):
        await call(tmp_path, "fetch_page", url="http://a.example/")
    with pytest.raises(ToolFailed, match="no tool server nobody"):
        await ToolServers([]).call(OfferedTool(Tool("x"), "nobody", "x"), {})
