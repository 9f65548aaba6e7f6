"""The models to choose among, with what is expected of each, in columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from math import exp, inf, log1p, sqrt
from operator import itemgetter
from typing import NamedTuple, TypeVar, cast

from chat_tui.core.models import Model
from chat_tui.core.request import Request, Thinking
from chat_tui.core.route import Candidate
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.routing.ranking.eligibility import REPLY_TOKENS, eligible, thinking_tokens
from chat_tui.routing.ranking.estimates import (
    OUTCOMES_OF_PRIOR,
    logit,
    loss_by_trimming,
    outcomes_for,
    price_of,
    quality_for,
    seconds_of,
    shift,
    success_of,
    token_prices,
    usual_speed,
    with_verdicts,
)
from chat_tui.routing.ranking.health import Health, ModelStats

T = TypeVar("T")
KINDS_KEPT = 16
"""Kinds of requests of which what was measured is kept."""
CURIOSITY = 0.2
"""How much the strategy that learns favours models that were seldom asked while others were."""


class MeasuredColumns(NamedTuple):
    """What does not depend on a request's words: by the models' health, for one kind of request."""

    stats: Sequence[ModelStats]
    abilities: Sequence[float]
    """In logits, with people's verdicts."""
    seconds: Sequence[float]
    """The estimated time until the whole answer is there."""
    written: Sequence[int]
    """Tokens of answer and thinking, all of which are paid for."""


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
    def prices(self) -> Sequence[tuple[float, float] | None]:
        """US dollars per token of prompt and of answer; None where the price depends on more than that."""
        return [token_prices(model) for model in self]

    @cached_property
    def least_window(self) -> int | None:
        """The smallest context window in tokens; None if none is known."""
        return min((model.context_window for model in self if model.context_window), default=None)

    @cached_property
    def usual_seconds(self) -> Sequence[tuple[float, float]]:
        """Seconds to the first token of all, and for each token written, before anything is measured."""
        return [usual_speed(model) for model in self]

    @cached_property
    def _thinking(self) -> dict[Thinking | None, Sequence[int]]:
        return {}

    def thinking(self, effort: Thinking | None) -> Sequence[int]:
        """Return how many tokens each model writes before its answer, at the effort that a request asks for."""
        if effort not in self._thinking:
            self._thinking[effort] = [thinking_tokens(model, effort) for model in self]
        return self._thinking[effort]

    @cached_property
    def _abilities(self) -> dict[tuple[str, str, bool], Sequence[float]]:
        return {}

    def abilities(self, needs: PromptFeatures) -> Sequence[float]:
        """Return the ability of each model for this kind of prompt, in logits, by what is known beforehand."""
        key = (needs.kind, needs.language, needs.long)
        if key not in self._abilities:
            self._abilities[key] = [logit(quality_for(model, needs)) for model in self]
        return self._abilities[key]

    @cached_property
    def _columns(self) -> dict[tuple[object, ...], MeasuredColumns]:
        return {}

    def columns_for(self, request: Request, health: Health, needs: PromptFeatures) -> MeasuredColumns:
        """Return the columns for this kind of request; computed anew are those models whose health has changed."""
        key = (needs.kind, needs.language, needs.long, request.thinking, request.max_tokens)
        stats, known = health.all_of(self), self._columns.get(key)
        if known is not None and stats == known.stats:
            return known
        prior, usual, thinking = self.abilities(needs), self.usual_seconds, self.thinking(request.thinking)
        if known is None:
            # Thinking counts for the limit, too.
            most = inf if request.max_tokens is None else request.max_tokens
            written: Sequence[int] = [int(min(REPLY_TOKENS + tokens, most)) for tokens in thinking]
            abilities, seconds = list(prior), [0.0] * len(self)
            changed: Collection[int] = range(len(self))
        else:
            written, abilities, seconds = known.written, list(known.abilities), list(known.seconds)
            pairs = zip(stats, known.stats, strict=True)
            changed = [place for place, (now, before) in enumerate(pairs) if now is not before]
        for i in changed:
            abilities[i] = with_verdicts(prior[i], stats[i], needs.kind)
            seconds[i] = seconds_of(stats[i], usual[i], thinking[i], written[i])
        if len(self._columns) >= KINDS_KEPT:
            self._columns.clear()
        self._columns[key] = columns = MeasuredColumns(stats, abilities, seconds, written)
        return columns


