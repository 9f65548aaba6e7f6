"""What each model is expected to do with a request, in units that do not depend on the other models.

How likely its answer is good, what the answer costs in US dollars, and how many seconds it takes. A model's quality
from 0 to 1 is the share of prompts of average difficulty that it answers well; on the logistic scale of a prompt's
difficulty that is its ability, and P(good answer) = 1 / (1 + exp(difficulty - ability)).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from math import exp, inf, log, log1p, sqrt
from operator import itemgetter
from typing import NamedTuple, TypeVar, cast

from chat_tui.core.models import Model
from chat_tui.core.request import Request, Thinking
from chat_tui.core.route import Candidate
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.routing.ranking.eligibility import REPLY_TOKENS, eligible, estimated_price, thinking_tokens
from chat_tui.routing.ranking.health import Health, ModelStats, Outcomes

T = TypeVar("T")
QUALITY_GUESS = 0.5
"""Quality of a model that nobody has rated."""
QUALITY_RANGE = (0.005, 0.995)
"""Qualities are limited to this, so that none is certain."""
UNKNOWN_PRICES = (1.0, 4.0)
"""US dollars per million tokens of prompt and of answer that a hosted model without known prices is assumed to cost."""
FRONTIER = 0.93
"""Quality of the models that cost more than others."""
UNKNOWN_FRONTIER_PRICES = (3.0, 15.0)
"""The same for such a model: it does not win over its equals because nobody told what it costs."""
USUAL_TTFT_SECONDS = 1.0
"""Assumed for a model that was never measured and whose family's figure is not known."""
USUAL_TOKENS_PER_SECOND = 50.0
USUAL_ANSWERS = 1.0
"""For how many measured answers the usual speed counts."""
TRIMMED = 1.5
"""How much ability a model loses, at most, if its window holds only a part of the conversation."""
VERDICTS_OF_PRIOR = 6.0
"""How many verdicts the prior quality counts for."""
OUTCOMES_OF_PRIOR = 2.0
"""How many outcomes the prior quality counts for in the strategy that learns."""
OTHER_KIND = 1 / 3
"""The weight of outcomes of other kinds of task."""
KINDS_KEPT = 16
"""Kinds of requests of which what was measured is kept."""
_LEAST_EXPECTED = log(0.2 / 0.8)
"""The ability in logits at which a fifth of the answers are expected to be good."""
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
        return [_token_prices(model) for model in self]

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
            abilities[i] = _with_verdicts(prior[i], stats[i], needs.kind)
            seconds[i] = _seconds(stats[i], usual[i], thinking[i], written[i])
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
        abilities = [ability - _loss_by_trimming(model, needs) for ability, model in zip(abilities, left, strict=True)]
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


def success_of(abilities: Sequence[float], difficulty: float) -> Sequence[float]:
    """Return P(good answer) for each ability; both are in logits."""
    return [1.0 / (1.0 + exp(difficulty - ability)) for ability in abilities]


def quality_for(model: Model, needs: PromptFeatures) -> float:
    """Return the model's quality for this kind of prompt, 0 to 1."""
    told = model.qualities
    if told:
        kinds = (needs.kind, needs.language, "long" if needs.long else "")
        known = [told[kind] for kind in kinds if kind in told]
        if known:
            return sum(known) / len(known)
    return model.quality if model.quality is not None else QUALITY_GUESS


def logit(quality: float) -> float:
    """Return a quality as an ability."""
    least, most = QUALITY_RANGE
    quality = min(most, max(least, quality))
    return log(quality / (1.0 - quality))


