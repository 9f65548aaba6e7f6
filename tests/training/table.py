"""Fits the table: weighted ridge regression of the labels on hashed words, by conjugate gradients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import chat_tui.routing.ranking.difficulty as scorer
from chat_tui.routing.ranking.difficulty import COUNTS, DAMPING, HEADER, PLACES
from tests.training.public_rows import Floats, TrainingRows

TABLE = Path(scorer.__file__).with_name("difficulty.bin")
RIDGE = 0.6
"""Penalty of a weight's square."""
COUNT_SCALE = 0.3
"""The counted numbers are made smaller, which penalises their weights more."""
TOLERANCE = 1e-6
"""Of the residual, relative to the first one: small enough that rounding does not move a byte by more than one."""
STEPS = 1000
CLIPPED = 0.999
"""Quantile of the weights that becomes the largest byte."""


class Fit(NamedTuple):
    """A fitted table, before it is rounded to bytes."""

    weights: Floats
    counts: Floats
    constant: float


class _Design:
    """The matrix of all rows, centred by their weights, as a linear map: words with one value a row, and counts."""

    def __init__(self, parts: Sequence[TrainingRows]) -> None:
        offsets = np.cumsum([0, *(len(part.labels) for part in parts)])
        rows = np.concatenate([part.sets.rows + begin for part, begin in zip(parts, offsets[:-1], strict=True)])
        places = np.concatenate([part.sets.places for part in parts])
        order = np.argsort(rows, kind="stable")
        self._places = places[order]
        self._lengths = np.bincount(rows, minlength=int(offsets[-1]))
        self._starts = np.cumsum(self._lengths) - self._lengths
        sizes = np.concatenate([part.sizes for part in parts])
        self._values = np.maximum(sizes, 1) ** -DAMPING
        self._counts = COUNT_SCALE * np.concatenate([part.counts for part in parts])
        self.labels = np.concatenate([part.labels for part in parts])
        self.weights = np.concatenate([part.weights for part in parts])
        self.means = self._transposed(self.weights) / self.weights.sum()

    def times(self, vector: Floats) -> Floats:
        """Return one number a row."""
        # A row without words ends where it begins: `reduceat` gives it the number behind it.
        numbers = np.concatenate([vector[self._places], [0.0]])
        words = np.where(self._lengths, np.add.reduceat(numbers, self._starts), 0.0) * self._values
        result: Floats = words + self._counts @ vector[PLACES:]
        return result

    def centred_normal(self, vector: Floats) -> Floats:
        """Return the normal equations' left side of `vector`."""
        residual = self.weights * (self.times(vector) - self.means @ vector)
        result: Floats = self.centred_transposed(residual) + RIDGE * vector
        return result

    def centred_transposed(self, residual: Floats) -> Floats:
        """Return one number a column."""
        result: Floats = self._transposed(residual) - self.means * residual.sum()
        return result

    def _transposed(self, residual: Floats) -> Floats:
        spread = np.repeat(residual * self._values, self._lengths)
        words = np.bincount(self._places, weights=spread, minlength=PLACES)
        return np.concatenate([words, self._counts.T @ residual])


def fitted(parts: Sequence[TrainingRows]) -> Fit:
    """Return the table that predicts the labels of all rows best."""
    design = _Design(parts)
    mean = float(design.weights @ design.labels / design.weights.sum())
    residual = design.centred_transposed(design.weights * (design.labels - mean))
    solution = np.zeros(PLACES + COUNTS)
    direction = residual
    square = first = float(residual @ residual)
    for _ in range(STEPS):
        if square <= first * TOLERANCE**2:
            break
        image = design.centred_normal(direction)
        length = square / float(direction @ image)
        solution = solution + length * direction
        residual = residual - length * image
        previous, square = square, float(residual @ residual)
        direction = residual + square / previous * direction
    return Fit(solution[:PLACES], COUNT_SCALE * solution[PLACES:], mean - float(design.means @ solution))


def table_bytes(fit: Fit) -> bytes:
    """Return what `chat_tui/routing/ranking/difficulty.py` reads."""
    scale = float(np.quantile(np.abs(fit.weights[fit.weights != 0]), CLIPPED)) / 127
    weights: bytes = np.clip(np.rint(fit.weights / scale), -127, 127).astype(np.int8).tobytes()
    return HEADER.pack(scale, fit.constant, *fit.counts) + weights
