"""The Anthropic-compatible API: messages, their events, tools, thinking, errors."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from chat_tui.config.schema import ErrorHandling, ProviderRow, Web
from chat_tui.core.chunks import Chunk, End, Metadata, Token, ToolCallDelta, Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.tools import ToolCall
from chat_tui.web.anthropic.requests import parse_request
from chat_tui.web.anthropic.responses import MessageEvents, build_message
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.sealing import seal
from tests.doubles.model_scripts import Script
from tests.doubles.model_server import ModelServer
from tests.support.web_site import TOKEN, Site, box, site

HI: Any = [{"role": "user", "content": "Weather?"}]
WEATHER: Any = {
    "name": "weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLOCK: Any = {"name": "clock", "input_schema": {"type": "object"}}
KEY = {"x-api-key": TOKEN, "anthropic-version": "2023-06-01", "Authorization": ""}
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


async def send(web: Site, **fields: Any) -> httpx.Response:
    """Send a message as Anthropic's clients do."""
    body = {"model": "auto", "max_tokens": 100, "messages": HI, **fields}
    headers = [(name, value) for name, value in KEY.items() if value]
    async with httpx.AsyncClient(base_url=web.url, timeout=20) as client:
        return await client.post("/v1/messages?beta=true", json=body, headers=headers)


def events_of(text: str) -> list[dict[str, Any]]:
    """The events of a stream; each is named by its type."""
    found = []
    for block in text.strip().split("\n\n"):
        if block.startswith(":"):
            continue
        name, _, data = block.partition("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        found.append(event)
    return found


async def test_a_whole_message_is_what_clients_expect(server: ModelServer) -> None:
    async with site(box(server.base_url, "t20-think3")) as web:
        reply = await send(web)
        assert not await web.engine.conversations.summaries()
    told = reply.json()
    assert (told["type"], told["role"], told["model"]) == ("message", "assistant", "box/t20-think3")
    assert told["id"].startswith("msg_")
    thinking, text = told["content"]
    assert thinking["type"] == "thinking"
    assert thinking["signature"]
    assert text == {"type": "text", "text": "".join(Script(tokens=20).pieces())}
    assert (told["stop_reason"], told["stop_sequence"]) == ("end_turn", None)
    assert told["usage"]["output_tokens"] >= 20
    assert reply.headers["request-id"] == told["id"]
    assert json.loads(reply.headers["x-chat-tui-route"])["tries"]
    assert server.exchanges[0].body["max_tokens"] == 100


async def test_a_stream_has_the_documented_events(server: ModelServer) -> None:
    async with site(box(server.base_url, "t20-think3")) as web:
        events = events_of((await send(web, stream=True)).text)
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    begun = events[0]["message"]
    assert (begun["content"], begun["stop_reason"], begun["model"]) == ([], None, "box/t20-think3")
    assert begun["usage"]["input_tokens"] > 0
    blocks = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert blocks == ["thinking", "text"]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(delta.get("text", "") for delta in deltas) == "".join(Script(tokens=20).pieces())
    assert [delta["type"] for delta in deltas[:4]] == [*["thinking_delta"] * 3, "signature_delta"]
    assert events[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert events[-2]["usage"]["output_tokens"] >= 20


async def test_tools_are_called_and_their_results_answered(server: ModelServer) -> None:
    async with site(box(server.base_url, "calls2")) as web:
        told = (await send(web, tools=[WEATHER, CLOCK], tool_choice={"type": "any"})).json()
        events = events_of((await send(web, tools=[WEATHER, CLOCK], stream=True)).text)
        results = [
            {"type": "tool_result", "tool_use_id": "call_0", "content": [{"type": "text", "text": "sunny"}]},
            {"type": "tool_result", "tool_use_id": "call_1", "content": "broken", "is_error": True},
            {"type": "text", "text": "And now?"},
        ]
        talk = [*HI, {"role": "assistant", "content": told["content"]}, {"role": "user", "content": results}]
        await send(web, tools=[WEATHER, CLOCK], messages=talk)
        answered = await send(web, tools=[WEATHER], messages=[*talk[:2], {"role": "user", "content": results[:2]}])
    assert told["stop_reason"] == "tool_use"
    assert told["content"] == [
        {"type": "tool_use", "id": "call_0", "name": "weather", "input": {"city": "Paris"}},
        {"type": "tool_use", "id": "call_1", "name": "clock", "input": {}},
    ]
    calls: dict[int, list[str]] = {}
    for event in events:
        if event["type"] == "content_block_start":
            block = event["content_block"]
            assert (block["type"], block["input"]) == ("tool_use", {})
            calls[event["index"]] = [block["id"], block["name"], ""]
        elif event["type"] == "content_block_delta":
            calls[event["index"]][2] += event["delta"]["partial_json"]
    assert calls == {0: ["call_0", "weather", '{"city": "Paris"}'], 1: ["call_1", "clock", "{}"]}
    assert events[-2]["delta"]["stop_reason"] == "tool_use"
    first, third = server.exchanges[0].body, server.exchanges[2].body
    assert first["tool_choice"] == "required"
    assert [(message["role"], message.get("tool_call_id")) for message in third["messages"]] == [
        ("user", None),
        ("assistant", None),
        ("tool", "call_0"),
        ("tool", "call_1"),
        ("user", None),
    ]
    assert "broken" in answered.json()["content"][0]["text"]


async def test_the_talk_and_its_settings_reach_the_model(server: ModelServer) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}
    far = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    document = {"type": "document", "title": "a.txt", "source": {"type": "text", "data": "Dear all"}}
    async with site(box(server.base_url, "t5")) as web:
        reply = await send(
            web,
            system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": [image, far, document, {"type": "text", "text": "What is it?"}]}],
            temperature=0.5,
            top_p=0.25,
            top_k=7,
            stop_sequences=["END"],
            thinking={"type": "enabled", "budget_tokens": 2000},
            metadata={"user_id": "someone"},
            context_management={"edits": []},
        )
    assert reply.status_code == 200, reply.text
    body = server.exchanges[0].body
    assert (body["temperature"], body["top_p"], body["top_k"], body["stop"]) == (0.5, 0.25, 7, ["END"])
    assert (body["reasoning_effort"], body["user"]) == ("low", "someone")
    system, question = body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    text, near, at_address = question["content"]
    assert text["text"].startswith("What is it?")
    assert "Dear all" in text["text"]
    assert near["image_url"]["url"].startswith("data:image/png;base64,")
    assert at_address["image_url"]["url"] == "https://example.com/a.png"


async def test_the_beginning_of_an_answer_and_a_schema_are_taken(server: ModelServer) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    async with site(box(server.base_url, "calls")) as web:
        await send(web, messages=[*HI, {"role": "assistant", "content": "It is"}])
        told = (await send(web, output_config={"format": {"type": "json_schema", "schema": schema}})).json()
    assert server.exchanges[0].body["messages"][-1] == {"role": "assistant", "content": "It is"}
    assert json.loads(told["content"][0]["text"]) == {"city": "Paris"}


async def test_tokens_are_counted_without_asking_a_model(server: ModelServer) -> None:
    async with site(box(server.base_url, "t5")) as web:

        async def counted(**fields: Any) -> int:
            reply = await web.post("/v1/messages/count_tokens", model="auto", messages=HI, **fields)
            assert reply.status_code == 200, reply.text
            count: int = reply.json()["input_tokens"]
            return count

        plain, with_tools = await counted(), await counted(tools=[WEATHER], system="Be brief.")
    assert 0 < plain < with_tools
    assert not server.exchanges


async def test_errors_have_the_shape_of_this_api(server: ModelServer) -> None:
    config = box(server.base_url, "error429-retry7", "error503", "t5", web=Web(max_body_bytes=5000))
    async with site(replace(config, error_handling=ErrorHandling(retry_attempts=1))) as web:

        async def failing(model: str, **fields: Any) -> tuple[int, str]:
            reply = await send(web, model=model, **fields)
            told = reply.json()
            assert told["type"] == "error"
            assert told["error"]["message"]
            return reply.status_code, told["error"]["type"]

        assert await failing("nowhere") == (404, "not_found_error")
        for stream in (False, True):
            assert await failing("box/error429-retry7", stream=stream) == (429, "rate_limit_error")
            assert await failing("box/error503", stream=stream) == (503, "overloaded_error")
        assert await failing("box/t5", max_tokens=0) == (400, "invalid_request_error")
        assert await failing("box/t5", system="long " * 2000) == (413, "request_too_large")
        async with httpx.AsyncClient(base_url=web.url, headers={"x-api-key": "wrong"}) as stranger:
            refused = await stranger.post("/v1/messages", json={})
            elsewhere = await stranger.post("/stream", json={}, headers={"x-api-key": TOKEN})
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "authentication_error")
    assert elsewhere.status_code == 401


