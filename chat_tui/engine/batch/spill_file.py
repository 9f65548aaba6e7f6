"""Keeps waiting lines in a file, and only their positions in memory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from chat_tui.core.files.private_files import open_private
from chat_tui.engine.batch import results


class SpillFile:
    """Lines by index, in this file, or in a temporary one without a path. Blocks, and raises `OSError`.

    The file is created for the first line. `load` reads what an earlier run has left.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._fd: int | None = None
        self._places: dict[int, tuple[int, int]] = {}
        """Offset and size in bytes, by index."""
        self._end = 0

    def __contains__(self, index: int) -> bool:
        return index in self._places

    def __len__(self) -> int:
        return len(self._places)

    def put(self, index: int, line: bytes) -> None:
        """Store a line."""
        write(self._descriptor(), line)
        self._places[index] = (self._end, len(line))
        self._end += len(line)

    def get(self, index: int) -> bytes:
        """The line with this index, which must be stored."""
        offset, size = self._places[index]
        return os.pread(self._descriptor(), size, offset)

    def drop(self, index: int) -> None:
        """Remove a line; the file is truncated after the last one."""
        del self._places[index]
        if not self._places:
            self._truncate(0)

    def load(self) -> bool:
        """Read what an earlier run has left, without an incomplete last line; False if it is not a spill file."""
        if self._path is None or not os.path.lexists(self._path):
            return True
        if self._path.is_symlink() or not self._path.is_file():
            return False
        offset = 0
        with self._path.open("rb") as file:
            for line in file:
                earlier = results.parse(line) if line.endswith(b"\n") else None
                if earlier is None:
                    if line.endswith(b"\n") or not results.may_begin(line):
                        return False
                    break
                self._places[earlier.index] = (offset, len(line))
                offset += len(line)
        self._descriptor()
        self._truncate(offset)
        return True

    def close(self) -> None:
        """Close the file; an empty one is removed."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            if self._path is not None and not self._places:
                self._path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove what an earlier run has left."""
        self._places.clear()
        self.close()

    def _descriptor(self) -> int:
        if self._fd is None:
            if self._path is None:
                with tempfile.TemporaryFile() as file:
                    self._fd = os.dup(file.fileno())
            else:
                self._fd = open_private(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        return self._fd

    def _truncate(self, size: int) -> None:
        fd = self._descriptor()
        os.ftruncate(fd, size)
        os.lseek(fd, size, os.SEEK_SET)
        self._end = size


def write(fd: int, data: bytes) -> None:
    """Write all bytes, also if the system takes only a part at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
