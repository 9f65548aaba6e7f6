"""The models to choose among, with what is expected of each, in columns.

A column has a number for each model. What does not depend on a prompt's words is kept until what is known of a model
changes, and then only this model's numbers are computed again.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from functools import cached_property
from itertools import compress
from math import exp, inf, log1p, sqrt
from operator import is_not, itemgetter
from typing import NamedTuple, TypeVar

from chat_tui.core.models import Model
from chat_tui.core.request import Request, Thinking
from chat_tui.core.route import Candidate
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.routing.ranking.eligibility import REPLY_TOKENS, Restrictions, eligible, thinking_tokens
from chat_tui.routing.ranking.estimates import (
    OUTCOMES_OF_PRIOR,
    logit,
    loss_by_trimming,
    outcomes_for,
    price_of,
    quality_for,
    seconds_of,
    shift,
    token_prices,
    usual_speed,
    with_verdicts,
)
from chat_tui.routing.ranking.health import Health, ModelStats

T = TypeVar("T")
KINDS_KEPT = 16
"""Kinds of requests of which columns are kept."""
CURIOSITY = 0.2
"""How much the strategy that learns favours models that were seldom asked while others were."""


class AbilityColumns(NamedTuple):
    """How able the models are at one kind of prompt."""

    stats: Sequence[ModelStats]
    abilities: Sequence[float]
    """In logits, with people's verdicts."""
    odds: Sequence[float]
    """exp(-ability): the odds against a good answer to a prompt of difficulty 0."""
    least: float
    """The least ability; 0 if there is no model."""


class LearnedColumns(NamedTuple):
    """The same by the outcomes of all answers."""

    stats: Sequence[ModelStats]
    odds: Sequence[float]
    novelty: Sequence[float]
    """1 for a model of which nothing is known, and less, the more was seen of it."""


class SpeedColumns(NamedTuple):
    """How long the models take for an answer, and what it costs."""

    stats: Sequence[ModelStats]
    seconds: Sequence[float]
    """The estimated time until the whole answer is there."""
    written: Sequence[int]
    """Tokens of answer and thinking, all of which are paid for."""
    answer_prices: Sequence[float]
    """US dollars for these tokens; 0 where the price depends on the length of the prompt."""