class CandidateTable(NamedTuple):
    """The models that can take a request, in columns."""

    models: Sequence[Model]
    stats: Sequence[ModelStats]
    abilities: Sequence[float]
    """In logits, with people's verdicts."""
    success: Sequence[float]
    """P(good answer), 0 to 1."""
    dollars: Sequence[float]
    """The estimated price of the answer; an assumed one where the prices are not known."""
    seconds: Sequence[float]
    """The estimated time until the whole answer is there."""
    needs: PromptFeatures
    health: Health
    least_ability: float
    least_success: float
    """The least of these columns; 0 if there is no model."""


def candidate_table(
    request: Request, models: Sequence[Model], health: Health, needs: PromptFeatures
) -> tuple[CandidateTable, Sequence[Candidate]]:
    """Return the models that can take the request now with their estimates, and the others with the reasons."""
    known = models if isinstance(models, ModelTable) else ModelTable(models)
    can, out = eligible(request, known, health, needs)
    left: Sequence[Model] = known
    prices, (stats, abilities, seconds, written) = known.prices, known.columns_for(request, health, needs)
    if len(can) < len(known):
        left, stats, prices = _pick(known, can), _pick(stats, can), _pick(prices, can)
        abilities, seconds, written = _pick(abilities, can), _pick(seconds, can), _pick(written, can)
    if needs.long:
        abilities = [ability - loss_by_trimming(model, needs) for ability, model in zip(abilities, left, strict=True)]
    success = success_of(abilities, needs.difficulty)
    table = CandidateTable(
        left,
        stats,
        abilities,
        success,
        _dollars(
            request, left, prices, needs.tokens, written, whole=needs.tokens <= (known.least_window or needs.tokens)
        ),
        seconds,
        needs,
        health,
        min(abilities, default=0.0),
        min(success, default=0.0),
    )
    return table, out


def _pick(column: Sequence[T], places: Sequence[int]) -> Sequence[T]:
    """Return the rows of a column at these places."""
    return itemgetter(*places)(column) if len(places) > 1 else [column[place] for place in places]


def learned_success(table: CandidateTable) -> tuple[Sequence[float], Sequence[float]]:
    """Return P(good answer) by the outcomes of all answers, and what is added to it out of curiosity.

    Outcomes are failures, verdicts, regenerations and comparisons; they shift the abilities. Models that were seldom
    asked for this kind of prompt are favoured a little, the more, the more is known of others.
    """
    kind, difficulty = table.needs.kind, table.needs.difficulty
    total = CURIOSITY * sqrt(log1p(table.health.outcomes_known()))
    success, curiosity = list(table.success), [total] * len(table.models)
    for place, known in enumerate(table.stats):
        if known.outcomes:
            good, bad = outcomes_for(known.outcomes, kind)
            ability = table.abilities[place]
            ability += shift(ability, (good, bad), OUTCOMES_OF_PRIOR)
            success[place] = 1.0 / (1.0 + exp(difficulty - ability))
            curiosity[place] = total / sqrt(1.0 + good + bad)
    return success, curiosity


def _dollars(
    request: Request,
    models: Sequence[Model],
    prices: Sequence[tuple[float, float] | None],
    tokens: int,
    written: Sequence[int],
    *,
    whole: bool,
) -> Sequence[float]:
    """Return the price of each answer. `written`: the tokens of answer and thinking, all of which are paid for.

    `whole`: the conversation fits into every window, so that each model is sent all of it.
    """
    if whole and None not in prices:
        pairs = cast("Sequence[tuple[float, float]]", prices)
        return [
            tokens * price_in + most * price_out for (price_in, price_out), most in zip(pairs, written, strict=True)
        ]
    return [
        price_of(request, model, pair, tokens, most) for model, pair, most in zip(models, prices, written, strict=True)
    ]
