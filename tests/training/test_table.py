"""The shipped table is what the training gives back."""

from __future__ import annotations

import numpy as np
import pytest

from chat_tui.routing.ranking.difficulty import HEADER, PLACES
from tests.training.own_prompts import own_rows
from tests.training.public_rows import FILE, read, written
from tests.training.row_sets import RowSets, packed, unpacked
from tests.training.table import TABLE, fitted, table_bytes


def test_the_training_gives_the_shipped_table_back() -> None:
    shipped = TABLE.read_bytes()
    made = table_bytes(fitted([read(FILE.read_bytes()), own_rows()]))
    assert len(made) == len(shipped) == HEADER.size + PLACES
    weights = [np.frombuffer(data, np.int8, offset=HEADER.size).astype(int) for data in (made, shipped)]
    differences = np.abs(weights[0] - weights[1])
    assert differences.max() <= 1
    assert (differences > 0).mean() <= 0.001
    assert HEADER.unpack_from(made) == pytest.approx(HEADER.unpack_from(shipped), rel=1e-3, abs=1e-4)


def test_the_public_rows_are_small_and_written_as_they_are_read() -> None:
    data = FILE.read_bytes()
    assert len(data) <= 3_000_000
    assert written(read(data)) == data


def test_sets_are_packed_without_loss() -> None:
    random = np.random.default_rng(1)
    present = random.random((300, 40)) < np.linspace(0, 1, 40)
    places, rows = np.nonzero(present.T)
    found = unpacked(packed(RowSets(rows, places), 300, 40), 300, 40)
    assert (found.rows == rows).all()
    assert (found.places == places).all()


def test_own_prompts_are_graded_within_the_scale() -> None:
    rows = own_rows()
    assert len(rows.labels) > 700
    assert rows.labels.min() >= -4
    assert rows.labels.max() <= 2.5
