"""Lists the files below a folder without those that git ignores, in a process of its own: that takes a second for
100,000 files.

Run as `python -m chat_tui.core.files.project_list_worker FOLDER ENTRIES SECONDS`. Writes the paths, relative to FOLDER
and shortest first, folders with a slash at their end, in blocks of `BLOCK` lines. Of each block it writes three texts,
each followed by a NUL: the paths, the paths in lower case, and the names in lower case.

Where git is installed and knows the folder, it lists the files. Otherwise the folder is walked, level by level, and
`.gitignore` counts if the package `pathspec` is installed.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from chat_tui.core.files.path_text import can_be_written
from chat_tui.core.processes import child_process

BLOCK = 500
_SKIPPED = frozenset(("node_modules", "__pycache__", "target", "dist", "build", "venv", "site-packages"))
"""Folders that are left out where git does not say what to ignore."""
_IGNORE_BYTES = 1_000_000

Ignores = Callable[[str], bool]


def list_files(folder: str, entries: int, seconds: float) -> list[str]:
    """Return at most so many files and folders below a folder, found within so many seconds, shortest paths first."""
    until = time.monotonic() + seconds
    found = _git_files(folder, seconds)
    paths = _with_folders(found, entries) if found is not None else _walk(folder, entries, until)
    return sorted(filter(can_be_written, paths), key=lambda path: (len(path), path))


def _git_files(folder: str, seconds: float) -> Iterator[str] | None:
    """Yield the files that git tracks or would track; None if it cannot tell."""
    arguments = ["git", "-c", "core.fsmonitor=false", "-C", folder]  # A repository must not name programs to run.
    arguments += ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "-z"]
    try:
        command = child_process.program_command(arguments, os.environ, allowed=("XDG_CONFIG_HOME",))
        listed = child_process.run(command, seconds=seconds)
    except (OSError, TimeoutError):
        return None
    if listed.code or not listed.output:
        # For example, the folder itself is ignored.
        return None
    return (raw.decode("utf-8", "replace") for raw in listed.output.split(b"\0") if raw)


def _with_folders(files: Iterable[str], entries: int) -> Iterator[str]:
    known = {""}
    for path in files:
        if path.startswith(".") or "/." in path or "\ufffd" in path:
            continue
        folder = path.rpartition("/")[0]
        fresh = []
        while folder not in known:
            known.add(folder)
            fresh.append(f"{folder}/")
            folder = folder.rpartition("/")[0]
        for one in (*fresh, path):
            if not entries:
                return
            entries -= 1
            yield one


def _walk(folder: str, entries: int, until: float) -> Iterator[str]:
    """Yield files and folders level by level, so that what is near is found where there is much."""
    waiting: deque[tuple[str, Sequence[Ignores]]] = deque([("", ())])
    while waiting:
        before, above = waiting.popleft()
        try:
            found = sorted(os.scandir(os.path.join(folder, before)), key=lambda entry: entry.name)
        except OSError:
            continue
        ignores = [*above, *_ignores_of(folder, before)]
        for entry in found:
            entries -= 1
            if entries < 0 or time.monotonic() > until:
                return
            if entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            is_folder = _is_folder(entry)
            path = before + entry.name + ("/" if is_folder else "")
            if any(ignore(path) for ignore in ignores):
                continue
            if is_folder:
                waiting.append((path, ignores))
                yield path
            elif entry.is_file():
                yield path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _ignores_of(folder: str, before: str) -> list[Ignores]:
    """Return what the `.gitignore` of a folder says, if there is one."""
    try:
        with open(os.path.join(folder, before, ".gitignore"), encoding="utf-8", errors="replace") as file:
            lines = file.read(_IGNORE_BYTES).splitlines()
        from pathspec import GitIgnoreSpec
    except (OSError, ImportError):
        return []
    try:
        spec = GitIgnoreSpec.from_lines(lines)
    except ValueError:
        return []
    return [lambda path: spec.match_file(path[len(before) :])]


def main(arguments: Sequence[str]) -> int:
    """List the files, and write them."""
    folder, entries, seconds = arguments
    paths = list_files(folder, int(entries), float(seconds))
    for begin in range(0, len(paths), BLOCK):
        block = paths[begin : begin + BLOCK]
        lower = [path.casefold() for path in block]
        names = [path.rstrip("/").rpartition("/")[2] for path in lower]
        for lines in (block, lower, names):
            sys.stdout.buffer.write("\n".join(lines).encode("utf-8", "replace") + b"\0")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
