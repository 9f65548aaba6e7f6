"""How fast a model usually is: by provider, family, tier and size, for models that have not been measured yet.

The figures are rounded medians of what Artificial Analysis and OpenRouter published for hosted models in 2025 and 2026.
A model on this machine is limited by memory bandwidth: its speed falls with the number of active weights.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.usage.token_estimate import THINKING_TOKENS
from chat_tui.providers.catalogue.model_name import bare_id

USUAL_TOKENS_PER_SECOND = 60.0
USUAL_TTFT_SECONDS = 0.8
LOCAL_BILLIONS = 8.0
"""The size of a model on this machine whose id does not tell it."""

_FAMILIES = (
    (r"gpt-3\.5", 110.0),
    (r"gpt-4(?:-\d|-turbo|$)", 35.0),
    (r"gpt-4\.5", 20.0),
    (r"(?:chatgpt|gpt)-4o|gpt-4\.1(?!-nano)", 85.0),
    (r"gpt-oss", 220.0),
    (r"o\d(?:-deep-research|-pro)|gpt-\d(?:\.\d)?-pro", 15.0),
    (r"o[134]\b|gpt-5(?!.*nano)", 110.0),
    (r"claude-(?:2|3-opus|opus-4(?:-[01]\b|-\d{8}|$))", 35.0),
    (r"claude-(?:3-haiku|haiku-4)", 120.0),
    (r"gemini-.*flash-lite", 280.0),
    (r"gemini-(?:2\.5|[3-9]).*flash", 200.0),
    (r"gemini-(?:2\.0|1\.5)-flash", 170.0),
    (r"gemini-(?:2\.5|[3-9])", 130.0),
    (r"grok-(?:code-fast|4.*fast|3-mini)", 150.0),
    (r"deepseek-(?:chat|reasoner|r\d$|r\d-\d{4}|v\d)", 40.0),
)
"""(family, tokens per second); the first that matches counts."""
_TIERS = (
    (r"nano|micro|flash-lite|lite|tiny|ministral", 150.0),
    (r"mini|flash|fast|haiku|small|turbo|air|instant|highspeed", 110.0),
    (r"opus|ultra|premier|pro|max|large", 50.0),
)
_SIZES = ((4.0, 150.0), (9.0, 120.0), (15.0, 90.0), (35.0, 60.0), (80.0, 50.0))
"""(billions of weights, tokens per second) of hosted models; experts count by their active weights."""
_LARGEST = 35.0
_PROVIDERS = {"cerebras": 20.0, "groq": 4.0, "sambanova": 4.0}
"""Providers with hardware of their own, by how many times faster they are than others."""
_THINKS_FIRST = lazy_pattern(
    r"o[134]\b|gpt-5(?!\.|.*chat)|gpt-oss|deepseek-r\d|qwen3(?!.*(?:instruct|coder|max|next))|qwq|qvq|magistral"
    r"|gemini-(?:2\.5|[3-9])(?!.*lite)|grok-3-mini|grok-[4-9]|glm-(?:4\.[5-9]|z1|[5-9])|minimax-m\d|kimi-k2\.[5-9]"
    r"|kimi-k[3-9]|muse-|smollm-?3|seed-oss|ernie-x1|hunyuan-(?:t1|a13b)|.*deep-research"
)
"""Families that think before they answer unless a request says otherwise."""
_NAMED = lazy_pattern(r"(?:^|-)(non-|no-)?(?:thinking|reasoning|reasoner)\b")
_SIZE = lazy_pattern(r"(?<![\d.a-z])(\d+(?:\.\d+)?)([bm])(?![a-z\d])")
_ACTIVE = lazy_pattern(r"-a(\d+(?:\.\d+)?)b\b")
_EXPERTS = (
    (r"gpt-oss-20(?:\.\d)?b", 3.6),
    (r"gpt-oss-1[12]\d(?:\.\d)?b", 5.1),
    (r"qwen3-(?:coder-|vl-)?30(?:\.\d)?b", 3.3),
    (r"qwen3-(?:vl-)?235b", 22.0),
    (r"qwen3-coder-480b", 35.0),
    (r"mixtral-(?:8x7|46\.7)b", 13.0),
    (r"mixtral-8x22b", 39.0),
    (r"deepseek-(?:r1|v3(?:\.\d)?)-671b", 37.0),
    (r"deepseek-(?:coder-)?v2-16b", 2.4),
)
"""(model, billions of active weights) of mixtures of experts whose ids do not tell; some servers tell exact sizes."""
_DENSE_PER_ACTIVE = 2.5
"""A mixture of experts is about as fast as a dense model of this many times its active weights."""


class SpeedPrior(msgspec.Struct, frozen=True):
    """The expected speed of a model before it has answered."""

    tokens_per_second: float
    ttft_seconds: float
    """Until the answer's first token, with the thinking before it."""
    thinking_tokens: int = 0
    """Written before the answer if the request does not say how much."""


@lru_cache(maxsize=8192)
def usual_speed(provider: str, model_id: str, *, local: bool = False) -> SpeedPrior:
    """Return the usual speed of a model, by its provider and its id there."""
    bare = bare_id(model_id)
    rate, wait = _local_speed(bare) if local else _hosted_speed(provider, bare)
    thinking = THINKING_TOKENS if _thinks_first(bare) else 0
    return SpeedPrior(round(rate, 1), round(wait + thinking / rate, 2), thinking)


def _thinks_first(bare: str) -> bool:
    """Return whether a model thinks before it answers if a request does not say."""
    if (named := _NAMED.search(bare)) is not None:
        return not named[1]
    return _THINKS_FIRST.match(bare) is not None


def _hosted_speed(provider: str, bare: str) -> tuple[float, float]:
    factor = _PROVIDERS.get(provider, 1.0)
    return _hosted_rate(bare) * factor, USUAL_TTFT_SECONDS / (2 if factor > 1 else 1)


def _hosted_rate(bare: str) -> float:
    for family, rate in _FAMILIES:
        if re.match(family, bare):
            return rate
    size = _dense_billions(bare)
    if size is not None:
        return next((rate for most, rate in _SIZES if size <= most), _LARGEST)
    # A tier is a word of its own: `gemini` is not `mini`.
    found = (rate for tier, rate in _TIERS if re.search(rf"(?:^|[-.\d])(?:{tier})(?:$|[-.\d])", bare))
    return next(found, USUAL_TOKENS_PER_SECOND)


def _local_speed(bare: str) -> tuple[float, float]:
    size = _dense_billions(bare) or LOCAL_BILLIONS
    return min(150.0, 120.0 / max(size, 0.1) ** 0.8), 0.2 + 0.15 * size


def _dense_billions(bare: str) -> float | None:
    """Return the size of a dense model of about the same speed; None if the id does not tell."""
    active = _ACTIVE.search(bare)
    found = [float(number) / (1000 if unit == "m" else 1) for number, unit in _SIZE.findall(_ACTIVE.sub("", bare))]
    total = max(found, default=None)
    billions = float(active[1]) if active else next((size for name, size in _EXPERTS if re.match(name, bare)), None)
    if billions is None:
        return total
    dense = billions * _DENSE_PER_ACTIVE
    return min(dense, total) if total is not None else dense
