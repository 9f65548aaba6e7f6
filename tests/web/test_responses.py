"""The Responses API, used by OpenAI's own client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import BaseModel

from chat_tui.config.schema import Config
from chat_tui.core.chunks import Chunk, End, Error, ErrorInfo, Token, ToolCallDelta
from chat_tui.core.settings.conversation_settings import ConversationSettings
from chat_tui.core.tools import ToolUse
from chat_tui.web.responses.replies import ResponseEvents
from chat_tui.web.responses.schemas import ResponseObject
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.openai_client import openai
from tests.support.web_site import TOKEN, Site, box, site

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
CLOCK: Any = {"type": "function", "name": "clock", "parameters": None, "strict": None}


@asynccontextmanager
async def openai_site(config: Config) -> AsyncIterator[tuple[Site, openai.AsyncOpenAI]]:
    """The web server over this config, and OpenAI's client for it."""
    async with (
        site(config) as web,
        openai.AsyncOpenAI(base_url=f"{web.url}/v1", api_key=TOKEN, max_retries=0, timeout=10) as client,
    ):
        yield web, client


async def test_a_whole_response_is_what_the_client_expects(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t20-think3")) as (web, client):
        told = await client.responses.create(
            model="auto",
            input="Hi",
            instructions="Be brief.",
            max_output_tokens=50,
            reasoning={"effort": "low"},
            temperature=0.5,
            metadata={"a": "b"},
        )
        assert not await web.engine.conversations.summaries()
    assert told.output_text == "".join(Script(tokens=20).pieces())
    assert [item.type for item in told.output] == ["reasoning", "message"]
    assert (told.status, told.model, told.error) == ("completed", "box/t20-think3", None)
    assert (told.instructions, told.metadata) == ("Be brief.", {"a": "b"})
    assert told.usage is not None
    assert told.usage.output_tokens >= 20
    body = server.exchanges[0].body
    assert (body["max_tokens"], body["reasoning_effort"], body["temperature"]) == (50, "low", 0.5)
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]


async def test_a_stream_has_the_documented_events(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t20-think3")) as (_, client):
        stream = await client.responses.create(model="auto", input="Hi", stream=True)
        events: Any = [event async for event in stream]
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == [*range(len(events))]
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == "".join(Script(tokens=20).pieces())
    last = events[-1]
    assert last.response.output_text == text
    assert (last.response.status, last.response.model) == ("completed", "box/t20-think3")
    assert last.response.usage.output_tokens >= 20


async def test_tools_are_called_and_their_results_answered(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "calls2")) as (_, client):
        told = await client.responses.create(
            model="auto", input="Hi", tools=[WEATHER, CLOCK], tool_choice="required", parallel_tool_calls=True
        )
        calls: Any = told.output
        results = [{"type": "function_call_output", "call_id": call.call_id, "output": call.name} for call in calls]
        talk: Any = [{"role": "user", "content": "Hi"}, *calls, *results]
        answered = await client.responses.create(model="auto", input=talk, tools=[WEATHER, CLOCK])
        async with client.responses.stream(model="auto", input="Hi", tools=[WEATHER]) as stream:
            streamed = await stream.get_final_response()
    assert [(call.type, call.call_id, call.name, call.arguments) for call in calls] == [
        ("function_call", "call_0", "weather", '{"city": "Paris"}'),
        ("function_call", "call_1", "clock", "{}"),
    ]
    assert answered.output_text == "The tool says clock."
    assert [item.arguments for item in streamed.output if item.type == "function_call"] == ['{"city": "Paris"}'] * 2
    first, second = server.exchanges[0].body, server.exchanges[1].body
    assert (first["tool_choice"], first["parallel_tool_calls"]) == ("required", True)
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "tool", "tool"]


class Place(BaseModel):
    """What the model is to answer."""

    city: str


async def test_the_answer_is_json_of_the_wanted_schema(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "calls")) as (_, client):
        told = await client.responses.parse(model="auto", input="Hi", text_format=Place)
    assert told.output_parsed == Place(city="Paris")
    assert server.exchanges[0].body["response_format"]["json_schema"]["name"] == "Place"


