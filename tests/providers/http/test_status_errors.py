"""Each refusal has its name, and a key goes nowhere but to its own origin, nor into any text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chat_tui.core import errors
from chat_tui.core.conversation import now
from chat_tui.core.models import Provider
from chat_tui.providers.dialects.parsing.retry_after import limits_reset
from chat_tui.providers.http.status_errors import ErrorContext, http_error
from chat_tui.providers.http.transport import Transport
from tests.wire.asking import KEY, ask, said, text_of
from tests.wire.raw_server import GOOD, Asked, RawServer, chunked, event, head, saying, whole


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


# -- statuses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":{"message":"bad temperature value"}}', errors.Rejected),
        (
            400,
            b'{"error":{"code":400,"type":"exceed_context_size_error","n_ctx":8,"n_prompt_tokens":9}}',
            "ContextTooLong",
        ),
        (
            400,
            b'{"error":{"code":"context_length_exceeded","message":"maximum context length is 8"}}',
            "ContextTooLong",
        ),
        (401, b'{"error":{"message":"no"}}', errors.KeyRefused),
        (402, b"{}", errors.QuotaUsedUp),
        (403, b"<html>\x1b]0;x\x07</html>", errors.KeyRefused),
        (404, b'{"error":"model \'x\' not found"}', errors.Rejected),
        (422, b'{"detail":[{"msg":"field required"}]}', errors.Rejected),
        (429, b"", errors.RateLimited),
        (429, b'{"error":{"code":"insufficient_quota"}}', errors.QuotaUsedUp),
        (500, b'data: {"error":{"message":"x"}}\n\n', errors.Overloaded),
        (503, b"[" * 5000, errors.Overloaded),
        (529, b'{"error":{"type":"overloaded_error","message":"Overloaded"}}', errors.Overloaded),
        (418, b"\xff\xfe\x00", errors.Rejected),
    ],
)
async def test_each_status_has_its_error(
    transport: Transport, status: int, body: bytes, kind: str | type[errors.ProviderError]
) -> None:
    async with RawServer(saying(whole(body, f"{status} No", "application/json"))) as server:
        chunks, error = await ask(transport, server.base_url)
    assert chunks == []
    assert error is not None
    assert error.kind == (kind if isinstance(kind, str) else kind.__name__)
    assert error.hint
    assert "\x1b" not in error.title


async def test_the_servers_own_words_are_told(transport: Transport) -> None:
    body = b'{"detail":[{"msg":"field \\u001b[31mrequired"}]}'
    async with RawServer(saying(whole(body, "422 No"))) as server:
        _, error = await ask(transport, server.base_url)
    assert error is not None
    assert error.title == "box refused the request (422): field required."


@pytest.mark.parametrize(("header", "seconds"), [("retry-after: 7", 7), ("retry-after-ms: 1500", 1.5), ("date", 60)])
async def test_a_wish_to_wait_is_kept_with_the_error(transport: Transport, header: str, seconds: float) -> None:
    if header == "date":
        header = f"retry-after: {format_datetime(now() + timedelta(seconds=60), usegmt=True)}"
    async with RawServer(saying(whole(b"{}", "429 Slow", "text/plain", header))) as server:
        _, error = await ask(transport, server.base_url)
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == pytest.approx(seconds, abs=2 if seconds == 60 else 0)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}. Find yours"}}).encode(),
        json.dumps({"error": f"bad key {KEY[:12]}…{KEY[-9:]}"}).encode(),
        f"Authorization: Bearer {KEY}".encode(),
        json.dumps({"detail": "x" * 190 + KEY}).encode(),
    ],
)
async def test_a_key_that_the_server_repeats_is_never_told(transport: Transport, body: bytes) -> None:
    for reply_of in (whole(body, "401 No"), whole(body, "400 No"), whole(body)):
        async with RawServer(saying(reply_of)) as server:
            _, error = await ask(transport, server.base_url)
        assert error is not None
        assert not any(KEY[at : at + 8] in str(error) for at in range(len(KEY) - 7))
    stream = chunked(event("a"), b'data: {"error":{"message":"key %b"}}\n\n' % KEY.encode())
    async with RawServer(saying(stream)) as server:
        chunks, error = await ask(transport, server.base_url)
    assert text_of(chunks) == "a"
    assert error is not None
    assert "[key]" in error.title


async def test_an_errors_body_that_breaks_or_never_ends_leaves_the_status(transport: Transport) -> None:
    cut = head("401 No", "application/json", "content-length: 500") + b'{"error'

    async def cutting(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(cut)
        await writer.drain()
        writer.close()

    async with RawServer(cutting) as server:
        _, error = await ask(transport, server.base_url)
    assert isinstance(error, errors.KeyRefused)
    lying = whole(b"no gzip", "500 No", "application/json", "content-encoding: gzip")
    async with RawServer(saying(lying)) as server:
        _, error = await ask(transport, server.base_url)
    assert isinstance(error, errors.Overloaded)


# -- redirects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_on_the_same_origin_is_followed_with_the_question(transport: Transport, status: int) -> None:
    moved = whole(b"", f"{status} Moved", "text/plain", "location: /v2/chat/")
    async with RawServer(saying(moved, chunked(GOOD))) as server:
        assert await said(transport, server.base_url) == "Hello"
    assert [asked.line for asked in server.asked] == ["POST /v1/chat/completions HTTP/1.1", "POST /v2/chat/ HTTP/1.1"]
    assert server.asked[1].json["messages"] == [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_key_never_follows_to_another_origin(transport: Transport, status: int) -> None:
    async with RawServer(saying(chunked(GOOD))) as thief:
        away = f"location: http://127.0.0.1:{thief.port}/v1/chat/completions?key={KEY}"
        async with RawServer(saying(whole(b"", f"{status} Moved", "text/plain", away))) as server:
            chunks, error = await ask(transport, server.base_url)
            with pytest.raises(errors.ProviderError):
                await transport.list_models(Provider("box", base_url=server.base_url))
        assert thief.connections == 0
    assert chunks == []
    assert isinstance(error, errors.Rejected)
    assert f"http://127.0.0.1:{thief.port}/v1" in error.title


async def test_a_redirect_in_a_circle_ends(transport: Transport) -> None:
    moved = whole(b"", "307 Moved", "text/plain", "location: /v1/chat/completions")
    async with RawServer(saying(moved)) as server:
        _, error = await ask(transport, server.base_url)
    assert isinstance(error, errors.Rejected)
    assert len(server.asked) == 4


# -- what headers wish -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "wish", "retryable"),
    [
        (503, "false", False),
        (503, "true", True),
        (400, "true", True),
        (400, "", False),
        (429, "false", False),
        (401, "true", False),
        (402, "true", False),
    ],
)
def test_a_server_says_whether_to_ask_again(status: int, wish: str, retryable: bool) -> None:
    error = http_error(status, {"x-should-retry": wish}, b"{}", ErrorContext("p", "m"))
    assert error.retryable == retryable


async def test_what_is_not_to_be_asked_again_is_asked_once(transport: Transport) -> None:
    reply = whole(b"{}", "503 No", "application/json", "x-should-retry: false")
    async with RawServer(saying(reply)) as server:
        _, error = await ask(transport, server.base_url)
    assert isinstance(error, errors.Overloaded)
    assert not error.retryable


AT = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-reset-tokens": "2m59.56s"}, 179.56),
        ({"x-ratelimit-reset-requests": "12ms", "x-ratelimit-reset-tokens": "1h"}, 0.012),
        (
            {
                "x-ratelimit-reset-requests": "12ms",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "7s",
            },
            7,
        ),
        ({"anthropic-ratelimit-input-tokens-reset": "2026-11-01T12:00:30Z"}, 30),
        ({"anthropic-ratelimit-requests-reset": "2026-11-01T11:00:00Z"}, None),
        ({"x-ratelimit-reset-requests": "soon", "anthropic-ratelimit-tokens-reset": "2026-11-01"}, None),
        ({"x-ratelimit-reset-requests": "5x"}, None),
        ({"x-other-reset": "5s"}, None),
    ],
)
def test_the_reset_of_a_limit_is_read_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert limits_reset(headers, AT) == seconds


def test_a_reset_counts_only_where_no_wait_is_told() -> None:
    limits = {"x-ratelimit-reset-requests": "30s"}
    told = http_error(429, {**limits, "retry-after": "2"}, b"", ErrorContext("p", "m"))
    untold = http_error(429, limits, b"", ErrorContext("p", "m"))
    down = http_error(503, limits, b"", ErrorContext("p", "m"))
    assert isinstance(told, errors.Busy)
    assert isinstance(untold, errors.Busy)
    assert isinstance(down, errors.Busy)
    assert (told.retry_after, untold.retry_after, down.retry_after) == (2, 30, None)


def test_a_server_that_ends_its_sentence_gets_no_other_full_stop() -> None:
    body = b'{"error":{"message":"Sorry about that!"}}'
    assert http_error(500, {}, body, ErrorContext("box")).title == "box cannot answer now (500): Sorry about that."
