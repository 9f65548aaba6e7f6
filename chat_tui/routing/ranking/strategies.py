"""How models are ranked: pure functions of (request, models, health).

A package may bring a strategy of its own: an entry point of the group `chat_tui.strategies` that names a function with
the same signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from math import inf
from typing import Literal, TypeAlias

import msgspec

from chat_tui.config.schema import Strategies, StrategySettings
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Candidate
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.ranking.model_table import CandidateTable, candidate_table
from chat_tui.routing.ranking.prompt_features import features_of
from chat_tui.routing.ranking.ranking import Ranking, best_places

Strategy: TypeAlias = Callable[[Request, Sequence[Model], Health], Sequence[Candidate]]
"""Ranks models for a request, the best first; excluded models come last, with the reason."""

DEFAULT = "balanced"
LADDER = ("quality-first", "balanced", "speed-priority")
"""The strategies that choose the next models when all models of a strategy have failed."""
NOT_GOOD_ENOUGH = -inf
"""Stands for the value of a model that comes after the others, whatever its value is."""
TOY_ABILITY = -2.2
"""A model of this ability in logits (a quality of 0.1) or less is for trying out: all others come before it."""
PLUG_INS = "chat_tui.strategies"
"""The group of entry points."""


class Objective(msgspec.Struct, frozen=True):
    """What a strategy wants of a model: the most of P(good answer) less its price and its time, in absolute units."""

    per_dollar: float = 0.0
    """How much of a good answer one US dollar is worth."""
    per_second: float = 0.0
    """How much of a good answer one second is worth."""
    min_success: float = 0.0
    """Models whose P(good answer) is lower come after the others, the likeliest first."""
    order: Literal["value", "turn", "load"] = "value"
    """What decides among those that are good enough: the value; whose turn it is; or who has the least to do."""
    learns: bool = False
    """Whether all outcomes shift the abilities, not only people's verdicts; and models seldom asked are tried again."""


_OBJECTIVES: Mapping[str, Objective] = {
    "quality-first": Objective(per_dollar=3, per_second=1 / 600),
    "cost-optimized": Objective(per_dollar=10_000, per_second=1 / 600, min_success=0.5),
    "balanced": Objective(per_dollar=20, per_second=1 / 120, min_success=0.5),
    "speed-priority": Objective(per_dollar=2, per_second=2, min_success=0.5),
    "round-robin": Objective(per_dollar=20, per_second=1 / 120, min_success=0.5, order="turn"),
    "least-loaded": Objective(per_dollar=20, per_second=1 / 120, min_success=0.5, order="load"),
    "capability-match": Objective(per_dollar=10_000, per_second=1 / 600, min_success=0.8),
    "learned": Objective(per_dollar=20, per_second=1 / 120, min_success=0.5, learns=True),
}
_FORMER_WEIGHTS: Mapping[str, tuple[float, float, float]] = {
    "quality-first": (0.9, 0.05, 0.05),
    "cost-optimized": (0.1, 0.05, 0.85),
    "balanced": (0.4, 0.3, 0.3),
    "speed-priority": (0.1, 0.85, 0.05),
    "least-loaded": (0.1, 0.05, 0.05),
    "capability-match": (0.6, 0.15, 0.25),
    "learned": (0.8, 0.1, 0.1),
}
"""The weights of quality, speed and cost in earlier versions: those in a config change price and time accordingly."""


def objective(name: str, settings: StrategySettings | None = None) -> Objective:
    """Return what a built-in strategy wants, with the config's settings."""
    known = _OBJECTIVES[name]
    if settings is None:
        return known
    per_dollar, per_second = known.per_dollar, known.per_second
    if name in _FORMER_WEIGHTS:
        quality, speed, cost = _FORMER_WEIGHTS[name]
        share = 1.0 if settings.quality is None else max(settings.quality, 0.001) / quality
        per_dollar *= (1.0 if settings.cost is None else settings.cost / cost) / share
        per_second *= (1.0 if settings.speed is None else settings.speed / speed) / share
    if settings.good_answer_dollars is not None:
        per_dollar = _inverse(settings.good_answer_dollars)
    if settings.good_answer_seconds is not None:
        per_second = _inverse(settings.good_answer_seconds)
    least = known.min_success if settings.min_success is None else settings.min_success
    return msgspec.structs.replace(known, per_dollar=per_dollar, per_second=per_second, min_success=least)


