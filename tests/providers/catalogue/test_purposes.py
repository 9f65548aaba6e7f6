"""Models that cannot chat are no candidates of any strategy, whichever server lists them.

`tests/data/model_lists/` holds lists in the shapes of the documentation that each file names.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.config.schema import Config, ModelRow
from chat_tui.core.chunks import Chunk
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.providers.catalogue.model_info import ModelInfoResolver
from chat_tui.providers.catalogue.model_name import bare_id
from chat_tui.providers.catalogue.prices import Catalogue
from chat_tui.providers.catalogue.purposes import listed_purpose, named_purposes, purpose_of
from chat_tui.providers.discovery.model_list import models_of
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.ranking.strategies import names
from chat_tui.routing.router import Router

LISTS = sorted((Path(__file__).parents[2] / "data" / "model_lists").glob("*.json"))


class RecordedList(msgspec.Struct):
    source: str
    dialect: str
    chat: list[str]
    """The ids of the models that chat."""
    listing: Any


def known_models(file: Path, config: Config | None = None) -> tuple[RecordedList, list[Model]]:
    recorded = msgspec.json.decode(file.read_bytes(), type=RecordedList)
    provider = Provider(file.stem, dialect=recorded.dialect)
    resolver = ModelInfoResolver(config or Config(), Catalogue(Path("none")))
    return recorded, [resolver.of(model, provider) for model in models_of(provider, recorded.listing)]


def not_asked(model: Model, request: Request) -> AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]:
    raise AssertionError(model.name)


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.stem)
def test_of_a_real_list_only_the_models_that_chat_can_be_chosen(file: Path) -> None:
    recorded, models = known_models(file)
    assert {model.id for model in models if model.selectable} == set(recorded.chat)
    assert all(model.not_for_chat for model in models if not model.selectable)


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.stem)
def test_no_strategy_chooses_a_model_that_does_not_chat(file: Path) -> None:
    recorded, models = known_models(file)
    for strategy in names():
        health = Health(lambda: 0.0)
        router = Router(models, not_asked, health)
        for _ in range(30):
            plan = router.plan(Request(prompt="What is the capital of France?", strategy=strategy))
            assert {model.id for model in plan.models} <= set(recorded.chat), strategy
            health.note_start(plan.models[0].name)
            health.note_end(plan.models[0].name)


def test_the_route_says_what_such_a_model_is_for_and_it_can_still_be_named() -> None:
    _, models = known_models(LISTS[[file.stem for file in LISTS].index("openai")])
    router = Router(models, not_asked, Health(lambda: 0.0))
    plan = router.plan(Request(prompt="Hello"))
    told = {candidate.model: candidate.out for candidate in plan.candidates if candidate.out}
    assert told["openai/text-embedding-3-small"] == "makes embeddings"
    assert told["openai/whisper-1"] == "transcribes speech"
    assert "openai/o1-pro" not in told
    named = router.plan(Request(prompt="Hello", model="openai/whisper-1"))
    assert [model.name for model in named.models] == ["openai/whisper-1"]


def test_a_model_that_the_config_names_is_taken_for_one_that_chats() -> None:
    file = next(file for file in LISTS if file.stem == "openai")
    _, models = known_models(file, Config(models=(ModelRow("openai/gpt-4o-audio-preview", quality=0.8),)))
    chosen = next(model for model in models if model.id == "gpt-4o-audio-preview")
    assert chosen.selectable


@pytest.mark.parametrize(
    "model_id",
    [
        "gpt-5.1-chat-latest",
        "claude-opus-4-8",
        "google/gemini-3.8-flash",
        "olive-7b",
        "deliver-13b",
        "mistral-saba-24b",
        "microsoft/wizardlm-2-8x22b",
        "qwen/qwen2.5-vl-72b-instruct",
        "databricks/dbrx-instruct",
        "upstage/solar-pro4",
        "voxtral-small-latest",
        "ernie-4.5-21b-a3b-pt",
        "minimax-m2",
        "sonar-deep-research",
        "llama-3-groq-70b-tool-use",
        "baseten/kimi-k3",
        "stable-code-3b-chat",
        "granite-3-8b-instruct",
        "bertha-7b",
        "adapter-7b",
    ],
)
def test_a_chat_model_is_not_mistaken_for_another_kind(model_id: str) -> None:
    assert purpose_of("openrouter", model_id) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["type", "object", "mode", "capabilities", "endpoints", "metadata", "architecture", "config", "active"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5))
def test_no_json_breaks_what_a_list_says(row: dict[str, Any]) -> None:
    assert isinstance(listed_purpose(json.loads(json.dumps(row))), str)


def test_the_stems_of_a_purpose_rule_out_no_id_that_its_words_match() -> None:
    from genai_prices.data_snapshot import get_snapshot

    ids = [model.id for provider in get_snapshot().providers for model in provider.models]
    ids += ["embeddings-3", "computer-use-preview", "morph-v3-large", "bge", "m2m100", "text-similarity-ada", "sd3"]
    matched = 0
    for bare in map(bare_id, ids):
        for each in named_purposes():
            if each.words.search(bare):
                matched += 1
                assert each.may_be_in(bare), (each.purpose, bare)
    assert matched > 50
    assert not any(each.may_be_in(bare) for each in named_purposes() for bare in ("gpt-4o", "built-in", "sample"))
