"""The pages of a SQLite file as of its newest commit: the file, overlaid with the committed frames of its log.

Everything that can be verified is: the page size in the header, the salts and checksums of the log.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from chat_tui.history.recovery.cells import LEAF, cell_end, cell_offsets

HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_PAGE_SIZES = (4096, 1024, 2048, 8192, 16384, 32768, 65536, 512)
"""Most likely first."""
_USUAL_PAGE_SIZE = 4096
_SAMPLES = 400
"""Pages sampled to guess the page size."""
_MOST_SCHEMAS = 1000
"""A higher schema number is taken as damage."""

_LOG_HEADER = struct.Struct(">8I")
_FRAME_HEADER = struct.Struct(">6I")
_LOG_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
"""The log's magic numbers, with the byte order of its checksums."""
_WORD = 0xFFFFFFFF


class LogFrame(NamedTuple):
    """A page in the log."""

    page: int
    offset: int
    """The offset of its content in the log."""


class DatabaseFile:
    """A damaged file and its log, open for reading. All methods raise `OSError`."""

    def __init__(self, file: Path) -> None:
        self._handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        self._log: int | None = None
        try:
            self._size = os.fstat(self._handle).st_size
            self._header = os.pread(self._handle, HEADER_BYTES, 0)
            self._open_log(file.with_name(f"{file.name}-wal"))
            self.page_size = self._page_size()
            self.usable_bytes = self._usable_bytes()
            self._frames: dict[int, int] = {}
            self.stray_frames: list[LogFrame] = []
            """Frames behind the last complete commit: newer, but possibly never committed."""
            pages = self._read_log() if self._log is not None else 0
            self.page_count = max(-(-self._size // self.page_size), pages)
            if 1 in self._frames:
                self._header = self.page(1)[:HEADER_BYTES]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for handle in (self._handle, self._log):
            if handle is not None:
                os.close(handle)

    @property
    def size_bytes(self) -> int:
        """The size of the file and its log together."""
        return self._size + (os.fstat(self._log).st_size if self._log is not None else 0)

    @property
    def has_header(self) -> bool:
        """Whether the file begins with SQLite's header."""
        return self._header.startswith(_MAGIC)

    def schema(self) -> int:
        """The store's schema version; 0 if it cannot be read."""
        number = self._number(60)
        return number if self.has_header and number < _MOST_SCHEMAS else 0

    def first_free_trunk(self) -> int:
        """The first trunk page of the free list; 0 if none is known."""
        return self._number(32) if self.has_header else 0

    def _number(self, offset: int) -> int:
        return int.from_bytes(self._header[offset : offset + 4], "big")

    def page(self, number: int) -> bytes:
        """The content of a page, numbered from 1; shorter than a page, or empty, where the file is truncated."""
        if not 1 <= number <= self.page_count:
            return b""
        offset = self._frames.get(number)
        if offset is not None and self._log is not None:
            return os.pread(self._log, self.page_size, offset)
        return os.pread(self._handle, self.page_size, (number - 1) * self.page_size)

    def frame(self, frame: LogFrame) -> bytes:
        """The page content in a frame of the log."""
        return b"" if self._log is None else os.pread(self._log, self.page_size, frame.offset)

    # -- the size of a page ---------------------------------------------------------------------------------------

    def _page_size(self) -> int:
        size = int.from_bytes(self._header[16:18], "big")
        size = 65536 if size == 1 else size
        if self.has_header and size in _PAGE_SIZES:
            return size
        if self._log is not None:
            size = _LOG_HEADER.unpack(os.pread(self._log, _LOG_HEADER.size, 0))[2]
            if size in _PAGE_SIZES:
                return int(size)
        votes = {size: self._votes(size) for size in _PAGE_SIZES}
        best = max(votes, key=lambda size: votes[size])
        return best if votes[best] else _USUAL_PAGE_SIZE

    def _votes(self, size: int) -> int:
        """The number of sampled pages whose cells end exactly at the end of a page of this size."""
        pages = self._size // size
        step = max(1, pages // _SAMPLES)
        return sum(
            _fills(os.pread(self._handle, size, number * size), size) for number in range(1, max(pages, 2), step)
        )

    def _usable_bytes(self) -> int:
        reserved = self._header[20] if self.has_header and len(self._header) > 20 else 0
        return self.page_size - reserved if self.page_size - reserved >= 480 else self.page_size

    # -- the log --------------------------------------------------------------------------------------------------

    def _open_log(self, log: Path) -> None:
        try:
            self._log = os.open(log, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        if os.fstat(self._log).st_size < _LOG_HEADER.size:
            os.close(self._log)
            self._log = None

    def _read_log(self) -> int:
        """Find the newest committed frame of each page; returns the page count as of the newest commit."""
        assert self._log is not None
        head = os.pread(self._log, _LOG_HEADER.size, 0)
        magic, _, _, _, *salts, _, _ = _LOG_HEADER.unpack(head)
        order = _LOG_MAGIC.get(magic, "<")
        sums = checksum(head[:24], order, (0, 0))
        sound = magic in _LOG_MAGIC and sums == _LOG_HEADER.unpack(head)[6:]
        pages = 0
        waiting: list[LogFrame] = []
        for offset in self._frame_offsets():
            frame_head = os.pread(self._log, _FRAME_HEADER.size, offset)
            number, commit, *frame_salts, sum1, sum2 = _FRAME_HEADER.unpack(frame_head)
            frame = LogFrame(number, offset + _FRAME_HEADER.size)
            if sound and frame_salts == salts:
                sums = checksum(frame_head[:8] + self.frame(frame), order, sums)
                sound = sums == (sum1, sum2)
            else:
                # Frames with other salts are left over from before the log was restarted; the file has them by now.
                sound = False
            if frame_salts != salts and magic in _LOG_MAGIC:
                break
            waiting.append(frame)
            if sound and commit:
                self._frames.update({each.page: each.offset for each in waiting})
                pages = commit
                waiting = []
        self.stray_frames = waiting[::-1]
        return min(pages, self._most_pages())

    def _frame_offsets(self) -> Iterator[int]:
        assert self._log is not None
        step = _FRAME_HEADER.size + self.page_size
        return iter(range(_LOG_HEADER.size, os.fstat(self._log).st_size - step + 1, step))

    def _most_pages(self) -> int:
        return -(-self._size // self.page_size) + len(self._frames)


def checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    """The log's checksum of these bytes (a multiple of 8), continued from `sums`; `order` is `struct`'s byte order."""
    first, second = sums
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for one, other in zip(words, words, strict=True):
        first = (first + one + second) & _WORD
        second = (second + other + first) & _WORD
    return first, second


def _fills(page: bytes, size: int) -> bool:
    """Whether this is a leaf page with a cell that ends at its end, as SQLite fills pages."""
    if len(page) != size or page[0] != LEAF:
        return False
    return any(cell_end(page, offset, size) == size for offset in cell_offsets(page, 0))
