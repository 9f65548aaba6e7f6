"""How models are ranked: pure functions of (request, models, health).

Each part of a score is normalised over the candidates, 0 to 1, so that no unit wins by its scale. A model that was
never measured counts as nearly the best, so that it gets tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from chat_tui.models import Model
from chat_tui.request import Request
from chat_tui.route import Candidate
from chat_tui.routing.health import Health

Strategy: TypeAlias = Callable[[Request, Sequence[Model], Health], Sequence[Candidate]]
"""Ranks models for a request, the best first; those that are out stand last with the reason."""

DEFAULT = "balanced"
QUALITY_GUESS = 0.5
"""Quality of a model that nobody has rated."""
OPTIMISM = 0.9
"""Speed of a model that was never measured, on the scale of the fastest."""

_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "quality-first": {"quality": 0.9, "speed": 0.05, "cost": 0.05},
    "balanced": {"quality": 0.4, "speed": 0.3, "cost": 0.3},
    "speed-priority": {"quality": 0.1, "speed": 0.85, "cost": 0.05},
}


def strategies() -> Mapping[str, Strategy]:
    """All strategies by name, in the order in which a key walks through them."""
    return {name: _weighted(weights) for name, weights in _WEIGHTS.items()}


def names() -> Sequence[str]:
    """The strategies' names, in the order in which a key walks through them."""
    return tuple(_WEIGHTS)


def _weighted(weights: Mapping[str, float]) -> Strategy:
    for_quality, for_speed, for_cost = weights["quality"], weights["speed"], weights["cost"]

    def rank(request: Request, models: Sequence[Model], health: Health) -> Sequence[Candidate]:
        able, out = _able(models, health)
        quality = _normalised([m.quality if m.quality is not None else QUALITY_GUESS for m in able])
        speed = _speeds(able, health)
        cost = _normalised([-_price(m) for m in able])
        totals = [for_quality * q + for_speed * s + for_cost * c for q, s, c in zip(quality, speed, cost, strict=True)]
        order = sorted(range(len(able)), key=totals.__getitem__, reverse=True)
        candidates = [
            Candidate(
                able[i].name,
                round(totals[i], 4),
                {"quality": quality[i], "speed": speed[i], "cost": cost[i]},
            )
            for i in order
        ]
        return [*candidates, *out]

    return rank


def _able(models: Sequence[Model], health: Health) -> tuple[list[Model], list[Candidate]]:
    """The models that can take the request now, and why the others cannot."""
    able: list[Model] = []
    out: list[Candidate] = []
    for model in models:
        if not model.selectable:
            out.append(Candidate(model.name, out="chosen only by name"))
        elif rest := health.resting_seconds(model.name):
            out.append(Candidate(model.name, out=f"rests for {rest:.0f} s after failures"))
        else:
            able.append(model)
    return able, out


def _price(model: Model) -> float:
    """US dollars for a million tokens, a fourth of them output; an unknown price counts as a middling one."""
    if model.price_in is None or model.price_out is None:
        return 0.0 if model.local else 2.0
    return 0.75 * model.price_in + 0.25 * model.price_out


def _speeds(models: Sequence[Model], health: Health) -> list[float]:
    """Seconds for an answer of 200 tokens, as measured, turned into 0 (slowest) to 1 (fastest)."""
    seconds: list[float | None] = []
    for model in models:
        vitals = health.vitals(model.name)
        if vitals.tokens_per_second:
            seconds.append((vitals.ttft_seconds or 0.0) + 200 / vitals.tokens_per_second)
        else:
            seconds.append(vitals.ttft_seconds)
    known = [value for value in seconds if value is not None]
    if not known:
        return [OPTIMISM] * len(models)
    fastest = max(min(known), 0.001)
    return [OPTIMISM if value is None else _short(fastest / max(value, fastest)) for value in seconds]


def _normalised(values: Sequence[float]) -> list[float]:
    if not values:
        return []
    low, high = min(values), max(values)
    if high == low:
        return [1.0] * len(values)
    return [_short((value - low) / (high - low)) for value in values]


def _short(value: float) -> float:
    """Three digits, by the quick way: there may be hundreds of models."""
    return int(value * 1000 + 0.5) / 1000
