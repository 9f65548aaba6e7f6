"""A provider's row says how it is spoken to: proxy, certificates, time limits, prices."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import pytest
import trustme

from chat_tui.config.known_providers import known_providers
from chat_tui.config.load import parse
from chat_tui.config.schema import Config, ErrorHandling, ProviderRow
from chat_tui.core import errors
from chat_tui.core.errors import ConfigError
from chat_tui.core.models import Provider
from chat_tui.core.request import Request
from chat_tui.providers.endpoint import Endpoint, base_url_of
from chat_tui.providers.http.transport import Transport
from chat_tui.providers.http.trust import tls_verification
from chat_tui.providers.registry import provider_of_row
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.isolated_engine import ended, engine_with, standing
from tests.wire.asking import HELLO, MODEL, ask, free_port, said
from tests.wire.raw_server import GOOD, RawServer, chunked, head, saying, whole


def test_a_known_name_needs_nothing_else_and_fields_override() -> None:
    row = parse(b"[[providers]]\nname = 'groq'\n", "x").providers[0]
    provider = provider_of_row(row, known_providers()["groq"], {})
    assert (provider.base_url, provider.api_key_env) == ("https://api.groq.com/openai/v1", "GROQ_API_KEY")
    assert not provider.local
    changed = ProviderRow("groq", base_url="http://127.0.0.1:9/v1", api_key_env="MINE")
    provider = provider_of_row(changed, known_providers()["groq"], {})
    assert (provider.base_url, provider.api_key_env, provider.local) == ("http://127.0.0.1:9/v1", "MINE", False)
    assert provider_of_row(ProviderRow("box", base_url="http://127.0.0.1:9/v1"), None, {}).local


def test_a_known_provider_takes_the_first_variable_that_is_set_and_azure_its_endpoint() -> None:
    gemini = provider_of_row(ProviderRow("gemini"), known_providers()["gemini"], {"GOOGLE_API_KEY": "k"})
    assert gemini.api_key_env == "GOOGLE_API_KEY"
    environ = {"AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com/"}
    azure = provider_of_row(ProviderRow("azure"), known_providers()["azure"], environ)
    assert base_url_of(azure) == "https://me.openai.azure.com/openai/v1"
    with pytest.raises(errors.Rejected):
        base_url_of(provider_of_row(ProviderRow("azure"), known_providers()["azure"], {}))
    perplexity = provider_of_row(ProviderRow("perplexity"), known_providers()["perplexity"], {})
    assert base_url_of(perplexity) == "https://api.perplexity.ai"


def test_a_gateway_on_this_machine_is_not_local() -> None:
    assert not provider_of_row(ProviderRow("litellm"), known_providers()["litellm"], {}).local
    assert provider_of_row(ProviderRow("ollama"), known_providers()["ollama"], {}).local


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = 'nobody'", "needs a `base_url`"),
        ("name = 'x'\nbase_url = 'ftp://x'", "must begin with http"),
        ("name = 'x'\nbase_urls = ['http://a', '']", "must begin with http"),
        ("name = 'x'\nbase_url = 'http://a'\nbase_urls = ['http://b']", "cannot be used together with"),
        ("name = 'groq'\nconnection_seconds = 0", "greater than 0"),
        ("name = 'groq'\nprice_in = -1.0", "at least 0"),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match="line") as caught:
        parse(f"[[providers]]\n{text}\n".encode(), "file")
    assert told in caught.value.title


async def test_a_proxy_of_the_row_is_used_and_none_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = Transport(connection_seconds=2)
    async with RawServer(saying(chunked(GOOD))) as proxy:
        through = Provider("box", base_url="http://models.invalid/v1", proxy=f"http://127.0.0.1:{proxy.port}")
        assert await _said(transport, through)
        assert proxy.asked[0].line.startswith("POST http://models.invalid/v1/chat/completions")
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert await _said(transport, Provider("box", base_url="http://other.invalid/v1"))
        with pytest.raises(errors.Unreachable):
            await _said(transport, Provider("box", base_url="http://other.invalid/v1", proxy="none"))
        monkeypatch.setenv("NO_PROXY", "third.invalid")
        with pytest.raises(errors.Unreachable):
            await _said(transport, Provider("box", base_url="http://third.invalid/v1"))
        assert len(proxy.asked) == 2
    with pytest.raises(errors.Rejected) as caught:
        await _said(transport, Provider("box", base_url="http://h.invalid/v1", proxy="gopher://me:hunter2@x"))
    assert "`proxy`" in caught.value.hint
    assert "hunter2" not in str(caught.value)
    await transport.close()


async def _said(transport: Transport, provider: Provider) -> bool:
    said = False
    async for burst in transport.stream(Endpoint(provider), MODEL, HELLO):
        said = said or bool(burst)
    return said


def test_a_file_of_certificates_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    for _ in range(2):
        with pytest.raises(errors.Rejected, match="certificates"):
            tls_verification(Provider("box", verify=str(file)))
        file.write_text("no certificate")
    assert tls_verification(Provider("box", verify=False)) is False


async def test_a_row_of_its_own_time_limit_for_connecting() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent:
        transport = Transport(connection_seconds=30)
        began = time.monotonic()
        provider = Provider("box", base_url=f"https://127.0.0.1:{port}/v1", connection_seconds=0.3)
        with pytest.raises(errors.TooSlow):
            await _said(transport, provider)
        assert time.monotonic() - began < 3
        await transport.close()


async def test_a_price_of_the_row_holds_for_all_its_models() -> None:
    async with ModelServer(models=["a"]) as server:
        row = ProviderRow("box", server.base_url, price_in=1.0, price_out=2.0)
        async with engine_with(Config(providers=(row,))) as engine:
            await engine.models.discover()
            found = standing(engine, "box/a")
            assert found is not None
            assert (found.model.price_in, found.model.price_out) == (1.0, 2.0)
            answer = await engine.ask(None, "hello", Request(model="box/a"))
            await ended(answer)


async def test_a_server_that_is_not_there_is_shown_with_the_reason() -> None:
    row = ProviderRow("box", f"http://127.0.0.1:{free_port()}/v1")
    async with engine_with(Config(providers=(row,))) as engine:
        await engine.models.discover()
        found = standing(engine, "box/?")
        assert found is not None
        assert not found.usable


async def test_a_certificate_of_ones_own_is_trusted_by_its_file_or_not_looked_at(tmp_path: Path) -> None:
    authority = trustme.CA()
    own = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(own))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head("200 OK", "text/event-stream", "connection: close") + GOOD)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    base_url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        transport = Transport(connection_seconds=5)
        with pytest.raises(errors.Unreachable, match="is not trusted"):
            await _said(transport, Provider("box", base_url=base_url))
        assert await _said(transport, Provider("box", base_url=base_url, verify=str(own)))
        assert await _said(transport, Provider("box", base_url=base_url, verify=False))
        await transport.close()


async def test_a_row_of_its_own_time_limit_for_the_first_token() -> None:
    async with ModelServer(Script(first_seconds=5)) as server:
        row = ProviderRow("box", server.base_url, models=("m",), first_token_seconds=0.2)
        config = Config(providers=(row,), error_handling=ErrorHandling(retry_attempts=1))
        async with engine_with(config) as engine:
            answer = await engine.ask(None, "hello", Request(model="box/m"))
            chunks = [chunk async for chunk in answer.follow()]
        assert answer.turn.state == "failed"
        assert "within 0.2 s" in str(chunks)


# -- addresses and keys of the environment -----------------------------------------------------------------------------


def known(name: str, environ: dict[str, str], **row: str) -> Provider:
    return provider_of_row(ProviderRow(name, **row), known_providers()[name], environ)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "environ", "meant"),
    [
        ("openai", {"OPENAI_BASE_URL": "https://gw.example.com/llm/v1/"}, "https://gw.example.com/llm/v1"),
        ("openai", {"OPENAI_API_BASE": "gw.example.com"}, "https://gw.example.com/v1"),
        ("openai", {"OPENAI_BASE_URL": "http://a:1", "OPENAI_API_BASE": "http://b:2"}, "http://a:1/v1"),
        ("openai", {"OPENAI_BASE_URL": " '' ", "OPENAI_API_BASE": "http://b:2"}, "http://b:2/v1"),
        ("openai", {"OPENAI_BASE_URL": ""}, "https://api.openai.com/v1"),
        ("anthropic", {"ANTHROPIC_BASE_URL": "https://gw.example.com/claude"}, "https://gw.example.com/claude/v1"),
        ("gemini", {"GOOGLE_GEMINI_BASE_URL": "https://gw.example.com"}, "https://gw.example.com/v1beta"),
        ("groq", {"GROQ_BASE_URL": "https://gw.example.com/groq"}, "https://gw.example.com/groq"),
        ("perplexity", {"PERPLEXITY_BASE_URL": "https://gw.example.com"}, "https://gw.example.com/v1"),
        ("ollama", {"OLLAMA_HOST": "gpu-box"}, "http://gpu-box:11434"),
        ("ollama", {"OLLAMA_HOST": "0.0.0.0"}, "http://127.0.0.1:11434"),
        ("azure", {"AZURE_OPENAI_ENDPOINT": '"https://me.openai.azure.com/openai/v1/"'}, None),
        ("azure", {"AZURE_OPENAI_ENDPOINT": "me.openai.azure.com/openai?api-version=1"}, None),
    ],
)
def test_an_address_of_the_environment_is_honoured(name: str, environ: dict[str, str], meant: str | None) -> None:
    assert base_url_of(known(name, environ)) == (meant or "https://me.openai.azure.com/openai/v1")


def test_an_address_of_the_config_goes_before_that_of_the_environment() -> None:
    environ = {"OPENAI_BASE_URL": "https://gw.example.com/v1"}
    assert known("openai", environ).address_source == "OPENAI_BASE_URL"
    mine = known("openai", environ, base_url="https://mine.example.com/v1")
    assert (base_url_of(mine), mine.address_source) == ("https://mine.example.com/v1", "")


def test_a_wrong_address_of_the_environment_is_told_with_its_variable_and_never_passed_by() -> None:
    with pytest.raises(errors.Rejected) as caught:
        base_url_of(known("openai", {"OPENAI_BASE_URL": "ftp://gw.example.com"}))
    assert "$OPENAI_BASE_URL" in caught.value.hint


def test_only_an_ollama_on_this_machine_is_local() -> None:
    assert known("ollama", {"OLLAMA_HOST": "127.0.0.1:5000"}).local
    assert not known("ollama", {"OLLAMA_HOST": "gpu-box"}).local
    assert not known("openai", {"OPENAI_BASE_URL": "http://127.0.0.1:5000"}).local


def test_a_path_tells_the_dialect_where_the_row_does_not() -> None:
    assert known("deepseek", {}, base_url="https://api.deepseek.com/anthropic").dialect == "anthropic"
    assert provider_of_row(ProviderRow("x", "http://host:1/v1/messages"), None, {}).dialect == "anthropic"
    assert provider_of_row(ProviderRow("x", "http://host:1/api/chat"), None, {}).dialect == "ollama"
    assert provider_of_row(ProviderRow("x", "http://host:1/anthropic", "openai"), None, {}).dialect == "openai"
    assert provider_of_row(ProviderRow("x", "http://host:1/v1"), None, {}).dialect == "openai"


async def test_ollama_host_is_in_use_without_a_row() -> None:
    rows = {"ollama": known_providers()["ollama"]}
    async with RawServer(saying(whole(b'{"models":[{"name":"tiny","details":{}}]}'))) as server:
        environ = {"OLLAMA_HOST": f"127.0.0.1:{server.port}"}
        async with engine_with(known=rows, environ=environ) as engine:
            await engine.models.discover()
            found = standing(engine, "ollama/tiny")
            assert found is not None
            assert found.usable
            assert found.state == "ready"
        async with engine_with(Config(discovered="ignore"), known=rows, environ=environ) as engine:
            await engine.models.discover()
            assert standing(engine, "ollama/tiny") is None


async def test_a_gateway_of_the_environment_is_offered_and_asked_without_a_key_when_it_is_named() -> None:
    rows = {"openai": known_providers()["openai"]}
    async with ModelServer() as server:
        environ = {"OPENAI_BASE_URL": server.base_url.removesuffix("/v1")}
        async with engine_with(known=rows, environ=environ) as engine:
            await engine.models.discover()
            assert server.requests == []
            answer = await engine.ask(None, "hello", Request(model="openai/sample"))
            await ended(answer)
            assert answer.turn.state == "complete"
            assert answer.route is not None
            host = server.base_url.removeprefix("http://").removesuffix("/v1")
            assert answer.route.tries[0].address == f"{host} ($OPENAI_BASE_URL)"
    assert [exchange.path for exchange in server.exchanges] == ["/v1/chat/completions"]


@pytest.mark.parametrize("written", ['"{}"', "'{}'", " {}\n", "“{}”", "Bearer {}", "bearer  {}", '" {} "', "\ufeff{}"])
async def test_a_key_is_taken_without_what_was_pasted_around_it(written: str) -> None:
    async with ModelServer() as server:
        row = ProviderRow("box", server.base_url, api_key_env="BOX_KEY", models=("m",))
        environ = {"BOX_KEY": written.format("sk-1234567890")}
        async with engine_with(Config(providers=(row,)), environ=environ) as engine:
            answer = await engine.ask(None, "hello", Request(model="box/m"))
            await ended(answer)
    assert server.exchanges[0].headers["authorization"] == "Bearer sk-1234567890"


async def test_an_event_stream_that_is_labelled_as_a_web_page_is_read() -> None:
    transport = Transport(connection_seconds=2)
    try:
        for body in (GOOD, b": hello\n\n" + GOOD, b"event: x\n" + GOOD, b"\n\n" + GOOD):
            async with RawServer(saying(whole(body, "200 OK", "text/html; charset=utf-8"))) as server:
                assert await said(transport, server.base_url) == "Hello"
        for body in (b"<html>Log in</html>", b"  <!doctype html>", b"Log in first", b""):
            async with RawServer(saying(whole(body, "200 OK", "text/html"))) as server:
                _, error = await ask(transport, server.base_url)
                assert isinstance(error, errors.Garbled)
    finally:
        await transport.close()


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({"ANTHROPIC_AUTH_TOKEN": "'team-token-1'"}, {"authorization": "Bearer team-token-1"}),
        ({"ANTHROPIC_AUTH_TOKEN": "team-token-1", "ANTHROPIC_API_KEY": "sk-ant-1"}, {"x-api-key": "sk-ant-1"}),
        ({}, {}),
    ],
)
async def test_a_gateway_gets_the_key_in_the_header_that_its_variable_stands_for(
    environ: dict[str, str], sent: dict[str, str]
) -> None:
    rows = {"anthropic": known_providers()["anthropic"]}
    async with RawServer(saying(whole(b"{}", "400 No"))) as server:
        address = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.port}/claude"}
        async with engine_with(known=rows, environ={**environ, **address}) as engine:
            answer = await engine.ask(None, "hello", Request(model="anthropic/claude-x", fallback=False))
            await ended(answer)
        assert server.asked[0].line.split()[1] == "/claude/v1/messages"
        headers = server.asked[0].headers
        assert {name: headers[name] for name in ("authorization", "x-api-key") if name in headers} == sent
