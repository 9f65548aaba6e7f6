"""Finds files for `@`: below the current folder by a few letters, elsewhere folder by folder. Bounded, in a thread."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from chat_tui.tui.prompt.completion import CompletionItem
from chat_tui.tui.widgets.formatting import byte_size

MOST_FOUND = 50
ENTRIES = 5_000
"""So many files and folders are looked at, those nearest to the current folder first."""
SECONDS = 0.3
KEPT_SECONDS = 10.0
"""For so long a look at the current folder is good."""
_SKIPPED = {"node_modules", "__pycache__", "target", "dist", "build", "venv", "site-packages"}


class FoundFile(Struct, frozen=True):
    """A file or a folder."""

    path: str
    """As it is to be written; a folder ends with a slash."""
    size_bytes: int = 0

    @property
    def is_folder(self) -> bool:
        """Whether the path is a folder, which can be completed further."""
        return self.path.endswith("/")


class FileFinder:
    """Finds files by what is typed of their paths. `folder` tells what relative paths are relative to."""

    def __init__(
        self, folder: Callable[[], Path] = Path.cwd, clock: Callable[[], float] = time.monotonic, entries: int = ENTRIES
    ) -> None:
        self._folder, self._clock, self._entries = folder, clock, entries
        self._seen: tuple[float, Path, Sequence[FoundFile]] | None = None

    async def completions(self, mention: str) -> list[CompletionItem]:
        """The completions of a mention typed so far, `@` included."""
        from chat_tui.tui.prompt.mentions import mention_of

        found = await self.find(mention.removeprefix("@").strip('"'))
        return [
            CompletionItem(mention_of(one.path, whole=False), "folder")
            if one.is_folder
            else CompletionItem(mention_of(one.path) + " ", byte_size(one.size_bytes))
            for one in found
        ]

    async def find(self, typed: str) -> list[FoundFile]:
        """Files and folders for what is typed so far, best first."""
        return await asyncio.to_thread(self._find, typed)

    def _find(self, typed: str) -> list[FoundFile]:
        try:
            here = self._folder()
            head, slash, name = typed.rpartition("/")
            if slash:
                folder = here / os.path.expanduser(head + slash)
                if folder.is_dir():
                    listed = self._list_folder(folder, head + slash, hidden=name.startswith("."))
                    return _best(name, listed, from_column=len(head + slash))
            elif typed == "~":
                return [FoundFile("~/")]
            return _best(typed, self._below(here))
        except OSError:
            return []

    def _list_folder(self, folder: Path, before: str, hidden: bool) -> list[FoundFile]:
        found: list[FoundFile] = []
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if count >= self._entries:
                    break
                if hidden or not entry.name.startswith("."):
                    found += _files_of_entry(entry, before + entry.name, follow=True)
        return found

    def _below(self, here: Path) -> Sequence[FoundFile]:
        now = self._clock()
        if self._seen is None or self._seen[1] != here or now - self._seen[0] > KEPT_SECONDS:
            self._seen = (now, here, list(self._walk_folder(here)))
        return self._seen[2]

    def _walk_folder(self, here: Path) -> Iterator[FoundFile]:
        """Level by level, so that what is near is seen where there is much."""
        waiting, left, until = deque([""]), self._entries, self._clock() + SECONDS
        while waiting:
            before = waiting.popleft()
            try:
                entries = os.scandir(here / before)
            except OSError:
                continue
            with entries:
                for entry in entries:
                    left -= 1
                    if left < 0 or self._clock() > until:
                        return
                    if entry.name.startswith(".") or entry.name in _SKIPPED:
                        continue
                    for found in _files_of_entry(entry, before + entry.name, follow=False):
                        yield found
                        if found.is_folder:
                            waiting.append(found.path)


def _files_of_entry(entry: os.DirEntry[str], path: str, follow: bool) -> list[FoundFile]:
    from chat_tui.tui.prompt.mentions import can_be_written

    if not can_be_written(path):
        return []
    try:
        if entry.is_dir(follow_symlinks=follow):
            return [FoundFile(path + "/")]
        return [FoundFile(path, entry.stat().st_size)] if entry.is_file() else []
    except OSError:
        return []


def _best(typed: str, among: Sequence[FoundFile], from_column: int = 0) -> list[FoundFile]:
    """The best matches, compared by their paths from this column on."""
    ranks = ((_rank(typed, found.path[from_column:]), found) for found in among)
    ranked = sorted((rank, len(found.path), found.path, found) for rank, found in ranks if rank >= 0)
    return [found for *_, found in ranked[:MOST_FOUND]]


def _rank(typed: str, path: str) -> int:
    """How well a path fits, 0 best; -1: not at all."""
    wanted, path = typed.casefold(), path.rstrip("/").casefold()
    name = path.rpartition("/")[2]
    if name.startswith(wanted):
        return 0
    if wanted in name:
        return 1
    if wanted in path:
        return 2
    letters = iter(path)
    return 3 if all(letter in letters for letter in wanted) else -1
