"""Reads files in the folders that the config names, and nowhere else. Blocks.

Each part of a path is opened by itself below the folder before it, and no link is followed: what was checked is what is
read, even if the tree changes meanwhile.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import stat
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from chat_tui.core.attachments.attachment import PDF_LIMIT, Attachment, of_bytes
from chat_tui.core.files.hidden_names import is_hidden
from chat_tui.core.text.control_characters import clean_line

MOST_LISTED, MOST_VISITED, MOST_DEPTH = 1000, 50_000, 20
LISTING_SECONDS = 5.0
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_NAME_CHARACTERS = 300


class NotShared(Exception):
    """A path that may not be read; the text says why."""


class SharedFolders:
    """The folders of the config, with what is below them."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)

    def read(self, path: str) -> Attachment:
        """Read a text file, a PDF (as text) or an image. Raises `NotShared`, `AttachmentRefused`."""
        folder, parts = self._located(path)
        if not parts:
            raise NotShared(f"{_shown(path)} is a folder. Use list_files for it.")
        with _Opened(folder) as opened:
            opened.enter(parts[:-1])
            content = opened.read(parts[-1])
        return of_bytes(clean_line(parts[-1], _NAME_CHARACTERS), content)

    def list(self, path: str, pattern: str = "") -> str:
        """Return one line for each file and folder below a folder, or for each file, however deep, whose name fits the
        pattern. An empty path means all folders of the config. Raises `NotShared`."""
        if path.strip() in ("", ".") and (not pattern or len(self._folders) > 1):
            if not pattern:
                return "\n".join(f"{folder}/" for folder in self._folders)
            return "\n".join(self._listing(folder, [], pattern) for folder in self._folders)
        folder, parts = self._located(path)
        return self._listing(folder, parts, pattern)

    def _listing(self, folder: Path, parts: Sequence[str], pattern: str) -> str:
        lines: list[str] = []
        with _Opened(folder) as opened:
            opened.enter(parts)
            prefix = os.path.join(str(folder), *parts)
            for line in _found(opened.descriptor, pattern, time.monotonic() + LISTING_SECONDS):
                if len(lines) == MOST_LISTED:
                    lines.append(f"[there are more; these are the first {MOST_LISTED}]")
                    break
                lines.append(f"{prefix}/{line}" if pattern else line)
        return "\n".join(lines) or ("[no file fits]" if pattern else "[the folder is empty]")

    def _located(self, path: str) -> tuple[Path, Sequence[str]]:
        """Return the folder of the config and the parts of the path below it. Raises `NotShared`."""
        if "\0" in path:
            raise NotShared("This is not a valid path.")
        asked = os.path.expanduser(path.strip())
        if ".." in asked.split("/"):
            raise NotShared("A path with `..` is not read. Write it out.")
        for folder in self._folders:
            below = _below(folder, asked)
            if below is not None and (os.path.isabs(asked) or len(self._folders) == 1 or _exists(folder, below)):
                for part in below:
                    _check_name(part)
                return folder, below
        shared = ", ".join(str(folder) for folder in self._folders)
        raise NotShared(f"{_shown(path)} is not in a shared folder. Shared are: {shared}.")


class _Opened:
    """A folder that is open, below a shared one."""

    def __init__(self, folder: Path) -> None:
        try:
            # The folder itself may be a link: the user has named it.
            self.descriptor = os.open(folder, _FOLDER_FLAGS)
        except OSError as error:
            raise _not_readable(str(folder), error) from None

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def enter(self, parts: Sequence[str]) -> None:
        """Go to a folder below this one. Raises `NotShared`."""
        for part in parts:
            try:
                below = os.open(part, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=self.descriptor)
            except OSError as error:
                raise _not_readable(part, error) from None
            os.close(self.descriptor)
            self.descriptor = below

    def read(self, name: str) -> bytes:
        """Return the content of a file in this folder; a byte more than the largest limit at most."""
        try:
            with open(os.open(name, _FILE_FLAGS, dir_fd=self.descriptor), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise NotShared(f"{_shown(name)} is not a file.")
                return file.read(PDF_LIMIT + 1)
        except OSError as error:
            raise _not_readable(name, error) from None


def _found(descriptor: int, pattern: str, until: float, depth: int = 0) -> Iterator[str]:
    """Yield the files and folders in an open folder; with a pattern the files that fit, in all folders below."""
    folders: list[str] = []
    with os.scandir(descriptor) as entries:
        some = islice(entries, MOST_VISITED)
        names = sorted((entry.name, entry.is_symlink(), entry.is_dir(follow_symlinks=False)) for entry in some)
    for name, is_link, is_folder in names:
        if is_link or is_hidden(name):
            continue
        if is_folder:
            folders.append(name)
            if not pattern:
                yield f"{_shown(name)}/"
        elif not pattern or fnmatch.fnmatch(name.lower(), pattern.lower()):
            yield f"{_shown(name)}{_size_of(name, descriptor)}"
    if not pattern or depth >= MOST_DEPTH:
        return
    for name in folders:
        if time.monotonic() > until:
            yield "[not everything was searched: it takes too long]"
            return
        try:
            below = os.open(name, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=descriptor)
        except OSError:
            continue
        try:
            for line in _found(below, pattern, until, depth + 1):
                yield line if line.startswith("[") else f"{_shown(name)}/{line}"
        finally:
            os.close(below)


def _size_of(name: str, descriptor: int) -> str:
    try:
        found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except OSError:
        return ""
    return f" ({found.st_size:,} bytes)" if stat.S_ISREG(found.st_mode) else " (not a file)"


def _below(folder: Path, asked: str) -> Sequence[str] | None:
    """Return the parts of a path below a folder; None if it is not below it."""
    if not os.path.isabs(asked):
        return [part for part in asked.split("/") if part not in ("", ".")]
    for root in (str(folder), os.path.realpath(folder)):
        try:
            common = os.path.commonpath([root, os.path.normpath(asked)])
        except ValueError:
            continue
        if common == root:
            return [part for part in os.path.relpath(os.path.normpath(asked), root).split("/") if part != "."]
    return None


def _exists(folder: Path, parts: Sequence[str]) -> bool:
    return os.path.lexists(os.path.join(folder, *parts))


def _check_name(name: str) -> None:
    if is_hidden(name):
        raise NotShared(f"{_shown(name)} is not read: it is hidden, or usually holds keys.")


def _not_readable(name: str, error: OSError) -> NotShared:
    if error.errno == errno.ELOOP or (error.errno == errno.ENOTDIR and os.path.basename(name) == name):
        return NotShared(f"{_shown(name)} is not read: it is a link, or not a folder.")
    if error.errno == errno.ENOENT:
        return NotShared(f"{_shown(name)} does not exist.")
    return NotShared(f"{_shown(name)} cannot be read: {error.strerror or type(error).__name__}.")


def _shown(text: str) -> str:
    return clean_line(text, _NAME_CHARACTERS)
