"""Downloads wheels with pip, which knows the user's own index, mirror, proxy and certificates.

pip is no dependency: see `installed_pip`.
"""

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

import msgspec

from chat_tui.core.errors import LocalModelError
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import PIPE, STDOUT, ChildCommand
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.local.installed_pip import find_pip

Received: TypeAlias = Callable[[int, int], None]
"""Called with the bytes received so far and the total (0: unknown)."""
Download: TypeAlias = Callable[[str, Path, Received], Awaitable[None]]
"""Downloads the wheel of a requirement into a folder; cancelling ends every process it started."""


class Subject(msgspec.Struct, frozen=True):
    """What is downloaded, in the words of an error."""

    name: str
    """At the beginning of a sentence."""
    short_name: str
    """Inside a sentence."""
    without: str
    """How to do without it."""


BUILT_IN_MODEL = Subject(
    "The built-in model",
    "the built-in model",
    "Without it, use another model: add a provider's key or a server's address (/provider on the screen, "
    "`chat-tui auth add`), or name a GGUF file as `[local] weights`.",
)
_NETWORK = lazy_pattern(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|timed out|Connection (?:refused|reset|broken)"
    r"|ProxyError|SSLError|CERTIFICATE|Max retries|Network is unreachable|Failed to establish|ConnectionError"
    r"|incomplete-download"
)
_NO_SPACE = lazy_pattern(r"No space left|Errno 28|Disk quota")
_USER_INFO = lazy_pattern(r"//[^/@\s]*@")
_ADVICE = "hint:", "note:", "[notice]"
_LINES_KEPT = 40
_LONGEST_LINE = 2000
_GRACE_SECONDS = 2.0
_LOOK_SECONDS = 0.2
"""Between two looks at how much pip has written."""


async def pip_download(
    requirement: str,
    folder: Path,
    received: Received,
    *,
    subject: Subject = BUILT_IN_MODEL,
    find: Callable[[], tuple[str, ...] | None] = find_pip,
) -> None:
    """Download with pip in a child process; raises `LocalModelError` about the subject."""
    found_in = await asyncio.to_thread(find)
    if found_in is None:
        raise _no_pip(subject)
    command = _command(requirement, folder, found_in)
    process = await child_process.start(command, stdout=PIPE, stderr=STDOUT, new_session=True)
    assert process.stdout is not None
    lines: deque[str] = deque(maxlen=_LINES_KEPT)
    watcher = asyncio.ensure_future(_watch(folder, received))
    try:
        await _read(process.stdout, lines)
        code = await process.wait()
    except BaseException:
        await _end(process)
        raise
    finally:
        watcher.cancel()
        await asyncio.wait([watcher])
    if code != 0:
        raise failure(lines, subject)
    received(await asyncio.to_thread(_largest_wheel, folder), 0)


def _command(requirement: str, folder: Path, found_in: tuple[str, ...]) -> ChildCommand:
    # Only wheels, so no code is built or run.
    options = "--no-deps --only-binary=:all: --progress-bar off --no-input --no-color --disable-pip-version-check"
    return child_process.python_command(
        "pip",
        "download",
        *options.split(),
        "-d",
        str(folder.absolute()),
        requirement,
        allowed=child_process.DOWNLOADING,
        # pip's temporary files go into the folder too, so a cancel leaves none behind.
        environment={**os.environ, "TMPDIR": str(folder.absolute())},
        flags=("-u", "-X", "utf8"),
        # Paths in the user's own settings of pip (`PIP_FIND_LINKS`) are relative to the working folder.
        folder=None,
        found_in=found_in,
    )


async def _watch(folder: Path, received: Received) -> None:
    """Tell the size of the file that pip is writing, which pip tells only from version 24.1 on; ends by a cancel."""
    known = 0
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        size = await asyncio.to_thread(_largest_wheel, folder)
        if size > known:
            known = size
            received(size, 0)


def _largest_wheel(folder: Path) -> int:
    """The size in bytes of the largest wheel in the folder and in those below, whole or not."""
    try:
        return max((file.stat().st_size for file in folder.rglob("*.whl")), default=0)
    except OSError:
        # It was moved or deleted just now.
        return 0


async def _read(stream: asyncio.StreamReader, lines: deque[str]) -> None:
    rest = ""
    while piece := await stream.read(65536):
        *whole, rest = re.split(r"[\r\n]+", rest + piece.decode("utf-8", "replace"))
        rest = rest[-_LONGEST_LINE:]
        for line in whole:
            if line.strip():
                lines.append(line[:_LONGEST_LINE])
    if rest.strip():
        lines.append(rest)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stop pip and its child processes, by force after a grace period."""
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


def failure(lines: deque[str], subject: Subject = BUILT_IN_MODEL) -> LocalModelError:
    """The error that describes pip's last lines of output."""
    text = "\n".join(lines)
    if _NO_SPACE.search(text):
        return no_space(subject)
    if "No module named pip" in text:
        return _no_pip(subject)
    if _NETWORK.search(text):
        why = "the package index cannot be reached"
        hint = f"Check the network and pip's proxy or mirror settings, then try again. {subject.without}"
    elif "No matching distribution" in text:
        # With `retries = 0` pip does not say which of the two it is.
        why = "the package index cannot be reached, or it does not have it"
        hint = f"Check the network and the index in pip's settings: it may lack this package. {subject.without}"
    else:
        # Newer versions of pip put a cross before the error and append advice.
        errors = [line for line in lines if line.startswith(("ERROR", "\u00d7 "))]
        errors = errors or [line for line in lines if line.strip() and not line.startswith(_ADVICE)]
        last = errors[-1] if errors else "it said nothing"
        why = f"pip failed ({shorten(_USER_INFO.sub('//', last), 200)})"
        hint = f"Try again. {subject.without}"
    return download_error(subject, why, hint)


def _no_pip(subject: Subject) -> LocalModelError:
    hint = f"Install it (`{sys.executable} -m ensurepip`) and try again. {subject.without}"
    return download_error(subject, "this Python has no pip", hint)


def no_space(subject: Subject, megabytes: int = 100, temporary_megabytes: int = 300) -> LocalModelError:
    """The error for a full disk: the space that the files take, and that the download takes until it is done."""
    sizes = f"It needs {megabytes} MB, and {temporary_megabytes} MB during the download."
    return download_error(subject, "the disk is full", f"{sizes} {subject.without}")


def download_error(subject: Subject, why: str, hint: str) -> LocalModelError:
    """The error for a download that failed."""
    return LocalModelError(f"{subject.name} could not be downloaded: {why}.", hint, provider="local", model=LOCAL_MODEL)
