"""A model that was never measured is expected to be as fast as its family usually is."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_tui.config.schema import Config
from chat_tui.core.models import LOCAL_MODEL, Model
from chat_tui.providers.catalogue.model_info import ModelInfoResolver
from chat_tui.providers.catalogue.prices import Catalogue
from chat_tui.providers.catalogue.speed import usual_speed


@pytest.mark.parametrize(
    ("faster", "slower"),
    [
        ("openai/gpt-4o-mini", "openai/gpt-4"),
        ("openai/gpt-5-nano", "openai/gpt-5-pro"),
        ("anthropic/claude-haiku-4-5", "anthropic/claude-opus-4-1"),
        ("gemini/gemini-2.5-flash-lite", "gemini/gemini-2.5-pro"),
        ("groq/llama-3.3-70b-versatile", "together/meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("cerebras/gpt-oss-120b", "openrouter/openai/gpt-oss-120b"),
        ("together/Qwen/Qwen3-30B-A3B-Instruct-2507", "together/Qwen/Qwen2.5-72B-Instruct"),
    ],
)
def test_small_models_and_fast_providers_write_faster(faster: str, slower: str) -> None:
    fast, slow = (usual_speed(*name.split("/", 1)) for name in (faster, slower))
    assert fast.tokens_per_second > slow.tokens_per_second


@pytest.mark.parametrize(
    ("thinker", "other"),
    [
        ("openai/o3", "openai/gpt-4.1"),
        ("openai/gpt-5", "openai/gpt-5-chat-latest"),
        ("deepseek/deepseek-reasoner", "deepseek/deepseek-chat"),
        ("xai/grok-4-fast-reasoning", "xai/grok-4-fast-non-reasoning"),
        ("gemini/gemini-2.5-pro", "gemini/gemini-2.0-flash"),
    ],
)
def test_a_model_that_thinks_first_takes_seconds_to_the_first_token(thinker: str, other: str) -> None:
    thinks, speaks = (usual_speed(*name.split("/", 1)) for name in (thinker, other))
    assert thinks.ttft_seconds > 3
    assert speaks.ttft_seconds < 1.5


def test_on_this_machine_the_size_decides() -> None:
    rates = [
        usual_speed("ollama", name, local=True).tokens_per_second
        for name in ("qwen2.5:0.5b", "llama3.2:3b", "llama3.1:8b", "qwen2.5:32b", "llama3.3:70b")
    ]
    assert rates == sorted(rates, reverse=True)
    for mixture, dense in (
        ("gpt-oss:20b", "codestral:22b"),
        ("gpt-oss:20.9b", "codestral:22b"),
        ("qwen3-coder:30b", "qwen2.5:32b"),
        ("mixtral:8x7b", "x:46b"),
    ):
        told = usual_speed("ollama", mixture, local=True)
        assert told.tokens_per_second > usual_speed("ollama", dense, local=True).tokens_per_second
    experts = usual_speed("ollama", "qwen3-coder:30b-a3b", local=True)
    assert experts.tokens_per_second > usual_speed("ollama", "qwen2.5:32b", local=True).tokens_per_second


def test_every_model_has_its_usual_speed() -> None:
    known = ModelInfoResolver(Config(), Catalogue(Path("none")))
    for model in (Model("nobody/knows"), Model(LOCAL_MODEL, local=True), Model("box/a", local=True)):
        told = known.of(model)
        assert told.usual_tokens_per_second
        assert told.usual_ttft_seconds
