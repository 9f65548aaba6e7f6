"""Tool servers cost nothing until they are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_tui.bootstrap.tool_servers import LateToolServers
from chat_tui.config.load import load
from chat_tui.config.watched_file import WatchedConfigFile
from chat_tui.core.errors import ConfigError
from tests.architecture.test_layers import loaded_in, present
from tests.tools.servers import SCRIPT, needs_sdk

OPENING = f"""
import asyncio, sys
from chat_tui.bootstrap.open_engine import open_engine
from chat_tui.config.schema import Config, ToolRow

async def main():
    row = ToolRow("box", sys.executable, ("-I", {str(SCRIPT)!r}))
    engine = await open_engine(Config(tools=(row,)), save=False, tell=print)
    if sys.argv[1:] == ["use"]:
        tools = await engine.tools.backend.start(["box", "chat-tui"])
        assert len(tools) > 10, tools
    await engine.close()
    print(*sys.modules, sep="\\n")

sys.argv += {{use}}
asyncio.run(main())
"""


def test_an_engine_with_tool_servers_opens_without_what_runs_them(tmp_path: Path) -> None:
    loaded = loaded_in(OPENING.format(use="[]"), tmp_path)
    assert present(loaded, "chat_tui.engine.engine")
    assert not present(loaded, "chat_tui.tools", "mcp", "mcp_types", "pydantic", "html.parser")


@needs_sdk
def test_only_a_child_imports_the_sdk(tmp_path: Path) -> None:
    loaded = loaded_in(OPENING.format(use='["use"]'), tmp_path)
    assert present(loaded, "chat_tui.tools.tool_servers")
    assert not present(loaded, "mcp", "mcp_types", "pydantic", "httpx2", "html.parser")


async def test_servers_that_another_program_adds_changes_or_removes_are_used_at_once(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    row = '[[tools]]\nname = "{}"\ncommand = "{}"\n'
    file.write_text(row.format("one", "a") + row.format("two", "b"))
    tools = LateToolServers(load(file), file=WatchedConfigFile(file))
    assert [status.name for status in tools.statuses()] == ["one", "two", "chat-tui"]
    before = dict(tools._servers._servers)
    file.write_text(row.format("one", "a") + row.format("two", "other") + row.format("three", "c"))
    await tools.reload()
    assert [status.name for status in tools.statuses()] == ["one", "two", "three", "chat-tui"]
    after = tools._servers._servers
    assert [after[name] is before[name] for name in ("one", "two", "chat-tui")] == [True, False, True]
    file.write_text("[[tools]\n")
    with pytest.raises(ConfigError):
        await tools.reload()
    assert len(tools.statuses()) == 4
    file.write_text(row.format("three", "c"))
    await tools.reload()
    assert [status.name for status in tools.statuses()] == ["three", "chat-tui"]
    await tools.close()
