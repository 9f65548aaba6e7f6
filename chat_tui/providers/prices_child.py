"""Writes what `genai-prices` knows to a file, in a process of its own: its import takes half a second.

Run as `python -m chat_tui.providers.prices_child FILE`.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from chat_tui.core import files

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
            row = [model.context_window, _dollars(prices.input_mtok), _dollars(prices.output_mtok)]
            if not model.deprecated and any(value is not None for value in row):
                told.setdefault(name, {})[model.id] = row
    files.write_state(file, msgspec.json.encode(told))


def _dollars(price: Any) -> float | None:
    """Dollars per million tokens; of a price in steps the first."""
    price = getattr(price, "base", price)
    return float(price) if isinstance(price, (Decimal, int, float)) else None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
