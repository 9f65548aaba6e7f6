"""Which models can take a request, and what an answer would cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from math import inf

from chat_tui.core.models import Model
from chat_tui.core.request import Request, Thinking
from chat_tui.core.route import Candidate
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.core.usage.pricing import cost, rates_at
from chat_tui.core.usage.token_estimate import THINKING_TOKENS
from chat_tui.routing.ranking.health import Health

REPLY_TOKENS = 500
"""The assumed length of a reply without limit, for price estimates, less the thinking before it."""
LEAST_REPLY_TOKENS = 100
"""A price limit that allows fewer excludes the model."""
EFFORTS: Mapping[Thinking, float] = {"off": 0.0, "low": 0.5, "medium": 1.0, "high": 2.0}
"""How much a model thinks by the effort that a request asks for, in shares of `THINKING_TOKENS`."""
BY_NAME_ONLY = "chosen only by name"
TOO_DEAR = "exceeds your price limit"
NO_IMAGES = "does not accept images"
NO_TOOLS = "cannot use tools"
REFUSED_TOOLS = "has refused tools"
NO_SCHEMAS = "cannot be held to a schema"
NO_LOGPROBS = "does not tell the probabilities of tokens"
NO_ADDRESSES = "does not fetch images from web addresses"
NO_WEB_SEARCH = "cannot search the web"
NO_HOSTED_TOOLS = "does not have these tools, which only the models of their maker have"
INCAPABLE = frozenset({NO_IMAGES, NO_TOOLS, REFUSED_TOOLS, NO_LOGPROBS, NO_ADDRESSES, NO_WEB_SEARCH, NO_HOSTED_TOOLS})
"""Reasons that another request would not have."""
WITHOUT_TOOLS = frozenset({NO_TOOLS, REFUSED_TOOLS})
LIMITS_KEPT = 16
"""Kinds of price limits of which what they must pay for is kept."""
REASONED = 20
"""Models over the price limit whose reason states the price."""


def thinking_tokens(model: Model, effort: Thinking | None) -> int:
    """Return about how many tokens a model writes before its answer; None leaves the effort to the model."""
    if effort is None or not model.thinking:
        return model.usual_thinking_tokens
    return round(EFFORTS[effort] * THINKING_TOKENS)


def reply_tokens(model: Model, request: Request) -> int:
    """Return the assumed length of a reply with its thinking: both are paid for, and both count for `max_tokens`."""
    length = REPLY_TOKENS + thinking_tokens(model, request.thinking)
    return min(length, request.max_tokens or length)


def estimated_price(model: Model, prompt_tokens: int, request: Request) -> float | None:
    """Return the estimated cost of an answer in US dollars, thinking included; None if a price is not known."""
    if model.context_window:
        prompt_tokens = min(prompt_tokens, model.context_window)
    return cost(model, prompt_tokens, reply_tokens(model, request))


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
    about = estimated_price(model, prompt_tokens, request)
    if about is None:
        return f"its price is unknown, and your limit is ${limit:.4g}"
    return f"would cost about ${about:.4g}, more than your limit of ${limit:.4g}"


def incapable_reason(model: Model, request: Request, needs: PromptFeatures, health: Health) -> str:
    """Return what the request needs and the model cannot do; empty if it may be able to.

    Images are no such reason: a model without them is told their names.
    """
    if request.tools and model.tools is False:
        return NO_TOOLS
    if request.tools and health.vitals(model.name).refuses_tools:
        return REFUSED_TOOLS
    if request.web_search and not model.web_search:
        return NO_WEB_SEARCH
    if any(tool.is_required and tool.api != model.hosted_tools for tool in request.hosted_tools):
        return NO_HOSTED_TOOLS
    if request.sampling.logprobs and model.logprobs is False:
        return NO_LOGPROBS
    if needs.image_addresses and model.image_addresses is False:
        return NO_ADDRESSES
    return ""


def _is_over_limit(model: Model, request: Request, prompt_tokens: int) -> bool:
    if request.max_price is None:
        return False
    tokens = min(prompt_tokens, model.context_window or prompt_tokens)
    price_in, price_out = _limited_prices(model, tokens)
    return request.max_price * 1_000_000 - tokens * price_in < _least_tokens(model, request) * price_out


def _least_tokens(model: Model, request: Request) -> int:
    """Return how many tokens a price limit must pay for: one that is spent on thinking buys no answer."""
    least = LEAST_REPLY_TOKENS + thinking_tokens(model, request.thinking)
    return min(request.max_tokens or least, least)


def _limited_prices(model: Model, prompt_tokens: int) -> tuple[float, float]:
    """Return US dollars per million tokens of prompt and of answer; unknown ones exceed every limit."""
    rates = rates_at(model, prompt_tokens)
    if rates.price_in is None or rates.price_out is None:
        return 0.0, 0.0 if model.local else inf
    return rates.price_in, rates.price_out


def _room(window: int) -> int:
    """Return how many tokens of a window a question may take, so that an answer of the usual length fits, too."""
    return window - min(REPLY_TOKENS, window // 8)


class Restrictions:
    """What may exclude each of these models, by its index: looked up once, since there may be hundreds."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = models
        self._lacking: dict[str, Sequence[int]] = {}
        self._rows: dict[str, Sequence[Candidate]] = {}
        self._least_prices: dict[tuple[Thinking | None, int | None], Sequence[float]] = {}
        self.windows = [model.context_window or inf for model in models]
        self.least_window = min(self.windows, default=inf)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The index of each name."""
        return {model.name: place for place, model in enumerate(self._models)}

    @cached_property
    def _prices_in(self) -> Sequence[float]:
        return [_limited_prices(model, 0)[0] for model in self._models]

    @cached_property
    def _stepped(self) -> Sequence[int]:
        """The models whose prices depend on the length of the prompt."""
        return [place for place, model in enumerate(self._models) if model.price_steps]

    def lacking(self, ability: str) -> Sequence[int]:
        """Return the models that are known not to have it; `ability` is the field of `Model` that tells."""
        if ability not in self._lacking:
            known = [getattr(model, ability) for model in self._models]
            self._lacking[ability] = [place for place, has in enumerate(known) if has is False]
        return self._lacking[ability]

    def without_tools_of(self, api: str) -> Sequence[int]:
        """Return the models that do not have the tools of this API's maker."""
        return [place for place, model in enumerate(self._models) if model.hosted_tools != api]

    def candidates(self, reason: str) -> Sequence[Candidate]:
        """Return every model as one that is excluded for this reason, of which there are few."""
        if reason not in self._rows:
            self._rows[reason] = [Candidate(model.name, out=reason) for model in self._models]
        return self._rows[reason]

    def too_narrow(self, tokens: int) -> Sequence[int]:
        """Return the models whose window has no room for a question of so many tokens and an answer."""
        if tokens <= self.least_window - REPLY_TOKENS:
            return ()
        near = [place for place, window in enumerate(self.windows) if tokens > window - REPLY_TOKENS]
        return [place for place in near if tokens > _room(int(self.windows[place]))]

    def over_limit(self, request: Request, tokens: int) -> Sequence[int]:
        """Return the models of which the request's price limit buys no answer."""
        if request.max_price is None:
            return ()
        key, dollars = (request.thinking, request.max_tokens), request.max_price * 1_000_000
        least_prices = self._least_prices.get(key)
        if least_prices is None:
            if len(self._least_prices) >= LIMITS_KEPT:
                self._least_prices.clear()
            least_prices = [_least_tokens(model, request) * _limited_prices(model, 0)[1] for model in self._models]
            self._least_prices[key] = least_prices
        rows = zip(self._prices_in, least_prices, self.windows, strict=True)
        over = {
            place
            for place, (price, least, window) in enumerate(rows)
            if dollars - (tokens if tokens < window else window) * price < least
        }
        for place in self._stepped:
            (over.add if _is_over_limit(self._models[place], request, tokens) else over.discard)(place)
        return sorted(over)


