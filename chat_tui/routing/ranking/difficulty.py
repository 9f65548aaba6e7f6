"""How hard a prompt is, in logits: its words, hashed into a table of weights that was fitted to public outcomes.

P(good answer) = sigmoid(ability − difficulty). An ability of 0 is that of a model which answers half of the prompts of
difficulty 0 well. `tests/training` makes the table; `docs/routing.md` tells from what.
"""

from __future__ import annotations

import re
import struct
from functools import cache
from itertools import islice, pairwise
from math import log1p
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

LOOKED_AT = 800
"""Characters that are looked at: the beginning and the end of the text."""
WORDS = 160
"""Words that are looked at: the first and the last ones of these characters."""
SHORT = 20
"""Words in a short text have a second place each: "design" in a request is not "design" in a long question."""
COUNTS = 8
"""How many numbers are counted beside the words."""
HEADER = struct.Struct(f"<2f{COUNTS}f")
"""Scale of the weights, constant, weights of the counted numbers."""
PLACES = 65_536 - HEADER.size
"""Weights in the table, one signed byte each."""
DAMPING = 0.4
"""A sum of n weights is divided by n to the power of this."""
_PAIR = 1_000_003
"""Makes another place for a pair of words than for the same words the other way round."""
_DEMANDING = frozenset(
    [
        *("prove", "proof", "derive", "lemma", "rigorous", "disprove", "formalise", "formalize"),
        *("design", "architect", "architecture", "refactor", "implement", "optimise", "optimize", "migrate"),
        *("deadlock", "race", "concurrent", "concurrency", "distributed", "ledger", "idempotent", "consistency"),
        *("compiler", "parser", "scheduler", "protocol", "sharding", "replication", "multithreaded", "leak"),
        *("enforceable", "liability", "liable", "clause", "statute", "differential", "critique", "analyse", "analyze"),
        *("beweise", "entwirf", "démontre", "démontrer", "montre", "conçois", "demuestra", "diseña", "dimostra"),
        *("progetta", "projete", "докажи", "доказать", "спроектируй"),
    ]
)
"""Words of requests that are hard to answer well."""


class HashedText(NamedTuple):
    """What the table sees of a text."""

    places: set[int]
    """Where its words and its pairs of neighbouring words are in the table."""
    counts: tuple[float, ...]
    """`COUNTS` numbers about the text, each around 0 and 1."""


class _Table(NamedTuple):
    weights: memoryview
    """Signed bytes."""
    scale: float
    constant: float
    counts: tuple[float, ...]


class _Patterns(NamedTuple):
    """Compiled with the first question; all are linear."""

    word: re.Pattern[str]
    """A number, a character of a script without spaces between words, a word, or a sign."""
    option: re.Pattern[str]
    """The beginning of a line with an answer to choose: `B. `, `(B) `."""


@cache
def _patterns() -> _Patterns:
    return _Patterns(
        word=re.compile(r"\d++|[\u0e00-\u0eff\u3040-\ud7af]|[^\W\d_\u0e00-\u0eff\u3040-\ud7af]++|[^\w\s]"),
        option=re.compile(r"(?m)^ ?\(?[A-J][.):] "),
    )


@cache
def _table() -> _Table:
    data = Path(__file__).with_name("difficulty.bin").read_bytes()
    scale, constant, *counts = HEADER.unpack_from(data)
    return _Table(memoryview(data)[HEADER.size :].cast("b"), scale, constant, tuple(counts))


def lower(text: str) -> str:
    """Return the text in small letters, which are as many: `İ` alone would become two, and one of them no letter."""
    return text.replace("İ", "i").lower()


def hash_text(text: str) -> HashedText:
    """Return the places of the text's words and pairs of words, and what is counted."""
    if len(text) > LOOKED_AT:
        text = f"{text[: LOOKED_AT // 2]}\n{text[-LOOKED_AT // 2 :]}"
    words = _patterns().word.findall(lower(text))
    if len(words) > WORDS:
        words[WORDS // 2 : -WORDS // 2] = []
    numbers = 0
    ids = []
    for word in words:
        if word.isdecimal():
            # Numbers differ by their length only.
            numbers += 1
            ids.append(min(len(word), 5))
        else:
            ids.append(crc32(word.encode("utf-8", "surrogatepass")))
    places = {number % PLACES for number in ids}
    # The beginning makes a pair with the first word.
    places.update([(first * _PAIR + second) % PLACES for first, second in pairwise([0, *ids])])
    if len(words) <= SHORT:
        places.update([(number * _PAIR + len(_DEMANDING)) % PLACES for number in ids])
    demanding = len(_DEMANDING.intersection(words))
    return HashedText(places, (*_counts(text, len(words), numbers), float(min(demanding, 3))))


def _counts(text: str, words: int, numbers: int) -> tuple[float, ...]:
    options = sum(1 for _ in islice(_patterns().option.finditer(text), 10))
    return (
        log1p(words) - 4,
        log1p(numbers) - 1,
        log1p(text.count("\n")) - 1,
        options / 5 - 0.5,
        max(0, 4 - words) / 2,
        max(0, 12 - words) / 6,
        0.0 if text.isascii() else 1.0,
    )


def difficulty_of(text: str) -> float:
    """Return how hard the text is as a prompt, in logits; 0 if it has no words, as a question that is a picture."""
    places, counts = hash_text(text)
    if not places:
        return 0.0
    table = _table()
    words: float = sum(map(table.weights.__getitem__, places)) / len(places) ** DAMPING
    return table.constant + table.scale * words + sum([a * b for a, b in zip(table.counts, counts, strict=True)])
