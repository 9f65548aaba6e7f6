"""Finds files for `@`: below the current folder by a few letters, elsewhere folder by folder. Bounded, in a thread and
a child process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from chat_tui.tui.prompt.completion import CompletionItem
from chat_tui.tui.widgets.formatting import byte_size

if TYPE_CHECKING:
    # Only for type checking: the first paint does not need it.
    from chat_tui.core.files.project_files import ProjectFiles

MOST_FOUND = 50
ENTRIES = 5_000
"""So many entries of a folder that is typed are looked at."""
KEPT_SECONDS = 10.0
"""A list of files that is older is renewed, while it is still used."""


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
    """Finds files by what is typed of their paths. `folder` tells what relative paths are relative to, and `list_files`
    lists the files below it; it may raise OSError."""

    def __init__(
        self,
        folder: Callable[[], Path] = Path.cwd,
        clock: Callable[[], float] = time.monotonic,
        list_files: Callable[[Path], Awaitable[ProjectFiles]] | None = None,
    ) -> None:
        self._folder, self._clock = folder, clock
        self._list_files = list_files or _list_project
        self.others: Callable[[str], Sequence[CompletionItem]] = lambda mention: ()
        """What else a mention may become; listed after the files."""
        self._known: tuple[float, Path, ProjectFiles] | None = None
        self._listing: asyncio.Task[ProjectFiles] | None = None

    async def completions(self, mention: str) -> list[CompletionItem]:
        """The completions of a mention typed so far, `@` included."""
        from chat_tui.core.attachments.mentions import mention_of

        found = await self.find(mention.removeprefix("@").strip('"'))
        rows = [
            CompletionItem(mention_of(one.path, whole=False), "folder")
            if one.is_folder
            else CompletionItem(mention_of(one.path) + " ", byte_size(one.size_bytes))
            for one in found
        ]
        return [*rows, *self.others(mention)] if mention.startswith("@") else rows

    async def find(self, typed: str) -> list[FoundFile]:
        """Files and folders for what is typed so far, best first."""
        try:
            here = self._folder()
            listed = await asyncio.to_thread(_find_in_folder, here, typed)
            if listed is None:
                files = await self._project(here)
                listed = await asyncio.to_thread(lambda: _files_at(here, files.search(typed, MOST_FOUND)))
        except OSError:
            return []
        return listed

    async def _project(self, here: Path) -> ProjectFiles:
        """Return the files below a folder: those that are known, even if they are just listed anew."""
        known = self._known if self._known is not None and self._known[1] == here else None
        is_old = known is None or self._clock() - known[0] > KEPT_SECONDS
        if is_old and (self._listing is None or self._listing.done()):
            self._listing = asyncio.ensure_future(self._renew(here))
            self._listing.add_done_callback(_ignore_failure)
        if known is not None:
            return known[2]
        assert self._listing is not None
        # Another key may be typed meanwhile, which ends this wait and not the listing.
        return await asyncio.shield(self._listing)

    async def _renew(self, here: Path) -> ProjectFiles:
        files = await self._list_files(here)
        self._known = self._clock(), here, files
        return files


async def _list_project(folder: Path) -> ProjectFiles:
    from chat_tui.core.files.project_files import list_project

    return await list_project(folder)


def _ignore_failure(listing: asyncio.Task[ProjectFiles]) -> None:
    if not listing.cancelled():
        # Who waits for it handles it.
        listing.exception()


def _find_in_folder(here: Path, typed: str) -> list[FoundFile] | None:
    """Return the matches in the folder that is typed; None if none is. Raises OSError."""
    head, slash, name = typed.rpartition("/")
    if not slash:
        return [FoundFile("~/")] if typed == "~" else None
    folder = here / os.path.expanduser(head + slash)
    if not folder.is_dir():
        return None
    listed = _list_folder(folder, head + slash, hidden=name.startswith("."))
    return _best(name, listed, from_column=len(head + slash))


def _list_folder(folder: Path, before: str, hidden: bool) -> list[FoundFile]:
    found: list[FoundFile] = []
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            if count >= ENTRIES:
                break
            if hidden or not entry.name.startswith("."):
                found += _files_of_entry(entry, before + entry.name)
    return found


def _files_of_entry(entry: os.DirEntry[str], path: str) -> list[FoundFile]:
    from chat_tui.core.files.path_text import can_be_written

    if not can_be_written(path):
        return []
    try:
        if entry.is_dir():
            return [FoundFile(path + "/")]
        return [FoundFile(path, entry.stat().st_size)] if entry.is_file() else []
    except OSError:
        return []


def _files_at(here: Path, paths: Sequence[str]) -> list[FoundFile]:
    """Return these files with their sizes, without those that are gone."""
    found = []
    for path in paths:
        try:
            found.append(FoundFile(path, 0 if path.endswith("/") else (here / path).stat().st_size))
        except OSError:
            continue
    return found


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
