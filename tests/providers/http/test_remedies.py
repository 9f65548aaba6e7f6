"""A request that was refused goes out once more, changed so that it can succeed, and what has helped is remembered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat_tui.core import errors
from chat_tui.core.chunks import Chunk, Metadata
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.providers.http.transport import QUIRKS_LIMIT, Transport
from tests.wire.asking import HELLO, ask, text_of
from tests.wire.dialects import SPOKEN, base_of, good
from tests.wire.home import Home
from tests.wire.raw_server import RawServer, chunked, saying, whole

WHOLE_REPLIES = {
    "openai": {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]},
    "anthropic": {"type": "message", "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn"},
    "gemini": {"candidates": [{"content": {"parts": [{"text": "Hello"}]}, "finishReason": "STOP"}]},
    "openai-responses": {
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}],
    },
    "ollama": {"message": {"role": "assistant", "content": "Hello"}, "done": True, "done_reason": "stop"},
}
SYSTEM = Request("hello", turns=(Turn("system", "Be brief."),))


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


@pytest.fixture
def home(tmp_path: Any) -> Home:
    return Home(tmp_path)


def no(message: str, status: int = 400, **more: Any) -> bytes:
    return whole(json.dumps({"error": {"message": message, **more}}).encode(), f"{status} No")


def notes(chunks: list[Chunk]) -> list[tuple[str, int]]:
    return [(c.reason, c.attempt) for c in chunks if isinstance(c, Metadata) and c.event == "note"]


@pytest.mark.parametrize(
    ("spoken", "request_", "message", "path"),
    [
        ("openai", Request("a", top_p=0.5, seed=3), "Unrecognized request argument supplied: seed", "seed"),
        ("openai", Request("a", stop=("x",), seed=3), "Unsupported parameter: 'stop'", "stop"),
        ("openai", Request("a", thinking="low"), "Argument not supported on this model: reasoningEffort", ""),
        ("gemini", Request("a", top_p=0.5, seed=3), "Unknown name \"topP\" at 'generation_config'", "topP"),
        ("ollama", Request("a", top_p=0.5, seed=3), "invalid option: top_p is not supported", "top_p"),
        ("anthropic", Request("a", stop=("x",)), "stop_sequences: Extra inputs are not permitted", "stop_sequences"),
    ],
)
async def test_a_field_that_is_refused_is_left_out_once_remembered_and_told(
    transport: Transport, spoken: str, request_: Request, message: str, path: str
) -> None:
    async with RawServer(saying(no(message), good(spoken))) as server:
        told = []
        for _ in range(2):
            chunks, error = await ask(transport, base_of(server, spoken), request_, spoken)
            assert (error, text_of(chunks)) == (None, "Hello")
            told += notes(chunks)
        plain, _ = await ask(transport, base_of(server, spoken), Request("a"), spoken)
    assert len(server.asked) == 4
    assert [attempt for _, attempt in told] == [1, 0]
    assert not notes(plain)
    refused = path or "reasoning_effort"
    assert [refused in asked.body.decode() for asked in server.asked] == [True, False, False, False]
    assert all("box:" in text for text, _ in told)


async def test_a_value_that_is_refused_is_left_out_and_another_one_is_sent(transport: Transport) -> None:
    refusal = no("Invalid 'stop': array too long. Expected maximum length 4, but got 5.", param="stop")
    async with RawServer(saying(refusal, good("openai"))) as server:
        for stop in (("a", "b", "c", "d", "e"), ("a", "b", "c", "d", "e"), ("a",)):
            chunks, error = await ask(transport, server.base_url, Request("x", stop=stop))
            assert (error, text_of(chunks)) == (None, "Hello")
    assert [len(asked.json.get("stop", ())) for asked in server.asked] == [5, 0, 0, 1]


async def test_what_has_not_helped_is_forgotten(transport: Transport) -> None:
    refusal = no("top_p is invalid")
    async with RawServer(saying(refusal, refusal, good("openai"))) as server:
        _, error = await ask(transport, server.base_url, Request("x", top_p=0.5))
        assert isinstance(error, errors.Rejected)
        await ask(transport, server.base_url, Request("x", top_p=0.5))
    assert ["top_p" in asked.json for asked in server.asked] == [True, False, True]


async def test_changes_of_one_request_are_bounded(transport: Transport) -> None:
    replies = [no(f"max_tokens must be at most {most}") for most in range(1000, 900, -1)]
    async with RawServer(saying(*replies)) as server:
        _, error = await ask(transport, server.base_url, Request("x", max_tokens=5000))
    assert isinstance(error, errors.Rejected)
    assert len(server.asked) == QUIRKS_LIMIT + 1


@pytest.mark.parametrize("spoken", ["openai", "ollama", "anthropic"])
@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "System role not supported"),
        (500, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (422, "Only user and assistant roles are supported!"),
    ],
)
async def test_a_system_prompt_goes_in_front_of_the_first_question_where_there_is_no_such_role(
    transport: Transport, spoken: str, status: int, message: str
) -> None:
    async with RawServer(saying(no(message, status), good(spoken))) as server:
        for _ in range(2):
            chunks, error = await ask(transport, base_of(server, spoken), SYSTEM, spoken)
            assert (error, text_of(chunks)) == (None, "Hello")
            assert "system prompt" in notes(chunks)[0][0]
        plain, _ = await ask(transport, base_of(server, spoken), HELLO, spoken)
    assert not notes(plain)
    sent = [[(turn["role"], turn["content"]) for turn in asked.json["messages"]] for asked in server.asked[1:]]
    assert sent == [[("user", "Be brief.\n\nhello")]] * 2 + [[("user", "hello")]]
    assert not any("system" in asked.json for asked in server.asked[1:])


@pytest.mark.parametrize("spoken", list(SPOKEN))
async def test_a_whole_reply_is_really_asked_for_and_read(transport: Transport, spoken: str) -> None:
    body = whole(json.dumps(WHOLE_REPLIES[spoken]).encode())
    async with RawServer(saying(body)) as server:
        chunks, error = await ask(transport, base_of(server, spoken), HELLO.replace(stream=False), spoken)
    assert (error, text_of(chunks)) == (None, "Hello")
    asked = server.asked[0]
    if spoken == "gemini":
        assert asked.line.split()[1] == "/v1beta/models/tiny:generateContent"
        assert "stream" not in asked.json
    else:
        assert asked.json["stream"] is False
        assert "stream_options" not in asked.json


@pytest.mark.parametrize("spoken", list(SPOKEN))
async def test_a_model_that_may_not_be_streamed_is_asked_for_the_whole_reply(transport: Transport, spoken: str) -> None:
    refusal = no("Your organization must be verified to stream this model.", param="stream")
    body = whole(json.dumps(WHOLE_REPLIES[spoken]).encode())
    async with RawServer(saying(refusal, body)) as server:
        for _ in range(2):
            chunks, error = await ask(transport, base_of(server, spoken), HELLO, spoken)
            assert (error, text_of(chunks)) == (None, "Hello")
            assert "stream" in notes(chunks)[0][0]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("spoken", "field"),
    [("openai", "max_tokens"), ("anthropic", "max_tokens"), ("gemini", "maxOutputTokens"), ("ollama", "num_predict")],
)
async def test_a_limit_that_is_too_large_is_lowered_to_what_the_server_names(
    transport: Transport, spoken: str, field: str
) -> None:
    refusal = no(f"{field} is too large: 100000. This model supports at most 4096 completion tokens")
    async with RawServer(saying(refusal, good(spoken))) as server:
        for limit in (100_000, 100_000, 50):
            chunks, error = await ask(transport, base_of(server, spoken), Request("x", max_tokens=limit), spoken)
            assert (error, text_of(chunks)) == (None, "Hello")
    holders = [
        {**asked.json, **asked.json.get("generationConfig", {}), **asked.json.get("options", {})}
        for asked in server.asked
    ]
    assert [holder[field] for holder in holders] == [100_000, 4096, 4096, 50]


async def test_a_limit_that_nobody_has_set_is_lowered_without_a_word(transport: Transport) -> None:
    refusal = no("max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens for claude-x")
    async with RawServer(saying(refusal, good("anthropic"))) as server:
        model = Model("box/claude-x")
        chunks, error = await ask(transport, base_of(server, "anthropic"), HELLO, "anthropic", model)
    assert (error, text_of(chunks), notes(chunks)) == (None, "Hello", [])
    assert [asked.json["max_tokens"] for asked in server.asked] == [64_000, 8192]


@pytest.mark.parametrize(
    "message",
    [
        "Requested tokens (9000) exceed context window of 8192. Reduce the prompt or max_tokens.",
        "Input is too long for requested model; top_p is not the matter",
    ],
)
async def test_nothing_is_left_out_of_what_is_too_long(transport: Transport, message: str) -> None:
    async with RawServer(saying(no(message))) as server:
        _, error = await ask(transport, server.base_url, Request("x", max_tokens=100, top_p=0.5))
    assert isinstance(error, errors.ContextTooLong)
    assert len(server.asked) == 1


async def test_a_server_that_stumbles_over_a_field_is_asked_without(transport: Transport) -> None:
    refusal = no("create() got an unexpected keyword argument 'top_p'", 500)
    async with RawServer(saying(refusal, good("openai"))) as server:
        chunks, error = await ask(transport, server.base_url, Request("x", top_p=0.5))
    assert (error, text_of(chunks)) == (None, "Hello")


async def test_what_a_window_leaves_counts_for_one_request_only(transport: Transport) -> None:
    refusal = no("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease one")
    async with RawServer(saying(refusal, good("openai"))) as server:
        for _ in range(2):
            chunks, error = await ask(transport, server.base_url, Request("x", max_tokens=21_333))
            assert (error, text_of(chunks)) == (None, "Hello")
    assert [asked.json["max_tokens"] for asked in server.asked] == [21_333, 11_760, 21_333]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("prompt is too long: 208310 tokens > 200000 maximum", "ContextTooLong"),
        ("input length and `max_tokens` exceed context limit: 199990 + 21333 > 200000", "ContextTooLong"),
        ("`max_tokens` must be at most 8192, which is less than the context window", "Rejected"),
    ],
)
async def test_only_a_prompt_that_does_not_fit_is_called_too_long(
    transport: Transport, message: str, kind: str
) -> None:
    async with RawServer(saying(no(message))) as server:
        _, error = await ask(transport, server.base_url, Request("x", max_tokens=21_333))
    assert error is not None
    assert error.kind == kind


async def test_a_system_prompt_that_is_refused_inside_a_stream_moves_too(transport: Transport) -> None:
    refusal = chunked(b'data: {"error":{"message":"System role not supported"}}\n\n')
    async with RawServer(saying(refusal, good("openai"))) as server:
        chunks, error = await ask(transport, server.base_url, SYSTEM)
    assert (error, text_of(chunks)) == (None, "Hello")
    assert server.asked[1].json["messages"][0]["role"] == "user"


async def test_a_refusal_inside_a_stream_is_mended_too(transport: Transport) -> None:
    refusal = chunked(b'data: {"error":{"message":"Unsupported parameter: top_p","code":400}}\n\n')
    async with RawServer(saying(refusal, good("openai"))) as server:
        chunks, error = await ask(transport, server.base_url, Request("x", top_p=0.5))
    assert (error, text_of(chunks)) == (None, "Hello")
    assert "top_p" not in server.asked[1].json


# -- limits of Anthropic's models --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "most"),
    [
        (Model("a/claude-3-haiku-20240307"), 4096),
        (Model("a/claude-3-5-sonnet-20241022"), 8192),
        (Model("a/claude-3-7-sonnet-latest"), 64_000),
        (Model("a/claude-opus-4-20250514"), 32_000),
        (Model("a/claude-opus-4-1-20250805"), 32_000),
        (Model("a/claude-opus-4-5-20251101"), 64_000),
        (Model("a/anthropic.claude-sonnet-4-20250514-v1:0"), 64_000),
        (Model("a/claude-sonnet-9", max_output=128_000), 128_000),
        (Model("a/qwen3"), 8192),
        (Model("a/qwen3", context_window=4096), 2048),
    ],
)
@pytest.mark.parametrize("thinking", [None, "low", "high"])
async def test_the_default_is_the_models_own_limit_and_thinking_leaves_room(
    transport: Transport, model: Model, most: int, thinking: Any
) -> None:
    async with RawServer(saying(good("anthropic"))) as server:
        request = HELLO.replace(thinking=thinking)
        await ask(transport, base_of(server, "anthropic"), request, "anthropic", model)
    body = server.asked[0].json
    assert body["max_tokens"] == most
    if thinking:
        assert 1024 <= body["thinking"]["budget_tokens"] <= most // 2


# -- the whole program -------------------------------------------------------------------------------------------------


async def test_what_was_changed_is_told_on_stderr_and_in_the_route(home: Home) -> None:
    async with RawServer(saying(no("Unsupported parameter: 'top_p'", param="top_p"), good("openai"))) as server:
        home.serve(server.base_url, "tiny")
        ran = await home.run("ask", "--json", "--top-p", "0.5", "hello")
    assert ran.code == 0
    assert "`top_p`" in ran.told()
    assert "`top_p`" in ran.chunks[-1]["route"]["notes"][0]


@pytest.mark.parametrize("setting", ["--no-stream", "enable_streaming"])
async def test_no_stream_reaches_the_server(home: Home, setting: str) -> None:
    async with RawServer(saying(whole(json.dumps(WHOLE_REPLIES["openai"]).encode()))) as server:
        home.serve(server.base_url, "tiny")
        if setting == "enable_streaming":
            home.config.write_text(home.config.read_text() + "\n[performance]\nenable_streaming = false\n")
        ran = await home.run("ask", *(["--no-stream"] if setting == "--no-stream" else []), "hello")
    assert (ran.code, ran.text) == (0, "Hello\n")
    assert server.asked[0].json["stream"] is False
