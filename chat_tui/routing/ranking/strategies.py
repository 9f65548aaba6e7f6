"""How models are ranked: pure functions of (request, models, health).

A package may bring a strategy of its own: an entry point of the group `chat_tui.strategies` that names a function with
the same signature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TypeAlias

import msgspec

from chat_tui.config.schema import Strategies
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Candidate
from chat_tui.routing.ranking import eligibility
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.ranking.prompt_features import features_of

Strategy: TypeAlias = Callable[[Request, Sequence[Model], Health], Sequence[Candidate]]
"""Ranks models for a request, the best first; excluded models come last, with the reason."""

DEFAULT = "balanced"
LADDER = ("quality-first", "balanced", "speed-priority")
"""The strategies that choose the next models when all models of a strategy have failed."""
DETAILED = 12
"""Candidates that are returned with the parts of their score."""
PLUG_INS = "chat_tui.strategies"
"""The group of entry points."""

_PARTS: Mapping[str, eligibility.Part] = {
    "quality": eligibility.quality,
    "speed": eligibility.speed,
    "cost": eligibility.cheapness,
    "load": eligibility.load,
    "turn": eligibility.round_robin,
    "fit": eligibility.capability,
    "learned": eligibility.expected_success,
}

_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "quality-first": {"quality": 0.9, "speed": 0.05, "cost": 0.05},
    "cost-optimized": {"cost": 0.85, "quality": 0.1, "speed": 0.05},
    "balanced": {"quality": 0.4, "speed": 0.3, "cost": 0.3},
    "speed-priority": {"quality": 0.1, "speed": 0.85, "cost": 0.05},
    "round-robin": {"turn": 1.0},
    "least-loaded": {"load": 0.8, "quality": 0.1, "speed": 0.05, "cost": 0.05},
    "capability-match": {"fit": 0.6, "cost": 0.25, "speed": 0.15},
    "learned": {"learned": 0.8, "speed": 0.1, "cost": 0.1},
}


def strategies(weights: Strategies | None = None) -> Mapping[str, Strategy]:
    """Return the built-in strategies by name, with the config's weights, in the order of the key that switches them."""
    own = {
        field.encode_name: msgspec.structs.asdict(getattr(weights, field.name))
        for field in msgspec.structs.fields(Strategies)
        if weights is not None
    }
    return {
        name: _weighted_strategy(
            {**known, **{part: value for part, value in own.get(name, {}).items() if value is not None}}
        )
        for name, known in _WEIGHTS.items()
    }


def names() -> Sequence[str]:
    """Return the names of the built-in strategies, in the order of the key that switches them."""
    return tuple(_WEIGHTS)


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
        if callable(loaded) and point.name not in _WEIGHTS:
            found[point.name] = guard(loaded)
    return found


def guard(own: Strategy) -> Strategy:
    """Wrap a plug-in's strategy: if it fails, all models are excluded with that reason; unknown models are dropped."""

    def rank(request: Request, models: Sequence[Model], health: Health) -> Sequence[Candidate]:
        try:
            ranked = list(own(request, models, health))
        except Exception as error:  # noqa: BLE001
            # The border to code that is not ours.
            return [Candidate(model.name, out=f"the strategy failed: {type(error).__name__}") for model in models]
        known = {model.name for model in models}
        return [candidate for candidate in ranked if isinstance(candidate, Candidate) and candidate.model in known]

    return rank


def rungs(strategy: str) -> Sequence[str]:
    """Return the strategies after this one on the ladder; a strategy that is not on it enters at `balanced`."""
    return LADDER[LADDER.index(strategy) + 1 :] if strategy in LADDER else LADDER[1:]


def _weighted_strategy(weights: Mapping[str, float]) -> Strategy:
    parts = [(name, _PARTS[name], weight) for name, weight in weights.items() if weight]
    whole = sum(weight for _, _, weight in parts) or 1.0

    def rank(request: Request, models: Sequence[Model], health: Health) -> Sequence[Candidate]:
        wanted = features_of(request)
        field, out = eligibility.candidate_table(request, models, health, wanted)
        columns = {name: part(field) for name, part, _ in parts}
        totals = [0.0] * len(field.models)
        for name, _, weight in parts:
            share = weight / whole
            totals = [total + share * value for total, value in zip(totals, columns[name], strict=True)]
        if wanted.images:
            # Models that are known to take images come before those that may.
            totals = [(total + bool(model.images)) / 2 for total, model in zip(totals, field.models, strict=True)]
        order = sorted(range(len(totals)), key=totals.__getitem__, reverse=True)
        names = [model.name for model in field.models]
        notes = health.unavailable()
        ranked = [
            Candidate(
                names[i],
                round(totals[i], 4),
                {name: round(values[i], 3) for name, values in columns.items()},
                note=notes.get(names[i], ""),
            )
            for i in order[:DETAILED]
        ]
        # There may be hundreds; nobody looks at the parts of the hundredth.
        ranked += [Candidate(names[i], totals[i]) for i in order[DETAILED:]]
        return [*ranked, *out]

    return rank
