"""How good a model is likely to be: a table by family, else a guess from its size or its price.

The scale is 0 to 1; 0.1 more means that people prefer its answers in 64 of 100 comparisons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

import msgspec

_SIZE = re.compile(r"(?<![\d.a-z])(\d+(?:\.\d+)?)([bm])(?![a-z\d])")
_ACTIVE = re.compile(r"a\d+(?:\.\d+)?b")
_STEPS = ((0.2, 0.35), (0.6, 0.45), (1.5, 0.52), (4, 0.58), (9, 0.63), (15, 0.66), (35, 0.70), (80, 0.74), (300, 0.78))
"""(billions of weights, quality): the usual quality for a size."""
_LARGEST = 0.80
_PRICES = ((0.2, 0.68), (1.0, 0.74), (4.0, 0.78), (12.0, 0.80))
"""(US dollars per million completion tokens, quality): the usual quality for a price."""


class QualityPrior(msgspec.Struct, frozen=True):
    """The expected quality of a model before it has answered."""

    quality: float
    qualities: dict[str, float] = {}
    """By kind of task (`code`, `math`, `writing`, `long`) and by language (`zh`, …), if it differs."""
    guessed: bool = False
    """Its family is not rated; the quality is judged by size or price."""


@lru_cache(maxsize=8192)
def prior_of(model_id: str, price_out: float | None = None) -> QualityPrior | None:
    """Return the prior of a model by its id; None if not even a guess is possible."""
    bare = bare_id(model_id)
    families = _families()
    for length in range(len(bare), 1, -1):
        row = families.get(bare[:length])
        # `gpt-4` is not the family of `gpt-41`.
        if row is not None and not bare[length : length + 1].isalnum():
            return QualityPrior(row["all"], {kind: value for kind, value in row.items() if kind != "all"})
    size = _billions(bare)
    if size is not None:
        return QualityPrior(next((quality for most, quality in _STEPS if size <= most), _LARGEST), guessed=True)
    if price_out:
        return QualityPrior(next((quality for most, quality in _PRICES if price_out <= most), 0.82), guessed=True)
    return None


def bare_id(model_id: str) -> str:
    """An id as the table has it: small letters, without maker, and with the separators of its own makers' site."""
    name = model_id.lower().rpartition("/")[2].replace(":", "-").replace("_", "-")
    name = re.sub(r"^(?:meta-|anthropic\.|us\.|eu\.|accounts-|amazon-|models-)+", "", name)
    name = re.sub(r"^(claude-(?:opus|sonnet|haiku)-\d)\.(\d)", r"\1-\2", name)
    name = re.sub(r"^claude-(\d)\.(\d)-", r"claude-\1-\2-", name)
    return re.sub(r"^(llama|gemma|phi|qwen)-?(\d)", lambda m: f"{m[1]}{'' if m[1] == 'qwen' else '-'}{m[2]}", name)


def _billions(bare: str) -> float | None:
    """Return the number of weights in the id, the largest if there are several."""
    found = _SIZE.findall(_ACTIVE.sub("", bare))
    return max((float(number) / (1000 if unit == "m" else 1) for number, unit in found), default=None)


@cache
def _families() -> Mapping[str, Mapping[str, float]]:
    import tomllib

    return tomllib.loads(Path(__file__).with_name("quality.toml").read_text("utf-8"))