async def test_a_stream_that_breaks_ends_with_an_error(server: ModelServer) -> None:
    async with site(box(server.base_url, "t50-r500-cut9")) as web:
        events = events_of((await send(web, stream=True)).text)
    assert events[-1]["type"] == "error"
    assert "message_stop" not in [event["type"] for event in events]


async def test_a_client_that_leaves_stops_the_model(server: ModelServer) -> None:
    async with site(box(server.base_url, "t5000-r100")) as web:
        body = {"model": "auto", "max_tokens": 100, "messages": HI, "stream": True}
        async with web.client.stream("POST", "/v1/messages", json=body) as response:
            async for _ in response.aiter_lines():
                break
        await server.until(lambda: not server.active_streams)
    assert server.exchanges[0].closed_by_client is not None


async def test_another_server_answers_if_the_first_one_fails(server: ModelServer) -> None:
    async with ModelServer(Script(error=503)) as broken:
        rows = (
            ProviderRow("box", broken.base_url, models=("x",)),
            ProviderRow("spare", server.base_url, models=("x",)),
        )
        config = replace(box(server.base_url), providers=rows, model="box/x", fallbacks=("spare/x",))
        async with site(config) as web:
            told = (await send(web)).json()
    assert told["model"] == "spare/x"


def test_blocks_come_one_after_the_other_however_their_pieces_come() -> None:
    chunks: list[Chunk] = [
        Token("A"),
        ToolCallDelta(0, "start", "a", "one"),
        ToolCallDelta(0, "arguments", "a", arguments='{"x"'),
        ToolCallDelta(1, "start", "b", "two"),
        Token("B"),
        ToolCallDelta(0, "arguments", "a", arguments=":1}"),
        ToolCallDelta(1, "arguments", "b", arguments="{}"),
        ToolCallDelta(0, "end", "a", "one", '{"x":1}'),
        ToolCallDelta(1, "end", "b", "two", "{}"),
        End(model="box/a", usage=Usage(10, 5, 15, cached_tokens=4)),
    ]
    events = MessageEvents("msg_1", prompt_tokens=3, sealed=lambda: "")
    told = events_of(b"".join(events.of([chunk]) for chunk in chunks).decode())
    is_open, texts = -1, dict[int, str]()
    for event in told:
        if event["type"] == "content_block_start":
            assert is_open == -1
            is_open = event["index"]
            texts[is_open] = event["content_block"].get("name", "") + " "
        elif event["type"] == "content_block_stop":
            assert event["index"] == is_open
            is_open = -1
        elif event["type"] == "content_block_delta":
            assert event["index"] == is_open
            texts[is_open] += event["delta"].get("text", "") + event["delta"].get("partial_json", "")
    assert sorted(texts.values()) == [" A", " B", 'one {"x":1}', "two {}"]
    usage = told[-2]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (6, 4, 5)


