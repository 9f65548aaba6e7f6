"""Lets clients of the APIs solve a task with a tool, through `chat-tui serve` and a scripted model.

`python -m tests.clients PYTHON [NAME …]` runs the programs of `programs/` whose names begin so (without names: all) by
this interpreter, whose environment has the clients:

    python -m venv /tmp/clients
    /tmp/clients/bin/pip install openai anthropic langchain-openai langchain-anthropic instructor litellm llm \
        'pydantic-ai-slim[openai,anthropic]'
    python -m tests.clients /tmp/clients/bin/python

The programs in JavaScript need `npm install openai @anthropic-ai/sdk` in the folder that `NODE_FOLDER` names. The
agents `opencode`, `claude` and `codex` run where they are on the PATH. They are too heavy for the suite.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer

PROGRAMS = Path(__file__).parent / "programs"
TOKEN = "let-me-in-please"
SECONDS = 180
CONFIG = """
model = "box/calls"

[web]
access_log = false
aliases = {{ "gpt-4o" = "box/calls", "claude-sonnet-4-5" = "box/calls", "claude-haiku-4-5" = "box/calls" }}

[[providers]]
name = "box"
base_url = "{base_url}"
models = ["calls"]
"""
AGENTS = {"opencode": "opencode", "claude": "claude", "codex": "codex"}
"""The programs that need an agent, and its command."""


async def run(command: list[str], environment: dict[str, str], folder: Path) -> tuple[int, str]:
    """Run a program; its exit code and its output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        out, _ = await process.communicate()
        return 1, out.decode("utf-8", "replace") + f"\nstopped after {SECONDS} seconds"
    return process.returncode or 0, out.decode("utf-8", "replace")


async def serve(base_url: str, folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    """Start `chat-tui serve` over this model server; its process and its address."""
    config = folder / "config.toml"
    config.write_text(CONFIG.format(base_url=base_url))
    environment = {
        **os.environ,
        "HOME": str(folder),
        "CHAT_TUI_CONFIG": str(config),
        "CHAT_TUI_TOKEN": TOKEN,
        **{f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")},
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chat_tui", "serve", "--port", "0"), env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line
    return process, found[0]


def command_of(program: Path, python: str) -> list[str]:
    """The command that runs a program; empty if what it needs is not there."""
    needed = AGENTS.get(program.stem)
    if needed and not shutil.which(needed):
        return []
    if program.suffix == ".mjs":
        node, folder = shutil.which("node"), os.environ.get("NODE_FOLDER", "")
        if not node or not folder:
            return []
        # Modules are looked for beside the program.
        copy = Path(folder) / program.name
        shutil.copy(program, copy)
        return [node, str(copy)]
    return [python, str(program)]


async def main() -> int:
    """Run the programs; the number of those that failed."""
    options = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    options.add_argument("python", help="interpreter whose environment has the clients")
    options.add_argument("names", nargs="*", help="beginnings of the names of programs")
    given = options.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with ModelServer(Script(calls=1), models=("calls",)) as server:
            process, address = await serve(server.base_url, folder)
            environment = {**os.environ, "HOME": name, "CHAT_TUI_URL": address, "CHAT_TUI_TOKEN": TOKEN}
            try:
                for program in sorted(PROGRAMS.iterdir()):
                    if program.name.startswith("_") or not program.stem.startswith(tuple(given.names) or ""):
                        continue
                    command = command_of(program, given.python)
                    code, out = await run(command, environment, folder) if command else (0, "")
                    verdict = "not there" if not command else "failed" if code else "works"
                    sys.stdout.write(f"{program.stem:24} {verdict}\n{out if code else ''}")
                    sys.stdout.flush()
                    failed += code != 0
            finally:
                process.terminate()
                await process.wait()
    return failed


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
