"""How hard a prompt is, in logits: words hashed into a table of weights that was fitted to public outcomes.

P(good answer) = sigmoid(ability − difficulty). An ability of 0 is that of a model which answers half of the prompts of
difficulty 0 well.
"""

from __future__ import annotations

import re
import struct
from functools import cache
from math import log, log1p, sqrt
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

LOOKED_AT = 2000
"""Characters that are looked at: the beginning and the end of the text."""
EXTRAS = 4
"""How many numbers are counted beside the words."""
_HEADER = struct.Struct(f"<I2f{EXTRAS}f")


class HashedText(NamedTuple):
    """A text as the table sees it."""

    places: dict[int, float]
    """Weights of the words by their place in the table."""
    norm: float
    """Euclidean length of the weights, at least 1 if there are none."""
    extras: tuple[float, ...]
    """Centred logarithms of the number of words, numbers and lines, and the number of answers to choose from."""


class _Table(NamedTuple):
    """The fitted weights, and the patterns that find words, compiled with the first question."""

    bits: int
    scale: float
    constant: float
    extras: tuple[float, ...]
    weights: memoryview


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(r"\d+|[^\W\d_]+|[^\w\s]"), re.compile(r"(?m)^\s?\(?[A-J][.):] ")


@cache
def _table() -> _Table:
    data = Path(__file__).with_name("difficulty.bin").read_bytes()
    bits, scale, constant, *extras = _HEADER.unpack_from(data)
    return _Table(bits, scale, constant, tuple(extras), memoryview(data)[_HEADER.size :].cast("b"))


def hashed(text: str, bits: int) -> HashedText:
    """Return the text's words, hashed into 2 ** `bits` places, and its counted numbers."""
    if len(text) > LOOKED_AT:
        text = text[: LOOKED_AT // 2] + "\n" + text[-LOOKED_AT // 2 :]
    word_pattern, option_pattern = _patterns()
    words = word_pattern.findall(text.lower())
    counts: dict[str, int] = {}
    numbers = 0
    for word in words:
        if word[0].isdigit():
            # Numbers differ by their length only.
            word = f"#{min(len(word), 5)}"
            numbers += 1
        counts[word] = counts.get(word, 0) + 1
    places: dict[int, float] = {}
    for word, count in counts.items():
        number = crc32(word.encode("utf-8", "replace"))
        place = number & ((1 << bits) - 1)
        weight = 1 + log(count)
        places[place] = places.get(place, 0.0) + (weight if number >> 31 else -weight)
    options = min(len(option_pattern.findall(text)), 10)
    lines = text.count("\n")
    extras = (log1p(len(words)) - 4.2, log1p(numbers) - 1.2, log1p(lines) - 1.2, options / 5 - 0.5)
    return HashedText(places, sqrt(sum([weight * weight for weight in places.values()])) or 1.0, extras)


def difficulty_of(text: str) -> float:
    """Return how hard the text is as a prompt, in logits."""
    table = _table()
    found = hashed(text, table.bits)
    weights = table.weights
    by_words = sum([weights[place] * weight for place, weight in found.places.items()]) / found.norm
    by_extras = sum([weight * value for weight, value in zip(table.extras, found.extras, strict=True)])
    return table.constant + table.scale * by_words + by_extras
