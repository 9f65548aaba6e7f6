"""Lines that wait, kept in a file; memory holds only where they are."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from chat_tui.core.files.private_files import open_private
from chat_tui.engine.batch import results


class SpillFile:
    """Lines by their index, in this file, or in one without a name. Blocking; raises `OSError`.

    The file is made when the first line comes. What it holds from a run before is there again after `load`.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._fd: int | None = None
        self._places: dict[int, tuple[int, int]] = {}
        """Offset and bytes."""
        self._end = 0

    def __contains__(self, index: int) -> bool:
        return index in self._places

    def __len__(self) -> int:
        return len(self._places)

    def put(self, index: int, line: bytes) -> None:
        """Keep a line."""
        write(self._opened(), line)
        self._places[index] = (self._end, len(line))
        self._end += len(line)

    def get(self, index: int) -> bytes:
        """A line that is there."""
        offset, size = self._places[index]
        return os.pread(self._opened(), size, offset)

    def drop(self, index: int) -> None:
        """Forget a line; the file is emptied with the last."""
        del self._places[index]
        if not self._places:
            self._cut(0)

    def load(self) -> bool:
        """Take up what a run before has left, a torn last line aside; False where the file is not a shelf's."""
        if self._path is None or not os.path.lexists(self._path):
            return True
        if self._path.is_symlink() or not self._path.is_file():
            return False
        offset = 0
        with self._path.open("rb") as file:
            for line in file:
                earlier = results.read(line) if line.endswith(b"\n") else None
                if earlier is None:
                    if line.endswith(b"\n") or not results.may_begin(line):
                        return False
                    break
                self._places[earlier.index] = (offset, len(line))
                offset += len(line)
        self._opened()
        self._cut(offset)
        return True

    def close(self) -> None:
        """Let go of the file; an empty one is removed."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            if self._path is not None and not self._places:
                self._path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove what a run before has left, which belongs to results that are there no more."""
        self._places.clear()
        self.close()

    def _opened(self) -> int:
        if self._fd is None:
            if self._path is None:
                with tempfile.TemporaryFile() as file:
                    self._fd = os.dup(file.fileno())
            else:
                self._fd = open_private(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        return self._fd

    def _cut(self, size: int) -> None:
        fd = self._opened()
        os.ftruncate(fd, size)
        os.lseek(fd, size, os.SEEK_SET)
        self._end = size


def write(fd: int, data: bytes) -> None:
    """Write all of it, which the system may take in pieces."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
