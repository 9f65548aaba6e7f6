"""The OpenAI-compatible API, used by OpenAI's own client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from chat_tui.config.schema import Config, ErrorHandling, ProviderRow, Web
from chat_tui.core.chunks import End, Error, ErrorInfo, Token
from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request
from chat_tui.core.route import Route, Try
from chat_tui.providers.scripted_provider import Pause
from chat_tui.web import create_state
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.answers import answer_stream
from chat_tui.web.gateway.failures import incomplete_error
from chat_tui.web.openai.responses import CompletedAnswer, CompletionEvents, CompletionTally, build_completion
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.openai_client import openai
from tests.support.scripted_engine import stage
from tests.support.web_site import TOKEN, Site, box, site

HI: Any = [{"role": "user", "content": "Hi"}]
QUICK = ErrorHandling(retry_attempts=1)
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""An image of one pixel."""


@asynccontextmanager
async def openai_site(config: Config) -> AsyncIterator[tuple[Site, openai.AsyncOpenAI]]:
    """The web server over this config, and OpenAI's client for it."""
    async with (
        site(replace(config, error_handling=QUICK)) as web,
        openai.AsyncOpenAI(base_url=f"{web.url}/v1", api_key=TOKEN, max_retries=0, timeout=10) as client,
    ):
        yield web, client


def two(first: ModelServer, second: ModelServer, *models: str) -> Config:
    """A config with two servers of models, `box` and `spare`; the second is fallen back to."""
    rows = [
        ProviderRow(name, base_url=each.base_url, models=models) for name, each in (("box", first), ("spare", second))
    ]
    return Config(providers=tuple(rows), fallbacks=(f"spare/{models[0]}",))


async def test_a_whole_completion_is_what_the_client_expects(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t20-think3")) as (web, client):
        told = await client.chat.completions.create(model="auto", messages=HI)
        assert told.model == "box/t20-think3"
        assert told.object == "chat.completion"
        assert told.id.startswith("chatcmpl-")
        [choice] = told.choices
        assert choice.message.content == "".join(Script(tokens=20).pieces())
        assert choice.message.model_extra
        assert choice.message.model_extra["reasoning_content"]
        assert (choice.message.role, choice.finish_reason) == ("assistant", "stop")
        assert told.usage is not None
        assert told.usage.total_tokens == told.usage.prompt_tokens + told.usage.completion_tokens > 0
        assert not await web.engine.conversations.summaries()


async def test_a_stream_says_the_same_as_the_whole_and_its_usage_where_it_was_asked_for(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t20-think3")) as (_, client):
        stream = await client.chat.completions.create(
            model="box/t20-think3", messages=HI, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    *words, last, figures = chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in words) == "".join(Script(tokens=20).pieces())
    extra = [(chunk.choices[0].delta.model_extra or {}).get("reasoning_content") for chunk in words]
    assert all(extra[:3])
    assert not any(extra[3:])
    assert [chunk.choices[0].delta.role for chunk in words] == ["assistant", *[None] * 22]
    assert last.choices[0].finish_reason == "stop"
    assert not figures.choices
    assert figures.usage is not None
    assert figures.usage.completion_tokens >= 20
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert {chunk.model for chunk in chunks} == {"box/t20-think3"}


async def test_the_client_that_waits_for_nobody_streams_too(server: ModelServer) -> None:
    def streamed(url: str) -> str:
        with openai.OpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0) as client:
            stream = client.chat.completions.create(model="balanced", messages=HI, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    async with site(box(server.base_url, "t20")) as web:
        assert await asyncio.to_thread(streamed, web.url) == "".join(Script(tokens=20).pieces())


async def test_the_whole_talk_and_its_settings_reach_the_model(server: ModelServer) -> None:
    talk: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "look"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "A dot."},
        {"role": "assistant", "content": "A dot."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DOT}"}},
            ],
        },
    ]
    async with openai_site(box(server.base_url, "t5")) as (_, client):
        await client.chat.completions.create(
            model="t5",
            messages=talk,
            max_completion_tokens=77,
            temperature=0.25,
            top_p=0.5,
            stop="END",
            seed=3,
            reasoning_effort="low",
            extra_body={"something_new": {"deep": 1}, "tools": []},
        )
    body = server.exchanges[0].body
    assert (body["max_tokens"], body["temperature"], body["top_p"], body["seed"]) == (77, 0.25, 0.5, 3)
    assert (body["stop"], body["reasoning_effort"]) == (["END"], "low")
    system, first, called, given, answer, last = body["messages"]
    assert (system["role"], system["content"]) == ("system", "Be brief.")
    assert first["content"] == "What is it?"
    assert "look" in called["content"]
    assert "A dot." in given["content"]
    assert answer["content"] == "A dot."
    assert last["content"][0] == {"type": "text", "text": "And this?"}
    assert last["content"][1]["image_url"]["url"] == f"data:image/png;base64,{DOT}"


