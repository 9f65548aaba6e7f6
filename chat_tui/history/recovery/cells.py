"""Offsets and sizes of the cells in a b-tree page. Any number in a damaged page may be wrong, so each is checked."""

from __future__ import annotations

import struct
from collections.abc import Iterator

LEAF = 0x0D
"""The first byte of a table's leaf page."""
INTERIOR = 0x05
"""The first byte of a table's interior page."""


class BrokenCell(ValueError):
    """The bytes are not a cell, or the cell holds no record."""


def cell_offsets(page: bytes, start: int) -> list[int]:
    """The offsets of the cells of a b-tree page whose header begins at `start`."""
    if len(page) < start + 8:
        return []
    first = start + (12 if page[start] == INTERIOR else 8)
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    count = min(count, (len(page) - first) // 2)
    last = first + 2 * count
    # Each once: a damaged page may repeat an offset a thousand times.
    offsets = dict.fromkeys(struct.unpack_from(f">{count}H", page, first))
    return [offset for offset in offsets if last <= offset < len(page)]


def cell_end(page: bytes, offset: int, usable: int) -> int:
    """The offset behind a leaf page's cell; 0 if there is no cell."""
    try:
        size, offset = varint(page, offset)
        _, offset = varint(page, offset)
    except BrokenCell:
        return 0
    local = local_bytes(size, usable)
    return offset + local + (4 if local < size else 0)


def column_count(page: bytes, offset: int) -> int:
    """The number of columns in the record of a leaf page's cell, as far as its header lies within the page."""
    try:
        _, offset = varint(page, offset)
        _, offset = varint(page, offset)
        size, first = varint(page, offset)
        end, offset, count = offset + size, first, 0
        while offset < end:
            _, offset = varint(page, offset)
            count += 1
    except BrokenCell:
        return 0
    return count


def children(page: bytes, start: int) -> Iterator[int]:
    """The numbers of the child pages of an interior page."""
    for offset in cell_offsets(page, start):
        yield int.from_bytes(page[offset : offset + 4], "big")
    yield int.from_bytes(page[start + 8 : start + 12], "big")


def local_bytes(size: int, usable: int) -> int:
    """The bytes of a payload of this size that the leaf page itself holds; the rest is in overflow pages."""
    most = usable - 35
    if size <= most:
        return size
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    return local if local <= most else least


def to_signed(number: int) -> int:
    """The 64 bits of a varint as a signed number."""
    return number - (1 << 64) if number >> 63 else number


def varint(data: bytes, offset: int) -> tuple[int, int]:
    number = 0
    for count in range(9):
        if offset >= len(data):
            raise BrokenCell
        byte = data[offset]
        offset += 1
        if count == 8:
            return number << 8 | byte, offset
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return number, offset
