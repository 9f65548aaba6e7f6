"""Ollama: what is sent, what its lines mean, what its errors are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat_tui.core import errors
from chat_tui.core.chunks import End, Timings, Token, Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.providers.dialects import ollama
from chat_tui.providers.discovery.model_list import models_of
from chat_tui.providers.http.transport import Transport
from tests.wire.asking import HELLO, ask, text_of
from tests.wire.dialects import base_of, good, row, said
from tests.wire.raw_server import Asked, RawServer, chunked, head, saying, whole
from tests.wire.recordings import check, recordings


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


@pytest.mark.parametrize("name", recordings("ollama"))
def test_a_recording_means_the_same_chunks_wherever_it_is_cut(name: str) -> None:
    check("ollama", name)


# -- what is sent ------------------------------------------------------------------------------------------------------


def body_of(request: Request, window: int | None = None) -> Any:
    return json.loads(ollama.encode(request, Model("ollama/llama3.2", asked_window=window)).body)


def test_a_plain_question_has_no_options_and_asks_for_no_thinking() -> None:
    assert body_of(HELLO) == {
        "model": "llama3.2",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
    }


def test_turns_go_out_in_their_roles_and_every_setting_among_the_options() -> None:
    turns = (Turn("system", "Be brief."), Turn("user", "a"), Turn("assistant", "b"))
    body = body_of(Request("c", turns, max_tokens=9, temperature=0.0, top_p=0.5, stop=("x",), seed=3), 8192)
    assert [turn["role"] for turn in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["options"] == {
        "num_ctx": 8192,
        "num_predict": 9,
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ["x"],
        "seed": 3,
    }


async def test_only_a_window_that_the_config_names_is_asked_for(transport: Transport) -> None:
    async with RawServer(saying(good("ollama"))) as server:
        await ask(transport, base_of(server, "ollama"), HELLO, "ollama", Model("box/tiny", asked_window=16384))
        await ask(transport, base_of(server, "ollama"), HELLO, "ollama", Model("box/tiny", context_window=4096))
    assert server.asked[0].json["options"] == {"num_ctx": 16384}
    assert "options" not in server.asked[1].json


# -- what it says ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "invalid options", "Rejected"),
        (400, "the input length exceeds the context length", "ContextTooLong"),
        (401, "unauthorized", "KeyRefused"),
        (404, "model 'x' not found", "Rejected"),
        (429, "too many requests", "RateLimited"),
        (500, "model runner has unexpectedly stopped", "Overloaded"),
        (503, "server busy, please try again. maximum pending requests exceeded", "Overloaded"),
    ],
)
async def test_each_status_has_its_error_though_it_is_but_a_string(
    transport: Transport, status: int, said: str, kind: str
) -> None:
    body = json.dumps({"error": said}).encode()
    async with RawServer(saying(whole(body, f"{status} No"))) as server:
        chunks, error = await ask(transport, base_of(server, "ollama"), dialect="ollama")
    assert (chunks, error and error.kind) == ([], kind)
    assert error is not None
    assert error.hint
    if kind != "ContextTooLong":
        assert said in error.title


@pytest.mark.parametrize("said", ["model 'tiny:1b' not found", 'model "tiny:1b" not found, try pulling it first'])
async def test_a_model_that_is_not_there_is_told_with_how_to_fetch_it(transport: Transport, said: str) -> None:
    body = json.dumps({"error": said}).encode()
    async with RawServer(saying(whole(body, "404 No"), whole(b"404 page not found", "404 No"))) as server:
        _, missing = await ask(transport, base_of(server, "ollama"), HELLO, "ollama", Model("box/tiny:1b\x1b[2J"))
        _, wrong_path = await ask(transport, base_of(server, "ollama"), dialect="ollama")
    assert isinstance(missing, errors.Rejected)
    assert missing.hint == "Fetch it with `ollama pull tiny:1b`."
    assert isinstance(wrong_path, errors.Rejected)
    assert "base_url" in wrong_path.hint


async def test_a_cloud_model_without_a_sign_in_says_how(transport: Transport) -> None:
    body = b'{"error":"unauthorized","signin_url":"https://ollama.com/connect?name=x&key=y"}'
    async with RawServer(saying(whole(body, "401 No"))) as server:
        _, error = await ask(transport, base_of(server, "ollama"), dialect="ollama")
    assert isinstance(error, errors.KeyRefused)
    assert "ollama signin" in error.hint


async def test_an_error_on_a_line_keeps_the_part_and_ends_at_once(transport: Transport) -> None:
    # The connection stays open: whoever waits for `done` waits for ever.
    stream = chunked(said("Half"), row(error="CUDA error"), end=False)
    async with RawServer(saying(stream)) as server:
        chunks, error = await ask(transport, base_of(server, "ollama"), dialect="ollama")
    assert text_of(chunks) == "Half"
    assert isinstance(error, errors.Overloaded)


async def test_figures_thinking_and_the_ending_come_over_the_wire(transport: Transport) -> None:
    stream = chunked(
        row(message={"content": "", "thinking": "hm"}, done=False),
        said("yes"),
        row(
            done=True,
            done_reason="length",
            prompt_eval_count=4,
            eval_count=10,
            eval_duration=500_000_000,
            total_duration=2_000_000_000_000,
        ),
    )
    async with RawServer(saying(stream)) as server:
        chunks, error = await ask(transport, base_of(server, "ollama"), dialect="ollama")
    assert error is None
    assert [chunk for chunk in chunks if isinstance(chunk, Token)] == [Token("hm", "thinking"), Token("yes")]
    end = chunks[-1]
    assert isinstance(end, End)
    assert (end.state, end.finish_reason, end.usage) == ("length", "length", Usage(4, 10, 14))
    assert end.timings == Timings(duration_seconds=2000.0, tokens_per_second=20.0)


async def test_a_plain_body_over_several_lines_is_read(transport: Transport) -> None:
    body = {"message": {"content": "Hello"}, "done": True, "done_reason": "stop", "eval_count": 2}
    spread = json.dumps(body, indent=2).encode()

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(head("200 OK", "application/json") + b"\n" + spread[:1])
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(spread[1:])
        await writer.drain()
        writer.close()

    async with RawServer(answer) as server:
        chunks, error = await ask(transport, base_of(server, "ollama"), dialect="ollama")
    assert error is None
    assert text_of(chunks) == "Hello"
    assert isinstance(chunks[-1], End)


async def test_a_connection_is_used_again_after_done(transport: Transport) -> None:
    async with RawServer(saying(good("ollama"))) as server:
        for _ in range(3):
            chunks, _ = await ask(transport, base_of(server, "ollama"), dialect="ollama")
            assert text_of(chunks) == "Hello"
    assert server.connections == 1


# -- its list of models ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "billions"),
    [("8.2B", 8.2), ("134.52M", 0.13452), ("1T", 1000.0), ("", None), ("large", None), (8, None), (None, None)],
)
def test_the_list_tells_how_large_a_model_is(told: object, billions: float | None) -> None:
    row = {"name": "deepseek-r1:latest", "details": {"family": "qwen3", "parameter_size": told}}
    listed = ollama.read_row(row)
    assert listed is not None
    assert listed.billions == (billions if billions is None else pytest.approx(billions))


async def test_the_list_of_models_is_read_without_those_that_only_embed(transport: Transport) -> None:
    rows = [
        {"name": "llama3.2:latest", "model": "llama3.2:latest", "details": {"family": "llama", "format": "gguf"}},
        {"model": "qwen3:8b", "details": None, "capabilities": ["completion", "thinking"]},
        {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}},
        {"name": "embeddinggemma", "capabilities": ["embedding"]},
        {"name": ""},
        7,
    ]
    async with RawServer(saying(whole(json.dumps({"models": rows}).encode()))) as server:
        provider = Provider("box", "ollama", base_of(server, "ollama"), local=True)
        list_models = models_of(provider, await transport.list_models(provider))
    assert server.asked[0].line == "GET /api/tags HTTP/1.1"
    assert [model.name for model in list_models] == ["box/llama3.2:latest", "box/qwen3:8b"]
    assert all(model.local and model.context_window is None for model in list_models)