async def test_a_talk_without_a_system_message_gets_none(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5")) as (_, client):
        await client.chat.completions.create(model="auto", messages=HI)
    assert [message["role"] for message in server.exchanges[0].body["messages"]] == ["user"]


async def test_what_says_store_is_kept_as_a_conversation(server: ModelServer) -> None:
    talk: Any = [*HI, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "And now?"}]
    async with openai_site(box(server.base_url, "t5")) as (web, client):
        raw = await client.chat.completions.with_raw_response.create(model="auto", messages=talk, store=True)
        [summary] = await web.engine.conversations.summaries()
        path = (await web.engine.conversations.conversation(summary.id)).path
    assert raw.headers["x-chat-tui-conversation"] == summary.id
    assert raw.headers["x-chat-tui-model"] == "box/t5"
    assert [turn.text for turn in path[:3]] == ["Hi", "Hello.", "And now?"]
    assert path[3].text == raw.parse().choices[0].message.content


async def test_models_are_listed_with_the_strategies_and_auto(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5", "t6")) as (_, client):
        models = [model async for model in client.models.list()]
        one = await client.models.retrieve("box/t6")
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("box/t7")
    by_id = {model.id: model.owned_by for model in models}
    assert by_id["auto"] == by_id["balanced"] == "chat-tui"
    assert by_id["box/t5"] == by_id["box/t6"] == "box"
    assert all(isinstance(model.created, int) for model in models)
    assert (one.id, one.owned_by) == ("box/t6", "box")


async def test_a_bare_name_is_enough_where_only_one_has_it(server: ModelServer) -> None:
    """Also one with a slash in it, and of a server that has to be asked what it has."""
    async with ModelServer(models=("org/t5", "both")) as other:
        rows = (ProviderRow("box", base_url=server.base_url, models=("t5", "both")), ProviderRow("far", other.base_url))
        async with openai_site(Config(providers=rows)) as (_, client):
            told = [(await client.chat.completions.create(model=name, messages=HI)).model for name in ("org/t5", "t5")]
            with pytest.raises(openai.NotFoundError, match="box/both, far/both"):
                await client.chat.completions.create(model="both", messages=HI)
    assert told == ["far/org/t5", "box/t5"]


@pytest.mark.parametrize(("words", "reason"), [("t5-length", "length"), ("t5-filter", "content_filter")])
async def test_the_reason_of_the_end_is_the_models(server: ModelServer, words: str, reason: str) -> None:
    async with openai_site(box(server.base_url, words)) as (_, client):
        told = await client.chat.completions.create(model="auto", messages=HI)
        stream = await client.chat.completions.create(model="auto", messages=HI, stream=True)
        reasons = [chunk.choices[0].finish_reason async for chunk in stream]
    assert told.choices[0].finish_reason == reasons[-1] == reason


async def test_a_broken_model_is_replaced_and_the_client_sees_one_clean_stream(server: ModelServer) -> None:
    async with ModelServer(Script(error=503)) as broken, openai_site(two(broken, server, "x")) as (_, client):
        stream = await client.chat.completions.create(model="box/x", messages=HI, stream=True)
        chunks = [chunk async for chunk in stream]
    assert len(broken.exchanges) == 1
    assert {chunk.model for chunk in chunks} == {"spare/x"}
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(chunks) == 201


# -- errors -----------------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"n": 17}, "n"),
    ({"tools": [{"type": "custom", "function": {"name": "f"}}]}, "tools[0].type"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"temperature": "hot"}, "temperature"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "king", "content": "Hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://a/b.png"}}]}]},
        "messages[0].content[0].image_url",
    ),
    (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,ä"}}]}
            ]
        },
        "messages[0].content[0].image_url",
    ),
]


