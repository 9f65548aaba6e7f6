"""The files of a project, without those that git ignores, and a search in their paths that takes milliseconds."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import PIPE

ENTRIES = 200_000
"""So many files and folders of a project are known."""
SECONDS = 10.0
"""Time limit for listing them."""
_WORKER = "chat_tui.core.files.project_list_worker"
_STEP = 16
"""Blocks, of which a search takes a millisecond."""
_READ_BYTES = 64 * 1024


class PathBlock(msgspec.Struct, frozen=True, gc=False):
    """Some hundred paths, a line each: blocks are so small that no step of a search holds up the event loop."""

    paths: str
    lower: str
    """The paths in lower case, with a newline before each and behind the last."""
    names: str
    """Their names in lower case, in the same form."""


class ProjectFiles:
    """The files and folders below a folder, shortest paths first."""

    def __init__(self, blocks: Sequence[PathBlock], pause: Callable[[], None] = lambda: time.sleep(0)) -> None:
        """`pause` is called between two steps, to let another thread run."""
        self._blocks, self._pause = blocks, pause

    def __len__(self) -> int:
        return sum(block.paths.count("\n") + 1 for block in self._blocks)

    def paths(self) -> Iterator[str]:
        """Yield all paths; folders end with a slash."""
        for block in self._blocks:
            yield from block.paths.split("\n")
            self._pause()

    def search(self, typed: str, most: int) -> list[str]:
        """Return the best matches: names that begin with what is typed, then names and paths that contain it; if there
        are none, paths with its letters in this order. Shorter paths come first."""
        wanted = typed.casefold()
        if "\n" in wanted:
            return []
        found: dict[tuple[int, int], None] = {}
        scans = (_names_from, _names_with, _paths_with, _paths_by_letters) if wanted else (_names_from,)
        for make in scans:
            if found and make is _paths_by_letters:
                break
            scan = make(wanted)
            for number, block in enumerate(self._blocks):
                for line in scan(block):
                    found[number, line] = None
                    if len(found) >= most:
                        break
                if len(found) >= most:
                    return self._paths_at(found)
                if number % _STEP == 0:
                    self._pause()
        return self._paths_at(found)

    def _paths_at(self, places: dict[tuple[int, int], None]) -> list[str]:
        return [self._blocks[number].paths.split("\n")[line] for number, line in places]


Scan = Callable[[PathBlock], Iterator[int]]
"""Yields the numbers of the lines of a block that match."""


def _names_from(wanted: str) -> Scan:
    return lambda block: _lines_with(block.names, "\n" + wanted)


def _names_with(wanted: str) -> Scan:
    return lambda block: _lines_with(block.names, wanted)


def _paths_with(wanted: str) -> Scan:
    return lambda block: _lines_with(block.lower, wanted)


def _lines_with(text: str, wanted: str) -> Iterator[int]:
    # The newline before a line belongs to it, as the one behind the last line belongs to none.
    line, counted, end = -1, 0, len(text) - 1
    at = text.find(wanted)
    while -1 < at < end:
        line += text.count("\n", counted, at + 1)
        counted = at + 1
        yield line
        behind = text.find("\n", at + 1)
        at = text.find(wanted, behind) if behind > -1 else -1


def _paths_by_letters(wanted: str) -> Scan:
    first, rest = wanted[:1], wanted[1:]
    pattern = re.compile(re.escape(first) + "".join(f"[^{re.escape(sign)}\\n]*+{re.escape(sign)}" for sign in rest))

    def scan(block: PathBlock) -> Iterator[int]:
        for match in pattern.finditer(block.lower):
            yield block.lower.count("\n", 0, match.start()) - 1

    return scan


def blocks_of(output: bytes) -> list[PathBlock]:
    """Return the blocks that the child process has written."""
    blocks, begin, texts = [], 0, []
    while (end := output.find(b"\0", begin)) > -1:
        texts.append(output[begin:end].decode("utf-8", "replace"))
        begin = end + 1
        if len(texts) == 3:
            paths, lower, names = texts
            blocks.append(PathBlock(paths, f"\n{lower}\n", f"\n{names}\n"))
            texts = []
    return blocks


def list_project_now(folder: Path, *, entries: int = ENTRIES, seconds: float = SECONDS) -> ProjectFiles:
    """List the files of a folder, by its absolute path, in a child process. Blocks; tells nothing if that fails."""
    try:
        return ProjectFiles(
            blocks_of(child_process.run(_command(folder, entries, seconds), seconds=2 * seconds).output)
        )
    except (OSError, TimeoutError):
        return ProjectFiles(())


def _command(folder: Path, entries: int, seconds: float) -> child_process.ChildCommand:
    arguments = str(folder), str(entries), str(seconds)
    return child_process.python_command(_WORKER, *arguments, allowed=("XDG_CONFIG_HOME",))


async def list_project(folder: Path, *, entries: int = ENTRIES, seconds: float = SECONDS) -> ProjectFiles:
    """List the files of a folder, by its absolute path, in a child process. Raises OSError; a cancel ends the child."""
    process = await child_process.start(_command(folder, entries, seconds), stdout=PIPE, new_session=True)
    assert process.stdout is not None
    pieces: list[bytes] = []
    try:
        while piece := await process.stdout.read(_READ_BYTES):
            pieces.append(piece)
        await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return ProjectFiles(await asyncio.to_thread(lambda: blocks_of(b"".join(pieces))))
