"""What each built-in strategy prefers, in a few words for a list."""

from __future__ import annotations

STRATEGY_HELP = {
    "quality-first": "the model most likely to answer well",
    "cost-optimized": "the cheapest that probably answers well",
    "balanced": "quality, price and time together",
    "speed-priority": "the fastest that probably answers well",
    "round-robin": "good models in turn",
    "least-loaded": "a good model with the fewest running answers",
    "capability-match": "the cheapest that is very likely to answer well",
    "learned": "balanced, by your ratings and earlier outcomes",
}
"""By the name of the strategy; `docs/routing.md` says more."""
