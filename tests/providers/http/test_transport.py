"""The wire bears what servers send, and asks again only where nothing was lost."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator

import pytest

from chat_tui.core import errors
from chat_tui.core.chunks import Token
from chat_tui.core.models import Model, Provider
from chat_tui.providers.endpoint import Endpoint, base_url_of, key_of, url_of
from chat_tui.providers.http import response_stream
from chat_tui.providers.http.transport import Transport
from tests.support.time_limits import in_time, within
from tests.wire.asking import HELLO, ask, free_port, said, text_of
from tests.wire.raw_server import DONE, GOOD, Asked, RawServer, chunked, event, head, saying, whole


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


async def test_a_key_that_was_changed_is_not_shown_in_the_next_reply(transport: Transport) -> None:
    keys = ("sk-first-0123456789", "sk-second-9876543210")
    told = [event(f"Your key is {key}.") + event(None, "stop") + DONE for key in keys]
    replies = [whole(body, "200 OK", "text/event-stream") for body in told]
    async with RawServer(saying(*replies)) as server:
        for key in keys:
            line = Endpoint(Provider("box", base_url=server.base_url), key)
            bursts = [burst async for burst in transport.stream(line, Model("box/tiny"), HELLO)]
            assert "".join(c.token for burst in bursts for c in burst if isinstance(c, Token)) == "Your key is [key]."


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pasted", ["", "/", "/v1", "/v1/", " /v1/chat/completions", "/v1/models", "/chat/completions"])
def test_an_address_may_be_pasted_in_any_form(pasted: str) -> None:
    assert base_url_of(Provider("x", base_url=f"https://host:1{pasted.strip()}")) == "https://host:1/v1"
    assert base_url_of(Provider("x", base_url="https://host/api/paas/v4/")) == "https://host/api/paas/v4"


async def test_what_an_address_asks_behind_its_path_goes_along(transport: Transport) -> None:
    async with RawServer(saying(whole(GOOD, "200 OK", "text/event-stream"))) as server:
        assert await said(transport, server.base_url + "/?api-version=2024-10-21") == "Hello"
        assert "/v1/chat/completions?api-version=2024-10-21 " in server.asked[0].line
    gemini = Provider("x", "gemini", "https://host/v1beta?a=1")
    assert url_of(gemini, "/models/m:go?alt=sse") == "https://host/v1beta/models/m:go?alt=sse&a=1"


@pytest.mark.parametrize(
    "url",
    ["http://[::1/v1", "http://127.0.0.1:99999/v1", "http://a..b/v1", f"http://{'x' * 70}.invalid/v1", "http:///v1"],
)
async def test_an_address_that_is_none_is_told_as_such(transport: Transport, url: str) -> None:
    _, error = await ask(transport, url)
    assert isinstance(error, (errors.Rejected, errors.Unreachable)), error
    with pytest.raises(errors.ProviderError):
        await transport.list_models(Provider("box", base_url=url))


@pytest.mark.parametrize(("source", "setting"), [("", "`base_url`"), ("BOX_BASE_URL", "$BOX_BASE_URL")])
@pytest.mark.parametrize("reply", [b"{}", b"{not json", b"<html>Hello</html>"])
async def test_a_reply_that_is_no_answer_says_where_its_address_comes_from(
    transport: Transport, reply: bytes, source: str, setting: str
) -> None:
    async with RawServer(saying(whole(reply))) as server:
        provider = Provider("box", base_url=server.base_url, address_source=source)
        with pytest.raises(errors.Garbled) as caught:
            async for _ in transport.stream(Endpoint(provider), Model("box/tiny"), HELLO):
                pass
    assert f"heck {setting}" in caught.value.hint or f"in {setting}" in caught.value.hint
    assert "?" not in caught.value.hint


async def test_a_port_where_nobody_listens_is_unreachable(transport: Transport) -> None:
    chunks, error = await ask(transport, f"http://127.0.0.1:{free_port()}/v1")
    assert isinstance(error, errors.Unreachable)
    assert chunks == []


async def test_a_host_that_is_not_found_is_told_as_such(transport: Transport) -> None:
    _, error = await ask(transport, "http://no-such-host.invalid/v1")
    assert isinstance(error, errors.Unreachable)
    assert "not found" in error.title


async def test_a_server_without_tls_behind_https_is_told() -> None:
    transport = Transport(connection_seconds=0.3)
    async with RawServer(saying(whole(b"{}"))) as server:
        _, error = await ask(transport, server.base_url.replace("http", "https"))
    await transport.close()
    assert isinstance(error, errors.ProviderError)
    assert error.retryable


async def test_localhost_is_found_where_it_listens_on_ipv6_alone(transport: Transport) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with RawServer(saying(chunked(GOOD)), host="::1") as server:
        if "::1" in {info[4][0] for info in socket.getaddrinfo("localhost", None)}:
            assert await said(transport, f"http://localhost:{server.port}/v1") == "Hello"
        assert await said(transport, f"http://[::1]:{server.port}/v1") == "Hello"


async def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", "socks5://user:hunter2@127.0.0.1:1")
    async with RawServer(saying(chunked(GOOD))) as server:
        assert await said(transport, server.base_url) == "Hello"
    _, error = await ask(transport, "https://example.invalid/v1")
    assert isinstance(error, (errors.Rejected, errors.Unreachable))


@pytest.mark.parametrize("key", ["", " "])
def test_a_missing_key_names_its_variable(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("BOX_KEY", key)
    with pytest.raises(errors.KeyMissing) as caught:
        key_of(Provider("box", api_key_env="BOX_KEY"))
    assert "$BOX_KEY" in caught.value.hint


@pytest.mark.parametrize("key", ["sk-a b12345", "sk-ä12345", "sk-\x0112345", "sk-\n12345\n6"])
def test_a_key_that_no_header_takes_is_refused_before_it_is_sent(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("BOX_KEY", key)
    with pytest.raises(errors.KeyRefused) as caught:
        key_of(Provider("box", api_key_env="BOX_KEY"))
    assert "12345" not in str(caught.value)


# -- odd replies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (whole(b"<html>login</html>", "200 OK", "text/html; charset=utf-8"), "Garbled"),
        (whole(b"<html>login</html>", "200 OK", "text/plain"), "Garbled"),
        (whole(b"", "200 OK", "text/event-stream"), "Garbled"),
        (whole(b""), "Garbled"),
        (whole(b"{}"), "Garbled"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "Garbled"),
        (whole(b"no json"), "Garbled"),
        (whole(b"data: x", "200 OK", "text/event-stream", "content-encoding: gzip"), "Garbled"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "Unreachable"),
        (b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n", "Unreachable"),
        (head("200 OK", "text/event-stream", "transfer-encoding: chunked") + b"zz\r\n", "Unreachable"),
    ],
)
async def test_a_reply_that_is_no_answer_is_an_error_and_not_an_empty_answer(
    transport: Transport, raw: bytes, kind: str
) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    async with RawServer(answer) as server:
        chunks, error = await ask(transport, server.base_url)
    assert error is not None
    assert (text_of(chunks), error.kind) == ("", kind)


async def test_a_plain_body_in_place_of_a_stream_is_read(transport: Transport) -> None:
    body = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 2}}
    async with RawServer(saying(whole(b"\n\n" + json.dumps(body).encode()))) as server:
        assert await said(transport, server.base_url) == "Hello"


async def test_any_status_of_success_brings_an_answer(transport: Transport) -> None:
    async with RawServer(saying(whole(GOOD, "201 Created", "text/event-stream"))) as server:
        assert await said(transport, server.base_url) == "Hello"


async def test_gzip_is_unpacked_as_it_comes(transport: Transport) -> None:
    raw = whole(gzip.compress(GOOD), "200 OK", "text/event-stream", "content-encoding: gzip")
    async with RawServer(saying(raw)) as server:
        assert await said(transport, server.base_url) == "Hello"
    assert "gzip" in server.asked[0].headers["accept-encoding"]


async def test_a_reply_of_http_1_0_ends_with_its_connection(transport: Transport) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head(version="1.0") + GOOD)
        await writer.drain()
        writer.close()

    async with RawServer(answer) as server:
        assert await said(transport, server.base_url) == "Hello"


@pytest.mark.parametrize("reset", [True, False])
async def test_a_line_that_is_cut_keeps_the_part(transport: Transport, reset: bool) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(event("Hel"), event("lo </"), end=False))
        await writer.drain()
        await asyncio.sleep(0.02)
        if reset:
            writer.transport.abort()
        writer.close()

    async with RawServer(answer) as server:
        chunks, error = await ask(transport, server.base_url)
    assert text_of(chunks) == "Hello </"
    assert isinstance(error, errors.Unreachable)


async def test_text_in_the_same_read_as_an_error_is_kept(transport: Transport) -> None:
    async with RawServer(saying(chunked(event("<thi") + b'data: {"error":{"message":"boom"}}\n\n'))) as server:
        chunks, error = await ask(transport, server.base_url)
    assert text_of(chunks) == "<thi"
    assert isinstance(error, errors.Overloaded)


async def test_a_reset_after_the_finish_reason_is_no_error(transport: Transport) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(event("Hello"), event(None, "stop"), end=False))
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.transport.abort()

    async with RawServer(answer) as server:
        assert await said(transport, server.base_url) == "Hello"


@in_time
async def test_a_connection_that_lingers_after_the_finish_reason_is_left(transport: Transport) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head("200 OK", "text/event-stream") + event("Hello") + event(None, "stop"))
        while True:
            await asyncio.sleep(0.05)
            if asked.connection:
                writer.write(b": keep-alive\n\n")

    async with RawServer(answer) as server:
        began = time.monotonic()
        told = await asyncio.gather(said(transport, server.base_url), said(transport, server.base_url))
        assert list(told) == ["Hello", "Hello"]
        within(time.monotonic() - began, response_stream.AFTER_FINISH_SECONDS + 0.5)


@in_time
async def test_a_connection_that_lingers_after_done_does_not_hold_the_answer(transport: Transport) -> None:
    async with RawServer(saying(chunked(GOOD, end=False))) as server:
        began = time.monotonic()
        assert await said(transport, server.base_url) == "Hello"
        within(time.monotonic() - began, 0.5)


async def test_an_answer_that_ended_leaves_its_connection_to_the_next(transport: Transport) -> None:
    async with RawServer(saying(chunked(GOOD))) as server:
        for _ in range(3):
            assert await said(transport, server.base_url) == "Hello"
    assert server.connections == 1


async def test_a_connection_that_the_server_had_left_is_made_anew_without_an_error(transport: Transport) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.connection == 0 and len(server.asked) > 1:
            writer.transport.abort()
        else:
            writer.write(chunked(GOOD))

    async with RawServer(answer) as server:
        assert await said(transport, server.base_url) == "Hello"
        assert await said(transport, server.base_url) == "Hello"
        assert server.connections == 2


async def test_a_fresh_connection_that_breaks_is_asked_once(transport: Transport) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with RawServer(answer) as server:
        _, error = await ask(transport, server.base_url)
    assert isinstance(error, errors.Unreachable)
    assert len(server.asked) == 1


# -- what servers will not take ----------------------------------------------------------------------------------------


async def test_a_server_that_refuses_stream_options_is_asked_without_and_remembered(transport: Transport) -> None:
    no = whole(b'{"error":{"message":"Unrecognized request argument: stream_options"}}', "400 No")
    async with RawServer(saying(no, chunked(GOOD))) as server:
        assert await said(transport, server.base_url) == "Hello"
        assert await said(transport, server.base_url) == "Hello"
    assert ["stream_options" in asked.json for asked in server.asked] == [True, False, False]


async def test_a_model_that_wants_max_completion_tokens_gets_them(transport: Transport) -> None:
    no = {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "param": "max_tokens"}
    hot = {"message": "'temperature' does not support 0.2 with this model."}
    replies = [whole(json.dumps({"error": said}).encode(), "400 No") for said in (no, hot)]
    async with RawServer(saying(*replies, chunked(GOOD))) as server:
        request = HELLO.replace(max_tokens=9, temperature=0.2)
        assert await said(transport, server.base_url, request) == "Hello"
    assert "max_tokens" not in server.asked[-1].json
    assert server.asked[-1].json["max_completion_tokens"] == 9
    assert "temperature" not in server.asked[-1].json


async def test_a_server_that_refuses_all_the_same_ends_in_its_error(transport: Transport) -> None:
    no = whole(b'{"error":{"message":"stream_options are odd"}}', "400 No")
    async with RawServer(saying(no)) as server:
        _, error = await ask(transport, server.base_url)
    assert isinstance(error, errors.Rejected)
    assert len(server.asked) == 2


# -- the list of models ------------------------------------------------------------------------------------------------


async def test_a_list_of_models_that_drips_is_given_up() -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head("200 OK", "application/json", "content-length: 100000"))
        while True:
            writer.write(b" ")
            await asyncio.sleep(0.02)

    transport = Transport(models_seconds=0.2)
    async with RawServer(answer) as server:
        with pytest.raises(errors.TooSlow):
            await transport.list_models(Provider("box", base_url=server.base_url))
    await transport.close()


@pytest.mark.parametrize("raw", [whole(b"<html>"), whole(b"", "500 No"), whole(b"[" * 3000)])
async def test_a_list_of_models_that_is_none_is_told(transport: Transport, raw: bytes) -> None:
    async with RawServer(saying(raw)) as server:
        with pytest.raises(errors.ProviderError) as caught:
            await transport.list_models(Provider("box", base_url=server.base_url))
    assert caught.value.provider == "box"
