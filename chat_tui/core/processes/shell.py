"""Runs a command that a person has typed, in that person's shell, with limits of time and output."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

import msgspec

from chat_tui.core.processes.child_process import STDOUT, program_command, start_with_pipe

OUTPUT_BYTES = 200_000
SECONDS = 600.0
_DRAIN_SECONDS = 0.3
"""After its end, a command may leave a child that keeps its output open."""
_READ_BYTES = 64 * 1024


class ShellOutput(msgspec.Struct, frozen=True):
    """What a command has written to standard output and standard error, and how it ended."""

    text: str
    code: int
    """The exit code; negative for a signal."""
    ended: Literal["", "stopped", "too long", "too much"] = ""
    """Why it was ended by us; empty if it was not."""


async def run_shell(
    command: str,
    folder: str,
    environment: Mapping[str, str],
    stop: asyncio.Event,
    *,
    most_bytes: int = OUTPUT_BYTES,
    seconds: float = SECONDS,
) -> ShellOutput:
    """Run a command until it ends or `stop` is set. It has no terminal and no input. Raises OSError, ValueError."""
    shell = environment.get("SHELL", "")
    arguments = [shell if os.path.isabs(shell) else "/bin/sh", "-c", command]
    program = msgspec.structs.replace(program_command(arguments, environment), folder=folder)
    process, stream, pipe = await start_with_pipe(program, stderr=STDOUT)
    output = bytearray()
    reading = asyncio.ensure_future(_read(stream, output, most_bytes))
    tasks = [reading, asyncio.ensure_future(process.wait()), asyncio.ensure_future(stop.wait())]
    ended: Literal["", "stopped", "too long", "too much"] = ""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and len(output) <= most_bytes:
                await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait([reading], timeout=_DRAIN_SECONDS if process.returncode is not None else 0)
    except TimeoutError:
        ended = "too long"
    finally:
        pipe.close()
        for task in tasks:
            task.cancel()
        is_running = process.returncode is None
        if is_running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if len(output) > most_bytes:
        ended = "too much"
    elif is_running:
        ended = ended or "stopped"
    return ShellOutput(_text_of(bytes(output[:most_bytes])), process.returncode or 0, ended)


async def _read(stream: asyncio.StreamReader, output: bytearray, most_bytes: int) -> None:
    while len(output) <= most_bytes and (piece := await stream.read(_READ_BYTES)):
        output += piece


def _text_of(output: bytes) -> str:
    """Return the text as a terminal would leave it: what follows a carriage return replaces the line before it."""
    lines = output.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines).strip("\n")