def _inverse(worth: float) -> float:
    """A good answer that is worth nothing makes the least difference of price or time decide."""
    return 1.0 / max(worth, 1e-9)


class BuiltInStrategy:
    """Ranks models by an objective; a `Strategy`."""

    def __init__(self, wanted: Objective) -> None:
        self.wanted = wanted

    def __call__(self, request: Request, models: Sequence[Model], health: Health) -> Sequence[Candidate]:
        """Return the models in order, the best first; excluded models come last, with the reason."""
        return list(self.rank(*candidate_table(request, models, health, features_of(request))))

    def rank(self, table: CandidateTable, excluded: Sequence[Candidate] = ()) -> Ranking:
        """Return a table's models in order, the best first, and the excluded ones behind them."""
        success, values = self._values(table)
        return Ranking(table, success, values, partial(self._order, table, success, values), excluded)

    def choose(self, table: CandidateTable) -> Model | None:
        """Return the first choice among a table's models."""
        success, values = self._values(table)
        firsts = values if self.wanted.order == "value" else self._firsts(table)
        if not table.needs.images and not table.late:
            good = firsts if self._are_good_enough(table, success) else self._of_good_ones(table, success, firsts)
            best = max(good, default=NOT_GOOD_ENOUGH)
            if best > NOT_GOOD_ENOUGH:
                if firsts is not values:
                    pairs = zip(good, values, strict=True)
                    good = [value if first == best else NOT_GOOD_ENOUGH for first, value in pairs]
                return table.models[good.index(max(good))]
        places = self._order(table, success, values, 1)
        return table.models[places[0]] if places else None

    def _are_good_enough(self, table: CandidateTable, success: Sequence[float]) -> bool:
        """Return whether all models are, as for most easy prompts."""
        least = table.least_success if success is table.success else min(success, default=0.0)
        return least >= self.wanted.min_success and table.least_ability > TOY_ABILITY

    def _of_good_ones(
        self, table: CandidateTable, success: Sequence[float], numbers: Sequence[float]
    ) -> Sequence[float]:
        """Return the numbers, and `NOT_GOOD_ENOUGH` for the models that are not."""
        bar = self.wanted.min_success
        return [
            number if good >= bar and ability > TOY_ABILITY else NOT_GOOD_ENOUGH
            for number, good, ability in zip(numbers, success, table.abilities, strict=True)
        ]

    def _values(self, table: CandidateTable) -> tuple[Sequence[float], Sequence[float]]:
        """Return P(good answer) of each model, and its value."""
        wanted = self.wanted
        per_dollar, per_second = wanted.per_dollar, wanted.per_second
        if not wanted.learns:
            return table.success, table.values(per_dollar, per_second)
        success, curiosity = table.learned_success()
        rows = zip(success, curiosity, table.dollars, table.seconds, strict=True)
        return success, [
            good - per_dollar * dollars - per_second * seconds + bonus for good, bonus, dollars, seconds in rows
        ]

    def _order(
        self, table: CandidateTable, success: Sequence[float], values: Sequence[float], most: int
    ) -> Sequence[int]:
        """Return the indices of so many models, the best first."""
        order: list[int] = []
        for places, columns in self._groups(table, success, values):
            order += best_places(places, columns, most - len(order))
            if len(order) >= most:
                break
        return order

    def _groups(
        self, table: CandidateTable, success: Sequence[float], values: Sequence[float]
    ) -> Iterator[tuple[Sequence[int], Sequence[Sequence[float]]]]:
        """Yield the models in groups, each with the columns that it is sorted by: all of one come before the next."""
        bar, abilities = self.wanted.min_success, table.abilities
        columns = [values] if self.wanted.order == "value" else [self._firsts(table), values]
        are_good_enough = self._are_good_enough(table, success)
        for places in _known_to_fit(table):
            if are_good_enough:
                yield places, columns
                continue
            good = [place for place in places if success[place] >= bar and abilities[place] > TOY_ABILITY]
            yield good, columns
            # Where none is good enough, the likeliest is taken; of two that are alike, the one of more value.
            others = [place for place in places if success[place] < bar or abilities[place] <= TOY_ABILITY]
            yield others, [[float(ability > TOY_ABILITY) for ability in abilities], success, *columns]

    def _firsts(self, table: CandidateTable) -> Sequence[float]:
        """Return what decides before the value."""
        return _turns(table) if self.wanted.order == "turn" else _loads(table)


