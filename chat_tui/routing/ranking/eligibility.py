"""Which models can take a request, and what an answer would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
INCAPABLE = frozenset({NO_IMAGES, NO_TOOLS, REFUSED_TOOLS, NO_LOGPROBS, NO_ADDRESSES})
"""Reasons that another request would not have."""
WITHOUT_TOOLS = frozenset({NO_TOOLS, REFUSED_TOOLS})
NO_WEB_SEARCH = "cannot search the web"
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
    if request.sampling.logprobs and model.logprobs is False:
        return NO_LOGPROBS
    if needs.image_addresses and model.image_addresses is False:
        return NO_ADDRESSES
    return ""


def _is_over_limit(model: Model, request: Request, prompt_tokens: int) -> bool:
    if request.max_price is None:
        return False
    prompt_tokens = min(prompt_tokens, model.context_window or prompt_tokens)
    tokens = affordable_tokens(model, prompt_tokens, request.max_price)
    if tokens is None:
        return False
    # A limit that is spent on thinking buys no answer.
    least = LEAST_REPLY_TOKENS + thinking_tokens(model, request.thinking)
    return tokens < min(request.max_tokens or least, least)


def _room(window: int) -> int:
    """Return how many tokens of a window a question may take, so that an answer of the usual length fits, too."""
    return window - min(REPLY_TOKENS, window // 8)


def eligible(
    request: Request, models: Sequence[Model], health: Health, needs: PromptFeatures
) -> tuple[Sequence[int], Sequence[Candidate]]:
    """Return the indices of the models that can take the request now, and the others with the reasons.

    A model in cooldown, or one that cannot be held to the schema of the answer, is excluded only while another one is
    left.
    """
    can: list[int] = []
    narrow: list[int] = []
    resting: list[int] = []
    loose: list[int] = []
    out: list[Candidate] = []
    dear = 0
    has_schema = request.output is not None and request.output.schema is not None
    needs_more = bool(request.tools) or request.sampling.logprobs or needs.image_addresses
    limited, last, unavailable = request.max_price is not None, needs.last_tokens, health.unavailable()
    for place, model in enumerate(models):
        if not model.selectable:
            out.append(Candidate(model.name, out=model.not_for_chat or BY_NAME_ONLY))
        elif needs.images and model.images is False:
            out.append(Candidate(model.name, out=NO_IMAGES))
        elif needs_more and (why := incapable_reason(model, request, needs, health)):
            out.append(Candidate(model.name, out=why))
        elif limited and _is_over_limit(model, request, needs.tokens):
            dear += 1
            # There may be hundreds, and each sentence takes its time.
            why = over_limit_reason(model, request, needs.tokens) if dear <= REASONED else TOO_DEAR
            out.append(Candidate(model.name, out=why))
        elif (window := model.context_window) is not None and last > window - REPLY_TOKENS and last > _room(window):
            narrow.append(place)
        elif model.name in unavailable:
            resting.append(place)
        elif has_schema and model.schemas is False:
            loose.append(place)
        else:
            can.append(place)
    if not can and loose:
        # Such a model is told the schema in words.
        can, loose = loose, []
    out += [Candidate(models[place].name, out=NO_SCHEMAS) for place in loose]
    if not can:
        # A rest gives way to others; and a window may only look too small: there the server decides.
        can, resting, narrow = (resting, [], narrow) if resting else (narrow, [], [])
    out += [Candidate(models[place].name, out=unavailable[models[place].name]) for place in resting]
    words = "its window of {:,} tokens is too small for the question"
    out += [Candidate(models[place].name, out=words.format(models[place].context_window)) for place in narrow]
    return can, out
