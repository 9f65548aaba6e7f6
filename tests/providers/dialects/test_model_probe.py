"""The window in use, as a server tells it when it is asked about a model."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.config.schema import Config, ModelRow, ProviderRow
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.engine.engine import Engine
from chat_tui.providers.dialects import ollama, openai_chat
from chat_tui.providers.discovery.model_list import models_of
from tests.support.isolated_engine import ended, engine_with, standing
from tests.wire.dialects import good
from tests.wire.raw_server import Answer, Asked, RawServer, whole


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home of the test's own."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("CHAT_TUI_CONFIG", str(tmp_path / "config.toml"))


SHOWN = {
    "parameters": 'stop "<end>"\nnum_ctx                        8192\n',
    "capabilities": ["completion", "vision"],
    "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
}
LOADED = {"models": [{"name": "tiny:latest", "model": "tiny:latest", "context_length": 4096}]}


@pytest.mark.parametrize(
    ("shown", "loaded", "window", "images"),
    [
        (SHOWN, {"models": []}, 8192, True),
        (SHOWN, LOADED, 4096, True),
        ({**SHOWN, "parameters": "", "capabilities": ["completion"]}, {"models": []}, None, False),
        ({**SHOWN, "parameters": None, "remote_host": "https://x"}, None, 131072, True),
        (None, LOADED, 4096, None),
        (None, None, None, None),
        ([1], {"models": [None, {"model": 5}, {"name": "other", "context_length": 9}]}, None, None),
        ({"parameters": 7, "capabilities": 7, "model_info": 7}, {"models": 7}, None, None),
    ],
)
def test_ollama_tells_the_window_in_use_and_not_the_trained_one(
    shown: Any, loaded: Any, window: int | None, images: bool | None
) -> None:
    model = ollama.read_window(Model("box/tiny"), [shown, loaded])
    assert (model.context_window, model.images) == (window, images)
    assert model.thinking is (None if images is None else False)


def test_ollama_tells_whether_a_model_thinks() -> None:
    assert ollama.read_window(Model("box/qwen3"), [{"capabilities": ["completion", "thinking"]}, None]).thinking is True


@pytest.mark.parametrize(
    ("props", "window", "images"),
    [
        ({"default_generation_settings": {"n_ctx": 1024}, "modalities": {"vision": True}}, 1024, True),
        ({"default_generation_settings": {"n_ctx": 0}, "modalities": {"vision": False}}, None, False),
        ({"default_generation_settings": [], "modalities": "no"}, None, None),
        (None, None, None),
        ([], None, None),
    ],
)
def test_llama_cpp_tells_the_window_of_a_slot(props: Any, window: int | None, images: bool | None) -> None:
    model = openai_chat.read_properties(Model("box/tiny", server="llama.cpp"), [props])
    assert (model.context_window, model.images) == (window, images)


_NAMES = """default_generation_settings n_ctx modalities vision parameters capabilities model_info models name model
    general.architecture context_length remote_host architecture input_modalities type owned_by id supported"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["num_ctx 9", "tiny"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES.split()), inner, max_size=6),
    max_leaves=15,
)


@given(JSON, JSON)
def test_no_json_breaks_what_is_learned(one: Any, other: Any) -> None:
    for model in (
        ollama.read_window(Model("box/tiny"), [one, other]),
        openai_chat.read_properties(Model("box/tiny"), [one]),
        *models_of(Provider("box"), {"data": [{"id": "x", **(one if isinstance(one, dict) else {})}]}),
    ):
        assert model.images in (None, True, False)
        assert model.context_window is None or model.context_window > 0


