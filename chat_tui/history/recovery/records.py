"""Reads the records in a table's leaf pages, including their overflow pages."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from chat_tui.history.recovery.cells import BrokenCell, cell_offsets, local_bytes, to_signed, varint
from chat_tui.history.recovery.database_file import HEADER_BYTES, DatabaseFile

_MOST_COLUMNS = 64
"""Columns in a record; none of ours comes near."""
_MOST_READINGS = 4
"""Reads of one overflow page: copies of a row may share it, but a chain may also loop."""

Value: TypeAlias = int | float | str | bytes | None


class RecoveredRow(NamedTuple):
    """A row as read from a page."""

    key: int
    """The rowid."""
    values: list[Value]
    cut: bool = False
    """Its end is lost: the last text is truncated, or columns are missing."""
    garbled: bool = False
    """A text held invalid UTF-8, now U+FFFD."""


class LeafReader:
    """Reads the rows of leaf pages of one file."""

    def __init__(self, source: DatabaseFile) -> None:
        self._source = source
        self._readings = bytearray(source.page_count + 1)
        self.unreadable = 0
        """The number of cells without a readable record."""

    def rows(self, page: bytes, number: int) -> Iterator[RecoveredRow]:
        """The rows of the leaf page with this number, in order."""
        for offset in cell_offsets(page, HEADER_BYTES if number == 1 else 0):
            try:
                yield self._row(page, offset)
            except BrokenCell:
                self.unreadable += 1

    def _row(self, page: bytes, offset: int) -> RecoveredRow:
        size, offset = varint(page, offset)
        key, offset = varint(page, offset)
        if not 0 < size <= self._source.size_bytes:
            raise BrokenCell
        local = local_bytes(size, self._source.usable_bytes)
        payload = page[offset : offset + local]
        if local < size and len(payload) == local:
            overflow = int.from_bytes(page[offset + local : offset + local + 4], "big")
            payload = b"".join((payload, *self._overflow(overflow, size - local)))
        values, cut, garbled = _record(payload, size)
        return RecoveredRow(to_signed(key), values, cut, garbled)

    def _overflow(self, number: int, left: int) -> Iterator[bytes]:
        """The content of an overflow chain, as far as it can be followed; `left` bytes at most."""
        content = self._source.usable_bytes - 4
        while left > 0 and 1 < number <= self._source.page_count and self._readings[number] < _MOST_READINGS:
            self._readings[number] += 1
            page = self._source.page(number)
            part = page[4 : 4 + min(content, left)]
            yield part
            if len(part) < min(content, left):
                return
            left -= len(part)
            number = int.from_bytes(page[:4], "big")


def _record(payload: bytes, size: int) -> tuple[list[Value], bool, bool]:
    """The values of a record of `size` bytes, whether its end is missing, and whether a text is garbled."""
    end, offset = varint(payload, 0)
    if not offset <= end <= size:
        raise BrokenCell
    types: list[int] = []
    while offset < min(end, len(payload)):
        kind, offset = varint(payload, offset)
        types.append(kind)
    if end > len(payload) or offset != end or len(types) > _MOST_COLUMNS or end + sum(map(_length, types)) != size:
        raise BrokenCell
    values: list[Value] = []
    garbled = False
    for kind in types:
        length = _length(kind)
        data = payload[offset : offset + length]
        offset += length
        if len(data) < length:
            values.append(_beginning(kind, data))
            break
        value, wrong = _value(kind, data)
        garbled |= wrong
        values.append(value)
    return values, len(payload) < size, garbled


def _length(kind: int) -> int:
    if kind >= 12:
        return (kind - 12) // 2
    if kind >= 10:
        raise BrokenCell
    return (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)[kind]


def _value(kind: int, data: bytes) -> tuple[Value, bool]:
    if kind >= 13 and kind % 2:
        try:
            return data.decode(), False
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace"), True
    if kind >= 12:
        return data, False
    if kind == 0:
        return None, False
    if kind == 7:
        number = float(struct.unpack(">d", data)[0])
        return (None if number != number else number), False
    if kind >= 8:
        return kind - 8, False
    return int.from_bytes(data, "big", signed=True), False


def _beginning(kind: int, data: bytes) -> Value:
    """What is usable of a truncated value: the beginning of a text, otherwise None."""
    if kind >= 13 and kind % 2:
        return data.decode("utf-8", "replace").rstrip("\0\ufffd") + "\ufffd"
    return None