@pytest.mark.parametrize(("fields", "param"), WRONG, ids=[f"{param}-{i}" for i, (_, param) in enumerate(WRONG)])
async def test_what_cannot_be_had_is_refused_with_the_field(
    server: ModelServer, fields: dict[str, Any], param: str
) -> None:
    async with site(box(server.base_url, "t5")) as web:
        reply = await web.post("/v1/chat/completions", **{"model": "auto", "messages": HI, **fields})
    error = reply.json()["error"]
    assert reply.status_code == 400, error
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"]
    assert not server.exchanges


async def test_errors_are_those_that_the_client_knows(server: ModelServer) -> None:
    words = ("error429-retry7", "error503", "error400", "error401", "reset")
    async with openai_site(box(server.base_url, *words)) as (_, client):

        async def failing(model: str, stream: bool = False) -> openai.APIStatusError:
            with pytest.raises(openai.APIStatusError) as raised:
                await client.chat.completions.create(model=model, messages=HI, stream=stream)
            return raised.value

        for stream in (False, True):
            assert (await failing("nowhere", stream)).code == "model_not_found"
            limited = await failing("box/error429-retry7", stream)
            assert isinstance(limited, openai.RateLimitError)
            assert int(limited.response.headers["retry-after"]) >= 1
            assert (await failing("box/error503", stream)).status_code == 503
            assert isinstance(await failing("box/error400", stream), openai.BadRequestError)
            assert (await failing("box/error401", stream)).status_code == 502
            assert (await failing("box/reset", stream)).status_code == 502
        stranger = client.with_options(api_key="wrong")
        with pytest.raises(openai.AuthenticationError) as raised:
            await stranger.models.list()
        assert raised.value.code == "invalid_api_key"


async def test_limits_are_told_in_the_shape_that_the_client_knows(server: ModelServer) -> None:
    config = box(server.base_url, "t2", web=Web(requests_per_minute=2, max_body_bytes=1000))
    async with openai_site(config) as (_, client):
        with pytest.raises(openai.APIStatusError) as raised:
            await client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "long " * 1000}])
        assert raised.value.status_code == 413
        await client.chat.completions.create(model="auto", messages=HI)
        with pytest.raises(openai.RateLimitError) as limited:
            await client.chat.completions.create(model="auto", messages=HI)
        assert int(limited.value.response.headers["retry-after"]) >= 1


async def test_a_stream_that_breaks_raises_at_the_client_and_says_no_done(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t50-r500-cut9")) as (web, client):
        stream = await client.chat.completions.create(model="auto", messages=HI, stream=True)
        words = []

        async def read() -> None:
            async for chunk in stream:
                words.append(chunk.choices[0].delta.content)

        with pytest.raises(openai.APIError, match="box"):
            await read()
        assert len(words) == 9
        async with web.client.stream("POST", "/v1/chat/completions", json={"messages": HI, "stream": True}) as raw:
            text = (await raw.aread()).decode()
        assert '"error":{' in text
        assert "[DONE]" not in text


@pytest.mark.parametrize("stream", [True, False])
async def test_a_server_that_stops_says_that_the_answer_is_not_whole(server: ModelServer, stream: bool) -> None:
    async with openai_site(box(server.base_url, "t5000-r200")) as (web, client):

        async def ask() -> None:
            told = await client.chat.completions.create(model="auto", messages=HI, stream=stream)
            if isinstance(told, openai.AsyncStream):
                async for _ in told:
                    pass

        asking = asyncio.create_task(ask())
        inside = web.state
        await server.until(lambda: server.active_streams == 1)
        [answer] = inside.running()
        async with asyncio.timeout(20):
            async for chunk in answer.follow():
                if isinstance(chunk, Token):
                    break
        await inside.cancel_all()
        with pytest.raises(openai.APIError, match="shutting down"):
            await asking


async def test_whoever_waits_long_for_the_first_token_sees_that_somebody_is_there() -> None:
    sent: list[dict[str, Any]] = []
    head = asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message)
        head.set()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async with stage([Pause(60.0), "Late."]) as on:
        answer = await on.engine.ask_apart(None, "Hi", Request())
        events = CompletionEvents("chatcmpl-1", 0, CompletionTally(include_usage=False))
        state = create_state(Config(), token=TOKEN)
        stream = answer_stream(state, [answer], [events.of], "chatcmpl-1", head_seconds=0.02)
        telling = asyncio.create_task(stream({"type": "http", "path": "/v1/chat/completions"}, receive, send))
        async with asyncio.timeout(20):
            await head.wait()
        assert sent[0]["status"] == 200
        assert not answer.ended
        await answer.cancel()
        await telling


