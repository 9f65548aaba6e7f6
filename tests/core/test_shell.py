"""Commands that a person has typed, in a shell: what they write, how they end, and their limits."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from chat_tui.core.processes.shell import ShellOutput, run_shell

ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "GREETING": "hello", "SHELL": "/bin/sh"}


async def run(command: str, folder: Path, *, stop: asyncio.Event | None = None, seconds: float = 60.0) -> ShellOutput:
    return await run_shell(
        command, str(folder), ENVIRONMENT, stop or asyncio.Event(), most_bytes=10_000, seconds=seconds
    )


async def test_both_outputs_come_back_as_a_terminal_would_leave_them(tmp_path: Path) -> None:
    (tmp_path / "here.txt").touch()
    ended = await run("echo $GREETING; echo wrong >&2; ls; cat; printf '10%%\\r99%%\\r100%%\\r\\n'; exit 3", tmp_path)
    assert ended == ShellOutput("hello\nwrong\nhere.txt\n100%", 3)
    # A process that goes on behind it is neither waited for nor ended.
    assert await run("sleep 30 & echo started", tmp_path) == ShellOutput("started", 0)


@pytest.mark.parametrize("command", ["echo first; sleep 600", "echo first; exec >/dev/null 2>&1; sleep 600"])
async def test_it_is_stopped_with_what_it_has_written(tmp_path: Path, command: str) -> None:
    stop = asyncio.Event()
    ready = tmp_path / "ready"
    running = asyncio.ensure_future(run(command.replace("; sleep", f"; touch {ready}; sleep"), tmp_path, stop=stop))
    async with asyncio.timeout(60):
        while not ready.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    stop.set()
    ended = await running
    assert (ended.text, ended.ended) == ("first", "stopped")


async def test_output_and_time_are_bounded(tmp_path: Path) -> None:
    endless = await run("yes", tmp_path)
    assert (len(endless.text), endless.ended) == (9_999, "too much")
    late = await run("echo first; sleep 600", tmp_path, seconds=0.5)
    assert late.ended == "too long"
    with pytest.raises(ValueError, match="null"):
        await run("echo \0", tmp_path)
