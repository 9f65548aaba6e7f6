"""Many small sets of whole numbers in few bytes: which places of the table each row has.

Stored by place: the ascending rows that have it, each as its distance to the one before. A distance is cut into a low
part of a fixed number of bits (chosen for each place) and the rest in unary (Golomb–Rice), which numpy reads at once.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = NDArray[np.int64]


class RowSets(NamedTuple):
    """Pairs of a row and a place, sorted by place, then by row."""

    rows: Integers
    places: Integers


def _low_bits(sizes: Integers, rows: int) -> Integers:
    """Return the bits of the low part for places that `sizes` of the `rows` have."""
    mean = np.maximum(rows / np.maximum(sizes, 1) * np.log(2), 1)
    bits: Integers = np.floor(np.log2(mean)).astype(np.int64)
    return bits


def packed(sets: RowSets, rows: int, places: int) -> bytes:
    """Return the sets of `rows` rows over `places` places."""
    sizes = np.bincount(sets.places, minlength=places)
    begins = np.concatenate([[True], sets.places[1:] != sets.places[:-1]])
    gaps = np.where(begins, sets.rows, np.diff(sets.rows, prepend=0) - 1)
    bits = np.repeat(_low_bits(sizes, rows), sizes)
    ends = np.cumsum((gaps >> bits) + 1)
    unary = np.zeros(int(ends[-1]), np.uint8)
    unary[ends - 1] = 1
    starts = np.cumsum(bits) - bits
    low = np.zeros(int(bits.sum()), np.uint8)
    for bit in range(int(bits.max())):
        there = bits > bit
        low[starts[there] + bit] = (gaps[there] >> bit) & 1
    data: bytes = sizes.astype("<u2").tobytes() + np.packbits(unary).tobytes() + np.packbits(low).tobytes()
    return data


def unpacked(data: bytes, rows: int, places: int) -> RowSets:
    """Return what `packed` has packed."""
    sizes = np.frombuffer(data, "<u2", places).astype(np.int64)
    bits = np.repeat(_low_bits(sizes, rows), sizes)
    stream = np.frombuffer(data, np.uint8, offset=2 * places)
    low_bytes = (int(bits.sum()) + 7) // 8
    unary = np.unpackbits(stream[: len(stream) - low_bytes])
    gaps = np.diff(np.flatnonzero(unary)[: len(bits)], prepend=-1) - 1 << bits
    low = np.unpackbits(stream[len(stream) - low_bytes :])
    starts = np.cumsum(bits) - bits
    for bit in range(int(bits.max())):
        there = bits > bit
        gaps[there] += low[starts[there] + bit].astype(np.int64) << bit
    # Each distance but a place's first is one less than the step to the next row.
    firsts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    sums = np.cumsum(gaps)
    before = sums[firsts] - gaps[firsts]
    numbers = np.arange(len(gaps)) - firsts
    return RowSets(sums - before + numbers, np.repeat(np.arange(places), sizes))
