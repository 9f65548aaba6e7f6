"""Which models can take a request, and the parts of their scores, each scaled to 0 to 1 over the candidates.

A model that was never measured counts as nearly the best, so that it gets tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, TypeAlias

from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Candidate
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.core.usage.pricing import cost, rates_at
from chat_tui.routing.ranking.health import Health, ModelStats

QUALITY_GUESS = 0.5
"""Quality of a model that nobody has rated."""
OPTIMISM = 0.9
"""Speed of a model that was never measured, on the scale of the fastest, before any other has answered."""
SMALLER = 0.25
"""The share by which this is lower for the best model than for the least: as a rule it is larger, thus slower."""
HOPE = 0.15
"""How much is added at most, the longer the measured models have been asked."""
ANSWERS_OF_EACH = 10
"""After this many answers for each measured model, an unmeasured one is expected to be faster than the fastest."""
REPLY_TOKENS = 500
"""The assumed length of a reply without limit, for price estimates."""
LEAST_REPLY_TOKENS = 100
"""A price limit that allows fewer excludes the model."""
CENTS = 0.05
"""US dollars per million tokens: cheaper models are all but free."""
PRIOR_ANSWERS = 2.0
"""How many outcomes the prior quality counts for."""
CURIOSITY = 0.35
"""How much a model that was seldom asked is favoured while others are."""

VERDICTS_OF_PRIOR = 6.0
"""How many verdicts the prior quality counts for."""
OTHER_KIND = 1 / 3
"""The weight of outcomes of other kinds of task."""
BY_NAME_ONLY = "chosen only by name"
TOO_DEAR = "exceeds your price limit"
REASONED = 20
"""Models over the price limit whose reason states the price."""


class ModelTable(tuple[Model, ...]):
    """The models to choose among; what does not depend on the request is computed once."""

    @cached_property
    def by_name(self) -> Mapping[str, Model]:
        """The models by name."""
        return {model.name: model for model in self}

    @cached_property
    def needs_download(self) -> Collection[str]:
        """The names of the models that must be downloaded first."""
        return frozenset(model.name for model in self if model.to_be_fetched)

    @cached_property
    def cost_scale(self) -> Sequence[float]:
        """The price of each model on a logarithmic scale: one expensive model does not make the others look alike."""
        return [math.log1p(_price(model) / CENTS) for model in self]

    @cached_property
    def _priors(self) -> dict[tuple[str, str, bool], Sequence[float]]:
        return {}

    def priors(self, needs: PromptFeatures) -> Sequence[float]:
        """Return the prior quality of each model for this kind of prompt."""
        key = (needs.kind, needs.language, needs.long)
        if key not in self._priors:
            self._priors[key] = [_quality(model, needs) for model in self]
        return self._priors[key]


class CandidateTable(NamedTuple):
    """The models that can take a request, in columns."""

    models: Sequence[Model]
    vitals: Sequence[ModelStats]
    priors: Sequence[float]
    """Their prior quality for this kind of prompt."""
    cost_scale: Sequence[float]
    needs: PromptFeatures


Part: TypeAlias = Callable[[CandidateTable], Sequence[float]]
"""Returns one part of the score for each model."""


def estimated_price(model: Model, prompt_tokens: int, max_tokens: int | None) -> float | None:
    """Return the estimated cost of an answer in US dollars; None if a price is not known."""
    if model.context_window:
        prompt_tokens = min(prompt_tokens, model.context_window)
    return cost(model, prompt_tokens, min(REPLY_TOKENS, max_tokens or REPLY_TOKENS))


def affordable_tokens(model: Model, prompt_tokens: int, limit: float) -> int | None:
    """Return how many tokens of reply the limit in US dollars pays for; None: any number."""
    rates = rates_at(model, prompt_tokens)
    if rates.price_in is None or rates.price_out is None:
        return None if model.local else 0
    left = limit - prompt_tokens * rates.price_in / 1_000_000
    if left < 0:
        return 0
    return int(left * 1_000_000 / rates.price_out) if rates.price_out else None


def price_limit(request: Request, model: Model, prompt_tokens: int, spent: float) -> dict[str, int]:
    """Return `max_tokens` as far as the price limit allows, as a change of the request; empty if it changes nothing."""
    if request.max_price is None:
        return {}
    tokens = affordable_tokens(model, prompt_tokens, request.max_price - spent)
    if tokens is None or (request.max_tokens or tokens + 1) <= tokens:
        return {}
    return {"max_tokens": max(1, tokens)}


def over_limit_reason(model: Model, request: Request, prompt_tokens: int) -> str:
    """Return why the request's price limit excludes the model; empty if it does not."""
    limit = request.max_price
    if limit is None or not _is_over_limit(model, request, prompt_tokens):
        return ""
    about = estimated_price(model, prompt_tokens, request.max_tokens)
    if about is None:
        return f"its price is unknown, and your limit is ${limit:.4g}"
    return f"would cost about ${about:.4g}, more than your limit of ${limit:.4g}"


