"""Reads the token usage that servers report, as one record in which each token is counted once.

The shapes of OpenAI and its imitators differ in what a count includes; the total, where there is one, decides.
"""

from __future__ import annotations

import math
from typing import Any

from chat_tui.core.chunks import Usage
from chat_tui.providers.dialects.dialect import Json, count

DOLLARS_LIMIT = 1_000_000.0
TICKS_PER_DOLLAR = 10_000_000_000
"""xAI tells costs in ticks."""


def openai_usage(value: dict[str, Json]) -> Usage:
    """Return the usage from the object of OpenAI, DeepSeek, xAI, OpenRouter, Moonshot, LiteLLM and other imitators."""
    prompt = count(value.get("prompt_tokens")) or count(value.get("input_tokens"))
    completion = count(value.get("completion_tokens")) or count(value.get("output_tokens"))
    total = count(value.get("total_tokens"))
    inputs = _first_object(value, "prompt_tokens_details", "input_tokens_details")
    outputs = _first_object(value, "completion_tokens_details", "output_tokens_details")
    cached = _largest(inputs, "cached_tokens") or _largest(
        value, "cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"
    )
    written = _largest(inputs, "cache_write_tokens", "cache_creation_tokens") or _largest(
        value, "cache_creation_input_tokens", "cache_write_tokens"
    )
    prompt = prompt or count(value.get("prompt_cache_hit_tokens")) + count(value.get("prompt_cache_miss_tokens"))
    if cached + written > prompt or (cached + written and total == prompt + cached + written + completion):
        # Counted beside the prompt and not as a part of it.
        prompt += cached + written
    thinking = count(outputs.get("reasoning_tokens")) or count(value.get("reasoning_tokens"))
    unnamed = total - prompt - completion
    if unnamed > 0 and thinking in (0, unnamed):
        # The total tells of tokens that stand in no other count: thinking (xAI, Gemini behind its OpenAI door).
        completion, thinking = completion + unnamed, unnamed
    elif thinking > completion:
        completion += thinking
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=max(total, prompt + completion),
        thinking_tokens=thinking,
        cached_tokens=cached,
        cache_write_tokens=written,
        cost=_cost(value),
    )


def anthropic_usage(counts: dict[str, int]) -> Usage:
    """Return the usage from Anthropic's counts: cached tokens are not part of `input_tokens`."""
    read, written = counts.get("cache_read_input_tokens", 0), counts.get("cache_creation_input_tokens", 0)
    prompt, completion = counts.get("input_tokens", 0) + read + written, counts.get("output_tokens", 0)
    return Usage(prompt, completion, prompt + completion, cached_tokens=read, cache_write_tokens=written)


def gemini_usage(counts: dict[str, int]) -> Usage:
    """Return the usage from Gemini's counts: thinking is not part of the answer, nor tool input of the prompt."""
    prompt = counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0)
    thinking = counts.get("thoughtsTokenCount", 0)
    completion = counts.get("candidatesTokenCount", 0) + thinking
    return Usage(
        prompt,
        completion,
        max(counts.get("totalTokenCount", 0), prompt + completion),
        thinking,
        min(counts.get("cachedContentTokenCount", 0), prompt),
    )


def _first_object(value: dict[str, Json], *names: str) -> dict[str, Json]:
    return next((found for name in names if isinstance(found := value.get(name), dict)), {})


def _largest(value: dict[str, Json], *names: str) -> int:
    """Return the largest of one count's values under several names."""
    return max(count(value.get(name)) for name in names)


def _cost(value: dict[str, Json]) -> float | None:
    """What the server says that it costs in US dollars (OpenRouter, Perplexity, xAI); with a key of one's own at
    OpenRouter, what its upstream takes comes on top."""
    told = value.get("cost")
    dollars = _dollars(told.get("total_cost") if isinstance(told, dict) else told)
    if dollars is None:
        ticks = _dollars(value.get("cost_in_usd_ticks"), DOLLARS_LIMIT * TICKS_PER_DOLLAR)
        return None if ticks is None else ticks / TICKS_PER_DOLLAR
    if value.get("is_byok") is True:
        upstream = _first_object(value, "cost_details").get("upstream_inference_cost")
        dollars += _dollars(upstream) or 0.0
    return dollars


def _dollars(value: Any, limit: float = DOLLARS_LIMIT) -> float | None:
    """Return an amount in US dollars that may be absent, null, a text or absurd."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        dollars = float(value)
    except (ValueError, OverflowError):
        return None
    return dollars if math.isfinite(dollars) and 0 <= dollars <= limit else None
