"""Tools, formats and sampling in the OpenAI-compatible API, used by OpenAI's own client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import BaseModel

from chat_tui.config.schema import Config, ProviderRow, Web
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.openai_client import openai
from tests.support.web_site import TOKEN, Site, box, site
from tests.wire.dialects import base_of
from tests.wire.raw_server import Asked, RawServer, whole

HI: Any = [{"role": "user", "content": "Weather?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
CLOCK: Any = {"type": "function", "function": {"name": "clock"}}
ARGUMENTS = '{"city": "Paris", "days": 2}'


@asynccontextmanager
async def openai_site(config: Config) -> AsyncIterator[tuple[Site, openai.AsyncOpenAI]]:
    """The web server over this config, and OpenAI's client for it."""
    async with (
        site(config) as web,
        openai.AsyncOpenAI(base_url=f"{web.url}/v1", api_key=TOKEN, max_retries=0, timeout=10) as client,
    ):
        yield web, client


async def test_a_tool_is_called_and_its_result_answered(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "calls")) as (_, client):
        told = await client.chat.completions.create(model="auto", messages=HI, tools=[WEATHER])
        [choice] = told.choices
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
        assert choice.message.tool_calls
        [call] = choice.message.tool_calls
        assert call.type == "function"
        assert (call.type, call.id) == ("function", "call_0")
        assert (call.function.name, call.function.arguments) == ("weather", ARGUMENTS)
        talk: Any = [*HI, choice.message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
        told = await client.chat.completions.create(model="auto", messages=talk, tools=[WEATHER])
    assert told.choices[0].message.content == "The tool says sunny."
    assert told.choices[0].finish_reason == "stop"
    first, second = (exchange.body for exchange in server.exchanges)
    assert first["tools"] == [WEATHER]
    _, called, given = second["messages"]
    assert called["tool_calls"][0]["function"] == {"name": "weather", "arguments": ARGUMENTS}
    assert given == {"role": "tool", "tool_call_id": "call_0", "content": "sunny"}


async def test_calls_are_streamed_in_pieces_and_several_at_once(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "calls2")) as (_, client):
        stream = await client.chat.completions.create(
            model="auto",
            messages=HI,
            tools=[WEATHER, CLOCK],
            tool_choice="required",
            parallel_tool_calls=True,
            stream=True,
        )
        chunks = [chunk async for chunk in stream]
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        for piece in chunk.choices[0].delta.tool_calls or ():
            assert piece.function is not None
            known = calls.setdefault(piece.index, ["", "", ""])
            for place, part in enumerate((piece.id, piece.function.name, piece.function.arguments)):
                known[place] += part or ""
    assert calls == {0: ["call_0", "weather", ARGUMENTS], 1: ["call_1", "clock", "{}"]}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    body = server.exchanges[0].body
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", True)


@pytest.mark.parametrize("stream", [False, True])
async def test_old_clients_get_their_calls_in_the_old_form(server: ModelServer, stream: bool) -> None:
    function = WEATHER["function"]
    async with openai_site(box(server.base_url, "calls2")) as (_, client):
        told: Any = await client.chat.completions.create(
            model="auto", messages=HI, functions=[function], function_call={"name": "weather"}, stream=stream
        )
        if stream:
            chunks = [chunk async for chunk in told]
            pieces = [chunk.choices[0].delta.function_call for chunk in chunks if chunk.choices[0].delta.function_call]
            call = {"name": pieces[0].name, "arguments": "".join(piece.arguments for piece in pieces)}
            reason = chunks[-1].choices[0].finish_reason
        else:
            call = told.choices[0].message.function_call.model_dump()
            reason = told.choices[0].finish_reason
        assert (call, reason) == ({"name": "weather", "arguments": ARGUMENTS}, "function_call")
        talk: Any = [
            *HI,
            {"role": "assistant", "content": None, "function_call": call},
            {"role": "function", "name": "weather", "content": "rain"},
        ]
        told = await client.chat.completions.create(model="auto", messages=talk, functions=[function])
    assert told.choices[0].message.content == "The tool says rain."
    assert server.exchanges[0].body["tool_choice"] == {"type": "function", "function": {"name": "weather"}}


class Place(BaseModel):
    """What the model is to answer."""

    city: str
    days: int


