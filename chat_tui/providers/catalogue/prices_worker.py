"""Writes what `genai-prices` knows to a file, in a process of its own: its import takes half a second.

Run as `python -m chat_tui.providers.catalogue.prices_worker FILE`.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from chat_tui.core.files import writing

NAMES = {"gemini": "google", "xai": "x-ai"}
"""Providers that are called otherwise there."""
PROVIDERS = (
    "openai",
    "anthropic",
    "gemini",
    "openrouter",
    "groq",
    "mistral",
    "deepseek",
    "xai",
    "together",
    "fireworks",
    "cerebras",
    "perplexity",
    "azure",
)
CLASSES = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
"""The classes of tokens that have a price, in the order of a row."""


def main(file: Path) -> None:
    """Write the snapshot."""
    from genai_prices.data_snapshot import get_snapshot

    at = datetime.now(UTC)
    there = {provider.id: provider for provider in get_snapshot().providers}
    told: dict[str, dict[str, list[Any]]] = {}
    for name in PROVIDERS:
        found = there.get(NAMES.get(name, name))
        for model in found.models if found else ():
            prices = model.get_prices(at)
            row = [model.context_window, *_classes(prices, 0), _steps(prices)]
            if not model.deprecated and any(row):
                told.setdefault(name, {})[model.id] = row
    writing.write_state(file, msgspec.json.encode(told))


def _classes(prices: Any, prompt_tokens: int) -> list[float | None]:
    """The prices of input, output, cached input and writing to the cache, for a prompt of this size."""
    return [_dollars(getattr(prices, name, None), prompt_tokens) for name in CLASSES]


def _steps(prices: Any) -> list[list[float | None]]:
    """The sizes of prompt from which on other prices hold, with these prices."""
    priced = [getattr(prices, name, None) for name in CLASSES]
    starts = sorted({tier.start for price in priced for tier in getattr(price, "tiers", ())})
    return [[start, *_classes(prices, start + 1)] for start in starts]


def _dollars(price: Any, prompt_tokens: int) -> float | None:
    """Dollars per million tokens; of a price in steps that of the last one below this size."""
    for tier in reversed(getattr(price, "tiers", ())):
        if prompt_tokens > tier.start:
            return _dollars(tier.price, 0)
    price = getattr(price, "base", price)
    return float(price) if isinstance(price, (Decimal, int, float)) else None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
