"""How much a client may ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from msgspec.structs import replace

from chat_tui.config.schema import Web
from chat_tui.web.api.schemas import LARGE_BYTES, PromptBody, decode
from chat_tui.web.ops.rates import RateBuckets
from tests.doubles.model_server import ModelServer
from tests.support.web_site import box, site, until


def test_so_many_may_come_at_once_and_so_many_in_a_minute() -> None:
    rates = RateBuckets(60)
    assert [rates.take("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert rates.take("a", 0.0) == pytest.approx(1.0)
    assert rates.take("b", 0.0) == 0.0
    assert rates.take("a", 0.5) == pytest.approx(0.5)
    assert rates.take("a", 1.0) == 0.0
    assert rates.take("a", 1.0) == pytest.approx(1.0)


def test_clients_who_come_once_leave_no_trace_that_grows() -> None:
    rates = RateBuckets(60)
    for number in range(RateBuckets.CLIENTS + 500):
        rates.take(str(number), number / 1000)
    assert len(rates._used) == RateBuckets.CLIENTS


async def test_whoever_asks_too_often_is_told_when_to_come_back(server: ModelServer) -> None:
    config = replace(box(server.base_url, "t2"), web=Web(requests_per_minute=2))
    async with site(config) as web:
        replies = [await web.post("/generate", prompt="Hi") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert 1 <= int(replies[2].headers["retry-after"]) <= 30
    assert replies[2].json()["success"] is False


async def test_whoever_has_no_token_uses_nothing_up(server: ModelServer) -> None:
    config = replace(box(server.base_url, "t2"), web=Web(requests_per_minute=1))
    async with site(config) as web:
        for _ in range(5):
            assert (await web.client.post("/generate", headers={"Authorization": "Bearer guess"})).status_code == 401
        assert (await web.post("/generate", prompt="Hi")).status_code == 200


async def test_a_client_has_so_many_streams_at_once(server: ModelServer) -> None:
    config = replace(box(server.base_url, "t500-r100"), web=Web(max_streams=2))
    async with site(config) as web:
        streams = [web.follow(prompt="Hi") for _ in range(2)]
        for stream in streams:
            await anext(stream)
        refused = await web.post("/generate", prompt="Hi")
        for stream in streams:
            await stream.aclose()
        await server.until(lambda: not server.active_streams)
        async with asyncio.timeout(20):
            while (again := await web.post("/generate", prompt="[t2]")).status_code == 429:
                pass
    assert refused.status_code == 429
    assert refused.headers["retry-after"]
    assert again.status_code == 200


async def test_an_answer_that_is_saved_is_let_go_of(server: ModelServer) -> None:
    async with site(box(server.base_url, "t2")) as web:
        assert (await web.post("/generate", prompt="Hi")).status_code == 200
        await until(lambda: not web.state._clients)


async def test_of_two_questions_at_once_in_a_conversation_one_is_answered(server: ModelServer) -> None:
    async with site(box(server.base_url, "t5-r20")) as web:
        id = (await web.post("/generate", prompt="Hi")).json()["metadata"]["conversationId"]
        replies = await asyncio.gather(*(web.post("/generate", prompt="And?", conversation=id) for _ in range(3)))
        kept = await web.engine.conversations.conversation(id)
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409]
    assert [turn.role for turn in kept.path] == ["user", "assistant"] * 2


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 1000


async def test_a_body_is_bounded_with_a_length_or_without(server: ModelServer) -> None:
    config = replace(box(server.base_url, "t2"), web=Web(max_body_bytes=5000))
    async with site(config) as web:
        told = await web.post("/generate", prompt="x" * 6000)
        chunked = await web.client.post("/generate", content=pieces(10))
        fits = await web.post("/generate", prompt="x" * 4000)
    assert (told.status_code, chunked.status_code, fits.status_code) == (413, 413, 200)


async def test_a_large_body_is_read_and_refused_like_a_small_one(server: ModelServer) -> None:
    async with site(box(server.base_url, "t2")) as web:
        good = await web.post("/generate", prompt="word " * LARGE_BYTES)
        wrong = [await web.post(path, prompt=["x" * LARGE_BYTES]) for path in ("/generate", "/stream")]
    assert good.status_code == 200
    assert [(reply.status_code, "prompt" in reply.json()["error"]) for reply in wrong] == [(400, True)] * 2


async def test_a_body_without_an_end_is_cut(server: ModelServer) -> None:
    config = replace(box(server.base_url, "t2"), web=Web(max_body_bytes=5000))
    async with site(config) as web:
        # Whether the answer is still read depends on how much of the body was on its way.
        with suppress(httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            assert (await web.client.post("/generate", content=pieces(10_000_000))).status_code == 413


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b'"Hi"', "object"),
        (b"{}", "prompt"),
        (b'{"prompt": ""}', "prompt"),
        (b'{"prompt": " \\n "}', "prompt"),
        (b'{"prompt": "\\u0000\\u001b"}', "empty"),
        (b'{"prompt": 1}', "prompt"),
        (b'{"prompt": "Hi", "maxTokens": "many"}', "maxTokens"),
        (b'{"prompt": "Hi", "maxTokens": -1}', "maxTokens"),
        (b'{"prompt": "Hi", "temperature": 1e999}', "temperature"),
        (b'{"prompt": "Hi", "topP": 2}', "topP"),
        (b'{"prompt": "Hi", "stop": [""]}', "stop"),
        (b'{"prompt": "Hi", "strategy": "coin"}', "strategy"),
        (b'{"prompt": "Hi", "system": "x", "conversation": "y"}', "system"),
        (b'{"prompt": "Hi", "includeMetadata": "yes"}', "includeMetadata"),
        (b'{"prompt": "Hi", "x": ' + b"[" * 5000, "JSON"),
    ],
    ids=range(18),
)
async def test_a_wrong_body_is_told_clearly(server: ModelServer, body: bytes, told: str) -> None:
    async with site(box(server.base_url, "t2")) as web:
        for path in ("/stream", "/generate"):
            reply = await web.client.post(path, content=body)
            assert reply.status_code == 400
            assert reply.json()["success"] is False
            assert told in reply.json()["error"]
    assert not server.exchanges


@pytest.mark.parametrize(("field", "value"), [("model", "no/such"), ("model", "x"), ("conversation", "nope")])
async def test_what_is_not_there_is_404(server: ModelServer, field: str, value: str) -> None:
    async with site(box(server.base_url, "t2")) as web:
        reply = await web.post("/generate", prompt="Hi", **{field: value})
    assert reply.status_code == 404
    assert field in reply.json()["error"].lower()


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (rb"a\ud83d", "a\ufffd"),
        (rb"\uDC00b", "\ufffdb"),
        (rb"\ud83d\ud83d\ude00", "\ufffd\N{GRINNING FACE}"),
        (rb"\\ud83d \ud83d", "\\ud83d \ufffd"),
        (rb"\\\ud83d", "\\\ufffd"),
        (rb"\ud83d\n\u0041", "\ufffd\nA"),
    ],
)
def test_half_a_character_is_read_as_a_sign_for_it(told: bytes, read: str) -> None:
    assert decode(b'{"prompt":"' + told + b'"}', PromptBody).prompt == read


def test_what_is_null_is_unset() -> None:
    names = ("adaptive", "includeMetadata", "render", "maxTokens", "temperature", "model", "strategy", "conversation")
    body = json.dumps({"prompt": "Hi", **dict.fromkeys(names)})
    assert decode(body, PromptBody).to_request() == decode(b'{"prompt": "Hi"}', PromptBody).to_request()