class ModelTable(tuple[Model, ...]):
    """The models to choose among."""

    @cached_property
    def by_name(self) -> Mapping[str, Model]:
        """The models by name."""
        return {model.name: model for model in self}

    @cached_property
    def needs_download(self) -> Collection[str]:
        """The names of the models that must be downloaded first."""
        return frozenset(model.name for model in self if model.to_be_fetched)

    @cached_property
    def selectable(self) -> ModelTable:
        """The models that strategies may choose."""
        return self if all(model.selectable for model in self) else ModelTable(one for one in self if one.selectable)

    @cached_property
    def by_name_only(self) -> Sequence[Candidate]:
        """The others, with the reasons."""
        others = ModelTable(model for model in self if not model.selectable)
        return eligible(Request(), others, Health(lambda: 0.0), PromptFeatures())[1]

    @cached_property
    def restrictions(self) -> Restrictions:
        """What may exclude them."""
        return Restrictions(self)

    @cached_property
    def prices(self) -> Sequence[tuple[float, float] | None]:
        """US dollars per token of prompt and of answer; None where the price depends on more than that."""
        return [token_prices(model) for model in self]

    @cached_property
    def prompt_prices(self) -> Sequence[float]:
        """US dollars per token of the prompt; 0 where that depends on more."""
        return [pair[0] if pair else 0.0 for pair in self.prices]

    @cached_property
    def stepped(self) -> Sequence[int]:
        """The models whose prices depend on the length of the prompt."""
        return [place for place, pair in enumerate(self.prices) if pair is None]

    @cached_property
    def _names(self) -> Sequence[str]:
        return [model.name for model in self]

    @cached_property
    def _usual_seconds(self) -> Sequence[tuple[float, float]]:
        """Seconds to the first token of all, and for each token written, before anything is measured."""
        return [usual_speed(model) for model in self]

    @cached_property
    def _prior_abilities(self) -> Sequence[float]:
        """What is known beforehand for models without qualities by kind of task."""
        return [logit(quality_for(model, PromptFeatures())) for model in self]

    @cached_property
    def _qualities(self) -> Sequence[tuple[int, Mapping[str, float]]]:
        """The models that have qualities by kind of task."""
        return [(place, model.qualities) for place, model in enumerate(self) if model.qualities]

    @cached_property
    def _priors(self) -> dict[Hashable, Sequence[float]]:
        return {}

    @cached_property
    def _abilities(self) -> dict[Hashable, AbilityColumns]:
        return {}

    @cached_property
    def _learned(self) -> dict[Hashable, LearnedColumns]:
        return {}

    @cached_property
    def _speeds(self) -> dict[Hashable, SpeedColumns]:
        return {}

    @cached_property
    def _last_change(self) -> list[tuple[Sequence[ModelStats], Sequence[ModelStats], Sequence[int]]]:
        """What was known before, what is known now, and the models that differ: all columns ask for the same."""
        return []

    def _changed(
        self, stats: Sequence[ModelStats], known: AbilityColumns | LearnedColumns | SpeedColumns | None
    ) -> Sequence[int]:
        """Return the models of which more is known than these columns were made of."""
        if known is None:
            return range(len(self))
        before = known.stats
        if stats is before:
            return ()
        for old, new, changed in self._last_change:
            if old is before and new is stats:
                return changed
        changed = list(compress(range(len(self)), map(is_not, stats, before)))
        self._last_change[:] = [(before, stats, changed)]
        return changed

    def stats(self, health: Health) -> Sequence[ModelStats]:
        """Return what is known of each model: the same sequence as before while it is the same."""
        stats = health.all_of(self._names)
        if self._last_change and self._last_change[0][1] == stats:
            return self._last_change[0][1]
        return stats

    def _prior(self, needs: PromptFeatures) -> Sequence[float]:
        key = (needs.kind, needs.language, needs.long)
        if key not in self._priors:
            prior, kinds = list(self._prior_abilities), {*key[:2], "long" if needs.long else ""} - {""}
            for i, told in self._qualities if kinds else ():
                if not kinds.isdisjoint(told):
                    prior[i] = logit(quality_for(self[i], needs))
            _keep(self._priors, key, prior)
        return self._priors[key]

    def abilities(self, stats: Sequence[ModelStats], needs: PromptFeatures) -> AbilityColumns:
        """Return how able the models are at this kind of prompt."""
        key = (needs.kind, needs.language, needs.long)
        known = self._abilities.get(key)
        changed = self._changed(stats, known)
        if known is not None and not changed:
            return known
        prior = self._prior(needs)
        abilities, odds = (list(known.abilities), list(known.odds)) if known else (list(prior), [0.0] * len(self))
        for i in changed:
            abilities[i] = ability = with_verdicts(prior[i], stats[i], needs.kind)
            odds[i] = exp(-ability)
        return _keep(self._abilities, key, AbilityColumns(stats, abilities, odds, min(abilities, default=0.0)))

    def learned_abilities(self, columns: AbilityColumns, needs: PromptFeatures) -> LearnedColumns:
        """Return the same by the outcomes of all answers."""
        key, stats = (needs.kind, needs.language, needs.long), columns.stats
        known = self._learned.get(key)
        changed = self._changed(stats, known)
        if known is not None and not changed:
            return known
        odds, novelty = (list(known.odds), list(known.novelty)) if known else (list(columns.odds), [1.0] * len(self))
        for i in changed:
            odds[i], novelty[i] = learned_odds(columns.abilities[i], stats[i], needs.kind)
        return _keep(self._learned, key, LearnedColumns(stats, odds, novelty))

    def speeds(self, stats: Sequence[ModelStats], effort: Thinking | None, most: int | None) -> SpeedColumns:
        """Return how long the models take at this effort of thinking, and writing so many tokens at most."""
        key = (effort, most)
        known = self._speeds.get(key)
        changed = self._changed(stats, known)
        if known is not None and not changed:
            return known
        thinking = [thinking_tokens(model, effort) for model in self] if known is None else ()
        if known is None:
            # Thinking counts for the limit, too.
            written = [int(min(REPLY_TOKENS + tokens, inf if most is None else most)) for tokens in thinking]
            prices = [tokens * (pair[1] if pair else 0.0) for pair, tokens in zip(self.prices, written, strict=True)]
            known = SpeedColumns(stats, [0.0] * len(self), written, prices)
        seconds = list(known.seconds)
        for i in changed:
            before = thinking[i] if thinking else thinking_tokens(self[i], effort)
            seconds[i] = seconds_of(stats[i], self._usual_seconds[i], before, known.written[i])
        return _keep(self._speeds, key, known._replace(stats=stats, seconds=seconds))


def _keep(columns: dict[Hashable, T], key: Hashable, made: T) -> T:
    """Keep the columns for this kind of request."""
    if key not in columns and len(columns) >= KINDS_KEPT:
        columns.clear()
    columns[key] = made
    return made


def learned_odds(ability: float, known: ModelStats, kind: str) -> tuple[float, float]:
    """Return the odds against a good answer by the outcomes of all answers, and how new the model is.

    Outcomes are failures, verdicts, regenerations and comparisons; they shift the ability.
    """
    if not known.outcomes:
        return exp(-ability), 1.0
    good, bad = outcomes_for(known.outcomes, kind)
    return exp(-ability - shift(ability, (good, bad), OUTCOMES_OF_PRIOR)), 1.0 / sqrt(1.0 + good + bad)


