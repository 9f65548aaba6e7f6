"""Tries tool servers that others have written, each in an environment of its own: `python -m tests.tools.real_servers`.

It installs them into a temporary folder with pip and npm, which needs a package index, so it is no test of the suite.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from chat_tui.config.schema import ToolRow
from chat_tui.core.errors import ToolFailed
from chat_tui.tools.tool_server import ConfiguredServer


class Trial(NamedTuple):
    """A server with a call and words of its result."""

    row: ToolRow
    tool: str
    arguments: Mapping[str, Any]
    words: str


def install(folder: Path) -> list[Trial]:
    """Install the servers; returns what is tried with each."""
    python = folder / "python"
    subprocess.run([sys.executable, "-m", "venv", str(python)], check=True)
    subprocess.run([f"{python}/bin/pip", "install", "-q", "mcp-server-time", "mcp-server-fetch"], check=True)
    scope = "@modelcontextprotocol"
    packages = [f"{scope}/server-filesystem", f"{scope}/server-everything"]
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", *packages], cwd=folder, check=True)
    (folder / "note.txt").write_text("a note")
    node = folder / "node_modules" / scope
    return [
        Trial(
            ToolRow("time", f"{python}/bin/mcp-server-time"),
            "get_current_time",
            {"timezone": "Europe/Berlin"},
            "Europe/Berlin",
        ),
        Trial(
            ToolRow("fetch", f"{python}/bin/mcp-server-fetch"), "fetch", {"url": "http://127.0.0.1:9/"}, "127.0.0.1:9"
        ),
        Trial(
            ToolRow("files", "node", (f"{node}/server-filesystem/dist/index.js", str(folder))),
            "read_text_file",
            {"path": str(folder / "note.txt")},
            "a note",
        ),
        Trial(
            ToolRow("everything", "node", (f"{node}/server-everything/dist/index.js",)),
            "echo",
            {"message": "hello"},
            "Echo: hello",
        ),
    ]


async def try_server(trial: Trial) -> str:
    """Start a server and call its tool; returns a line about it."""
    server = ConfiguredServer(trial.row)
    began = time.monotonic()
    try:
        tools = await server.start()
        listed = time.monotonic() - began
        output = await server.call(trial.tool, trial.arguments)
        called = time.monotonic() - began - listed
    except ToolFailed as error:
        return f"{trial.row.name}: failed: {error} {' / '.join(server.last_lines)}"
    finally:
        await server.stop()
    verdict = "as expected" if trial.words in output.text else f"not as expected: {output.text[:200]!r}"
    return f"{trial.row.name}: {len(tools)} tools after {listed:.1f} s, a call took {called * 1000:.0f} ms, {verdict}"


async def main() -> None:
    """Try each server by itself."""
    with tempfile.TemporaryDirectory() as folder:
        for trial in await asyncio.to_thread(install, Path(folder)):
            sys.stdout.write(await try_server(trial) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
