"""How good a model is likely to be: a table by family, else a guess from its size or its price.

A quality is the share of prompts of average difficulty that the model answers well, 0 to 1. Average means 0 on the
scale of the difficulties of prompts: items of MMLU and MBPP are about there, GSM8K's half a point below, those of
MMLU-Pro and MATH half a point above, small talk three points below. `logit(quality)` is the model's ability on the same
scale: a prompt of difficulty b is answered well with the probability sigmoid(ability - b).

A version that the table does not know has the quality of its predecessor; a smaller tier or size of a family never has
the quality of the family; a guess from a price is below what the best models are known to reach.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

import msgspec

from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.providers.catalogue.model_name import SMALL_TIERS, VARIANTS, ModelName, bare_id, parse_name

_SIZES = (
    *((0.1, 0.02), (0.5, 0.12), (1.0, 0.25), (1.5, 0.33), (3.0, 0.5), (8.0, 0.68), (14.0, 0.76), (32.0, 0.82)),
    *((70.0, 0.85), (250.0, 0.87), (1000.0, 0.88)),
)
"""(billions of weights, quality): the usual quality for a size, between which it is interpolated."""
_PRICES = ((0.2, 0.72), (1.0, 0.82), (4.0, 0.88), (12.0, 0.9))
"""(US dollars per million completion tokens, quality): the usual quality up to a price."""
GUESS_MOST = 0.92
"""The best that a price lets guess; known frontier models are better."""
_SMALL_GUESS = 0.75
"""The quality of a small model of whose family, size and price nothing is known; with a price, `_SMALL_MOST`."""
_SMALL_MOST = 0.85
SAME_SIZE = 1.15
"""Sizes that differ by less than this factor are the same: `27b` and `30b`."""
_LARGE_BILLIONS = 200.0
"""A size from which on a model is taken for the family's main one, if the table has no sizes for it."""
_STEP = 0.5
"""What a version older than all known ones, or a model that was told not to think, loses of its ability."""
_SUFFIX = lazy_pattern(
    r"-(?:\d{3,}|\d+k|instruct|it|hf|preview|exp|free|batch|extended|fp8|nvfp4|awq|gguf|maas|us|versatile|vision"
    r"|\d{4}-\d\d-\d\d|\d\d-\d{4}|\d\d-\d\d|v\d-\d|v1|0)$"
)
"""What follows a model's own name."""


class QualityPrior(msgspec.Struct, frozen=True):
    """The expected quality of a model before it has answered."""

    quality: float
    qualities: dict[str, float] = {}
    """By kind of task (`code`, `math`, `writing`, `long`) and by language (`zh`, …), if it differs."""
    guessed: bool = False
    """The model is not rated; the quality is that of a predecessor, or judged by size or price."""


class _Row(msgspec.Struct, frozen=True):
    """A rated model."""

    name: ModelName
    prior: QualityPrior

    @property
    def version(self) -> float:
        return self.name.version or 0.0

    @property
    def billions(self) -> float:
        return self.name.billions or 0.0


class RatedModels:
    """The table of rated models. A row is read when it is first asked for: all five hundred of them take 12 ms."""

    def __init__(self, text: str) -> None:
        """`text` is TOML with one model in a line."""
        lines = (line.removeprefix('"').partition('" = ') for line in text.splitlines() if line.startswith('"'))
        self._values = {model_id: value for model_id, _, value in lines}
        self._rows: dict[str, _Row] = {}

    def row(self, model_id: str) -> _Row | None:
        """Return the row of an id, if it is rated."""
        if model_id not in self._rows and (value := self._values.get(model_id)) is not None:
            import tomllib

            self._rows[model_id] = _Row(parse_name(model_id), _prior_of_row(tomllib.loads(f"row = {value}")["row"]))
        return self._rows.get(model_id)

    def line(self, family: str, tiers: tuple[str, ...]) -> list[_Row]:
        """Return the rows of a family and tier, in their order."""
        # Only ids that hold the family's first word need to be read.
        first = family.partition("-")[0]
        names = {model_id: parse_name(model_id) for model_id in self._values if first in model_id}
        found = [model_id for model_id, name in names.items() if (name.family, name.tiers) == (family, tiers)]
        return [row for row in map(self.row, found) if row is not None]


@lru_cache(maxsize=8192)
def prior_of(model_id: str, price_out: float | None = None) -> QualityPrior | None:
    """Return the prior of a model by its id; None if not even a guess is possible."""
    bare = bare_id(model_id)
    rated = next((row for each in _shorter_ids(bare) if (row := _table().row(each))), None)
    if rated is not None:
        return rated.prior
    name = parse_name(bare)
    guess = _guess(name, price_out)
    found = _inherit(name, guess)
    if found is None:
        return None if guess is None else QualityPrior(round(guess, 3), guessed=True)
    if name.thinking is False:
        found = _with_quality(found, _shift(found.quality, -_STEP))
    if name.others and not name.billions:
        # A model of another kind than the family's, for all we know.
        found = _with_quality(found, min(found.quality, guess if guess is not None else 1.0))
    return found


def is_rated_by_size(model_id: str) -> bool:
    """Return whether the models of this family and tier are rated by their sizes, or this one is not rated at all."""
    name = parse_name(bare_id(model_id))
    if any(row.name.billions for row in _table().line(name.family, name.tiers)):
        return True
    prior = prior_of(model_id)
    return prior is None or prior.guessed


def _shorter_ids(bare: str) -> Iterator[str]:
    """Yield the id, and the same without its date and other suffixes, one by one."""
    yield bare
    while (shorter := _SUFFIX.sub("", bare)) != bare:
        bare = shorter
        yield bare


