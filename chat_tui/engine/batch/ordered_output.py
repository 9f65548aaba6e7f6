"""The results in the order of their prompts: appended to a file, from which a run that was killed goes on.

What has come before its turn waits in a shelf, which is a file beside it. Where failed ones are asked again, what comes
of that waits there too, until it takes their place, all at once.
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
from chat_tui.core.files.private_files import open_private
from chat_tui.engine.batch import results
from chat_tui.engine.batch.results import EarlierResult
from chat_tui.engine.batch.spill_file import SpillFile, write


class OrderedOutput:
    """Blocking, for threads; raises `OSError` where nothing can be written. Made by `to_file` or `to_pipe`."""

    def __init__(self, fd: int, path: Path | None, shelf: SpillFile) -> None:
        self._fd, self._path, self._shelf = fd, path, shelf
        self._lock = Lock()
        self.next = 0
        """The index whose line is written next: so many lines there are."""

    @classmethod
    def to_pipe(cls, fd: int) -> OrderedOutput:
        """Lines to a pipe or a terminal: there is nothing to go on from."""
        return cls(os.dup(fd), None, SpillFile(None))

    @classmethod
    def to_file(cls, path: Path) -> OrderedOutput:
        """Lines to this file, behind those that are there. Raises `CommandError` where it holds something else."""
        # A link is followed: whoever names one as the file of the results means what it points to.
        path = path.expanduser().resolve()
        try:
            if path.exists() and not path.is_file():
                return cls(_pipe(path), None, SpillFile(None))
            was_there = path.exists()
            ledger = cls(_opened(path), path, SpillFile(path.with_name(path.name + ".journal")))
            try:
                ledger._take_up(was_there=was_there)
            except BaseException:
                ledger.close()
                if not was_there:
                    path.unlink(missing_ok=True)
                raise
        except OSError as error:
            told = f"{path} cannot be written: {error.strerror}."
            raise CommandError(told, "Choose another file with --out.") from None
        return ledger

    @property
    def path(self) -> Path | None:
        """The file; None for a pipe."""
        return self._path

    def earlier(self) -> Iterator[EarlierResult]:
        """What the file says, line by line, as many as there are now."""
        for _, earlier in self._lines(self.next):
            yield earlier

    def waiting(self, index: int) -> EarlierResult | None:
        """What waits for its turn at this index."""
        with self._lock:
            return results.read(self._shelf.get(index)) if index in self._shelf else None

    def put(self, index: int, line: bytes) -> None:
        """Write a line when its turn has come, and those that have waited for it."""
        with self._lock:
            if index == self.next:
                self._append(line)
                self._catch_up()
            else:
                self._shelf.put(index, line)

    def merge(self) -> None:
        """Put what was asked again in its place: the file is old or new, never half."""
        with self._lock:
            places = [earlier.index for _, earlier in self._lines(self.next) if earlier.index in self._shelf]
            if not places or self._path is None:
                return
            mode = stat.S_IMODE(os.fstat(self._fd).st_mode)
            with writing.new_file(self._path, replace=True, mode=mode) as file:
                for line, earlier in self._lines(self.next):
                    file.write(self._shelf.get(earlier.index) if earlier.index in self._shelf else line)
            os.close(self._fd)
            self._fd = _opened(self._path)
            for index in places:
                self._shelf.drop(index)

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            os.close(self._fd)
            self._shelf.close()

    def _take_up(self, *, was_there: bool) -> None:
        """Count the lines that are there, mend a torn one, and write what had its turn meanwhile."""
        assert self._path is not None
        if not self._shelf.load():
            raise self._foreign(f"{self._path.name}.journal was not written by batch.")
        if not was_there:
            # What it waits for is there no more.
            self._shelf.discard()
        size, again = 0, False
        for line, earlier in self._lines(None):
            if earlier.index != self.next:
                raise self._foreign(f"Line {self.next + 1} of {self._path.name} is not result {self.next}.")
            self.next += 1
            size += len(line)
            if earlier.index in self._shelf:
                if earlier.failed:
                    again = True
                else:
                    self._shelf.drop(earlier.index)
        os.ftruncate(self._fd, size)
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            write(self._fd, b"\n")
        if again:
            self.merge()
        self._catch_up()

    def _lines(self, most: int | None) -> Iterator[tuple[bytes, EarlierResult]]:
        """The file's lines; without a number all up to a torn one. Raises `CommandError` for what is no result."""
        assert self._path is not None
        with self._path.open("rb") as file:
            for number, line in enumerate(file):
                if number == most:
                    return
                earlier = results.read(line)
                if earlier is None:
                    if line.endswith(b"\n") or not results.may_begin(line):
                        raise self._foreign(f"Line {number + 1} of {self._path.name} is not a batch result.")
                    return
                yield line, earlier

    def _foreign(self, told: str) -> CommandError:
        return CommandError(told, "Choose another file with --out; nothing in this one was changed.")

    def _catch_up(self) -> None:
        while self.next in self._shelf:
            index = self.next
            self._append(self._shelf.get(index))
            self._shelf.drop(index)

    def _append(self, line: bytes) -> None:
        write(self._fd, line)
        self.next += 1


def _opened(path: Path) -> int:
    """The file for this process alone. Raises `CommandError` where another has it."""
    fd = open_private(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    if not try_lock(fd):
        os.close(fd)
        raise CommandError(
            f"Another batch is writing to {path}.", "Wait until it ends, or choose another file with --out."
        )
    return fd


def _pipe(path: Path) -> int:
    """A named pipe or a device to write to. Raises `CommandError` for a pipe that nobody reads: it would never open."""
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