def _known_to_fit(table: CandidateTable) -> Iterator[Sequence[int]]:
    """Yield the models that are known to take the images, then those that may; those to be downloaded come last."""
    places: Sequence[int] = range(len(table.models))
    late = table.late
    for group in (places,) if not late else ([place for place in places if place not in late], sorted(late)):
        if not table.needs.images:
            yield group
            continue
        yield [place for place in group if table.models[place].images]
        yield [place for place in group if not table.models[place].images]


def _turns(table: CandidateTable) -> Sequence[float]:
    """Return the more, the longer ago the model was asked."""
    return [-float(known.asked) for known in table.stats]


def _loads(table: CandidateTable) -> Sequence[float]:
    """Return 0 for a model that is not in use, else less; the load is shared by its addresses."""
    return [-known.running / model.replicas for known, model in zip(table.stats, table.models, strict=True)]


def strategies(settings: Strategies | None = None) -> Mapping[str, Strategy]:
    """Return the built-in strategies by name, in the order of the key that switches them.

    `settings` are those of the config.
    """
    own = {
        field.encode_name: getattr(settings, field.name)
        for field in msgspec.structs.fields(Strategies)
        if settings is not None
    }
    return {name: BuiltInStrategy(objective(name, own.get(name))) for name in _OBJECTIVES}


def names() -> Sequence[str]:
    """Return the names of the built-in strategies, in the order of the key that switches them."""
    return tuple(_OBJECTIVES)


@cache
def plug_ins() -> Mapping[str, Strategy]:
    """Return the strategies of other packages, by name; those that cannot be loaded are left out.

    It looks through all installed packages, which is slow: call it late, or in a thread.
    """
    from importlib.metadata import entry_points

    found: dict[str, Strategy] = {}
    for point in entry_points(group=PLUG_INS):
        try:
            loaded = point.load()
        except (ImportError, AttributeError):
            continue
        if callable(loaded) and point.name not in _OBJECTIVES:
            found[point.name] = guard(loaded)
    return found


def guard(own: Strategy) -> Strategy:
    """Wrap a plug-in's strategy: if it fails or ranks none, all models are excluded; unknown ones are dropped."""

    def rank(request: Request, models: Sequence[Model], health: Health) -> Sequence[Candidate]:
        try:
            ranked = list(own(request, models, health))
        except Exception as error:  # noqa: BLE001
            # The border to code that is not ours.
            return _leave_all_out(models, type(error).__name__)
        known = {model.name for model in models}
        ranked = [candidate for candidate in ranked if isinstance(candidate, Candidate) and candidate.model in known]
        return ranked or _leave_all_out(models, "it ranked none of the models")

    return rank


def _leave_all_out(models: Sequence[Model], why: str) -> list[Candidate]:
    return [Candidate(model.name, out=f"the strategy failed: {why}") for model in models]


def rungs(strategy: str) -> Sequence[str]:
    """Return the strategies after this one on the ladder; a strategy that is not on it enters at `balanced`."""
    return LADDER[LADDER.index(strategy) + 1 :] if strategy in LADDER else LADDER[1:]
