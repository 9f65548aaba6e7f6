"""Every token is priced once: usage objects of many servers, each with its cost worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from chat_tui.core.chunks import Usage, sum_usages
from chat_tui.core.models import Model, PriceStep
from chat_tui.core.usage.pricing import cost, cost_of, with_savings
from chat_tui.providers.dialects.listed_prices import prices_of
from chat_tui.providers.dialects.parsing.token_usage import anthropic_usage, gemini_usage, openai_usage

MODEL = Model("x/y", price_in=2.0, price_out=10.0, price_cached=0.2, price_cache_write=2.5)
"""Dollars per million: a prompt token costs 2 millionths, a cached one a tenth of that."""
STEPPED = Model("x/z", price_in=1.0, price_out=4.0, price_cached=0.1, price_steps=(PriceStep(200_000, 2.0, 6.0, 0.2),))

USAGES: dict[str, tuple[dict[str, Any], float]] = {
    "plain": ({"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}, 2000 + 1000),
    "openai, cached": (
        {"prompt_tokens": 100_000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 99_000}},
        1000 * 2 + 99_000 * 0.2 + 100,
    ),
    "openai, thinking": (
        {"prompt_tokens": 10, "completion_tokens": 500, "completion_tokens_details": {"reasoning_tokens": 450}},
        20 + 5000,
    ),
    "responses": (
        {"input_tokens": 1000, "output_tokens": 100, "input_tokens_details": {"cached_tokens": 500}},
        500 * 2 + 500 * 0.2 + 1000,
    ),
    "deepseek": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 1,
            "prompt_cache_hit_tokens": 600,
            "prompt_cache_miss_tokens": 400,
        },
        400 * 2 + 600 * 0.2 + 10,
    ),
    "deepseek without a sum": (
        {"completion_tokens": 1, "prompt_cache_hit_tokens": 600, "prompt_cache_miss_tokens": 400},
        400 * 2 + 600 * 0.2 + 10,
    ),
    "moonshot": ({"prompt_tokens": 100, "completion_tokens": 1, "cached_tokens": 50}, 50 * 2 + 50 * 0.2 + 10),
    "one cache count under two names": (
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "cached_tokens": 50,
            "prompt_tokens_details": {"cached_tokens": 50},
        },
        50 * 2 + 50 * 0.2 + 10,
    ),
    "xai, thinking beside the answer": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 315,
            "completion_tokens_details": {"reasoning_tokens": 300},
        },
        20 + 3050,
    ),
    "thinking larger than the answer, without a total": (
        {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 300}},
        20 + 3050,
    ),
    "thinking told only by the total": ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115}, 20 + 1050),
    "openrouter, cache write": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 200, "cache_write_tokens": 300},
        },
        500 * 2 + 200 * 0.2 + 300 * 2.5 + 10,
    ),
    "litellm, anthropic's cache inside the prompt": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 1,
            "total_tokens": 1001,
            "cache_read_input_tokens": 600,
            "cache_creation_input_tokens": 100,
        },
        300 * 2 + 600 * 0.2 + 100 * 2.5 + 10,
    ),
    "a gateway, anthropic's cache beside the prompt": (
        {
            "prompt_tokens": 300,
            "completion_tokens": 1,
            "total_tokens": 1001,
            "cache_read_input_tokens": 600,
            "cache_creation_input_tokens": 100,
        },
        300 * 2 + 600 * 0.2 + 100 * 2.5 + 10,
    ),
    "more cached than sent": (
        {"prompt_tokens": 300, "completion_tokens": 1, "cache_read_input_tokens": 600},
        300 * 2 + 600 * 0.2 + 10,
    ),
    "nulls": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 1,
            "total_tokens": None,
            "prompt_tokens_details": None,
            "completion_tokens_details": None,
        },
        20 + 10,
    ),
    "absurd": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 1,
            "cached_tokens": -5,
            "prompt_tokens_details": {"cached_tokens": "9"},
        },
        20 + 10,
    ),
    "the server's own cost": ({"prompt_tokens": 10, "completion_tokens": 1, "cost": 0.0123}, 12_300),
    "its cost as a text": ({"prompt_tokens": 10, "completion_tokens": 1, "cost": "0.5"}, 500_000),
    "its cost is nothing": ({"prompt_tokens": 10, "completion_tokens": 1, "cost": 0}, 0),
    "perplexity": ({"prompt_tokens": 10, "completion_tokens": 1, "cost": {"total_cost": 0.006}}, 6000),
    "xai's ticks": ({"prompt_tokens": 10, "completion_tokens": 1, "cost_in_usd_ticks": 50_000_000}, 5000),
    "openrouter with one's own key": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 1,
            "cost": 0.001,
            "is_byok": True,
            "cost_details": {"upstream_inference_cost": 0.02},
        },
        21_000,
    ),
    "a cost that is none": ({"prompt_tokens": 10, "completion_tokens": 1, "cost": -1}, 20 + 10),
    "a cost that is no number": ({"prompt_tokens": 10, "completion_tokens": 1, "cost": float("nan")}, 20 + 10),
}


@pytest.mark.parametrize("kind", USAGES)
def test_usage_is_priced_once(kind: str) -> None:
    told, millionths = USAGES[kind]
    assert cost_of(MODEL, openai_usage(told)) == pytest.approx(millionths / 1e6)


def test_anthropics_cache_stands_beside_the_prompt() -> None:
    counts = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 90}
    usage = anthropic_usage(counts)
    assert (usage.prompt_tokens, usage.cached_tokens, usage.cache_write_tokens) == (1000, 900, 90)
    assert cost_of(MODEL, usage) == pytest.approx((10 * 2 + 900 * 0.2 + 90 * 2.5 + 50) / 1e6)


def test_geminis_thinking_and_tools_stand_beside_answer_and_prompt() -> None:
    counts = {
        "promptTokenCount": 1000,
        "cachedContentTokenCount": 800,
        "candidatesTokenCount": 10,
        "thoughtsTokenCount": 90,
        "toolUsePromptTokenCount": 50,
    }
    usage = gemini_usage(counts)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.thinking_tokens) == (1050, 100, 90)
    assert cost_of(MODEL, usage) == pytest.approx((250 * 2 + 800 * 0.2 + 1000) / 1e6)


@pytest.mark.parametrize(
    ("prompt", "millionths"),
    [(200_000, 200_000 * 1 + 40), (200_001, 200_001 * 2 + 60)],
)
def test_beyond_a_step_all_tokens_cost_more(prompt: int, millionths: int) -> None:
    assert cost(STEPPED, prompt, 10) == pytest.approx(millionths / 1e6)


def test_beyond_a_step_cached_tokens_cost_what_the_step_says() -> None:
    usage = Usage(300_000, 0, 300_000, cached_tokens=200_000)
    assert cost_of(STEPPED, usage) == pytest.approx((100_000 * 2 + 200_000 * 0.2) / 1e6)


def test_without_prices_of_their_own_cached_tokens_cost_like_others() -> None:
    assert cost_of(Model("x/y", price_in=2.0, price_out=0.0), Usage(100, 0, 100, cached_tokens=90)) == 200 / 1e6
    assert cost_of(Model("x/y"), Usage(100, 0, 100)) is None
    assert cost_of(Model("x/y"), Usage(100, 0, 100, cost=0.5)) == 0.5


def test_what_the_cache_saved_is_told() -> None:
    assert with_savings(MODEL, Usage(1000, 0, 1000, cached_tokens=1000)).saved == pytest.approx(1800 / 1e6)
    assert with_savings(MODEL, Usage(1000, 0, 1000, cache_write_tokens=1000)).saved == pytest.approx(-500 / 1e6)
    assert with_savings(MODEL, Usage(1000, 0, 1000)).saved is None


def test_usages_of_several_tries_add_up() -> None:
    both = sum_usages([Usage(1, 2, 3, cached_tokens=1, cost=0.5), Usage(1, 2, 3, cache_write_tokens=1, cost=0.25)])
    assert both == Usage(2, 4, 6, cached_tokens=1, cache_write_tokens=1, cost=0.75)
    part = sum_usages([Usage(1, 2, 3, cost=0.5), Usage(1, 2, 3)])
    assert part is not None
    assert part.cost is None


@pytest.mark.parametrize(
    ("row", "prices"),
    [
        (
            {"pricing": {"prompt": "0.0000025", "completion": "0.00001", "input_cache_read": "0.00000125"}},
            (2.5, 10, 1.25),
        ),
        ({"pricing": {"input": "0.0000025", "output": "0.00001"}}, (2.5, 10, None)),
        ({"pricing": {"input": 0.18, "output": 0.18}}, (0.18, 0.18, None)),
        ({"pricing": {"prompt": 0.0000025, "completion": 0.00001}}, (2.5, 10, None)),
        (
            {"metadata": {"pricing": {"input_tokens": 0.3, "output_tokens": 2.5, "cache_read_tokens": 0.03}}},
            (0.3, 2.5, 0.03),
        ),
        ({"pricing": {"prompt": "0", "completion": "0"}}, (0, 0, None)),
        ({"pricing": {"prompt": "-1", "completion": "-1"}}, (None, None, None)),
        ({"pricing": {"prompt": "0.1"}}, (None, None, None)),
        ({"pricing": {"prompt": "a lot", "completion": "0"}}, (None, None, None)),
        ({"pricing": {"prompt": "1e400", "completion": "0"}}, (None, None, None)),
        ({"pricing": ["0.1"]}, (None, None, None)),
        ({}, (None, None, None)),
    ],
)
def test_prices_in_a_list_of_models_are_read(row: dict[str, Any], prices: tuple[float | None, ...]) -> None:
    found = prices_of(row)
    assert (found.price_in, found.price_out, found.price_cached) == pytest.approx(prices)


def test_what_has_a_price_is_not_free() -> None:
    assert Model("here/x", local=True).free
    assert Model("here/x", local=True, price_in=0.0, price_out=0.0).free
    assert not Model("here/x", local=True, price_in=1.0, price_out=2.0).free
    assert not Model("there/x").free
    assert not Model("there/x", price_in=0.0).free
