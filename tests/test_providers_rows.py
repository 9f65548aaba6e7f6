"""A provider's row says how it is spoken to: proxy, certificates, time limits, prices."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import pytest
import trustme

from chat_tui import errors
from chat_tui.config import Config, ConfigError, ErrorHandling, ProviderRow, parse
from chat_tui.known import known_providers
from chat_tui.models import Provider
from chat_tui.providers.line import base_url_of
from chat_tui.providers.roster import of_row
from chat_tui.providers.transport import Line, Transport
from chat_tui.providers.trust import trust
from chat_tui.request import Request
from tests.loopback_home import ended, engine_with, standing
from tests.model_scripts import Script
from tests.model_server import ModelServer
from tests.wire.asking import HELLO, MODEL, free_port
from tests.wire.raw_server import GOOD, RawServer, chunked, head, saying


def test_a_known_name_needs_nothing_else_and_fields_override() -> None:
    row = parse(b"[[providers]]\nname = 'groq'\n", "x").providers[0]
    provider = of_row(row, known_providers()["groq"], {})
    assert (provider.base_url, provider.api_key_env) == ("https://api.groq.com/openai/v1", "GROQ_API_KEY")
    assert not provider.local
    changed = ProviderRow("groq", base_url="http://127.0.0.1:9/v1", api_key_env="MINE")
    provider = of_row(changed, known_providers()["groq"], {})
    assert (provider.base_url, provider.api_key_env, provider.local) == ("http://127.0.0.1:9/v1", "MINE", True)


def test_a_known_provider_takes_the_first_variable_that_is_set_and_azure_its_endpoint() -> None:
    gemini = of_row(ProviderRow("gemini"), known_providers()["gemini"], {"GOOGLE_API_KEY": "k"})
    assert gemini.api_key_env == "GOOGLE_API_KEY"
    environ = {"AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com/"}
    azure = of_row(ProviderRow("azure"), known_providers()["azure"], environ)
    assert base_url_of(azure) == "https://me.openai.azure.com/openai/v1"
    with pytest.raises(errors.Rejected):
        base_url_of(of_row(ProviderRow("azure"), known_providers()["azure"], {}))
    perplexity = of_row(ProviderRow("perplexity"), known_providers()["perplexity"], {})
    assert base_url_of(perplexity) == "https://api.perplexity.ai"


def test_a_gateway_on_this_machine_is_not_local() -> None:
    assert not of_row(ProviderRow("litellm"), known_providers()["litellm"], {}).local
    assert of_row(ProviderRow("ollama"), known_providers()["ollama"], {}).local


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = 'nobody'", "needs a `base_url`"),
        ("name = 'x'\nbase_url = 'ftp://x'", "must begin with http"),
        ("name = 'x'\nbase_urls = ['http://a', '']", "must begin with http"),
        ("name = 'x'\nbase_url = 'http://a'\nbase_urls = ['http://b']", "one of them is enough"),
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
    async for burst in transport.stream(Line(provider), MODEL, HELLO):
        said = said or bool(burst)
    return said


def test_a_file_of_certificates_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    for _ in range(2):
        with pytest.raises(errors.Rejected, match="certificates"):
            trust(Provider("box", verify=str(file)))
        file.write_text("no certificate")
    assert trust(Provider("box", verify=False)) is False


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
            await engine.discover()
            found = standing(engine, "box/a")
            assert found is not None
            assert (found.model.price_in, found.model.price_out) == (1.0, 2.0)
            answer = await engine.ask(None, "hello", Request(model="box/a"))
            await ended(answer)


async def test_a_server_that_is_not_there_is_shown_with_the_reason() -> None:
    row = ProviderRow("box", f"http://127.0.0.1:{free_port()}/v1")
    async with engine_with(Config(providers=(row,))) as engine:
        await engine.discover()
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
        with pytest.raises(errors.Unreachable, match="not to be trusted"):
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
