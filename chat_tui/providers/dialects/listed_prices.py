"""The prices in a server's own list of models.

Gateways write a `pricing` object: OpenRouter and Vercel texts in US dollars per token, Together numbers per million
tokens, DeepInfra the same under `metadata`. Negative prices mean that nobody knows (OpenRouter's automatic routers).
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

PER_TOKEN_MOST = 0.005
"""US dollars: no token costs more, and no million of tokens so little but nothing."""
MILLION_MOST = 100_000.0
"""US dollars per million tokens beyond which a price is no price."""

_NAMES = {
    "price_in": ("prompt", "input", "input_tokens"),
    "price_out": ("completion", "output", "output_tokens"),
    "price_cached": ("input_cache_read", "cached_input", "cache_read_tokens"),
    "price_cache_write": ("input_cache_write", "cache_write_tokens"),
}


class ListedPrices(msgspec.Struct, frozen=True):
    """US dollars per million tokens; None where the list does not tell."""

    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    price_cache_write: float | None = None


def prices_of(row: dict[str, Any]) -> ListedPrices:
    """The prices in one row of a list; empty unless both the prompt's and the answer's are told."""
    metadata = row.get("metadata")
    told = row.get("pricing")
    if not isinstance(told, dict) and isinstance(metadata, dict):
        told = metadata.get("pricing")
    if not isinstance(told, dict):
        return ListedPrices()
    found = {field: next(filter(_is_amount, map(told.get, names)), None) for field, names in _NAMES.items()}
    values = {field: float(value) for field, value in found.items() if value is not None}
    if "price_in" not in values or "price_out" not in values or min(values.values()) < 0:
        return ListedPrices()
    # One object has one unit: a text is per token, and so is a number that is too small for a million tokens.
    per_token = isinstance(found["price_in"], str) or 0 < max(values.values()) < PER_TOKEN_MOST
    scale = 1_000_000 if per_token else 1
    prices = {field: round(value * scale, 9) for field, value in values.items()}
    return ListedPrices(**prices) if max(prices.values()) <= MILLION_MOST else ListedPrices()


def _is_amount(value: Any) -> bool:
    """Whether it is an amount at all."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    try:
        return math.isfinite(float(value))
    except (ValueError, OverflowError):
        return False
