"""Opens files named by the user or the config. Only regular files: a pipe, a socket or a device could block forever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_DEVICES = (errno.ENXIO, errno.ENODEV)
"""The errors for a socket, or for a missing device."""


class NotRegularError(OSError):
    """The path is not a regular file."""


class TooLargeError(OSError):
    """The file is larger than the limit."""


def open_regular(file: Path) -> BinaryIO:
    """Open a regular file for reading bytes; never waits. Raises `OSError`, including `NotRegularError`."""
    try:
        _check(file, os.stat(file))
        opened = open(file, "rb", opener=_open_at_once)  # noqa: SIM115 - the caller closes it
    except IsADirectoryError:
        raise _not_regular(file, "it is a folder") from None
    except ValueError:
        raise _not_regular(file, "this is not a valid file name") from None
    except OSError as error:
        if error.errno in _DEVICES:
            raise _not_regular(file) from None
        raise
    try:
        # It may have been replaced since the first check.
        _check(file, os.fstat(opened.fileno()))
    except OSError:
        opened.close()
        raise
    return opened


def read_regular(file: Path, most_bytes: int) -> bytes:
    """The content of the file. Raises `OSError`, including `NotRegularError` and `TooLargeError`."""
    with open_regular(file) as opened:
        content = opened.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise TooLargeError(errno.EFBIG, f"it is larger than {most_bytes:,} bytes", str(file))
    return content


def _open_at_once(path: str, flags: int) -> int:
    # Opening a pipe must not wait for a writer, and a terminal must not become the controlling one.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _check(file: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise _not_regular(file, "it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise _not_regular(file)


def _not_regular(file: Path, why: str = "it is not a regular file") -> NotRegularError:
    return NotRegularError(errno.EINVAL, why, str(file))