async def test_images_and_items_of_all_kinds_reach_the_model(server: ModelServer) -> None:
    talk: Any = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is it?"},
                {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"},
            ],
        },
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A dot."}]},
        {"role": "user", "content": "Why?"},
    ]
    async with openai_site(box(server.base_url, "t5")) as (_, client):
        await client.responses.create(model="auto", input=talk)
    system, question, answer, last = server.exchanges[0].body["messages"]
    assert (system["content"], answer["content"], last["content"]) == ("Be brief.", "A dot.", "Why?")
    assert question["content"][1]["image_url"]["url"] == "https://example.com/a.png"


async def test_a_stored_response_is_continued_in_its_conversation(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "calls")) as (web, client):
        first = await client.responses.create(
            model="auto", input="Weather?", instructions="One.", tools=[WEATHER], store=True
        )
        given: Any = [{"type": "function_call_output", "call_id": "call_0", "output": "sunny"}]
        second = await client.responses.create(
            model="auto", input=given, instructions="Two.", tools=[WEATHER], previous_response_id=first.id, store=True
        )
        aside = await client.responses.create(model="auto", input="Apart.", previous_response_id=second.id)
        await client.responses.create(
            model="auto", input=given, previous_response_id=first.id, store=True, tools=[WEATHER]
        )
        listed = await web.engine.conversations.summaries()
        path = (await web.engine.conversations.conversation(second.id.removeprefix("resp_").split("-")[0])).path
        for lost in ("resp_x", "resp_x-y", aside.id, f"{second.id}0", "nothing"):
            with pytest.raises(openai.NotFoundError):
                await client.responses.create(model="auto", input="Hi", previous_response_id=lost)
        nothing: Any = [{"role": "system", "content": "x"}]
        with pytest.raises(openai.BadRequestError):
            await client.responses.create(model="auto", input=nothing, previous_response_id=second.id, store=True)
    assert second.output_text == "The tool says sunny."
    assert second.previous_response_id == first.id
    assert [turn.role for turn in path] == ["user", "assistant", "tool", "assistant"]
    assert len(listed) == 2, "a branch is a conversation of its own"
    sent = [[message["content"] for message in exchange.body["messages"]] for exchange in server.exchanges]
    assert sent[1] == ["Two.", "Weather?", None, "sunny"]
    assert (sent[2][0], sent[2][-1]) == ("Weather?", "Apart.")
    assert sent[3] == ["Weather?", None, "sunny"]


async def test_tool_servers_of_a_stored_conversation_have_no_part_in_it(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "calls")) as (web, client):
        first = await client.responses.create(model="auto", input="Hi", store=True)
        conversation = first.id.removeprefix("resp_").split("-")[0]
        use = ToolUse(servers=("chat-tui",), allow=("*",))
        await web.engine.conversations.set_settings(conversation, ConversationSettings(tools=use))
        second = await client.responses.create(
            model="auto", input="Hi", tools=[WEATHER], previous_response_id=first.id, store=True
        )
    assert [tool["function"]["name"] for tool in server.exchanges[1].body["tools"]] == ["weather"]
    assert second.output[0].type == "function_call"
    assert len(server.exchanges) == 2


async def test_tools_of_other_types_are_left_out(server: ModelServer) -> None:
    """Agents offer them with every request."""
    others: Any = [{"type": "web_search"}, {"type": "namespace", "name": "a b", "tools": []}]
    async with openai_site(box(server.base_url, "calls")) as (_, client):
        told = await client.responses.create(model="auto", input="Hi", tools=[*others, WEATHER])
    assert [tool["function"]["name"] for tool in server.exchanges[0].body["tools"]] == ["weather"]
    assert told.output[0].type == "function_call"


async def test_probabilities_come_with_the_text(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "calls")) as (_, client):
        told: Any = await client.responses.create(model="auto", input="Hi", include=["message.output_text.logprobs"])
        stream = await client.responses.create(model="auto", input="Hi", top_logprobs=1, stream=True)
        events: Any = [event async for event in stream]
    assert [token.token for token in told.output[0].content[0].logprobs] == ["Hello", " there."]
    done = next(event for event in events if event.type == "response.output_text.done")
    assert [token.token for token in done.logprobs] == ["Hello", " there."]