def _incapable(
    request: Request, known: Restrictions, health: Health, needs: PromptFeatures
) -> Iterator[tuple[Iterable[int], str]]:
    """Yield which models cannot do what the request needs, and the reason; the first one of a model counts."""
    yield known.lacking("selectable"), BY_NAME_ONLY
    if needs.images:
        yield known.lacking("images"), NO_IMAGES
    if request.tools:
        yield known.lacking("tools"), NO_TOOLS
        yield [known.places[name] for name in health.refusing_tools() if name in known.places], REFUSED_TOOLS
    if request.web_search:
        yield known.lacking("web_search"), NO_WEB_SEARCH
    for api in {tool.api for tool in request.hosted_tools if tool.is_required}:
        yield known.without_tools_of(api), NO_HOSTED_TOOLS
    if request.sampling.logprobs:
        yield known.lacking("logprobs"), NO_LOGPROBS
    if needs.image_addresses:
        yield known.lacking("image_addresses"), NO_ADDRESSES


def _excluded(
    request: Request, models: Sequence[Model], known: Restrictions, health: Health, needs: PromptFeatures
) -> Mapping[int, Candidate]:
    """Return the models that cannot take the request, whatever else is left, with the reasons."""
    out: dict[int, Candidate] = {}
    for places, why in _incapable(request, known, health, needs):
        row = known.candidates(why)
        out = {**{place: row[place] for place in places}, **out}
    for place in known.lacking("selectable"):
        if reason := models[place].not_for_chat:
            out[place] = Candidate(models[place].name, out=reason)
    if dear := [place for place in known.over_limit(request, needs.tokens) if place not in out]:
        row = known.candidates(TOO_DEAR)
        out |= {place: row[place] for place in dear}
        # There may be hundreds, and each sentence takes its time.
        for place in dear[:REASONED]:
            why = over_limit_reason(models[place], request, needs.tokens)
            out[place] = Candidate(models[place].name, out=why)
    return out


