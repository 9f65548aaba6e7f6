"""`chat-tui batch` with tools: only those that are named and that the config allows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.test_ask_tools import call, offered
from tests.wire.home import QUICK, Home
from tests.wire.raw_server import RawServer, chunked, event, saying


def configure(home: Home, server: RawServer, allow: str) -> list[str]:
    """Configure the server and the program's own tools; returns the arguments of a batch with one prompt."""
    (home.folder / "notes").mkdir()
    (home.folder / "notes" / "todo.txt").write_text("Buy milk.")
    folders = json.dumps([str(home.folder / "notes")])
    tools = f"[tool_use]\nallow = [{json.dumps(allow)}]\nfolders = {folders}\n"
    home.serve(f"http://127.0.0.1:{server.port}/v1", "m", more=QUICK + tools)
    (home.folder / "prompts.txt").write_text("What must I buy?\n")
    return ["batch", str(home.folder / "prompts.txt")]


async def test_a_tool_that_is_named_and_allowed_runs(home: Home) -> None:
    path = json.dumps({"path": str(home.folder / "notes" / "todo.txt")})
    replies = saying(call("read_file", path), chunked(event("Milk."), event(None, "stop")))
    async with RawServer(replies) as server:
        arguments = configure(home, server, "chat-tui.read_*")
        ran = await home.run(*arguments, "--tool", "chat-tui")
    assert ran.code == 0, ran.told()
    row: dict[str, Any] = json.loads(ran.text)
    assert (row["response"], row["state"], row["error"]) == ("Milk.", "complete", None)
    assert [offered(request.json) for request in server.asked] == [["read_file"], ["read_file"]]
    assert "Buy milk." in server.asked[1].json["messages"][-1]["content"]


@pytest.mark.parametrize("named", [("--tool", "chat-tui.read_file"), ("--tools-allow", "chat-tui.r*")])
@pytest.mark.parametrize("allow", ["files.*", "chat-tui.list_files"])
async def test_a_tool_that_the_config_does_not_allow_is_wrong_usage(
    home: Home, named: tuple[str, str], allow: str
) -> None:
    async with RawServer(saying()) as server:
        ran = await home.run(*configure(home, server, allow), *named)
    assert (ran.code, ran.text) == (2, "")
    assert f"the config allows no tool '{named[1]}' here. Nothing was asked." in ran.told()
    assert "`[tool_use] allow`" in ran.told()
    assert server.asked == []
