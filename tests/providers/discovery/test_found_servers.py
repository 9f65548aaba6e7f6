"""What is there is found without a config; what costs money is only offered."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import msgspec
import pytest

from chat_tui.config.known_providers import KnownProvider, known_providers
from chat_tui.config.schema import Config, ProviderRow
from chat_tui.core.models import LOCAL_MODEL
from chat_tui.core.request import Request
from chat_tui.providers.discovery.port_scan import PortCandidate, scan
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.isolated_engine import backend_of, ended, engine_with, standing
from tests.support.time_limits import in_time, within
from tests.wire.asking import free_port
from tests.wire.raw_server import Asked, RawServer, saying, whole


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home of the test's own."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("CHAT_TUI_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("")
    return tmp_path


def server_row(server: ModelServer | RawServer, name: str = "vllm", *, local: bool = True) -> dict[str, KnownProvider]:
    port = int(server.base_url.split(":")[2].split("/")[0])
    row = KnownProvider(name, name, "http://127.0.0.1:1/v1", port=port, local=local, keys=("X_KEY",), key_optional=True)
    return {name: row}


def server_row_at(port: int) -> dict[str, KnownProvider]:
    return {"vllm": KnownProvider("vllm", "vLLM", "http://127.0.0.1:1/v1", port=port, local=True)}


def hosted(base_url: str = "http://127.0.0.1:9/v1") -> dict[str, KnownProvider]:
    return {"acme": KnownProvider("acme", "Acme", base_url, keys=("ACME_KEY", "ACME_TOKEN"), models=("anvil",))}


def test_every_known_provider_is_complete() -> None:
    rows = known_providers()
    assert len(rows) == 21
    for name, row in rows.items():
        assert name == row.name
        assert "/" not in name
        assert row.title
        assert row.endpoint or row.base_url.startswith(("https://", "http://127.0.0.1:"))
        assert row.port or row.keys
        assert not row.port or f":{row.port}" in row.base_url


async def test_a_local_server_is_found_and_used() -> None:
    async with ModelServer(models=["tiny"]) as server, engine_with(known=server_row(server)) as engine:
        assert standing(engine, "vllm/tiny") is None
        await engine.models.discover()
        found = standing(engine, "vllm/tiny")
        assert found is not None
        assert (found.state, found.usable, found.model.price_in) == ("ready", True, 0.0)
        answer = await engine.ask(None, "hello", Request(strategy="quality-first"))
        await ended(answer)
        assert answer.turn.state == "complete"
        assert [exchange.path for exchange in server.exchanges] == ["/v1/chat/completions"]


async def test_a_found_gateway_to_hosted_models_is_only_offered() -> None:
    async with (
        ModelServer(models=["gpt"]) as server,
        engine_with(known=server_row(server, "litellm", local=False)) as engine,
    ):
        await engine.models.discover()
        found = standing(engine, "litellm/gpt")
        assert found is not None
        assert found.state == "found, not used"
        assert "litellm/gpt" not in [model.name for model in engine._router.models]
        answer = await engine.ask(None, "hello", Request(model="litellm/gpt"))
        await ended(answer)
        assert answer.turn.state == "complete"
        assert "litellm/gpt" in [model.name for model in engine._router.models]


async def test_a_key_in_the_environment_offers_its_provider_and_asks_it_nothing() -> None:
    async with ModelServer() as server:
        known = hosted(server.base_url)
        async with engine_with(known=known, environ={"ACME_TOKEN": "k" * 20}) as engine:
            await engine.models.discover()
            found = standing(engine, "acme/anvil")
            assert found is not None
            assert (found.state, found.usable) == ("found, not used", True)
            assert all(model.provider != "acme" for model in engine._router.models)
            assert server.requests == []


async def test_look_ups_leave_the_models_in_their_order() -> None:
    late, early = asyncio.Event(), json.dumps({"data": [{"id": "b"}, {"id": "a"}]}).encode()

    async def slow(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await late.wait()
        writer.write(whole(early))

    async with RawServer(slow) as first, RawServer(saying(whole(early))) as second:
        rows = (ProviderRow("one", base_url=first.base_url), ProviderRow("two", base_url=second.base_url))
        async with engine_with(Config(providers=rows)) as engine:
            discovering = asyncio.create_task(engine.models.discover())
            async with asyncio.timeout(20):
                while standing(engine, "two/b") is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            late.set()
            await discovering
            names = [model.name for model in engine._router.models]
            assert names == ["one/b", "one/a", "two/b", "two/a", LOCAL_MODEL, "scripted/demo"]
            backend_of(engine)._add_models([msgspec.structs.replace(engine._router.models[2], context_window=1234)])
            assert [model.name for model in engine._router.models] == names
            assert engine._router.models[2].context_window == 1234


async def test_choosing_an_offered_model_uses_it_and_none_beside_it() -> None:
    async with ModelServer() as server:
        known = {"acme": KnownProvider("acme", "Acme", server.base_url, keys=("ACME_KEY",), models=("anvil", "rope"))}
        async with engine_with(known=known, environ={"ACME_KEY": "k" * 20}) as engine:
            answer = await engine.ask(None, "hello", Request(model="acme/anvil"))
            await ended(answer)
            assert answer.turn.state == "complete"
            assert server.exchanges[0].headers["authorization"] == "Bearer " + "k" * 20
            await engine.models.discover()
            names = [model.name for model in engine._router.models if model.provider == "acme"]
            assert names == ["acme/anvil"]
            states = {row.model.name: row.state for row in engine.models.status() if row.model.provider == "acme"}
            assert states == {"acme/anvil": "ready", "acme/rope": "found, not used"}


async def test_what_was_chosen_before_is_in_use_as_long_as_it_is_offered() -> None:
    known = {**hosted(), "rope": KnownProvider("rope", "Rope", "http://127.0.0.1:9/v1", keys=("ROPE_KEY",))}
    async with engine_with(known=known, environ={"ACME_KEY": "k" * 20}) as engine:
        engine._backend.take({"acme/anvil": "", "rope/long": ""})
        assert engine.models.first_choice("quality-first") == "acme/anvil"
        assert all(model.provider != "rope" for model in engine._router.models)


async def test_a_choice_that_is_taken_back_leaves_the_model_offered_and_its_provider_alone() -> None:
    async with engine_with(known=hosted(), environ={"ACME_KEY": "k" * 20}) as engine:
        await engine.models.use("acme/anvil")
        assert engine.models.first_choice("quality-first") == "acme/anvil"
        assert await engine.models.forget("acme") == ["acme/anvil"]
        assert engine.models.first_choice("quality-first") == LOCAL_MODEL
        await engine.models.discover()
        found = standing(engine, "acme/anvil")
        assert found is not None
        assert found.state == "found, not used"
        assert backend_of(engine)._providers._registry.all_usable == []


async def test_a_gateway_that_was_chosen_before_is_in_use_when_it_is_found() -> None:
    async with (
        ModelServer(models=["gpt"]) as server,
        engine_with(known=server_row(server, "litellm", local=False)) as engine,
    ):
        engine._backend.take({"litellm/gpt": ""})
        assert engine.models.first_choice("quality-first") == LOCAL_MODEL
        await engine.models.discover()
        assert engine.models.first_choice("quality-first") == "litellm/gpt"


async def test_what_must_be_fetched_first_is_asked_after_all_that_is_there() -> None:
    async with ModelServer(models=["tiny"]) as server, engine_with(known=server_row(server)) as engine:
        await engine.models.discover()
        assert {engine.models.first_choice(name) for name in engine.models.strategies()} == {"vllm/tiny"}


async def test_use_in_the_config_lets_strategies_choose_what_is_found() -> None:
    async with engine_with(Config(discovered="use"), known=hosted(), environ={"ACME_KEY": "k"}) as engine:
        assert "acme/anvil" in [model.name for model in engine._router.models]


async def test_ignore_in_the_config_asks_no_port_and_looks_at_no_key() -> None:
    async with ModelServer(models=["tiny"]) as server:
        known = {**server_row(server), **hosted()}
        async with engine_with(Config(discovered="ignore"), known=known, environ={"ACME_KEY": "k"}) as engine:
            await engine.models.discover()
            assert server.requests == []
            assert all(row.model.provider in {"local", "scripted"} for row in engine.models.status())
            # Naming one is saying so.
            answer = await engine.ask(None, "hello", Request(model="vllm/tiny"))
            await ended(answer)


async def test_a_server_that_the_config_names_is_not_found_a_second_time() -> None:
    async with ModelServer(models=["tiny"]) as server:
        config = Config(providers=(ProviderRow("box", server.base_url),))
        async with engine_with(config, known=server_row(server)) as engine:
            await engine.models.discover()
            names = [row.model.name for row in engine.models.status()]
            assert "box/tiny" in names
            assert "vllm/tiny" not in names


async def test_a_found_server_that_wants_a_key_is_shown_and_not_given_one() -> None:
    reply = whole(b'{"error": "no key"}', status="401 Unauthorized")
    async with RawServer(saying(reply)) as server:
        async with engine_with(known=server_row(server), environ={"X_KEY": "secret-key-12345"}) as engine:
            await engine.models.discover()
            found = standing(engine, "vllm/?")
            assert found is not None
            assert found.state == "found, wants key"
        assert "secret" not in str(server.asked)


@pytest.mark.parametrize(
    "reply",
    [
        whole(b"<html>hello</html>"),
        whole(b'{"data": []}'),
        whole(b"[]"),
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_whoever_else_listens_there_is_no_model_server(reply: bytes) -> None:
    async with RawServer(saying(reply)) as server, engine_with(known=server_row(server)) as engine:
        await engine.models.discover()
        assert all(row.model.provider != "vllm" for row in engine.models.status())


@in_time
async def test_looking_takes_no_longer_than_its_time_though_a_server_is_silent() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent, ModelServer(models=["tiny"]) as server:
        good = int(server.base_url.split(":")[2].split("/")[0])
        places = {
            "a": PortCandidate(port, "/v1/models"),
            "b": PortCandidate(good, "/v1/models"),
            "c": PortCandidate(free_port(), "/"),
        }
        began = time.monotonic()
        answered = await scan(places, 0.2)
        within(time.monotonic() - began, 0.35)
        assert list(answered) == ["b"]


@in_time
async def test_ports_where_nobody_listens_cost_next_to_nothing() -> None:
    began = time.monotonic()
    assert await scan({str(n): PortCandidate(free_port(), "/v1/models") for n in range(6)}) == {}
    within(time.monotonic() - began, 0.1)


async def test_a_model_that_a_local_server_passes_on_is_neither_free_nor_chosen_by_a_strategy() -> None:
    rows = [
        {"name": "llama3.2:1b"},
        {"name": "gpt-oss:120b-cloud"},
        {"name": "far", "remote_host": "https://ollama.com:443"},
    ]
    async with RawServer(saying(whole(json.dumps({"models": rows}).encode()))) as server:
        row = KnownProvider("ollama", "Ollama", "http://127.0.0.1:1", "ollama", port=server.port, local=True)
        async with engine_with(known={"ollama": row}) as engine:
            await engine.models.discover()
            models = {
                found.model.id: found.model for found in engine.models.status() if found.model.provider == "ollama"
            }
            assert {name: (model.local, model.selectable) for name, model in models.items()} == {
                "llama3.2:1b": (True, True),
                "gpt-oss:120b-cloud": (False, False),
                "far": (False, False),
            }
            assert models["far"].price_in is None


async def test_a_model_that_the_config_falls_back_to_is_used_for_that_and_not_by_a_strategy() -> None:
    async with ModelServer(Script(error=400)) as first, ModelServer() as second:
        config = Config(providers=(ProviderRow("box", first.base_url, models=("m",)),), fallbacks=("acme/anvil",))
        environ = {"ACME_KEY": "k" * 20}
        async with engine_with(config, known=hosted(second.base_url), environ=environ) as engine:
            found = standing(engine, "acme/anvil")
            assert found is not None
            assert not found.model.selectable
            answer = await engine.ask(None, "hello", Request(model="box/m"))
            await ended(answer)
            assert answer.turn.state == "complete"
            assert len(second.exchanges) == 1


async def test_an_address_that_is_none_is_told_when_it_is_asked() -> None:
    config = Config(providers=(ProviderRow("box", "http://[::1/v1"),))
    async with engine_with(config, known=server_row_at(free_port())) as engine:
        await engine.models.discover()
        found = standing(engine, "box/?")
        assert found is not None
        assert "not valid" in found.state