def serving(paths: dict[str, Any]) -> Answer:
    """Answers with JSON by path, or with the bytes; `hang` never comes."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        told = paths.get(asked.line.split()[1], b"")
        if told == "hang":
            await asyncio.Event().wait()
        body = told if isinstance(told, bytes) else whole(json.dumps(told).encode())
        writer.write(body or whole(b"{}", "404 No"))

    return answer


def row(server: RawServer, dialect: str, *models: str) -> ProviderRow:
    root = "" if dialect == "ollama" else "/v1"
    return ProviderRow("box", f"http://127.0.0.1:{server.port}{root}", dialect, models=models)


def model_of(engine: Engine, name: str = "box/tiny") -> Model:
    found = standing(engine, name)
    assert found is not None
    return found.model


async def test_an_ollama_server_is_asked_about_each_of_its_models() -> None:
    paths = {"/api/tags": {"models": [{"name": "tiny"}, {"name": "two"}]}, "/api/show": SHOWN, "/api/ps": LOADED}
    async with RawServer(serving(paths)) as server, engine_with(Config(providers=(row(server, "ollama"),))) as engine:
        await engine.models.discover()
        assert (model_of(engine).context_window, model_of(engine).images) == (4096, True)
        assert model_of(engine, "box/two").context_window == 8192
    asked = [asked.line.split()[1] for asked in server.asked]
    assert sorted(asked) == ["/api/ps", "/api/show", "/api/show", "/api/tags"]


async def test_models_that_the_config_names_are_asked_about_too_and_its_window_goes_first() -> None:
    config_row = ModelRow("box/two", context_window=16000)
    async with RawServer(serving({"/api/show": SHOWN, "/api/chat": good("ollama")})) as server:
        config = Config(providers=(row(server, "ollama", "tiny", "two"),), models=(config_row,))
        async with engine_with(config) as engine:
            await engine.models.discover()
            told = [model_of(engine, name) for name in ("box/tiny", "box/two")]
            assert [(model.context_window, model.asked_window) for model in told] == [(8192, None), (16000, 16000)]
            await ended(await engine.ask(None, "hello", Request(model="box/two")))
            await ended(await engine.ask(None, "hello", Request(model="box/tiny")))
    sent = [asked.json for asked in server.asked if asked.line.startswith("POST /api/chat")]
    assert [body.get("options") for body in sent] == [{"num_ctx": 16000}, None]


async def test_a_llama_cpp_server_is_asked_once_for_all_its_models() -> None:
    rows = [{"id": name, "owned_by": "llamacpp"} for name in ("tiny", "two")]
    props = {"default_generation_settings": {"n_ctx": 1024}, "modalities": {"vision": True}}
    paths = {"/v1/models": {"data": rows}, "/props": props}
    async with RawServer(serving(paths)) as server, engine_with(Config(providers=(row(server, "openai"),))) as engine:
        await engine.models.discover()
        for name in ("box/tiny", "box/two"):
            assert (model_of(engine, name).context_window, model_of(engine, name).images) == (1024, True)
    assert [asked.line.split()[1] for asked in server.asked] == ["/v1/models", "/props"]


async def test_a_window_that_shows_only_once_a_model_is_loaded_is_learned_behind_its_answer() -> None:
    paths: dict[str, Any] = {"/api/tags": {"models": [{"name": "tiny"}]}, "/api/chat": good("ollama")}
    async with RawServer(serving(paths)) as server, engine_with(Config(providers=(row(server, "ollama"),))) as engine:
        await engine.models.discover()
        assert model_of(engine).context_window is None
        paths["/api/ps"] = LOADED
        await ended(await engine.ask(None, "hello", Request(model="box/tiny")))
        async with asyncio.timeout(20):
            while model_of(engine).context_window is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert model_of(engine).context_window == 4096


@pytest.mark.parametrize("answer", ["hang", b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", b"junk", [1]])
async def test_a_server_that_does_not_tell_is_used_all_the_same(answer: Any) -> None:
    paths = {"/api/tags": {"models": [{"name": "tiny"}]}, "/api/show": answer, "/api/ps": answer}
    async with RawServer(serving(paths)) as server, engine_with(Config(providers=(row(server, "ollama"),))) as engine:
        async with asyncio.timeout(20):
            await engine.models.discover()
        found = standing(engine, "box/tiny")
        assert found is not None
        assert (found.usable, found.model.context_window) == (True, None)


def test_ollama_tells_who_can_use_tools() -> None:
    model = Model("ollama/tiny")
    with_tools = {**SHOWN, "capabilities": ["completion", "tools"]}
    assert ollama.read_window(model, [with_tools, None]).tools is True
    assert ollama.read_window(model, [SHOWN, None]).tools is False
    rows = [{"name": "a", "capabilities": ["completion", "tools"]}, {"name": "b", "capabilities": ["completion"]}]
    told = models_of(Provider("ollama", dialect="ollama"), {"models": [*rows, {"name": "c"}]})
    assert [model.tools for model in told] == [True, False, None]


def test_llama_cpp_tells_whether_the_template_has_tools() -> None:
    model = Model("box/tiny", server="llama.cpp")
    assert openai_chat.read_properties(model, [{"chat_template_caps": {"supports_tools": True}}]).tools is True
    assert openai_chat.read_properties(model, [{"chat_template_caps": {"supports_tools": False}}]).tools is None


def test_litellm_tells_what_it_knows_of_its_models() -> None:
    model = Model("litellm/gpt-x")
    assert [question.path for question in openai_chat.questions(model)] == ["/model/info"]
    info = {"supports_function_calling": True, "supports_response_schema": False, "max_input_tokens": 4000}
    listing = {"data": [{"model_name": "other", "model_info": {}}, {"model_name": "gpt-x", "model_info": info}]}
    told = openai_chat.read_properties(model, [listing])
    assert (told.tools, told.schemas, told.context_window) == (True, False, 4000)
    assert openai_chat.read_properties(model, [None]) == model