# -- clients that leave -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["t5000-r100", "t5000-first5000"])
async def test_a_client_that_leaves_a_stream_stops_the_model(server: ModelServer, words: str) -> None:
    """Before the first token, too."""
    async with openai_site(box(server.base_url, words)) as (_, client):

        async def ask() -> None:
            stream = await client.chat.completions.create(model="auto", messages=HI, stream=True)
            async for _ in stream:
                pass

        await _left(server, asyncio.create_task(ask()))


async def test_a_client_that_leaves_a_whole_completion_stops_the_model(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5000-r100")) as (_, client):
        whole = client.chat.completions.create(model="auto", messages=HI)
        await _left(server, asyncio.create_task(whole))


async def _left(server: ModelServer, asking: asyncio.Task[Any]) -> None:
    await server.until(lambda: server.active_streams == 1)
    await asyncio.sleep(0.05)
    asking.cancel()
    left = time.monotonic()
    await server.until(lambda: not server.active_streams)
    closed = server.exchanges[0].closed_by_client
    assert closed is not None
    assert closed - left < 2, "100 ms where nobody else is at work"
    await asyncio.wait([asking])


async def test_closing_the_stream_stops_the_model(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5000-r200")) as (_, client):
        async with await client.chat.completions.create(model="auto", messages=HI, stream=True) as stream:
            async for _ in stream:
                break
        await server.until(lambda: not server.active_streams)
        assert server.exchanges[0].closed_by_client is not None


# -- endings that are no answers ---------------------------------------------------------------------------------------


def test_an_answer_that_stays_empty_is_passed_on_as_its_server_ended_it() -> None:
    error = ErrorInfo("EmptyAnswer", "one/a sent no text: nothing came.")
    empty = Route("fixed", tries=(Try("one/a", 1, "EmptyAnswer"),) * 2)
    for reason, told in (("stop", "stop"), ("tool_calls", "stop"), ("MAX_TOKENS", "length")):
        turn = Turn("assistant", "", thinking="hm", state="empty", finish_reason=reason, error=error, model="one/a")
        (choice,) = build_completion("id", 0, [CompletedAnswer(turn, empty)]).choices
        assert (choice.message.content, choice.message.reasoning_content, choice.finish_reason) == ("", "hm", told)
        end = End(model="one/a", state="empty", finish_reason=reason, route=empty)
        raw = (
            CompletionEvents("id", 0, CompletionTally(include_usage=False))
            .of([Token("hm", "thinking"), Error(error), end])
            .decode()
        )
        assert f'"finish_reason":"{told}"' in raw
        assert raw.endswith("data: [DONE]\n\n")
        assert '"error"' not in raw
    # Where others have failed besides, that is what went wrong.
    mixed = Route("fixed", tries=(Try("one/a", 1, "EmptyAnswer"), Try("two/b", 1, "Unreachable")))
    turn = Turn("assistant", "", state="empty", error=ErrorInfo("AllFailed", "No model could answer."), model="one/a")
    with pytest.raises(ApiError):
        build_completion("id", 0, [CompletedAnswer(turn, mixed)])


def test_a_server_that_broke_off_is_not_told_as_a_stop_of_ours() -> None:
    refusal = incomplete_error(
        ErrorInfo("Overloaded", "one/a stopped in the middle of its answer with `error`."), None, "failed"
    )
    assert (refusal.status, "shutting down" in refusal.words, refusal.code) == (503, False, "Overloaded")
    assert "shutting down" not in incomplete_error(None, None, "broken").words
    assert "shutting down" in incomplete_error(None, None, "cancelled").words
