"""Which models take images: from the config, from the server's list, from the family; and which think."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chat_tui.config.schema import Config, ModelRow
from chat_tui.core.models import Model, Provider
from chat_tui.providers.catalogue.capabilities import takes_images, thinks
from chat_tui.providers.catalogue.model_info import ModelInfoResolver
from chat_tui.providers.catalogue.prices import Catalogue
from chat_tui.providers.discovery.model_list import models_of

SEES = """gpt-4o openai/gpt-4o-mini gpt-4.1-nano gpt-5 o1 o3 o4-mini claude-3-haiku-20240307 claude-3.5-sonnet
    anthropic/claude-sonnet-4.5 gemini-2.5-flash models/gemini-3-pro gemma3:4b llama-4-scout llama3.2-vision:11b
    llava:7b pixtral-12b-2409 Qwen/Qwen2.5-VL-7B-Instruct qwen-vl-max minicpm-v:8b grok-4 glm-4.5v InternVL2_5-8B
    claude-fable-5-1 gpt-6.1-sol gemini-4-argon mistral-large-2512 ministral-8b-2512 qwen3.8-27b moonshotai/Kimi-K3"""
BLIND = """gpt-3.5-turbo gpt-4-0613 gpt-4 openai/gpt-oss-120b o3-mini deepseek-chat deepseek-r1:8b smollm2:135m
    mixtral-8x7b llama-3.3-70b-versatile qwen3-coder-480b deepseek-v4-pro"""
UNKNOWN = "somebody/new-model qwen3:8b mistral-large llama3.2:3b gemma3:1b"


@pytest.mark.parametrize(
    ("ids", "told"), [(SEES, True), (BLIND, False), (UNKNOWN, None)], ids=["sees", "blind", "unknown"]
)
def test_a_family_is_told_from_the_id(ids: str, told: bool | None) -> None:
    assert {name: takes_images(name) for name in ids.split()} == dict.fromkeys(ids.split(), told)


THINKS = """o1-mini o3 openai/o4-mini gpt-5 gpt-oss:20b claude-3-7-sonnet-20250219 anthropic/claude-sonnet-4.5
    claude-opus-4-1 gemini-2.5-flash deepseek-r1:8b deepseek-reasoner qwen3:8b qwq-32b magistral-small grok-4
    kimi-k2-thinking Qwen/Qwen3-30B-A3B-Thinking-2507 phi-4-reasoning glm-4.5-air
    claude-fable-5-1 gpt-6.1-sol gemini-4-argon deepseek-v4-pro moonshotai/Kimi-K3 muse-spark-1.3"""
SAY_AT_ONCE = """gpt-4o gpt-4.1-nano gpt-3.5-turbo claude-3-5-haiku-latest claude-3-haiku-20240307 gemini-2.0-flash
    llama-3.3-70b-versatile llama3.2:3b smollm2-135m mistral-large mixtral-8x7b gemma3:4b Qwen/Qwen2.5-VL-7B-Instruct
    deepseek-chat grok-4-fast-non-reasoning"""


@pytest.mark.parametrize(
    ("ids", "told"),
    [(THINKS, True), (SAY_AT_ONCE, False), ("somebody/new-model gpt-5-chat-latest Qwen3-Coder-480B", None)],
    ids=["thinks", "says at once", "unknown"],
)
def test_whether_it_thinks_is_told_from_the_id(ids: str, told: bool | None) -> None:
    assert {name: thinks(name) for name in ids.split()} == dict.fromkeys(ids.split(), told)


@pytest.mark.parametrize(
    ("row", "images", "server"),
    [
        ({"architecture": {"input_modalities": ["text", "image"]}}, True, ""),
        ({"architecture": {"input_modalities": ["text"]}}, False, ""),
        ({"capabilities": {"vision": True}}, True, ""),
        ({"capabilities": {"vision": False}}, False, ""),
        ({"capabilities": {"image_input": {"supported": True}}}, True, ""),
        ({"capabilities": None, "architecture": "transformer"}, None, ""),
        ({"capabilities": ["completion", "multimodal"], "owned_by": "llamacpp"}, True, "llama.cpp"),
        ({"type": "vlm", "owned_by": "vllm", "max_model_len": 4096}, True, "vllm"),
        ({"owned_by": ["x"]}, None, ""),
    ],
)
def test_a_list_tells_it_in_many_ways(row: dict[str, Any], images: bool | None, server: str) -> None:
    (model,) = models_of(Provider("box"), {"data": [{"id": "x", **row}]})
    assert (model.images, model.server) == (images, server)


def test_the_config_goes_before_the_server_and_the_server_before_the_family(tmp_path: Path) -> None:
    config = Config(models=(ModelRow("box/gpt-4o", images=False), ModelRow("box/llava", context_window=9000)))
    facts = ModelInfoResolver(config, Catalogue(tmp_path / "none"))
    assert facts.of(Model("box/gpt-4o", images=True)).images is False
    assert facts.of(Model("box/gpt-4.1", images=False)).images is False
    assert facts.of(Model("box/gpt-4.1")).images is True
    assert facts.of(Model("box/llava", 4096)).asked_window == 9000
    assert facts.of(Model("box/other", 4096)).asked_window is None
    assert facts.of(Model("vllm/x")).server == "vllm"
