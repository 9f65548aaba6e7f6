"""Writes the prices and windows of hosted models to a file, in a process of its own.

They are those of the library `genai-prices` where it is installed, as an extra: its import takes half a second. Else
they are those of `prices.json`, which `python -m tests.prices` makes of the library; its licence is in
`prices_license.txt`.

Run as `python -m chat_tui.providers.catalogue.prices_worker FILE`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from chat_tui.core.files import writing

SNAPSHOT = Path(__file__).with_name("prices.json")
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


def main(file: Path, *, find: Callable[[str], object] = find_spec) -> None:
    """Write the snapshot; `find` returns None for a module that is not installed."""
    content = SNAPSHOT.read_bytes() if find("genai_prices") is None else msgspec.json.encode(library_snapshot())
    writing.write_state(file, content)


def library_snapshot() -> dict[str, dict[str, list[Any]]]:
    """Return what the library knows now: for each provider the models, each with a row for `CatalogueEntry`."""
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
    return told


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
