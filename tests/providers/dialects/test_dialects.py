"""What holds for every dialect: over the wire, in the config, and with whatever bytes."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_tui.config import load
from chat_tui.core import errors
from chat_tui.core.models import DIALECTS, Provider
from chat_tui.providers.dialects import dialect
from chat_tui.providers.dialects.parsing.server_errors import error_of
from chat_tui.providers.discovery.model_list import models_of
from chat_tui.providers.endpoint import base_url_of
from chat_tui.providers.http.status_errors import ErrorContext, http_error
from chat_tui.providers.http.transport import Transport
from tests.support.time_limits import in_time, within
from tests.wire.asking import KEY, ask, text_of
from tests.wire.dialects import SPOKEN, base_of, good
from tests.wire.home import QUICK, Home, as_promised
from tests.wire.raw_server import Asked, RawServer, chunked, saying, whole
from tests.wire.recordings import events

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
FIELDS = """type delta text thinking content parts thought candidates finishReason promptFeedback blockReason
    usageMetadata usage stop_reason message done done_reason error role index message_start content_block_delta
    message_delta message_stop text_delta thinking_delta content_block content_block_start input_tokens eval_count
    eval_duration promptTokenCount details retryDelay violations quotaId code status choices finish_reason reasoning"""
NAMES = st.sampled_from(FIELDS.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=5),
    max_leaves=25,
)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


def test_each_dialect_has_its_name() -> None:
    assert set(DIALECTS) == set(SPOKEN)
    assert [dialect(name).name for name in DIALECTS] == list(DIALECTS)
    with pytest.raises(errors.ConfigError) as caught:
        dialect("klingon")
    assert "anthropic" in caught.value.hint


def test_an_unknown_dialect_is_told_with_its_place_and_the_known_ones() -> None:
    text = '[[providers]]\nname = "a"\nbase_url = "http://a"\n\n[[providers]]\nname = "b"\nbase_url = "http://b"\n'
    with pytest.raises(errors.ConfigError) as caught:
        load.parse(f'{text}dialect = "antropic"\n'.encode(), "my.toml")
    assert (caught.value.file, caught.value.key) == ("my.toml", "providers[1].dialect")
    assert caught.value.title.startswith("my.toml, line 8: `providers[1].dialect`")
    assert "openai, openai-responses, anthropic, gemini, ollama" in caught.value.title
    for name in DIALECTS:
        assert load.parse(f'{text}dialect = "{name}"\n'.encode(), "my.toml").providers[1].dialect == name


@pytest.mark.parametrize(
    ("name", "pasted", "meant"),
    [
        ("anthropic", "", "/v1"),
        ("anthropic", "/", "/v1"),
        ("anthropic", "/v1/messages", "/v1"),
        ("anthropic", "/proxy/anthropic/v1/", "/proxy/anthropic/v1"),
        ("gemini", "", "/v1beta"),
        ("gemini", "/v1beta/", "/v1beta"),
        ("gemini", "/v1beta/models", "/v1beta"),
        ("gemini", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", "/v1beta"),
        ("gemini", "/v1beta/openai/", "/v1beta"),
        ("gemini", "/v1", "/v1"),
        ("ollama", "", ""),
        ("ollama", "/", ""),
        ("ollama", "/api", ""),
        ("ollama", "/api/chat", ""),
        ("ollama", "/v1", ""),
        ("ollama", "/v1/chat/completions", ""),
        ("ollama", "/ollama/api/tags", "/ollama"),
    ],
)
def test_an_address_may_be_pasted_in_any_form(name: str, pasted: str, meant: str) -> None:
    assert base_url_of(Provider("x", name, f"https://host:1{pasted}")) == f"https://host:1{meant}"


@pytest.mark.parametrize("name", DIALECTS)
async def test_an_answer_comes_over_the_wire_with_the_key_in_its_own_header(transport: Transport, name: str) -> None:
    async with RawServer(saying(good(name))) as server:
        chunks, error = await ask(transport, base_of(server, name), dialect=name)
    assert error is None
    assert text_of(chunks) == "Hello"
    (asked,) = server.asked
    assert asked.line == f"POST {SPOKEN[name].path} HTTP/1.1"
    assert asked.headers["content-type"] == "application/json"
    assert [header for header, value in asked.headers.items() if KEY in value] == [SPOKEN[name].key_header]
    assert KEY.encode() not in asked.body


@pytest.mark.parametrize("name", DIALECTS)
async def test_without_a_key_none_is_sent(transport: Transport, name: str) -> None:
    async with RawServer(saying(whole(b"{}"))) as server:
        await transport.list_models(Provider("box", name, base_of(server, name)))
    assert not {"authorization", "x-api-key", "x-goog-api-key"} & server.asked[0].headers.keys()


@pytest.mark.parametrize("name", DIALECTS)
async def test_no_key_follows_to_another_origin(transport: Transport, name: str) -> None:
    async with RawServer(saying(good(name))) as thief:
        away = whole(b"", "307 Moved", "text/plain", f"location: {base_of(thief, name)}/x")
        async with RawServer(saying(away)) as server:
            chunks, error = await ask(transport, base_of(server, name), dialect=name)
        assert thief.connections == 0
    assert chunks == []
    assert isinstance(error, errors.Rejected)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("streaming", [True, False])
@in_time
async def test_a_cancel_closes_the_socket_within_50_ms(transport: Transport, name: str, streaming: bool) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if streaming:
            writer.write(chunked(SPOKEN[name].tokens, end=False))
        await asyncio.Event().wait()

    async with RawServer(answer) as server:
        asking = asyncio.create_task(ask(transport, base_of(server, name), dialect=name))
        await server.until(lambda: bool(server.asked))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.until(lambda: bool(server.closed_at))
        within(server.closed_at[0] - began, 0.05)


@pytest.mark.parametrize("name", DIALECTS)
async def test_a_line_that_is_cut_keeps_the_part(transport: Transport, name: str) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(SPOKEN[name].tokens, end=False))
        await writer.drain()
        writer.close()

    async with RawServer(answer) as server:
        chunks, error = await ask(transport, base_of(server, name), dialect=name)
    assert text_of(chunks) == "Hello"
    assert isinstance(error, errors.Unreachable)


@pytest.mark.parametrize("name", DIALECTS)
async def test_a_connection_that_breaks_after_the_finish_is_a_whole_answer(transport: Transport, name: str) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(chunked(SPOKEN[name].tokens, SPOKEN[name].ending, end=False))
        await writer.drain()
        writer.transport.abort()

    async with RawServer(answer) as server:
        chunks, error = await ask(transport, base_of(server, name), dialect=name)
    assert error is None
    assert text_of(chunks) == "Hello"


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"[7]", b"<html>login</html>", b"no json", b"\xff\xfe", b"[" * 9999]
)
async def test_a_reply_that_is_no_answer_is_an_error(transport: Transport, name: str, body: bytes) -> None:
    for kind in ("application/json", "text/event-stream", "text/html"):
        async with RawServer(saying(whole(body, "200 OK", kind))) as server:
            chunks, error = await ask(transport, base_of(server, name), dialect=name)
        assert isinstance(error, errors.Garbled), kind
        assert text_of(chunks) == ""


@pytest.mark.parametrize("name", DIALECTS)
async def test_ask_speaks_it_in_a_process_of_its_own(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path)
    home.environment["BOX_KEY"] = KEY
    async with RawServer(saying(good(name))) as server:
        home.config.write_text(
            f'model = "box/tiny"\n{QUICK}\n[[providers]]\nname = "box"\nbase_url = "http://127.0.0.1:{server.port}"\n'
            f'dialect = "{name}"\napi_key_env = "BOX_KEY"\nmodels = ["tiny"]\n'
        )
        ran = await home.run("ask", "--json", "--no-save", "hello")
    assert (ran.code, ran.told()) == (0, "")
    as_promised(ran)
    assert "".join(chunk["token"] for chunk in ran.chunks if chunk["type"] == "token") == "Hello"
    assert ran.chunks[-1]["state"] == "complete"
    assert server.asked[0].line == f"POST {SPOKEN[name].path} HTTP/1.1"
    assert server.asked[0].headers[SPOKEN[name].key_header].endswith(KEY)
    assert KEY not in ran.text


@pytest.mark.parametrize("name", DIALECTS)
@given(st.lists(JSON, max_size=4), st.integers(300, 599))
def test_no_json_breaks_the_reading(name: str, values: list[object], status: int) -> None:
    spoken = dialect(name)
    told = []
    for value in values:
        raw = json.dumps(value).encode()
        told.append(str(http_error(status, {}, raw, ErrorContext("p", "m", fetch_hint="x"))))
        told.append(str(error_of(value)))
        assert spoken.quirk(status, raw.decode()) is None or status == 400
    streamed, at_once = spoken.reading(), spoken.reading()
    try:
        for value in values:
            streamed.feed(json.dumps(value).encode(), "")
        streamed.close()
    except errors.ProviderError as error:
        told.append(str(error))
    try:
        at_once.whole(json.dumps(values).encode())
    except errors.ProviderError as error:
        told.append(str(error))
    assert not CONTROLS.search("".join(told))


@pytest.mark.parametrize("name", ["anthropic", "gemini", "ollama"])
def test_no_field_of_a_known_shape_breaks_the_reading_by_being_odd(name: str) -> None:
    for value in events(name):
        for odd in oddities(value):
            spoken = dialect(name).reading()
            raw = json.dumps(odd).encode()
            with suppress(errors.ProviderError):
                spoken.feed(raw, "")
            with suppress(errors.ProviderError):
                spoken.whole(raw)


def oddities(value: Any) -> Iterator[Any]:
    """The value with each of its parts, in turn, replaced by what nobody expects there."""
    yield from (None, True, 7, -1.5, "x", [], [7], {}, {"text": []})
    if isinstance(value, dict):
        for key in value:
            yield from ({**value, key: odd} for odd in oddities(value[key]))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from ([*value[:at], odd, *value[at + 1 :]] for odd in oddities(part))


@pytest.mark.parametrize("name", DIALECTS)
@given(JSON)
def test_no_list_of_models_breaks_the_reading(name: str, value: object) -> None:
    listed = dialect(name).model_list
    rows = [value, {"id": "x", "name": "x", "supportedGenerationMethods": value, "details": value, "meta": value}]
    for listing in (value, {"data": value, "models": value}, {"data": rows, "models": rows}):
        for model in models_of(Provider("p", name), listing):
            assert not CONTROLS.search(model.name)
    for field in ("has_more", "last_id", "nextPageToken"):
        assert isinstance(listed.more({"has_more": True, field: value}), str)