def usual_speed(model: Model) -> tuple[float, float]:
    """Return seconds to the first token of all, and for each further one, of models like this."""
    first = USUAL_TTFT_SECONDS if model.usual_ttft_seconds is None else model.usual_ttft_seconds
    each = 1.0 / (model.usual_tokens_per_second or USUAL_TOKENS_PER_SECOND)
    if model.usual_ttft_seconds is not None:
        # It is told with the thinking.
        first = max(0.0, first - model.usual_thinking_tokens * each)
    return first, each


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
            good, bad = _outcomes(known.outcomes, kind)
            ability = table.abilities[place]
            ability += _shift(ability, (good, bad), OUTCOMES_OF_PRIOR)
            success[place] = 1.0 / (1.0 + exp(difficulty - ability))
            curiosity[place] = total / sqrt(1.0 + good + bad)
    return success, curiosity


def _with_verdicts(ability: float, known: ModelStats, kind: str) -> float:
    if not known.verdicts:
        return ability
    return ability + _shift(ability, _outcomes(known.verdicts, kind), VERDICTS_OF_PRIOR)


def _shift(ability: float, outcomes: tuple[float, float], prior: float) -> float:
    """Return the change of an ability by good and bad outcomes; the prior counts for `prior` outcomes.

    Without outcomes it is 0. The share that the prior expects is kept away from 0 and 1: a few good answers of a weak
    model to easy prompts do not make it a strong one.
    """
    expected = 0.2 if ability < _LEAST_EXPECTED else 0.8 if ability > -_LEAST_EXPECTED else 1.0 / (1.0 + exp(-ability))
    good, bad = outcomes
    odds = (1.0 - expected) / expected
    return log((good + prior * expected) / (bad + prior * (1.0 - expected)) * odds)


def _outcomes(known: Outcomes, kind: str) -> tuple[float, float]:
    good = bad = 0.0
    for other, (won, lost) in known.items():
        if other == kind:
            good += won
            bad += lost
        else:
            good += OTHER_KIND * won
            bad += OTHER_KIND * lost
    return good, bad


def _loss_by_trimming(model: Model, needs: PromptFeatures) -> float:
    window = model.context_window
    return TRIMMED * (1.0 - window / needs.tokens) if window is not None and window < needs.tokens else 0.0


def has_price(model: Model) -> bool:
    """Return whether the model's prices are known, so that its estimate in dollars is more than an assumption."""
    return model.local or (model.price_in is not None and model.price_out is not None)


def _token_prices(model: Model) -> tuple[float, float] | None:
    if model.price_steps:
        return None
    price_in, price_out = model.price_in, model.price_out
    if price_in is None or price_out is None:
        price_in, price_out = (0.0, 0.0) if model.local else _assumed_prices(model)
    return price_in / 1_000_000, price_out / 1_000_000


def _assumed_prices(model: Model) -> tuple[float, float]:
    return UNKNOWN_FRONTIER_PRICES if (model.quality or QUALITY_GUESS) >= FRONTIER else UNKNOWN_PRICES


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
        _price_of(request, model, pair, tokens, most) for model, pair, most in zip(models, prices, written, strict=True)
    ]


def _price_of(request: Request, model: Model, pair: tuple[float, float] | None, tokens: int, written: int) -> float:
    if pair is None:
        return estimated_price(model, tokens, request) or 0.0
    return min(tokens, model.context_window or tokens) * pair[0] + written * pair[1]


def _seconds(known: ModelStats, usual: tuple[float, float], thinking: int, written: int) -> float:
    first, each = usual
    return _measured_seconds(known, first, each, thinking, written) if known.answers else first + written * each


def _measured_seconds(known: ModelStats, first: float, each: float, thinking: int, written: int) -> float:
    """The measured time; where there are few answers, the usual one counts a little.

    What was measured until the first token has the thinking in it, or it was measured by itself.
    """
    ttft, rate, text = known.ttft_seconds, known.tokens_per_second, written - thinking if thinking < written else 0
    if ttft is None:
        ttft = first + (written - text) * each
    measured = ttft + (known.thinking_seconds or 0.0) + (text / rate if rate else text * each)
    usual = first + written * each
    return usual + (measured - usual) * known.answers / (known.answers + USUAL_ANSWERS)
