"""Prompts that were written for the training: `own_prompts.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.training.public_rows import TrainingRows, hashed_rows

FILE = Path(__file__).with_name("own_prompts.txt")
WEIGHT = 2.0
"""Of each prompt; public rows have 0.1 to 2."""


def own_prompts() -> Iterator[tuple[str, float]]:
    """Yield the prompts with their difficulties in logits."""
    difficulty = 0.0
    for line in FILE.read_text("utf-8").splitlines():
        if line.startswith("["):
            difficulty = float(line[1:].partition("]")[0])
        elif line and not line.startswith("#"):
            yield line.replace("\\n", "\n"), difficulty


def own_rows() -> TrainingRows:
    """Return the prompts as rows."""
    texts, labels = zip(*own_prompts(), strict=True)
    return hashed_rows(texts, labels, [WEIGHT] * len(texts))
