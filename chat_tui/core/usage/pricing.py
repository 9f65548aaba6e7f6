"""Prices of tokens: each token is priced once, by its class and by the size of the prompt.

Prices are US dollars per million tokens; costs are US dollars.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from chat_tui.core.chunks import Usage
from chat_tui.core.models import Model, PriceStep

Rate = TypeVar("Rate", float, float | None)


def cost(model: Model, prompt_tokens: int, completion_tokens: int) -> float | None:
    """Return the cost of uncached tokens; None if a price is unknown."""
    return cost_of(model, Usage(prompt_tokens, completion_tokens))


def cost_of(model: Model, usage: Usage) -> float | None:
    """Return the cost of a usage: the server's own figure if it has one; None if a price or a count is unknown."""
    if usage.cost is not None:
        return usage.cost
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    rates = rates_at(model, usage.prompt_tokens)
    if rates.price_in is None or rates.price_out is None:
        return None
    read = min(usage.cached_tokens, usage.prompt_tokens)
    written = min(usage.cache_write_tokens, usage.prompt_tokens - read)
    dollars = (
        (usage.prompt_tokens - read - written) * rates.price_in
        + read * _either(rates.price_cached, rates.price_in)
        + written * _either(rates.price_cache_write, rates.price_in)
        + usage.completion_tokens * rates.price_out
    )
    return dollars / 1_000_000


def with_savings(model: Model, usage: Usage) -> Usage:
    """Return the usage with the savings by the cache; negative if writing it cost more than reading saved."""
    rates = rates_at(model, usage.prompt_tokens or 0)
    if not (usage.cached_tokens or usage.cache_write_tokens) or rates.price_in is None:
        return usage
    saved = usage.cached_tokens * (rates.price_in - _either(rates.price_cached, rates.price_in))
    saved -= usage.cache_write_tokens * (_either(rates.price_cache_write, rates.price_in) - rates.price_in)
    return replace(usage, saved=round(saved / 1_000_000, 9))


def rates_at(model: Model, prompt_tokens: int) -> PriceStep:
    """Return the prices for a prompt of this size: beyond a step, all of its tokens have the step's price."""
    rates = PriceStep(0, model.price_in, model.price_out, model.price_cached, model.price_cache_write)
    for step in model.price_steps:
        if prompt_tokens > step.above_tokens:
            rates = PriceStep(
                step.above_tokens,
                *(
                    _either(new, old)
                    for new, old in (
                        (step.price_in, rates.price_in),
                        (step.price_out, rates.price_out),
                        (step.price_cached, rates.price_cached),
                        (step.price_cache_write, rates.price_cache_write),
                    )
                ),
            )
    return rates


def _either(first: float | None, second: Rate) -> float | Rate:
    return second if first is None else first
