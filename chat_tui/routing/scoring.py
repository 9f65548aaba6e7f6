"""Who can take a request, and the parts of a score: each 0 to 1 over the candidates, so that no unit wins by its scale.

A model that was never measured counts as nearly the best, so that it gets tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from chat_tui.models import Model, cost
from chat_tui.request import Request
from chat_tui.route import Candidate
from chat_tui.routing.difficulty import Needs
from chat_tui.routing.health import Health, Vitals

QUALITY_GUESS = 0.5
"""Quality of a model that nobody has rated."""
OPTIMISM = 0.9
"""Speed of a model that was never measured, on the scale of the fastest."""
REPLY_TOKENS = 500
"""Of a reply whose length is not limited, where its price is estimated."""
LEAST_REPLY_TOKENS = 100
"""A price that allows no more than this is too low."""
CENTS = 0.05
"""US dollars for a million tokens: prices below it are all but free."""
PRIOR_ANSWERS = 2.0
"""How many outcomes the prior quality counts for."""
CURIOSITY = 0.35
"""How much a model that was seldom asked is favoured while others are."""

Part: TypeAlias = Callable[[Sequence[Model], Sequence[Vitals], Needs], Sequence[float]]
"""One part of the score of each model."""


def estimated_price(model: Model, prompt_tokens: int, max_tokens: int | None) -> float | None:
    """About what an answer costs in US dollars; None when a price is not known."""
    if model.context_window:
        prompt_tokens = min(prompt_tokens, model.context_window)
    return cost(model, prompt_tokens, min(REPLY_TOKENS, max_tokens or REPLY_TOKENS))


def affordable_tokens(model: Model, prompt_tokens: int, limit: float) -> int | None:
    """How many tokens of reply the limit in US dollars pays for; None: any number."""
    if model.price_in is None or model.price_out is None:
        return None if model.local else 0
    left = limit - prompt_tokens * model.price_in / 1_000_000
    if left < 0:
        return 0
    return int(left * 1_000_000 / model.price_out) if model.price_out else None


def why_too_dear(model: Model, request: Request, prompt_tokens: int) -> str:
    """Why the request's price limit rules the model out; empty where it does not."""
    limit = request.max_price
    if limit is None:
        return ""
    tokens = affordable_tokens(model, min(prompt_tokens, model.context_window or prompt_tokens), limit)
    if tokens is None or tokens >= min(request.max_tokens or REPLY_TOKENS, LEAST_REPLY_TOKENS):
        return ""
    about = estimated_price(model, prompt_tokens, request.max_tokens)
    if about is None:
        return f"its price is not known, and at most ${limit:.4g} may be spent"
    return f"would cost about ${about:.4g}, more than the ${limit:.4g} that may be spent"


def able(
    request: Request, models: Sequence[Model], health: Health, needs: Needs
) -> tuple[list[Model], list[Candidate]]:
    """The models that can take the request now, and why the others cannot."""
    can: list[Model] = []
    narrow: list[Model] = []
    out: list[Candidate] = []
    limited, last = request.max_price is not None, needs.last_tokens
    for model in models:
        if not model.selectable:
            out.append(Candidate(model.name, out="chosen only by name"))
        elif why := health.why_not(model.name):
            out.append(Candidate(model.name, out=why))
        elif needs.images and model.images is False:
            out.append(Candidate(model.name, out="takes no images"))
        elif limited and (why := why_too_dear(model, request, needs.tokens)):
            out.append(Candidate(model.name, out=why))
        elif model.context_window is not None and last > model.context_window:
            narrow.append(model)
        else:
            can.append(model)
    if not can:
        # The estimate may be wrong: the server decides.
        return narrow, out
    words = "its window of {:,} tokens is too small for the question"
    return can, [*out, *(Candidate(model.name, out=words.format(model.context_window)) for model in narrow)]


def quality(models: Sequence[Model], vitals: Sequence[Vitals], needs: Needs) -> Sequence[float]:
    """Prior quality for what is asked."""
    return normalised([_quality(model, needs) for model in models])


