"""Which models take images: from the config, from the server's list, from the family; and which think."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chat_tui.config.schema import Config, ModelRow
from chat_tui.core.models import Model, Provider
from chat_tui.providers.catalogue.capabilities import takes_images, thinks, uses_tools
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


TOOLS = """gpt-4o openai/gpt-4.1-mini gpt-5.5 o3 claude-3-haiku-20240307 anthropic/claude-sonnet-4.5 gemini-2.5-flash
    models/gemini-3-pro gpt-oss:20b llama3.1:8b llama-3.3-70b-versatile Qwen/Qwen2.5-7B-Instruct qwen3:8b
    deepseek-chat moonshotai/Kimi-K3 glm-4.5-air mistral-large-2512 devstral-small grok-4 command-a-03-2025"""
NO_TOOLS = """o1-mini o1-preview claude-2.1 llama-2-70b llama3:8b smollm2:135m smollm-360m phi3:mini tinyllama
    gemma2:9b gemma:2b sonar-pro gpt-3.5-turbo-instruct"""
MAY_USE_TOOLS = "somebody/new-model smollm3:3b phi4 gemma3:4b deepseek-r1:8b qwq-32b"


@pytest.mark.parametrize(
    ("ids", "told"), [(TOOLS, True), (NO_TOOLS, False), (MAY_USE_TOOLS, None)], ids=["tools", "none", "unknown"]
)
def test_whether_a_family_uses_tools_is_told_from_the_id(ids: str, told: bool | None) -> None:
    assert {name: uses_tools(name) for name in ids.split()} == dict.fromkeys(ids.split(), told)


@pytest.mark.parametrize(
    ("row", "tools", "schemas"),
    [
        ({"supported_parameters": ["tools", "structured_outputs"]}, True, True),
        ({"supported_parameters": ["max_tokens", "response_format"]}, False, False),
        ({"capabilities": {"function_calling": True}}, True, None),
        ({"capabilities": {"function_calling": False}}, False, None),
        ({"capabilities": {"structured_outputs": {"supported": True}}}, None, True),
        ({"capabilities": ["tool_use"]}, True, None),
        ({"capabilities": ["streaming", "tool-calling"]}, True, None),
        ({"capabilities": {"vision": True, "trained_for_tool_use": False}}, False, None),
        ({"supports_tools": False}, False, None),
        ({"tags": ["tool-use"]}, True, None),
        ({"features": ["tools", "json_schema"]}, True, True),
        ({"providers": [{"supports_tools": False}, {"supports_tools": True}]}, True, None),
        ({"capabilities": None, "tags": "tools", "providers": [None]}, None, None),
    ],
)
def test_a_list_tells_tools_and_schemas(row: dict[str, Any], tools: bool | None, schemas: bool | None) -> None:
    provider = Provider("box")
    (model,) = models_of(provider, {"data": [{"id": "somebody/new-model", **row}]})
    resolver = ModelInfoResolver(Config(), Catalogue(Path("none")))
    assert (model.tools, model.schemas) == (tools, schemas)
    assert resolver.of(model, provider).tools == tools
    said = ModelRow("box/somebody/new-model", tools=True, schemas=False)
    told = ModelInfoResolver(Config(models=(said,)), Catalogue(Path("none"))).of(model, provider)
    assert (told.tools, told.schemas) == (True, False)


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