def eligible(
    request: Request,
    models: Sequence[Model],
    health: Health,
    needs: PromptFeatures,
    restrictions: Restrictions | None = None,
) -> tuple[Sequence[int], Sequence[Candidate]]:
    """Return the indices of the models that can take the request now, and the others with the reasons.

    A model in cooldown, or one that cannot be held to the schema of the answer, is excluded only while another one is
    left. `restrictions` are those of the models, if they are known already.
    """
    known = restrictions or Restrictions(models)
    excluded, unavailable = _excluded(request, models, known, health, needs), health.unavailable()
    taken = set(excluded)
    groups = []
    resting_places = sorted([known.places[name] for name in unavailable if name in known.places])
    has_schema = request.output is not None and request.output.schema is not None
    for places in (
        known.too_narrow(needs.last_tokens),
        resting_places,
        known.lacking("schemas") if has_schema else (),
    ):
        groups.append([place for place in places if place not in taken])
        taken.update(places)
    narrow, resting, loose = groups
    can: Sequence[int] = range(len(models))
    if taken:
        can = [place for place in can if place not in taken]
    if not can and loose:
        # Such a model is told the schema in words.
        can, loose = loose, []
    if not can:
        # A rest gives way to others; and a window may only look too small: there the server decides.
        can, resting, narrow = (resting, [], narrow) if resting else (narrow, [], [])
    words = "its window of {:,} tokens is too small for the question"
    return can, [
        *[excluded[place] for place in sorted(excluded)],
        *[Candidate(models[place].name, out=NO_SCHEMAS) for place in loose],
        *[Candidate(models[place].name, out=unavailable[models[place].name]) for place in resting],
        *[Candidate(models[place].name, out=words.format(models[place].context_window)) for place in narrow],
    ]
