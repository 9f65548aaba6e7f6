"""Runs the download of a model in a child process; a cancel stops it, and the next call resumes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from chat_tui.core.errors import LocalModelError
from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import PIPE


class _Line(msgspec.Struct, frozen=True):
    """A line of the child."""

    received: int = 0
    total: int = 0
    file: str = ""
    source: str = ""
    title: str = ""
    hint: str = ""


async def pull_in_child(
    name: str, folder: Path, received: Callable[[int, int], None], environ: Mapping[str, str] = os.environ
) -> tuple[Path, str]:
    """Download as `huggingface.pull` does, into an absolute folder. Raises `LocalModelError`."""
    command = child_process.python_command(
        "chat_tui.local.hub.pull_worker",
        name,
        str(folder),
        allowed=(*child_process.DOWNLOADING, *child_process.HUB),
        environment=environ,
    )
    process = await child_process.start(command, stdout=PIPE, new_session=True)
    assert process.stdout is not None
    last = _Line()
    try:
        while line := await process.stdout.readline():
            with contextlib.suppress(msgspec.MsgspecError):
                last = msgspec.json.decode(line, type=_Line)
                if last.total:
                    received(last.received, last.total)
        await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if not last.file:
        title = last.title or f"{name} could not be pulled: the download ended unexpectedly."
        raise LocalModelError(title, last.hint or "Try again: what was downloaded is kept.", provider="local")
    return Path(last.file), last.source