def test_what_was_taken_for_thinking_is_sent_as_the_answer() -> None:
    chunks: list[Chunk] = [Token("Hello", "thinking"), Metadata("reclassified", kind="text", characters=5), End()]
    events = MessageEvents("msg_1", prompt_tokens=3, sealed=lambda: "")
    assert '"text":"Hello"' in events.of(chunks).decode()


def test_what_a_provider_wants_returned_comes_back_only_as_it_was_handed_out() -> None:
    call = ToolCall("c", "weather", "{}", signature="signed")
    turn = Turn("assistant", "Hm.", model="claude/x", calls=(call,), replay='{"dialect":"anthropic"}')
    sealed = seal(turn, TOKEN)
    message = build_message("msg_1", turn, None, sealed=sealed)
    blocks = json.loads(json.dumps([{"type": "text", "text": "Hm."}]))
    blocks += [{"type": "tool_use", "id": "c", "name": "weather", "input": {}}]
    assert message.content[-1].data == sealed  # type: ignore[union-attr]

    def returned(data: str) -> Turn:
        given = [*blocks, {"type": "redacted_thinking", "data": data}]
        result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "x"}]}
        body = {"model": "auto", "max_tokens": 1, "messages": [*HI, {"role": "assistant", "content": given}, result]}
        return parse_request(json.dumps(body).encode(), TOKEN).question.turns[1]

    kept = returned(sealed)
    assert (kept.replay, kept.calls[0].signature, kept.model) == (turn.replay, "signed", "claude/x")
    for forged in (sealed[:-2] + "AA", seal(turn, "other"), "ä", "x", ""):
        assert (returned(forged).replay, returned(forged).calls[0].signature) == ("", "")


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


def blocks(*content: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [*HI, {"role": role, "content": [*content]}]}


HOSTILE: list[dict[str, Any]] = [
    {"messages": []},
    {"messages": [{"role": "system", "content": "x"}]},
    {"messages": [{"role": "assistant", "content": "x"}]},
    blocks({"type": "tool_use", "id": "a", "name": "b", "input": {}}),
    blocks({"type": "tool_use", "id": "a", "name": "b", "input": {}}, role="assistant"),
    blocks({"type": "tool_use", "id": "a", "name": "b", "input": "{}"}, role="assistant"),
    blocks({"type": "tool_use", "id": "a", "name": "b", "input": deep(200)}, role="assistant"),
    blocks({"type": "tool_result", "tool_use_id": 3}),
    blocks({"type": "tool_result", "tool_use_id": "a"}, role="assistant"),
    blocks({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "ä"}}),
    blocks({"type": "image", "source": {"type": "url", "url": "file:///etc/passwd"}}),
    blocks({"type": "hologram"}),
    {"tools": [{**WEATHER, "name": f"t{number}"} for number in range(1000)]},
    {"tools": [{**WEATHER, "input_schema": deep(100)}]},
    {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "other"}},
    {"tool_choice": {"type": "any"}},
    {"thinking": {"type": "enabled"}},
    {"max_tokens": None},
    {"model": None},
]


@pytest.mark.parametrize("fields", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_requests_are_refused(server: ModelServer, fields: dict[str, Any]) -> None:
    async with site(box(server.base_url, "t5")) as web:
        reply = await send(web, **fields)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error"), reply.text
    assert not server.exchanges


def test_a_body_that_is_nested_without_end_is_refused() -> None:
    body = b'{"model":"auto","max_tokens":1,"messages":[],"tools":%b' % (b"[" * 100_000)
    with pytest.raises(ApiError):
        parse_request(body, TOKEN)
