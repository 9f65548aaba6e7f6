"""Writes results in the order of their prompts to a file, from which a run that was killed continues.

A result that comes before its turn waits in a spill file beside it. Results of repeated prompts wait there, too, until
they replace the failed ones, all at once.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from chat_tui.core.errors import CommandError
from chat_tui.core.files import writing
from chat_tui.core.files.file_lock import try_lock
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.files.private_files import open_private
from chat_tui.engine.batch import results
from chat_tui.engine.batch.results import EarlierResult
from chat_tui.engine.batch.spill_file import SpillFile, write


class OrderedOutput:
    """Writes lines by index. Made by `to_file` or `to_pipe`; blocks, so it is for threads. Raises `OSError`."""

    def __init__(self, fd: int, path: Path | None, spill: SpillFile) -> None:
        self._fd, self._path, self._spill = fd, path, spill
        self._lock = Lock()
        self.next = 0
        """The index of the line that is written next, which is the number of lines."""

    @classmethod
    def to_pipe(cls, fd: int) -> OrderedOutput:
        """Write to a pipe or a terminal, which has no earlier results."""
        return cls(os.dup(fd), None, SpillFile(None))

    @classmethod
    def to_file(cls, path: Path) -> OrderedOutput:
        """Append to the results in this file. Raises `CommandError` if it holds other data, or cannot be written."""
        # A link is followed: the user means the file that it points to.
        path = expand_home(path).resolve()
        try:
            if path.exists() and not path.is_file():
                return cls(_open_pipe(path), None, SpillFile(None))
            was_there = path.exists()
            output = cls(_open_exclusively(path), path, SpillFile(path.with_name(path.name + ".journal")))
            try:
                output._load(was_there=was_there)
            except BaseException:
                output.close()
                if not was_there:
                    path.unlink(missing_ok=True)
                raise
        except OSError as error:
            title = f"{path} cannot be written: {error.strerror}."
            raise CommandError(title, "Choose another file with --out.") from None
        return output

    @property
    def path(self) -> Path | None:
        """The path of the file; None for a pipe."""
        return self._path

    def earlier(self) -> Iterator[EarlierResult]:
        """The results that the file has now."""
        for _, earlier in self._lines(self.next):
            yield earlier

    def waiting(self, index: int) -> EarlierResult | None:
        """The result that waits for its turn at this index; None if there is none."""
        with self._lock:
            return results.parse(self._spill.get(index)) if index in self._spill else None

    def put(self, index: int, line: bytes) -> None:
        """Write a line if it is its turn, and those that have waited for it; otherwise let it wait."""
        with self._lock:
            if index == self.next:
                self._append(line)
                self._catch_up()
            else:
                self._spill.put(index, line)

    def merge(self) -> None:
        """Replace failed results by those of repeated prompts, all at once."""
        with self._lock:
            places = [earlier.index for _, earlier in self._lines(self.next) if earlier.index in self._spill]
            if not places or self._path is None:
                return
            mode = stat.S_IMODE(os.fstat(self._fd).st_mode)
            with writing.new_file(self._path, replace=True, mode=mode) as file:
                for line, earlier in self._lines(self.next):
                    file.write(self._spill.get(earlier.index) if earlier.index in self._spill else line)
            os.close(self._fd)
            self._fd = _open_exclusively(self._path)
            for index in places:
                self._spill.drop(index)

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            os.close(self._fd)
            self._spill.close()

    def _load(self, *, was_there: bool) -> None:
        """Count the lines, remove an incomplete one, and write the waiting lines whose turn it is."""
        assert self._path is not None
        if not self._spill.load():
            raise self._not_ours(f"{self._path.name}.journal was not written by batch.")
        if not was_there:
            # The results that its lines belong to are gone.
            self._spill.discard()
        size, again = 0, False
        for line, earlier in self._lines(None):
            if earlier.index != self.next:
                raise self._not_ours(f"Line {self.next + 1} of {self._path.name} is not result {self.next}.")
            self.next += 1
            size += len(line)
            if earlier.index in self._spill:
                if earlier.failed:
                    again = True
                else:
                    self._spill.drop(earlier.index)
        os.ftruncate(self._fd, size)
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            write(self._fd, b"\n")
        if again:
            self.merge()
        self._catch_up()

    def _lines(self, most: int | None) -> Iterator[tuple[bytes, EarlierResult]]:
        """At most this many lines of the file, up to an incomplete one. Raises `CommandError` for other data."""
        assert self._path is not None
        with self._path.open("rb") as file:
            for number, line in enumerate(file):
                if number == most:
                    return
                earlier = results.parse(line)
                if earlier is None:
                    if line.endswith(b"\n") or not results.may_begin(line):
                        raise self._not_ours(f"Line {number + 1} of {self._path.name} is not a batch result.")
                    return
                yield line, earlier

    def _not_ours(self, title: str) -> CommandError:
        return CommandError(title, "Choose another file with --out; nothing in this one was changed.")

    def _catch_up(self) -> None:
        while self.next in self._spill:
            index = self.next
            self._append(self._spill.get(index))
            self._spill.drop(index)

    def _append(self, line: bytes) -> None:
        write(self._fd, line)
        self.next += 1


def _open_exclusively(path: Path) -> int:
    """Open the file for this process only. Raises `CommandError` if another process has it open."""
    fd = open_private(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    if not try_lock(fd):
        os.close(fd)
        raise CommandError(
            f"Another batch is writing to {path}.", "Wait until it ends, or choose another file with --out."
        )
    return fd


def _open_pipe(path: Path) -> int:
    """Open a named pipe or a device. Raises `CommandError` for a pipe without a reader, which would never open."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise CommandError(
            f"{path} is a pipe without a reader.", "Start its reader first, or name a file with --out."
        ) from None
    os.set_blocking(fd, True)
    return fd
