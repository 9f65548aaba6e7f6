"""Writes every file that this program writes; no other module does (`tests/test_files_written.py`).

A file appears under its name when it is whole, and not before: it is written under a name of its own beside its place,
which nobody else has, readable by its owner only; forced to disk; and renamed. Whatever ends the writing, an error, a
full disk or a cancel, leaves nothing behind; what a killed process has left is removed by the next one that writes into
the same folder. A link is never written through: one that is in the way is refused, or replaced itself.

All functions block, and raise `OSError`; `FileExistsError` where something is there that is not to be replaced.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
"""The mode of what is written: its owner reads and writes it."""
_PART = re.compile(r"\.chat-tui-[0-9a-f]{16}\.part")
"""The name of a file that is being written."""
_FLAGS = os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def new_file(file: Path, *, replace: bool = False, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """The file to write into, in place once the block has ended well."""
    if not replace and os.path.lexists(file):
        raise _in_the_way(file)
    _remove_abandoned(file.parent)
    part, handle = _part_beside(file)
    try:
        with open(handle, "wb") as opened:
            yield opened
            opened.flush()
            if mode != PRIVATE:
                os.fchmod(handle, mode)
            os.fsync(handle)
            # Closing the file gives up its lock: it has its name by then.
            move(part, file, replace=replace)
    finally:
        part.unlink(missing_ok=True)


def _part_beside(file: Path) -> tuple[Path, int]:
    """A new file to write into, locked while it is open: the lock ends with its process, however that ends."""
    while True:
        part = file.with_name(f".chat-tui-{os.urandom(8).hex()}.part")
        handle = open_private(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        # Some file systems know no locks: then nothing is taken for abandoned.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return part, handle
        # Another process has taken it for abandoned before it was locked.
        os.close(handle)


def _remove_abandoned(folder: Path) -> None:
    """Remove what processes that were killed have left half-written here."""
    try:
        with os.scandir(folder) as entries:
            parts = [Path(entry.path) for entry in entries if _PART.fullmatch(entry.name)]
    except OSError:
        return
    for part in parts:
        with suppress(OSError):
            handle = os.open(part, os.O_RDONLY | _FLAGS | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()
            finally:
                os.close(handle)


def write(file: Path, content: bytes | str, *, replace: bool = False) -> None:
    """Write a whole file; a text becomes UTF-8, and halves of characters question marks."""
    with new_file(file, replace=replace) as opened:
        opened.write(content.encode("utf-8", "replace") if isinstance(content, str) else content)


def write_state(file: Path, content: bytes) -> None:
    """Write a file of this program's own, in place of the one before; its folder is made where it is missing."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write(file, content, replace=True)


def move(finished: Path, file: Path, *, replace: bool = False) -> None:
    """Give a finished file its name, on the same file system. A link under that name is replaced, not followed."""
    if replace:
        os.replace(finished, file)
    else:
        _move_where_nothing_is(finished, file)
    with suppress(OSError):
        force_to_disk(file.parent)


def _move_where_nothing_is(finished: Path, file: Path) -> None:
    try:
        # Unlike renaming, this takes no file's place.
        os.link(finished, file, follow_symlinks=False)
    except FileExistsError:
        raise _in_the_way(file) from None
    except (OSError, NotImplementedError):
        # Some file systems, of sticks and shares, have no links: the name is reserved first.
        os.close(open_private(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        try:
            os.replace(finished, file)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
    else:
        finished.unlink()


def open_private(file: Path, flags: int) -> int:
    """A descriptor of a file that stays open, such as a journal or a lock; a new one is its owner's only.

    A link in its place is refused.
    """
    return os.open(file, flags | _FLAGS, PRIVATE)


def force_to_disk(path: Path) -> None:
    """Wait until the disk has a file's content, or a folder's names. Raises `OSError`."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _in_the_way(file: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(file))
