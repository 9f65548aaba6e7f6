"""The quality of every model of the price catalogue is plausible: by version, tier, size and price."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest

from chat_tui.providers.catalogue import quality
from chat_tui.providers.catalogue.model_name import bare_id, parse_name
from chat_tui.providers.catalogue.prices_worker import _dollars
from chat_tui.providers.catalogue.purposes import purpose_of
from chat_tui.providers.catalogue.quality import GUESS_MOST, RatedModels, prior_of, usual_for_size

SMALL = ("nano", "micro", "mini", "lite", "flash", "air", "small", "haiku", "light", "tiny")
KINDS = ("", "code", "math", "writing", "long", "zh", "ja", "ko", "ru", "de", "fr", "es")
_VERSION = re.compile(r"(?<=[a-z-])(\d)(?:[.p-](\d{1,2}))?(?=-|$|:)")
_SIZE = re.compile(r"(?<=-)(\d+(?:\.\d+)?)b(?=-|$|:)")
OTHER_MODELS = {
    # Nemotron 3 has other sizes than the version before it under the same names.
    "nemotron-#-nano",
}


class Listed(NamedTuple):
    provider: str
    id: str
    price_out: float | None

    @property
    def quality(self) -> float:
        return self.quality_for("")

    def quality_for(self, kind: str) -> float:
        prior = prior_of(self.id, self.price_out)
        return prior.qualities.get(kind, prior.quality) if prior is not None else 0.0


@cache
def listed() -> list[Listed]:
    from genai_prices.data_snapshot import get_snapshot

    now = datetime.now(UTC)
    return [
        Listed(provider.id, model.id, _dollars(getattr(model.get_prices(now), "output_mtok", None), 0))
        for provider in get_snapshot().providers
        for model in provider.models
        if not purpose_of(provider.id, model.id)
    ]


def versions() -> Iterator[tuple[float, Listed, str]]:
    """Yield each model with its version, and its id with `#` in its place."""
    for model in listed():
        bare = re.sub(r"-\d{3,8}(?=-|$)|-\d\d-\d\d(\d\d)?(?=-|$)", "", bare_id(model.id))
        found = _VERSION.search(bare)
        if found:
            line = bare[: found.start()] + "#" + bare[found.end() :]
            # `4.20` is 4.2.
            yield float(f"{found[1]}.{found[2] or 0}"), model, line


def test_a_successor_never_ranks_below_its_predecessor() -> None:
    lines: dict[str, list[tuple[float, Listed]]] = defaultdict(list)
    for version, model, line in versions():
        if line not in OTHER_MODELS:
            lines[line].append((version, model))
    assert sum(len(models) > 1 for models in lines.values()) > 100
    wrong = [
        (kind, older, newer)
        for models in lines.values()
        for (first, older), (second, newer) in combinations(sorted(models, key=lambda pair: pair[0]), 2)
        for kind in KINDS
        if first < second and newer.quality_for(kind) < older.quality_for(kind)
    ]
    assert wrong == []


def test_a_small_tier_never_has_its_familys_quality() -> None:
    by_id = {(model.provider, bare_id(model.id)): model for model in listed()}
    pairs = []
    for (provider, bare), model in by_id.items():
        words = bare.split("-")
        for tier in SMALL:
            family = by_id.get((provider, "-".join(word for word in words if word != tier)))
            if tier in words and family is not None and model.quality:
                pairs.append((model, family))
    assert len(pairs) > 40
    assert [(small, family) for small, family in pairs if small.quality >= family.quality] == []


def test_a_size_never_ranks_above_a_larger_one_of_its_line() -> None:
    lines: dict[str, list[tuple[float, Listed]]] = defaultdict(list)
    for model in listed():
        bare = re.sub(r"-a\d+(?:\.\d+)?b\b", "", bare_id(model.id))
        sizes = _SIZE.findall(bare)
        if len(sizes) == 1:
            lines[_SIZE.sub("#", bare)].append((float(sizes[0]), model))
    wrong = [
        (small, large)
        for models in lines.values()
        for (first, small), (second, large) in combinations(sorted(models, key=lambda pair: pair[0]), 2)
        if second > first * 1.3 and small.quality > large.quality
    ]
    assert wrong == []


def test_no_small_size_has_the_quality_of_a_large_model() -> None:
    for model in listed():
        sizes = [float(size) for size in _SIZE.findall(re.sub(r"-a\d+(?:\.\d+)?b\b", "", bare_id(model.id)))]
        if sizes and max(sizes) <= 15:
            assert model.quality <= (0.5 if max(sizes) < 2.5 else 0.75 if max(sizes) < 6 else 0.87), model


def test_a_price_alone_never_makes_a_frontier_model() -> None:
    best = prior_of("gpt-5")
    assert best is not None
    assert best.quality > GUESS_MOST
    for price in (0.01, 0.5, 3.0, 15.0, 75.0, 600.0):
        prior = prior_of("nobody-knows-this-one", price)
        assert prior is not None
        assert prior.guessed
        assert prior.quality <= GUESS_MOST
    small = prior_of("nobody-knows-this-mini", 600.0)
    assert small is not None
    assert small.quality < GUESS_MOST
    assert prior_of("nobody-knows-this-one") is None


@pytest.mark.parametrize(
    ("newer", "predecessor"),
    [
        ("gpt-7", "gpt-5.5"),
        ("gpt-7-mini", "gpt-5.4-mini"),
        ("gpt-7-sol", "gpt-6.1-sol"),
        ("o5-mini", "o4-mini"),
        ("claude-opus-6", "claude-opus-5-5"),
        ("claude-sonnet-7-2", "claude-sonnet-5-5"),
        ("anthropic.claude-haiku-6-v1:0", "claude-haiku-5-5"),
        ("gemini-5-pro", "gemini-3.1-pro"),
        ("gemini-4.5-flash-lite", "gemini-3.5-flash-lite"),
        ("x-ai/grok-6", "grok-4.7"),
        ("deepseek-ai/DeepSeek-V5-Pro", "deepseek-v4-pro"),
        ("accounts/fireworks/models/glm-6p1", "glm-5.3"),
        ("moonshotai/Kimi-K4", "kimi-k3"),
        ("MiniMaxAI/MiniMax-M4", "minimax-m3"),
        ("Qwen/Qwen4-9B", "qwen3.5-9b"),
        ("qwen4-max", "qwen3.8-max"),
        ("meta-llama/Llama-5-70B-Instruct", "llama-3.3-70b"),
        ("amazon.nova-3-lite-v1:0", "nova-2-lite"),
        ("google/gemini-flash-latest", "gemini-3.8-flash"),
    ],
)
def test_an_unknown_version_is_at_least_as_good_as_its_predecessor(newer: str, predecessor: str) -> None:
    found, known = prior_of(newer, 1.0), prior_of(predecessor)
    assert found is not None
    assert known is not None
    assert found.guessed
    assert not known.guessed
    assert found.quality >= known.quality


@pytest.mark.parametrize(
    ("small", "most"),
    [
        ("deepseek-r1:1.5b", 0.45),
        ("deepseek-r1:8b", 0.7),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 0.7),
        ("llama-3.2-1b", 0.3),
        ("llama3.2:1b-instruct-q4_K_M", 0.3),
        ("qwen2.5:0.5b", 0.15),
        ("qwen4-0.5b", 0.35),
        ("gemma3:270m", 0.1),
        ("smollm2:135m", 0.05),
        ("llama-4-maverick-3b", 0.6),
        ("gpt-6-nano", 0.9),
        ("claude-7-mini", 0.9),
        ("glm-6-tiny", 0.9),
        ("deepseek-v5-lite", 0.6),
        ("kimi-k4-mini", 0.9),
        ("mistral-small-2402", 0.75),
    ],
)
def test_small_models_do_not_inherit_what_their_family_can_do(small: str, most: float) -> None:
    found = prior_of(small, 30.0)
    assert found is not None
    assert found.quality <= most


@pytest.mark.parametrize(
    ("model_id", "family"),
    [
        ("global.anthropic.claude-fable-5-1-v1:0", "claude-fable-5-1"),
        ("meta.llama3-1-70b-instruct-v1:0", "llama-3.1-70b"),
        ("databricks-meta-llama-3-3-70b-instruct", "llama-3.3-70b"),
        ("accounts/fireworks/models/qwen3p8-max", "qwen3.8-max"),
        ("deepseek/deepseek-v4.1-flash-1017", "deepseek-v4.1-flash"),
        ("anthropic/claude-opus-4.8-fast", "claude-opus-4-8"),
        ("gemini-flash-1.5-8b", "gemini-1.5-flash-8b"),
        ("gemini-2.5-flash-preview-05-20", "gemini-2.5-flash"),
        ("grok-4.20-0309", "grok-4.2"),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3-30b"),
        ("o3-deep-research-2025-06-26", "o3"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc123", "gpt-4o-mini"),
        ("ft:gpt-3.5-turbo-0125:acme:voice:x1", "gpt-3.5-turbo"),
        ("gpt-35-turbo", "gpt-3.5-turbo"),
        ("phi4:14b", "phi-4"),
        ("gpt-35-turbo-16k", "gpt-3.5-turbo"),
        ("mistral:7b-instruct-q4_K_M", "mistral-7b"),
        ("mistral:7b-instruct-fp16", "mistral-7b"),
        ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "llama-3.1-8b"),
    ],
)
def test_one_model_is_known_by_the_names_that_providers_give_it(model_id: str, family: str) -> None:
    assert prior_of(model_id) == prior_of(family)


def test_a_model_that_is_told_not_to_think_is_expected_to_answer_less_well() -> None:
    thinks, speaks = prior_of("grok-4-fast-reasoning"), prior_of("grok-4-fast-non-reasoning")
    assert thinks is not None
    assert speaks is not None
    assert speaks.quality < thinks.quality


def test_the_usual_quality_grows_with_the_size() -> None:
    found = [usual_for_size(billions) for billions in (0.01, 0.135, 0.5, 1, 3, 8, 27, 70, 300, 2000)]
    assert found == sorted(found)
    assert found[0] == 0.02
    assert found[-1] < GUESS_MOST


def test_each_rated_model_is_read_alone_and_found_by_its_family() -> None:
    text = Path(quality.__file__).with_name("quality.toml").read_text("utf-8")
    rated = tomllib.loads(text)
    assert len(rated) == sum(line.startswith('"') for line in text.splitlines()), "a line for each model"
    for model_id, values in rated.items():
        models = RatedModels(text)
        row = models.row(model_id)
        assert row is not None
        assert {"all": row.prior.quality, **row.prior.qualities} == values
        assert row in models.line(row.name.family, row.name.tiers)
        assert row.name == parse_name(model_id)