async def test_the_answer_is_json_of_the_wanted_schema(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "calls")) as (_, client):
        told = await client.chat.completions.parse(model="auto", messages=HI, response_format=Place)
        loose = await client.chat.completions.create(model="auto", messages=HI, response_format={"type": "json_object"})
    assert told.choices[0].message.parsed == Place(city="Paris", days=2)
    assert json.loads(loose.choices[0].message.content or "") == {"city": "Paris"}
    sent = server.exchanges[0].body["response_format"]
    assert (sent["type"], sent["json_schema"]["name"], sent["json_schema"]["strict"]) == ("json_schema", "Place", True)
    assert server.exchanges[1].body["response_format"] == {"type": "json_object"}


async def test_several_answers_have_an_index_each_and_one_sum(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t20")) as (_, client):
        told = await client.chat.completions.create(model="auto", messages=HI, n=3, seed=7)
        stream = await client.chat.completions.create(
            model="auto", messages=HI, n=2, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert [choice.index for choice in told.choices] == [0, 1, 2]
    assert {choice.message.content for choice in told.choices} == {"".join(Script(tokens=20).pieces())}
    assert told.usage is not None
    assert told.usage.completion_tokens == 60
    assert sorted(exchange.body["seed"] for exchange in server.exchanges[:3]) == [7, 8, 9]
    texts = {0: "", 1: ""}
    for chunk in chunks[:-1]:
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert set(texts.values()) == {"".join(Script(tokens=20).pieces())}
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.completion_tokens, chunks[-1].choices) == (40, [])


async def test_a_client_that_leaves_stops_all_of_its_answers(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5000-r100")) as (_, client):
        async with await client.chat.completions.create(model="auto", messages=HI, n=3, stream=True) as stream:
            async for _ in stream:
                break
            await server.until(lambda: server.active_streams == 3)
        await server.until(lambda: not server.active_streams)
    assert all(exchange.closed_by_client for exchange in server.exchanges)


async def test_more_answers_than_a_client_may_have_are_refused_and_none_runs(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5000-r100", web=Web(max_streams=2))) as (web, client):
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="auto", messages=HI, n=3)
        await server.until(lambda: not server.active_streams)
        assert not web.state.running()


async def test_an_answer_that_fails_ends_all_of_them(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t50-r500-cut9")) as (web, _):
        body = {"model": "auto", "messages": HI, "stream": True, "n": 2}
        text = (await web.client.post("/v1/chat/completions", json=body)).text
    assert text.count('"error":{') == 1
    assert "[DONE]" not in text


async def test_probabilities_come_with_their_tokens(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "calls")) as (_, client):
        told = await client.chat.completions.create(model="auto", messages=HI, logprobs=True, top_logprobs=2)
        stream = await client.chat.completions.create(model="auto", messages=HI, logprobs=True, stream=True)
        pieces = [chunk.choices[0] async for chunk in stream if chunk.choices[0].delta.content]
    assert told.choices[0].logprobs is not None
    assert [token.token for token in told.choices[0].logprobs.content or ()] == ["Hello", " there."]
    assert [token.token for piece in pieces for token in (piece.logprobs and piece.logprobs.content) or ()] == [
        "Hello",
        " there.",
    ]
    assert [piece.delta.content for piece in pieces if piece.logprobs] == ["Hello", " there."]
    assert server.exchanges[0].body["top_logprobs"] == 2


async def test_sampling_reaches_the_model(server: ModelServer) -> None:
    wanted: Any = {
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "logit_bias": {"1": 5},
        "user": "someone",
        "service_tier": "default",
    }
    async with openai_site(box(server.base_url, "t5")) as (_, client):
        await client.chat.completions.create(model="auto", messages=HI, metadata={"a": "b"}, **wanted)
    body = server.exchanges[0].body
    assert {name: body[name] for name in wanted} == wanted


@pytest.mark.parametrize("dialect", ["openai", "openai-responses", "gemini"])
async def test_a_model_that_refuses_probabilities_is_not_asked_without_them(server: ModelServer, dialect: str) -> None:
    refusal = {
        "error": {"message": "Logprobs is not enabled for this model.", "param": "logprobs", "status": "INVALID"}
    }

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(whole(json.dumps(refusal).encode(), "400 Bad Request"))

    async with RawServer(answer) as other:
        rows = (
            ProviderRow("strict", base_url=base_of(other, dialect), dialect=dialect, models=("gpt-5",)),
            ProviderRow("box", base_url=server.base_url, models=("calls",)),
        )
        async with openai_site(Config(providers=rows)) as (_, client):
            with pytest.raises(openai.BadRequestError, match="Logprobs is not enabled"):
                await client.chat.completions.create(model="strict/gpt-5", messages=HI, logprobs=True, top_logprobs=2)
            told = await client.chat.completions.create(model="quality-first", messages=HI, logprobs=True)
    assert told.model == "box/calls"
    assert told.choices[0].logprobs is not None
    assert all(b"ogprobs" in asked.body for asked in other.asked if asked.body)


async def test_an_image_at_a_web_address_is_passed_on_where_servers_fetch_it(server: ModelServer) -> None:
    url = "https://example.com/a.png"
    talk: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
    rows = (
        ProviderRow("box", base_url=server.base_url, models=("t5",)),
        ProviderRow("ollama", base_url="http://127.0.0.1:9", models=("llava",), dialect="ollama"),
        ProviderRow("anthropic", base_url="http://127.0.0.1:9", models=("claude-x",), dialect="anthropic"),
    )
    async with openai_site(Config(providers=rows)) as (_, client):
        told = await client.chat.completions.create(model="balanced", messages=talk)
        with pytest.raises(openai.BadRequestError, match="web addresses") as raised:
            await client.chat.completions.create(model="ollama/llava", messages=talk)
        with pytest.raises(openai.BadRequestError, match="cannot be stored"):
            await client.chat.completions.create(model="box/t5", messages=talk, store=True)
        with pytest.raises(openai.BadRequestError, match="probabilities"):
            await client.chat.completions.create(model="anthropic/claude-x", messages=HI, logprobs=True)
    assert raised.value.code == "NotCapable"
    assert told.model == "box/t5"
    [message] = server.exchanges[0].body["messages"]
    assert message["content"] == [{"type": "image_url", "image_url": {"url": url}}]


async def test_messages_of_unusual_form_are_taken(server: ModelServer) -> None:
    """The beginning of an answer, a system prompt alone, no text at all."""
    async with openai_site(box(server.base_url, "t5")) as (_, client):

        async def send(*messages: Any) -> list[tuple[str, Any]]:
            await client.chat.completions.create(model="auto", messages=messages)
            sent = server.exchanges[-1].body["messages"]
            return [(message["role"], message["content"]) for message in sent]

        given = {"role": "assistant", "content": "It is"}
        assert await send(HI[0], given) == [("user", "Weather?"), ("assistant", "It is")]
        system = {"role": "system", "content": "Greet."}
        assert await send(system) == [("user", "Greet.")]
        assert await send(system, given) == [("user", "Greet."), ("assistant", "It is")]
        assert await send({"role": "user", "content": ""}) == [("user", "")]
        assert await send(HI[0], {"role": "assistant", "content": None}, HI[0]) == [("user", "Weather?\n\nWeather?")]
        lost = {"role": "tool", "tool_call_id": "x", "content": "5"}
        assert await send(HI[0], lost) == [("user", "Weather?\n\n[Tool result:]\n5")]


async def test_what_is_stored_holds_calls_and_the_beginning_of_the_answer(server: ModelServer) -> None:
    called: Any = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": CALL}]}
    talk: Any = [*HI, called, {"role": "tool", "tool_call_id": "c", "content": "sunny"}]
    begun: Any = [*HI, {"role": "assistant", "content": "It "}]
    async with openai_site(box(server.base_url, "calls")) as (web, client):
        raw = await client.chat.completions.with_raw_response.create(
            model="auto", messages=talk, tools=[WEATHER], store=True
        )
        path = (await web.engine.conversations.conversation(raw.headers["x-chat-tui-conversation"])).path
        raw = await client.chat.completions.with_raw_response.create(model="auto", messages=begun, store=True)
        continued = (await web.engine.conversations.conversation(raw.headers["x-chat-tui-conversation"])).path
    assert [turn.role for turn in path] == ["user", "assistant", "tool", "assistant"]
    assert path[1].calls[0].arguments == ARGUMENTS
    assert path[3].text == "The tool says sunny."
    assert continued[1].text == "It Hello there."
    assert raw.parse().choices[0].message.content == "Hello there."


CALL = {"name": "weather", "arguments": ARGUMENTS}


async def test_the_route_is_in_a_header(server: ModelServer) -> None:
    async with ModelServer(Script(error=503)) as broken:
        rows = [ProviderRow("box", base_url=broken.base_url, models=("x",))]
        rows.append(ProviderRow("spare", base_url=server.base_url, models=("x",)))
        config = Config(providers=tuple(rows), fallbacks=("spare/x",))
        async with openai_site(config) as (_, client):
            for stream in (False, True):
                raw = await client.chat.completions.with_raw_response.create(model="box/x", messages=HI, stream=stream)
                route = json.loads(raw.headers["x-chat-tui-route"])
                assert route["strategy"] == "fixed"
                assert route["tries"][-1]["model"] == "spare/x"
                assert {each["model"] for each in route["tries"][:-1]} == {"box/x"}
                assert all(each["outcome"] for each in route["tries"][:-1])


async def test_an_alias_is_a_model(server: ModelServer) -> None:
    aliases = {"gpt-4o": "balanced", "small": "box/t5"}
    config = replace(box(server.base_url, "t5", "t6"), web=Web(aliases=aliases))
    async with openai_site(config) as (_, client):
        told = await client.chat.completions.create(model="small", messages=HI)
        chosen = await client.chat.completions.create(model="gpt-4o", messages=HI)
        listed = [model.id async for model in client.models.list()]
        one = await client.models.retrieve("gpt-4o")
    assert told.model == "box/t5"
    assert chosen.model in {"box/t5", "box/t6"}
    assert {"gpt-4o", "small"} < set(listed)
    assert (one.id, one.owned_by) == ("gpt-4o", "chat-tui")


# -- hostile requests -------------------------------------------------------------------------------------------------


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def tool(name: Any = "f", **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def called(**function: Any) -> list[dict[str, Any]]:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", **function}}]
    return [*HI, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "c", "content": "x"}]


HOSTILE: list[tuple[dict[str, Any], str | None]] = [
    ({"tools": [tool(f"f{number}") for number in range(1000)]}, "tools"),
    ({"tools": [tool(), tool()]}, "tools[1]"),
    ({"tools": [tool("a b")]}, "tools[0].function.name"),
    ({"tools": [tool("f" * 200)]}, "tools[0].function.name"),
    ({"tools": [tool(7)]}, "tools[0].function.name"),
    ({"tools": [tool(parameters=[])]}, "tools[0].function.parameters"),
    ({"tools": [tool(parameters=deep(80))]}, "tools[0]"),
    ({"tools": [tool(parameters=deep(5000))]}, None),
    ({"tools": tool()}, "tools"),
    ({"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [tool()], "tool_choice": 3}, "tool_choice"),
    ({"tools": [tool()], "functions": [{"name": "f"}]}, "functions"),
    ({"response_format": {"type": "json_schema"}}, "response_format"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": deep(80)}}},
        "response_format.json_schema.schema",
    ),
    ({"messages": called(arguments="x" * 10_000_000)}, "messages[1].tool_calls[0].function.arguments"),
    ({"messages": called(arguments={"a": 1})}, "messages[1].tool_calls[0].function.arguments"),
    ({"messages": called()[:2]}, "messages"),
    ({"logit_bias": {"1": 1000}}, "logit_bias[...]"),
    ({"frequency_penalty": 3}, "frequency_penalty"),
    ({"n": 0}, "n"),
]


@pytest.mark.parametrize(("fields", "param"), HOSTILE, ids=[f"{index}-{row[1]}" for index, row in enumerate(HOSTILE)])
async def test_hostile_requests_are_refused_with_the_field(
    server: ModelServer, fields: dict[str, Any], param: str | None
) -> None:
    async with site(box(server.base_url, "t5")) as web:
        reply = await web.client.post("/v1/chat/completions", content=encoded({"messages": HI, **fields}))
    error = reply.json()["error"]
    assert (reply.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param), error
    assert not server.exchanges


def encoded(value: Any) -> bytes:
    """JSON without recursion, which deep values would exhaust."""
    try:
        return json.dumps(value).encode()
    except RecursionError:
        parameters = b'{"a":' * 5000 + b"1" + b"}" * 5000
        tools = b'[{"type":"function","function":{"name":"f","parameters":%b}}]' % parameters
        return b'{"messages":%b,"tools":%b}' % (json.dumps(HI).encode(), tools)


async def test_wild_arguments_in_a_talk_go_on_as_they_are(server: ModelServer) -> None:
    talk = called(arguments='{"a": [1, 2' + "\u202e" + "\x1b[2J")
    async with site(box(server.base_url, "t5")) as web:
        reply = await web.post("/v1/chat/completions", messages=talk, tools=[tool("f")])
    assert reply.status_code == 200
    sent = server.exchanges[0].body["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert sent.startswith('{"a": [1, 2')
    assert "\x1b" not in sent
