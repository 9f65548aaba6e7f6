"""Lets clients of the APIs solve a task with a tool, through `chat-tui serve` and a scripted model.

`python -m tests.clients PYTHON [NAME …]` runs the programs of `programs/` whose names begin so (without names: all) by
this interpreter, whose environment has the clients:

    python -m venv /tmp/clients
    /tmp/clients/bin/pip install openai anthropic langchain-openai langchain-anthropic instructor litellm llm \
        'pydantic-ai-slim[openai,anthropic]'
    python -m tests.clients /tmp/clients/bin/python

`--dialect` is the dialect of the scripted model; without it, it is OpenAI's chat completions.

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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.clients.upstream import DIALECTS, answer_in
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.wire.dialects import base_of
from tests.wire.raw_server import RawServer

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
dialect = "{dialect}"
models = ["calls"]
"""
ONLY_OPENAI = {"openai_embeddings"}
"""Programs whose requests only the model in OpenAI's dialect answers."""
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


async def serve(base_url: str, dialect: str, folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    """Start `chat-tui serve` over this model server; its process and its address."""
    config = folder / "config.toml"
    config.write_text(CONFIG.format(base_url=base_url, dialect=dialect))
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


@asynccontextmanager
async def scripted_model(dialect: str) -> AsyncIterator[str]:
    """Run the scripted model of a dialect; the base URL of its server."""
    if dialect == "openai":
        async with ModelServer(Script(calls=1), models=("calls",)) as server:
            yield server.base_url
    else:
        async with RawServer(answer_in(dialect)) as other:
            yield base_of(other, dialect)


async def run_all(programs: list[Path], python: str, environment: dict[str, str], folder: Path) -> int:
    """Run programs and write their verdicts; the number of those that failed."""
    failed = 0
    for program in programs:
        command = command_of(program, python)
        code, out = await run(command, environment, folder) if command else (0, "")
        verdict = "not there" if not command else "failed" if code else "works"
        sys.stdout.write(f"{program.stem:24} {verdict}\n{out if code else ''}")
        sys.stdout.flush()
        failed += code != 0
    return failed


async def main() -> int:
    """Run the programs; the number of those that failed."""
    options = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    options.add_argument("python", help="interpreter whose environment has the clients")
    options.add_argument("names", nargs="*", help="beginnings of the names of programs")
    options.add_argument("--dialect", choices=["openai", *DIALECTS], default="openai")
    given = options.parse_args()
    programs = [
        program
        for program in sorted(PROGRAMS.iterdir())
        if not program.name.startswith("_")
        and program.stem.startswith(tuple(given.names) or "")
        and (given.dialect == "openai" or program.stem not in ONLY_OPENAI)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with scripted_model(given.dialect) as base_url:
            process, address = await serve(base_url, given.dialect, folder)
            environment = {**os.environ, "HOME": name, "CHAT_TUI_URL": address, "CHAT_TUI_TOKEN": TOKEN}
            try:
                return await run_all(programs, given.python, environment, folder)
            finally:
                process.terminate()
                await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
