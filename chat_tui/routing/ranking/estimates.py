"""What each model is expected to do with a request, in units that do not depend on the other models.

How likely its answer is good, what the answer costs in US dollars, and how many seconds it takes. A model's quality
from 0 to 1 is the share of prompts of average difficulty that it answers well; on the logistic scale of a prompt's
difficulty that is its ability, and P(good answer) = 1 / (1 + exp(difficulty - ability)).
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, log

from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.routing.ranking.eligibility import estimated_price
from chat_tui.routing.ranking.health import ModelStats, Outcomes

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
_LEAST_EXPECTED = log(0.2 / 0.8)
"""The ability in logits at which a fifth of the answers are expected to be good."""


def quality_for(model: Model, needs: PromptFeatures) -> float:
    """Return the model's quality for this kind of prompt, 0 to 1."""
    told = model.qualities
    if told:
        kinds = (needs.kind, needs.language, "long" if needs.long else "")
        known = [told[kind] for kind in kinds if kind in told]
        if known:
            return sum(known) / len(known)
    return model.quality if model.quality is not None else QUALITY_GUESS


@lru_cache(1024)
def logit(quality: float) -> float:
    """Return a quality as an ability. Qualities have few digits, so that few differ."""
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


def with_verdicts(ability: float, known: ModelStats, kind: str) -> float:
    """Return the ability, shifted by what people said of the model's answers."""
    if not known.verdicts:
        return ability
    return ability + shift(ability, outcomes_for(known.verdicts, kind), VERDICTS_OF_PRIOR)


def shift(ability: float, outcomes: tuple[float, float], prior: float) -> float:
    """Return the change of an ability by good and bad outcomes; the prior counts for `prior` outcomes.

    Without outcomes it is 0. The share that the prior expects is kept away from 0 and 1: a few good answers of a weak
    model to easy prompts do not make it a strong one.
    """
    expected = 0.2 if ability < _LEAST_EXPECTED else 0.8 if ability > -_LEAST_EXPECTED else 1.0 / (1.0 + exp(-ability))
    good, bad = outcomes
    odds = (1.0 - expected) / expected
    return log((good + prior * expected) / (bad + prior * (1.0 - expected)) * odds)


def outcomes_for(known: Outcomes, kind: str) -> tuple[float, float]:
    """Return the number of good and of bad outcomes for this kind of task; those of others count a part."""
    good = bad = 0.0
    for other, (won, lost) in known.items():
        if other == kind:
            good += won
            bad += lost
        else:
            good += OTHER_KIND * won
            bad += OTHER_KIND * lost
    return good, bad


def loss_by_trimming(model: Model, needs: PromptFeatures) -> float:
    """Return how much ability the model loses because its window holds only a part of the conversation."""
    window = model.context_window
    return TRIMMED * (1.0 - window / needs.tokens) if window is not None and window < needs.tokens else 0.0


def has_price(model: Model) -> bool:
    """Return whether the model's prices are known, so that its estimate in dollars is more than an assumption."""
    return model.local or (model.price_in is not None and model.price_out is not None)


def token_prices(model: Model) -> tuple[float, float] | None:
    """Return US dollars per token of prompt and of answer; None where they depend on the length of the prompt."""
    if model.price_steps:
        return None
    price_in, price_out = model.price_in, model.price_out
    if price_in is None or price_out is None:
        price_in, price_out = (0.0, 0.0) if model.local else _assumed_prices(model)
    return price_in / 1_000_000, price_out / 1_000_000


def _assumed_prices(model: Model) -> tuple[float, float]:
    return UNKNOWN_FRONTIER_PRICES if (model.quality or QUALITY_GUESS) >= FRONTIER else UNKNOWN_PRICES


def price_of(request: Request, model: Model, pair: tuple[float, float] | None, tokens: int, written: int) -> float:
    """Return the price of an answer; `pair` are the token prices, `written` the tokens of answer and thinking."""
    if pair is None:
        return estimated_price(model, tokens, request) or 0.0
    return min(tokens, model.context_window or tokens) * pair[0] + written * pair[1]


def seconds_of(known: ModelStats, usual: tuple[float, float], thinking: int, written: int) -> float:
    """Return the seconds until the whole answer is there; `usual` is what is expected before anything is measured."""
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
