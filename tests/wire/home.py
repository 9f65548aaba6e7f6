"""A user's home for one test: config, data and cache in a folder of its own, and `chat-tui` run in it as a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chat_tui.core.conversation import Turn
from chat_tui.history.queries import reads
from chat_tui.history.store import Store
from tests.support.forked_program import ForkedProcess, can_fork, start_forked

Process = asyncio.subprocess.Process | ForkedProcess

STATES = {"complete", "length", "cancelled", "broken", "failed", "refused", "empty"}

QUICK = "[error_handling]\nretry_attempts = 1\n"
"""Settings without second tries."""


@dataclass(frozen=True)
class Ran:
    """What a run left behind."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Stdout."""
        return self.out.decode()

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """Stdout as lines of JSON."""
        return [json.loads(line) for line in self.text.splitlines()]

    def told(self) -> str:
        """Stderr."""
        return self.err.decode()


class Home:
    """The folders, and what runs in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.config.write_text(QUICK)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_STATE_HOME": str(folder / "state"),
            "CHAT_TUI_CONFIG": str(self.config),
            "PYTHONWARNINGS": "error",
            # The built-in model is not to be fetched, whatever a test does wrong.
            "PIP_NO_INDEX": "1",
        }

    @property
    def store(self) -> Path:
        """The store's file on Linux and wherever XDG moves it."""
        return next(iter(self.folder.rglob("history.db")), self.folder / "none")

    def serve(self, base_url: str, *models: str, key_env: str = "", more: str = QUICK) -> None:
        """Write a config with one provider, `box`, fixed to its first model; without any its server is asked."""
        fixed = f"model = {json.dumps(f'box/{models[0]}')}\n" if models else ""
        self.config.write_text(
            f'{fixed}{more}\n[[providers]]\nname = "box"\nbase_url = "{base_url}"\napi_key_env = "{key_env}"\n'
            f"models = {json.dumps(models)}\n"
        )

    async def start(self, *arguments: str, stdin: int = asyncio.subprocess.DEVNULL) -> Process:
        """Start `chat-tui` with these arguments."""
        if can_fork(self.environment):
            return await start_forked(*arguments, environment=self.environment, stdin=stdin)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "chat_tui",
            *arguments,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )

    async def run(self, *arguments: str, stdin: bytes | None = None) -> Ran:
        """Run `chat-tui` to its end."""
        process = await self.start(*arguments, stdin=asyncio.subprocess.PIPE)
        async with asyncio.timeout(60):
            out, err = await process.communicate(stdin or b"")
        assert process.returncode is not None
        return Ran(process.returncode, out, err)

    async def shell(self, line: str) -> Ran:
        """Run a line of bash, in which `chat-tui` is ours."""
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            f'chat-tui() {{ "{sys.executable}" -m chat_tui "$@"; }}\n{line}',
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Ran(process.returncode, out, err)


def send_signal(process: Process, number: signal.Signals = signal.SIGINT) -> None:
    """Send a signal to what still runs.

    The process's own `send_signal` may take its exit code away from asyncio, which then tells 255.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def as_promised(ran: Ran) -> None:
    """One start, one end, tokens counted from 0, an error before the end, the fields that others read."""
    chunks = ran.chunks
    kinds = [chunk["type"] for chunk in chunks]
    assert kinds[0] == "start"
    assert kinds[-1] == "end"
    assert kinds.count("start") == kinds.count("end") == 1
    assert set(kinds) <= {"start", "token", "metadata", "end", "error"}
    start, end = chunks[0], chunks[-1]
    assert set(start) == {"type", "model", "provider", "request_id", "strategy"}
    told = [chunk for chunk in chunks if chunk["type"] == "token"]
    assert [chunk["index"] for chunk in told] == list(range(len(told)))
    assert all(set(chunk) == {"type", "token", "kind", "index"} for chunk in told)
    assert {chunk["kind"] for chunk in told} <= {"text", "thinking"}
    for chunk in chunks:
        if chunk["type"] == "metadata":
            assert isinstance(chunk["event"], str)
        if chunk["type"] == "error":
            assert set(chunk["error"]) == {"kind", "title", "hint", "provider", "model", "retryable"}
            assert end["state"] in {"failed", "broken"}
    needed = {"type", "model", "provider", "request_id", "finish_reason", "state", "usage", "timings", "route"}
    assert needed <= set(end)
    assert {"ttft_seconds", "duration_seconds", "tokens_per_second"} <= set(end["timings"])
    assert end["usage"] is None or {"prompt_tokens", "completion_tokens", "total_tokens"} <= set(end["usage"])
    assert end["state"] in STATES
    assert end["request_id"] == start["request_id"] != ""
    assert isinstance(end["route"]["candidates"], list)
    assert isinstance(end["route"]["tries"], list)


async def kept(home: Home) -> list[Turn]:
    """The turns of all conversations in the store."""
    store = await Store.open(home.store)
    turns: list[Turn] = []
    for summary in await store.read(reads.summaries):
        turns += (await store.read(reads.conversation, summary.id)).path
    await store.close()
    return turns