def _is_over_limit(model: Model, request: Request, prompt_tokens: int) -> bool:
    if request.max_price is None:
        return False
    prompt_tokens = min(prompt_tokens, model.context_window or prompt_tokens)
    tokens = affordable_tokens(model, prompt_tokens, request.max_price)
    return tokens is not None and tokens < min(request.max_tokens or REPLY_TOKENS, LEAST_REPLY_TOKENS)


def candidate_table(
    request: Request, models: Sequence[Model], health: Health, needs: PromptFeatures
) -> tuple[CandidateTable, Sequence[Candidate]]:
    """Return the models that can take the request now, and the others with the reasons."""
    known = models if isinstance(models, ModelTable) else ModelTable(models)
    can, out = eligible(request, known, health, needs)
    priors, cost_scale = known.priors(needs), known.cost_scale
    if len(can) == len(known):
        return CandidateTable(known, health.all_of(known), priors, cost_scale, needs), out
    left = [known[i] for i in can]
    return CandidateTable(left, health.all_of(left), [priors[i] for i in can], [cost_scale[i] for i in can], needs), out


def eligible(
    request: Request, models: Sequence[Model], health: Health, needs: PromptFeatures
) -> tuple[Sequence[int], Sequence[Candidate]]:
    """Return the indices of the models that can take the request now, and the others with the reasons.

    A model in cooldown is excluded only while another one is left.
    """
    can: list[int] = []
    narrow: list[int] = []
    resting: list[int] = []
    out: list[Candidate] = []
    dear = 0
    limited, last, unavailable = request.max_price is not None, needs.last_tokens, health.unavailable()
    for place, model in enumerate(models):
        if not model.selectable:
            out.append(Candidate(model.name, out=BY_NAME_ONLY))
        elif needs.images and model.images is False:
            out.append(Candidate(model.name, out="does not accept images"))
        elif limited and _is_over_limit(model, request, needs.tokens):
            dear += 1
            # There may be hundreds, and each sentence takes its time.
            why = over_limit_reason(model, request, needs.tokens) if dear <= REASONED else TOO_DEAR
            out.append(Candidate(model.name, out=why))
        elif model.context_window is not None and last > model.context_window:
            narrow.append(place)
        elif model.name in unavailable:
            resting.append(place)
        else:
            can.append(place)
    if not can:
        # A rest gives way to others; and a window may only look too small: there the server decides.
        can, resting, narrow = (resting, [], narrow) if resting else (narrow, [], [])
    out += [Candidate(models[place].name, out=unavailable[models[place].name]) for place in resting]
    words = "its window of {:,} tokens is too small for the question"
    out += [Candidate(models[place].name, out=words.format(models[place].context_window)) for place in narrow]
    return can, out


def quality(field: CandidateTable) -> Sequence[float]:
    """Return the quality for this kind of prompt: the prior, corrected by verdicts."""
    values = list(field.priors)
    for place, known in enumerate(field.vitals):
        if known.verdicts:
            good, bad = _outcomes(known.verdicts, field.needs.kind)
            values[place] = (VERDICTS_OF_PRIOR * values[place] + good) / (VERDICTS_OF_PRIOR + good + bad)
    return normalise(values)


def _quality(model: Model, needs: PromptFeatures) -> float:
    told = model.qualities
    if told:
        kinds = (needs.kind, needs.language, "long" if needs.long else "")
        known = [told[kind] for kind in kinds if kind in told]
        if known:
            return sum(known) / len(known)
    return model.quality if model.quality is not None else QUALITY_GUESS


