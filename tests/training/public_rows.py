"""Makes `public_rows.bin` of a file of public prompts: hashed words and labels, without any text.

`python -m tests.training.public_rows train_rows.jsonl.gz`: each line has `src` (the source), `prompt`, `teacher`
(difficulty in logits) and `w` (weight). `SOURCES.md` tells how they were made.
"""

from __future__ import annotations

import gzip
import json
import lzma
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chat_tui.routing.ranking.difficulty import COUNTS, PLACES, hash_text
from tests.training.row_sets import RowSets, packed, unpacked

FILE = Path(__file__).with_name("public_rows.bin")
RARE = 20
"""Places that fewer rows have are left out: they teach little and are most of the file."""
ARENA_LABEL, ARENA_WEIGHT = 0.0, 0.7
"""Open-ended requests of `arena_hard` have no outcomes: by judgement as hard as the average prompt."""
LABEL_STEP = WEIGHT_STEP = 0.001
COUNT_STEP = 0.01
_HEADER = struct.Struct("<I")

Floats: TypeAlias = NDArray[np.float64]


class TrainingRows(NamedTuple):
    """Hashed prompts with their labels."""

    sets: RowSets
    sizes: Floats
    """Number of places of each row, those that were left out included."""
    counts: Floats
    """Rows × `COUNTS` numbers."""
    labels: Floats
    """Difficulties in logits."""
    weights: Floats


def hashed_rows(texts: Iterable[str], labels: Iterable[float], weights: Iterable[float]) -> TrainingRows:
    """Return the rows that train the table."""
    found = [hash_text(text) for text in texts]
    sizes = np.array([len(each.places) for each in found], np.int64)
    rows = np.repeat(np.arange(len(found)), sizes)
    places = np.fromiter((place for each in found for place in each.places), np.int64, int(sizes.sum()))
    order = np.lexsort((rows, places))
    return TrainingRows(
        RowSets(rows[order], places[order]),
        sizes.astype(np.float64),
        np.array([each.counts for each in found], np.float64),
        np.fromiter(labels, np.float64, len(found)),
        np.fromiter(weights, np.float64, len(found)),
    )


def written(rows: TrainingRows) -> bytes:
    """Return the rows as bytes, without the places that few of them have."""
    there = np.bincount(rows.sets.places, minlength=PLACES)[rows.sets.places] >= RARE
    sets = RowSets(rows.sets.rows[there], rows.sets.places[there])
    number = len(rows.labels)
    numbers = [
        rows.sizes.astype("<u2"),
        np.rint(rows.labels / LABEL_STEP).astype("<i2"),
        np.rint(rows.weights / WEIGHT_STEP).astype("<u2"),
        np.rint(rows.counts / COUNT_STEP).astype("<i2").T,
    ]
    columns = lzma.compress(b"".join(each.tobytes() for each in numbers), preset=9)
    return _HEADER.pack(number) + _HEADER.pack(len(columns)) + columns + packed(sets, number, PLACES)


def read(data: bytes) -> TrainingRows:
    """Return what `written` has written."""
    (number,), (length,) = _HEADER.unpack_from(data), _HEADER.unpack_from(data, _HEADER.size)
    begin = 2 * _HEADER.size
    columns = np.frombuffer(lzma.decompress(data[begin : begin + length]), "<i2").reshape(3 + COUNTS, number)
    sizes, labels, weights = columns[:3].astype(np.float64)
    counts = columns[3:].T * COUNT_STEP
    sets = unpacked(data[begin + length :], number, PLACES)
    return TrainingRows(sets, sizes, counts, labels * LABEL_STEP, weights * WEIGHT_STEP)


def is_used(number: int, row: dict[str, Any]) -> bool:
    """Half of the rows whose labels are only numbers of solution steps, and of those that repeat the same examples."""
    return row["src"] not in {"gsm_steps", "rb_arc_challenge"} or number % 2 == 0


def main() -> None:
    """Read the file that is named, write `public_rows.bin`."""
    with gzip.open(sys.argv[1], "rt", encoding="utf-8") as lines:
        rows = [row for number, row in enumerate(map(json.loads, lines)) if is_used(number, row)]
    arena = [row["src"] == "arena_hard" for row in rows]
    labels = [ARENA_LABEL if judged else row["teacher"] for judged, row in zip(arena, rows, strict=True)]
    weights = [ARENA_WEIGHT if judged else row["w"] for judged, row in zip(arena, rows, strict=True)]
    FILE.write_bytes(written(hashed_rows((row["prompt"] for row in rows), labels, weights)))
    sys.stdout.write(f"{len(rows)} rows, {FILE.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