@pytest.mark.parametrize(("words", "reason"), [("t5-length", "max_output_tokens"), ("t5-filter", "content_filter")])
async def test_a_response_that_is_not_whole_says_why(server: ModelServer, words: str, reason: str) -> None:
    async with openai_site(box(server.base_url, words)) as (_, client):
        told = await client.responses.create(model="auto", input="Hi")
        stream = await client.responses.create(model="auto", input="Hi", stream=True)
        events: Any = [event async for event in stream]
    for response in (told, events[-1].response):
        assert response.status == "incomplete"
        assert response.incomplete_details is not None
        assert response.incomplete_details.reason == reason
    assert events[-1].type == "response.incomplete"


async def test_a_stream_that_breaks_has_failed(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t50-r500-cut9", "error503")) as (_, client):
        stream = await client.responses.create(model="auto", input="Hi", stream=True)
        events: Any = [event async for event in stream]
        with pytest.raises(openai.InternalServerError):
            await client.responses.create(model="box/error503", input="Hi", stream=True)
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.message


async def test_a_client_that_leaves_stops_the_model(server: ModelServer) -> None:
    async with openai_site(box(server.base_url, "t5000-r100")) as (_, client):
        async with await client.responses.create(model="auto", input="Hi", stream=True) as stream:
            async for event in stream:
                if event.type == "response.output_text.delta":
                    break
        await server.until(lambda: not server.active_streams)
    assert server.exchanges[0].closed_by_client is not None


def test_calls_may_grow_side_by_side_and_be_cut() -> None:
    chunks: list[Chunk] = [
        Token("A"),
        ToolCallDelta(0, "start", "a", "one"),
        ToolCallDelta(1, "start", "b", "two"),
        ToolCallDelta(0, "arguments", "a", arguments="{}"),
        ToolCallDelta(1, "arguments", "b", arguments='{"x'),
        ToolCallDelta(0, "end", "a", "one", "{}"),
        End(model="box/a", state="length", finish_reason="length"),
    ]
    events = ResponseEvents(ResponseObject(id="resp_1", created_at=0), "1", sealed=lambda: "sealed")
    lines = events.of(chunks).decode().splitlines()
    last = json.loads(lines[-2].removeprefix("data: "))
    assert last["type"] == "response.incomplete"
    assert [(item["type"], item["status"]) for item in last["response"]["output"]] == [
        ("message", "completed"),
        ("function_call", "completed"),
        ("function_call", "incomplete"),
        ("reasoning", "completed"),
    ]
    assert last["response"]["output"][3]["encrypted_content"] == "sealed"


def test_what_fails_is_told_with_its_code() -> None:
    events = ResponseEvents(ResponseObject(id="resp_1", created_at=0), "1", sealed=str)
    raw = events.of([Error(ErrorInfo("RateLimited", "Too many.")), End(state="failed")]).decode()
    assert '"code":"rate_limit_exceeded"' in raw


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


HOSTILE: list[dict[str, Any]] = [
    {"input": []},
    {"input": [{"role": "king", "content": "x"}]},
    {"input": [{"content": "x"}]},
    {"input": [{"type": "function_call", "name": "f"}]},
    {"input": [{"type": "function_call_output", "output": "f"}]},
    {"input": [{"type": "function_call", "call_id": "c", "name": "f"}]},
    {"input": [{"type": "item_reference", "id": "x"}]},
    {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "x"}]}]},
    {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "file:///etc/passwd"}]}]},
    {"input": "Hi", "tools": [{"type": "web_search"}]},
    {"input": "Hi", "tools": [{"type": "function"}]},
    {"input": "Hi", "tools": [{"type": "function", "name": "a b"}]},
    {"input": "Hi", "tools": [{**WEATHER, "name": f"t{number}"} for number in range(1000)]},
    {"input": "Hi", "tools": [{**WEATHER, "parameters": deep(100)}]},
    {"input": "Hi", "tool_choice": "required"},
    {"input": "Hi", "text": {"format": {"type": "json_schema", "name": "a", "schema": deep(100)}}},
    {"input": "Hi", "background": True},
    {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "x" * 2_000_000}]},
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_requests_are_refused(server: ModelServer, body: dict[str, Any]) -> None:
    async with site(box(server.base_url, "t5")) as web:
        reply = await web.client.post("/v1/responses", json={"model": "auto", **body})
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error"), reply.text
    assert not server.exchanges