class CandidateTable:
    """The models that can take a request, in columns."""

    def __init__(self, request: Request, models: ModelTable, health: Health, needs: PromptFeatures) -> None:
        self._request, self._all, self.needs = request, models, needs
        can, self.excluded = eligible(request, models, health, needs, models.restrictions)
        self._places = None if len(can) == len(models) else can
        self.unavailable = health.unavailable()
        """Why the models are not chosen while others are left, by name."""
        self._curiosity = CURIOSITY * sqrt(log1p(health.outcomes_known()))
        stats = models.stats(health)
        self._abilities = models.abilities(stats, needs)
        self._speeds = models.speeds(stats, request.thinking, request.max_tokens)
        self._values: dict[tuple[float, float], Sequence[float]] = {}
        self.models: Sequence[Model] = self._pick(models)
        self.late: Collection[int] = ()
        """The models that must be downloaded first."""
        if models.needs_download:
            self.late = frozenset(place for place, model in enumerate(self.models) if model.to_be_fetched)
        self.abilities, self.least_ability = self._pick(self._abilities.abilities), self._abilities.least
        """In logits, with people's verdicts; and the least of them, or less."""
        odds = self._pick(self._abilities.odds)
        self._trimmed = needs.long and needs.tokens > models.restrictions.least_window
        if self._trimmed:
            losses = [loss_by_trimming(model, needs) for model in self.models]
            self.abilities = [ability - loss for ability, loss in zip(self.abilities, losses, strict=True)]
            self.least_ability = min(self.abilities, default=0.0)
            odds = [exp(-ability) for ability in self.abilities]
        self.success = _success_against(odds, needs.difficulty)
        """P(good answer), 0 to 1."""
        self.least_success = min(self.success, default=0.0)
        self.dollars = self._estimate_dollars()
        """The estimated price of the answer; an assumed one where the prices are not known."""
        self.seconds = self._pick(self._speeds.seconds)
        """The estimated time until the whole answer is there."""

    def _pick(self, column: Sequence[T]) -> Sequence[T]:
        places = self._places
        if places is None:
            return column
        return itemgetter(*places)(column) if len(places) > 1 else [column[place] for place in places]

    @cached_property
    def stats(self) -> Sequence[ModelStats]:
        """What is known of the models."""
        return self._pick(self._abilities.stats)

    def learned_success(self) -> tuple[Sequence[float], Sequence[float]]:
        """Return P(good answer) by the outcomes of all answers, and what is added to it out of curiosity.

        Models that were seldom asked for this kind of prompt are favoured a little, the more, the more is known of
        others.
        """
        if self._trimmed:
            rows = zip(self.abilities, self.stats, strict=True)
            pairs = [learned_odds(ability, known, self.needs.kind) for ability, known in rows]
            odds: Sequence[float] = [pair[0] for pair in pairs]
            novelty: Sequence[float] = [pair[1] for pair in pairs]
        else:
            columns = self._all.learned_abilities(self._abilities, self.needs)
            odds, novelty = self._pick(columns.odds), self._pick(columns.novelty)
        return _success_against(odds, self.needs.difficulty), [self._curiosity * new for new in novelty]

    def _estimate_dollars(self) -> Sequence[float]:
        tokens, models = float(self.needs.tokens), self._all
        pairs = zip(self._pick(models.prompt_prices), self._pick(self._speeds.answer_prices), strict=True)
        dollars = [tokens * each + answer for each, answer in pairs]
        special = set(models.stepped)
        if tokens > models.restrictions.least_window:
            # Less is sent to them.
            special.update(place for place, window in enumerate(models.restrictions.windows) if tokens > window)
        places = range(len(models)) if self._places is None else self._places
        for row, place in enumerate(places) if special else ():
            if place in special:
                dollars[row] = price_of(
                    self._request, models[place], models.prices[place], self.needs.tokens, self._speeds.written[place]
                )
        return dollars

    def values(self, per_dollar: float, per_second: float) -> Sequence[float]:
        """Return P(good answer) less price and time, of which these are the weights."""
        key = (per_dollar, per_second)
        if key not in self._values:
            rows = zip(self.success, self.dollars, self.seconds, strict=True)
            self._values[key] = [good - per_dollar * price - per_second * time for good, price, time in rows]
        return self._values[key]


def _success_against(odds: Sequence[float], difficulty: float) -> Sequence[float]:
    """Return P(good answer) for the odds against a good answer to a prompt of difficulty 0."""
    hard = exp(difficulty)
    return [1.0 / (1.0 + hard * against) for against in odds]


def candidate_table(
    request: Request, models: Sequence[Model], health: Health, needs: PromptFeatures
) -> tuple[CandidateTable, Sequence[Candidate]]:
    """Return the models that can take the request now with their estimates, and the others with the reasons."""
    known = models if isinstance(models, ModelTable) else ModelTable(models)
    table = CandidateTable(request, known.selectable, health, needs)
    return table, [*known.by_name_only, *table.excluded]