def _quality(model: Model, needs: Needs) -> float:
    told = model.qualities
    if told:
        kinds = (needs.kind, needs.language, "long" if needs.long else "")
        known = [told[kind] for kind in kinds if kind in told]
        if known:
            return sum(known) / len(known)
    return model.quality if model.quality is not None else QUALITY_GUESS


def speed(models: Sequence[Model], vitals: Sequence[Vitals], needs: Needs) -> Sequence[float]:
    """Seconds for an answer of 200 tokens, as measured, turned into 0 (slowest) to 1 (fastest)."""
    seconds: list[float | None] = []
    for known in vitals:
        if known.tokens_per_second:
            seconds.append((known.ttft_seconds or 0.0) + 200 / known.tokens_per_second)
        else:
            seconds.append(known.ttft_seconds)
    measured = [value for value in seconds if value is not None]
    if not measured:
        return [OPTIMISM] * len(models)
    fastest = max(min(measured), 0.001)
    return [OPTIMISM if value is None else fastest / max(value, fastest) for value in seconds]


def cheapness(models: Sequence[Model], vitals: Sequence[Vitals], needs: Needs) -> Sequence[float]:
    """1 for the cheapest. By ratio: that one model costs a hundred times as much makes the others no more alike."""
    return normalised([-math.log1p(_price(model) / CENTS) for model in models])


def _price(model: Model) -> float:
    """US dollars for a million tokens, a fourth of them output; an unknown price counts as a middling one."""
    if model.price_in is None or model.price_out is None:
        return 0.0 if model.local else 2.0
    return 0.75 * model.price_in + 0.25 * model.price_out


def load(models: Sequence[Model], vitals: Sequence[Vitals], needs: Needs) -> Sequence[float]:
    """1 for a model that nobody uses now."""
    return [1 / (1 + known.running) for known in vitals]


def turn(models: Sequence[Model], vitals: Sequence[Vitals], needs: Needs) -> Sequence[float]:
    """1 for the model that was not asked for the longest time."""
    order = sorted({known.asked for known in vitals}, reverse=True)
    place = {asked: (number + 1) / len(order) for number, asked in enumerate(order)}
    return [place[known.asked] for known in vitals]


def fit(models: Sequence[Model], vitals: Sequence[Vitals], needs: Needs) -> Sequence[float]:
    """1 where the model is as good at what is asked as it need be, and its window holds the conversation."""
    level = 0.15 + 0.75 * needs.hard
    values = []
    for model in models:
        value = min(1.0, _quality(model, needs) / level)
        if needs.long and model.context_window is not None and model.context_window < needs.tokens:
            value *= 0.5 * model.context_window / needs.tokens
        values.append(value)
    return values


def learned(models: Sequence[Model], vitals: Sequence[Vitals], needs: Needs) -> Sequence[float]:
    """An upper bound of what may be hoped for, from outcomes and verdicts: a discounted bandit.

    The prior quality stands for the first outcomes; what was learned from other kinds of task counts a third.
    """
    seen = [_outcomes(known.outcomes, needs.kind) if known.outcomes else (0.0, 0.0) for known in vitals]
    total = math.log1p(sum(good + bad for good, bad in seen))
    values = []
    for model, (good, bad) in zip(models, seen, strict=True):
        count = good + bad
        mean = (good + PRIOR_ANSWERS * _quality(model, needs)) / (count + PRIOR_ANSWERS)
        values.append(mean + CURIOSITY * math.sqrt(total / (count + 1)))
    most = max(values, default=1.0) or 1.0
    return [value / most for value in values]


def _outcomes(known: Mapping[str, tuple[float, float]], kind: str) -> tuple[float, float]:
    good = bad = 0.0
    for other, (won, lost) in known.items():
        share = 1.0 if other == kind else 1 / 3
        good, bad = good + share * won, bad + share * lost
    return good, bad


def normalised(values: Sequence[float]) -> list[float]:
    """0 for the least, 1 for the most."""
    if not values:
        return []
    low, high = min(values), max(values)
    if high == low:
        return [1.0] * len(values)
    span = high - low
    return [(value - low) / span for value in values]
