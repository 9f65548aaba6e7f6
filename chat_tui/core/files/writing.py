"""Writes all of the program's files; no other module does (`tests/core/test_files_written.py`).

A file appears under its name only when it is complete: it is written under a unique temporary name in the same folder,
readable by its owner only, flushed to disk, and renamed. An error, a full disk or a cancel leaves nothing behind; what
a killed process left is removed by the next one that writes to the folder. Links are never followed: an existing one is
refused, or replaced itself.

All functions block and raise `OSError`; `FileExistsError` if the file exists and `replace` is false.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from chat_tui.core.files.file_lock import try_lock, wait_for_lock
from chat_tui.core.files.private_files import PRIVATE, SAFE_FLAGS, open_private

_PART = re.compile(r"\.chat-tui-[0-9a-f]{16}\.part")
"""The name of a file that is being written."""


@contextmanager
def new_file(file: Path, *, replace: bool = False, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """A file to write to, which gets its name when the block ends without an error."""
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


@contextmanager
def resumable_file(part: Path, file: Path) -> Iterator[BinaryIO]:
    """A file that is written in several runs: `part`, at its end, which becomes `file` when the block ends without an
    error, and else stays for the next run. Raises `OSError`; `EBUSY` while another process writes it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(open_private(part, os.O_RDWR | os.O_CREAT), "r+b") as opened:
        if not try_lock(opened.fileno()):
            raise OSError(errno.EBUSY, "another process is writing it", str(file))
        opened.seek(0, os.SEEK_END)
        yield opened
        opened.flush()
        os.fsync(opened.fileno())
        move(part, file, replace=True)


def _part_beside(file: Path) -> tuple[Path, int]:
    """A new file to write into, locked while it is open: the lock ends with its process, however that ends."""
    while True:
        part = file.with_name(f".chat-tui-{os.urandom(8).hex()}.part")
        handle = open_private(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        # Some file systems know no locks: then nothing is taken for abandoned.
        with suppress(OSError):
            wait_for_lock(handle)
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
            handle = os.open(part, os.O_RDONLY | SAFE_FLAGS | os.O_NONBLOCK)
            try:
                if try_lock(handle):
                    part.unlink()
            finally:
                os.close(handle)


def write(file: Path, content: bytes | str, *, replace: bool = False) -> None:
    """Write a whole file; text is encoded as UTF-8, with lone surrogates replaced by question marks."""
    with new_file(file, replace=replace) as opened:
        opened.write(content.encode("utf-8", "replace") if isinstance(content, str) else content)


def write_state(file: Path, content: bytes) -> None:
    """Write or replace a file of the program's own state, and create its folder if needed."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write(file, content, replace=True)


def move(finished: Path, file: Path, *, replace: bool = False) -> None:
    """Rename a finished file, on the same file system. A link under the new name is replaced, not followed."""
    if replace:
        os.replace(finished, file)
    else:
        _move_where_nothing_is(finished, file)
    with suppress(OSError):
        force_to_disk(file.parent)


def _move_where_nothing_is(finished: Path, file: Path) -> None:
    try:
        # Unlike a rename, this never replaces a file.
        os.link(finished, file, follow_symlinks=False)
    except FileExistsError:
        raise _in_the_way(file) from None
    except (OSError, NotImplementedError):
        # Some file systems (USB sticks, network shares) have no hard links: reserve the name first.
        os.close(open_private(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        try:
            os.replace(finished, file)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
    else:
        finished.unlink()


def open_log(file: Path, *, most_bytes: int | None = None) -> BinaryIO:
    """A regular file that is appended to, without a buffer; its folder is created if needed.

    It is accessible to its owner only, also if it existed before. If it is larger than `most_bytes`, it is emptied.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = open_private(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(file))
        os.fchmod(handle, PRIVATE)
        if most_bytes is not None and status.st_size > most_bytes:
            os.truncate(handle, 0)
        return open(handle, "ab", buffering=0)
    except BaseException:
        os.close(handle)
        raise


def force_to_disk(path: Path) -> None:
    """Flush a file's content, or a folder's entries, to disk. Raises `OSError`."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _in_the_way(file: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(file))