def _inherit(name: ModelName, guess: float | None) -> QualityPrior | None:
    """Return what the table's rows of the same family and tier tell about a model that is not among them."""
    found: list[QualityPrior] = []
    for tiers in _tier_choices(name):
        rows = _table().line(name.family, tiers)
        prior = _of_rows(rows, name) if rows else None
        if prior is not None and name.billions is None and not SMALL_TIERS.isdisjoint({*name.tiers} - {*tiers}):
            prior = _lesser(prior, guess)
        if prior is not None:
            found.append(prior)
    # `grok-4.5-fast` is Grok 4.5 rather than a successor of `grok-4-fast`.
    return next((prior for prior in found if not prior.guessed), found[0] if found else None)


def _tier_choices(name: ModelName) -> Iterator[tuple[str, ...]]:
    """Yield the tier, then the same without words such as `fast` or `chat`, then none if a size is told too."""
    yield name.tiers
    plain = tuple(word for word in name.tiers if word not in VARIANTS)
    if plain != name.tiers:
        yield plain
    if plain and (name.billions is not None or SMALL_TIERS.issuperset(plain)):
        yield ()


def _lesser(family: QualityPrior, guess: float | None) -> QualityPrior:
    """Return the prior of a small model of a family that has no known small models."""
    guessed = min(_SMALL_MOST, guess if guess is not None else _SMALL_GUESS)
    return _with_quality(family, min(_shift(family.quality, -2 * _STEP), guessed))


def _of_rows(rows: Sequence[_Row], name: ModelName) -> QualityPrior | None:
    return _of_size(rows, name) if name.billions is not None else _of_version(rows, name)


def _of_version(rows: Iterable[_Row], name: ModelName) -> QualityPrior | None:
    """Return the prior of this version, else of the best one before it; without a version, of the newest."""
    known = [row for row in rows if row.name.billions is None and row.name.thinking in (None, name.thinking)]
    if not known:
        return None
    version = name.version if name.version is not None else max(row.version for row in known)
    same = [row for row in known if row.version == version]
    if same:
        best = max(same, key=lambda row: row.name.thinking is not None).prior
        return _as_guess(best) if name.version is None or name.others else best
    older = [row.prior for row in known if row.version < version and row.name.version is not None]
    if older:
        return _as_guess(max(older, key=lambda prior: prior.quality))
    unversioned = [row.prior for row in known if row.name.version is None]
    if unversioned:
        return _as_guess(unversioned[0])
    first = min(known, key=lambda row: row.version).prior
    return _with_quality(first, _shift(first.quality, -_STEP))


def _of_size(rows: Sequence[_Row], name: ModelName) -> QualityPrior | None:
    """Return the prior of this version and size, else of the best one that is neither newer nor larger."""
    version, size = name.version or 0.0, name.billions or 0.0
    sized = [row for row in rows if row.name.billions is not None and row.name.thinking in (None, name.thinking)]
    same = [row for row in sized if row.version == version and size / SAME_SIZE < row.billions < size * SAME_SIZE]
    if same:
        found = min(same, key=lambda row: abs(math.log(row.billions / size))).prior
        return _as_guess(found) if name.others else found
    usual = usual_for_size(size)
    bounds = [row.prior.quality for row in sized if row.version >= version and row.billions * SAME_SIZE > size]
    lesser = [row.prior for row in sized if row.version <= version and row.billions < size * SAME_SIZE]
    if lesser:
        return _as_guess(max(lesser, key=lambda prior: prior.quality))
    main = _of_version(rows, msgspec.structs.replace(name, billions=None))
    if not sized and main is not None and size >= _LARGE_BILLIONS:
        return _as_guess(main)
    if main is not None and any(row.name.billions is None and row.version >= version for row in rows):
        # An older version's is no bound: a small successor may be better.
        bounds.append(main.quality)
    return QualityPrior(round(min([usual, *bounds]), 3), guessed=True)


def _guess(name: ModelName, price_out: float | None) -> float | None:
    """Return the usual quality for the size, else for the price; None if neither is known."""
    if name.billions is not None:
        return usual_for_size(name.billions)
    if not price_out:
        return None
    guess = next((quality for most, quality in _PRICES if price_out <= most), GUESS_MOST)
    return min(guess, _SMALL_MOST) if name.is_small else guess


def usual_for_size(billions: float) -> float:
    """Return the usual quality of a model with so many billions of weights."""
    if billions <= _SIZES[0][0]:
        return _SIZES[0][1]
    for (small, low), (large, high) in pairwise(_SIZES):
        if billions <= large:
            return low + (high - low) * math.log(billions / small) / math.log(large / small)
    return _SIZES[-1][1]


def _as_guess(prior: QualityPrior) -> QualityPrior:
    return msgspec.structs.replace(prior, guessed=True)


def _with_quality(prior: QualityPrior, quality: float) -> QualityPrior:
    """Return a guessed prior with another quality, and with the same differences between kinds of task."""
    by = _ability(quality) - _ability(prior.quality)
    moved = {kind: round(_shift(value, by), 3) for kind, value in prior.qualities.items()}
    return QualityPrior(round(quality, 3), moved, guessed=True)


def _ability(quality: float) -> float:
    """Return the ability on the scale of difficulties, in logits."""
    return math.log(quality / (1 - quality))


def _shift(quality: float, by: float) -> float:
    """Return the quality of a model whose ability is higher by so many logits."""
    return 1 / (1 + math.exp(-_ability(quality) - by))


@cache
def _table() -> RatedModels:
    return RatedModels(Path(__file__).with_name("quality.toml").read_text("utf-8"))


def _prior_of_row(row: Mapping[str, float]) -> QualityPrior:
    return QualityPrior(row["all"], {kind: value for kind, value in row.items() if kind != "all"})