def speed(field: CandidateTable) -> Sequence[float]:
    """Return the measured time for an answer of 200 tokens, from 0 (slowest) to 1 (fastest).

    What is expected of an unmeasured model grows with the answers of the others and falls with each that is tried:
    about one answer in ten goes to a new model if nothing else speaks against it. Before any is measured, more is
    expected of the lesser models, which are smaller as a rule.
    """
    seconds = [
        (known.ttft_seconds or 0.0) + 200 / known.tokens_per_second if known.tokens_per_second else known.ttft_seconds
        for known in field.vitals
    ]
    measured = [value for value in seconds if value is not None]
    if not measured:
        return [OPTIMISM * (1 - SMALLER * prior) for prior in normalise(field.priors)]
    fastest = max(min(measured), 0.001)
    answers = sum(known.answers for known in field.vitals)
    hoped = OPTIMISM + min(HOPE, (1 - OPTIMISM) * answers / (ANSWERS_OF_EACH * len(measured)))
    most = max(1.0, hoped) if len(measured) < len(seconds) else 1.0
    return [(hoped if value is None else fastest / max(value, fastest)) / most for value in seconds]


def cheapness(field: CandidateTable) -> Sequence[float]:
    """Return 1 for the cheapest."""
    return normalise([-value for value in field.cost_scale])


def _price(model: Model) -> float:
    """Return US dollars per million tokens, a fourth of them output; an unknown price counts as an average one."""
    if model.price_in is None or model.price_out is None:
        return 0.0 if model.local else 2.0
    return 0.75 * model.price_in + 0.25 * model.price_out


def load(field: CandidateTable) -> Sequence[float]:
    """Return 1 for a model that is not in use; the load is shared by its addresses."""
    return [
        1 / (1 + known.running / model.replicas) if known.running else 1.0
        for known, model in zip(field.vitals, field.models, strict=True)
    ]


def round_robin(field: CandidateTable) -> Sequence[float]:
    """Return 1 for the model that was not asked for the longest time."""
    order = sorted({known.asked for known in field.vitals}, reverse=True)
    place = {asked: (number + 1) / len(order) for number, asked in enumerate(order)}
    return [place[known.asked] for known in field.vitals]


def capability(field: CandidateTable) -> Sequence[float]:
    """Return 1 if the model is good enough for the prompt and its window holds the conversation."""
    needs = field.needs
    level = 0.15 + 0.75 * needs.hard
    values = [1.0 if value >= level else value / level for value in field.priors]
    if not needs.long:
        return values
    return [
        value * 0.5 * model.context_window / needs.tokens
        if model.context_window is not None and model.context_window < needs.tokens
        else value
        for value, model in zip(values, field.models, strict=True)
    ]


def expected_success(field: CandidateTable) -> Sequence[float]:
    """Return an upper confidence bound of success, from outcomes and verdicts: a discounted bandit.

    The prior quality counts as the first outcomes; outcomes of other kinds of task count a third.
    """
    kind = field.needs.kind
    seen = {place: _outcomes(known.outcomes, kind) for place, known in enumerate(field.vitals) if known.outcomes}
    total = math.log1p(sum(good + bad for good, bad in seen.values()))
    unseen = CURIOSITY * math.sqrt(total)
    values = [prior + unseen for prior in field.priors]
    for place, (good, bad) in seen.items():
        count = good + bad
        mean = (good + PRIOR_ANSWERS * field.priors[place]) / (count + PRIOR_ANSWERS)
        values[place] = mean + CURIOSITY * math.sqrt(total / (count + 1))
    most = max(values, default=1.0) or 1.0
    return [value / most for value in values]


def _outcomes(known: Mapping[str, tuple[float, float]], kind: str) -> tuple[float, float]:
    if len(known) == 1 and kind in known:
        return known[kind]
    good = bad = 0.0
    for other, (won, lost) in known.items():
        share = 1.0 if other == kind else OTHER_KIND
        good, bad = good + share * won, bad + share * lost
    return good, bad


def normalise(values: Sequence[float]) -> list[float]:
    """Scale the values to 0 for the least and 1 for the most."""
    if not values:
        return []
    low, high = min(values), max(values)
    if high == low:
        return [1.0] * len(values)
    span = high - low
    return [(value - low) / span for value in values]
