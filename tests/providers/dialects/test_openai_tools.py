"""Tools in OpenAI's chat completions: the request, and calls read from pieces of any size."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Chunk, End, Metadata, Token, ToolCallDelta
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request, Sampling
from chat_tui.core.tools import OutputFormat, Tool, ToolCall, ToolChoice, ToolResult
from chat_tui.providers.dialects.openai_chat import OpenAiParser, encode

MODEL = Model("acme/m")
ADD = Tool("add", "Adds numbers.", {"type": "object", "properties": {"a": {"type": "integer"}}}, strict=True)
CALL = ToolCall("call_1", "add", '{"a": 1}')
ASKED = Request(
    turns=(
        Turn("user", "Add."),
        Turn("assistant", "", calls=(CALL,)),
        Turn("tool", "2", result=ToolResult("call_1", "add")),
    ),
    tools=(ADD, Tool("now")),
)


def body_of(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode(request, MODEL).body)
    return body


def read(*deltas: dict[str, Any], reason: str = "tool_calls", tools: Sequence[str] = ("add",)) -> list[Chunk]:
    parser = OpenAiParser()
    parser.expect_tools(tools)
    events = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    chunks = [chunk for event in events for chunk in parser.feed(json.dumps(event).encode())]
    return [*chunks, *parser.feed(b"[DONE]")]


def piece(index: int | None, arguments: str | None = None, **function: str) -> dict[str, Any]:
    call: dict[str, Any] = {"index": index, "function": {"arguments": arguments, **function}}
    return {"tool_calls": [call]}


def calls_of(chunks: Sequence[Chunk]) -> list[tuple[str, str]]:
    return [(c.name, c.arguments) for c in chunks if isinstance(c, ToolCallDelta) and c.stage == "end"]


def test_tools_calls_and_results_are_sent() -> None:
    body = body_of(ASKED)
    assert body["messages"] == [
        {"role": "user", "content": "Add."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "2"},
    ]
    assert body["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "add",
                "description": "Adds numbers.",
                "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
                "strict": True,
            },
        },
        {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert "tool_choice" not in body


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("required", "add"), {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_the_choice_of_a_tool_is_sent(choice: ToolChoice, sent: object) -> None:
    assert body_of(ASKED.replace(tool_choice=choice))["tool_choice"] == sent


def test_parallel_calls_can_be_forbidden() -> None:
    assert body_of(ASKED.replace(tool_choice=ToolChoice(parallel=False)))["parallel_tool_calls"] is False


def test_a_format_of_the_answer_is_sent() -> None:
    assert body_of(Request("Hi", output=OutputFormat()))["response_format"] == {"type": "json_object"}
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    assert body_of(Request("Hi", output=OutputFormat(schema, "person", strict=True)))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "person", "schema": schema, "strict": True},
    }


def test_calls_become_text_in_a_request_without_tools() -> None:
    messages = body_of(ASKED.replace(tools=(), prompt="Well?"))["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == '[Call of the tool add: {"a": 1}]'
    assert messages[2]["content"] == "[Result of the tool add]\n2\n\nWell?"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_arguments_come_in_pieces(size: int) -> None:
    arguments = '{"a": 1, "text": "ä\\n𝄞"}'
    pieces = [arguments[start : start + size] for start in range(0, len(arguments), size)]
    first = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "add", "arguments": ""}}]}
    chunks = read({"content": "Wait. "}, first, *(piece(0, each) for each in pieces))
    assert calls_of(chunks) == [("add", arguments)]
    told = [chunk for chunk in chunks if isinstance(chunk, ToolCallDelta)]
    assert [chunk.stage for chunk in told] == ["start", *["arguments"] * len(pieces), "end"]
    assert {chunk.id for chunk in told} == {"c"}
    assert [chunk.token for chunk in chunks if isinstance(chunk, Token)] == ["Wait. "]
    assert isinstance(chunks[-1], End)
    assert (chunks[-1].state, chunks[-1].finish_reason) == ("complete", "tool_calls")


def test_several_calls_at_once_are_told_apart_by_index() -> None:
    chunks = read(
        {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "add", "arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 1, "id": "y", "function": {"name": "now", "arguments": "{}"}}]},
        piece(0, ": 1}"),
    )
    assert calls_of(chunks) == [("add", '{"a": 1}'), ("now", "{}")]


def test_calls_without_an_index_are_told_apart_by_id_or_name() -> None:
    whole = [{"id": str(n), "function": {"name": "add", "arguments": f'{{"a": {n}}}'}} for n in (1, 2)]
    assert calls_of(read({"tool_calls": whole})) == [("add", '{"a": 1}'), ("add", '{"a": 2}')]
    nameless = [{"function": {"name": name, "arguments": {"a": 1}}} for name in ("add", "now")]
    assert calls_of(read({"tool_calls": nameless})) == [("add", '{"a": 1}'), ("now", '{"a": 1}')]


def test_calls_with_the_same_index_are_told_apart_by_complete_arguments() -> None:
    calls = [{"index": 0, "id": f"c{n}", "function": {"name": "add", "arguments": f'{{"a": {n}}}'}} for n in (1, 2)]
    assert calls_of(read({"tool_calls": calls})) == [("add", '{"a": 1}'), ("add", '{"a": 2}')]
    # An id that is new in each piece begins no call.
    pieces = [
        {"index": 0, "id": f"c{n}", "function": {"name": "add", "arguments": part}}
        for n, part in enumerate(('{"a"', ": 1}"))
    ]
    assert calls_of(read(*({"tool_calls": [each]} for each in pieces))) == [("add", '{"a": 1}')]


def test_missing_and_repeated_ids_become_unique() -> None:
    calls = [
        {"index": n, "id": id, "function": {"name": "add", "arguments": "{}"}} for n, id in enumerate(["a", "a", ""])
    ]
    told = [c.id for c in read({"tool_calls": calls}) if isinstance(c, ToolCallDelta) and c.stage == "end"]
    assert told[0] == "a"
    assert len(set(told)) == 3
    assert all(told)


def test_a_call_that_the_token_limit_cut_has_no_end() -> None:
    first = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "add", "arguments": '{"a"'}}]}
    chunks = read(first, reason="length")
    assert calls_of(chunks) == []
    assert isinstance(chunks[-1], End)
    assert chunks[-1].state == "length"


def test_a_call_that_nobody_offered_is_reported_only() -> None:
    first = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "add", "arguments": "{}"}}]}
    chunks = read(first, tools=())
    assert not any(isinstance(chunk, ToolCallDelta) for chunk in chunks)
    assert [chunk.tool for chunk in chunks if isinstance(chunk, Metadata)] == ["add"]


def test_a_whole_reply_has_its_calls() -> None:
    parser = OpenAiParser()
    parser.expect_tools(["add"])
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "function": {"name": "add", "arguments": "{}"}}],
    }
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    assert calls_of(parser.whole(json.dumps(body).encode())) == [("add", "{}")]


def test_what_only_some_servers_have_is_sent_where_it_is_set() -> None:
    sampling = Sampling(
        frequency_penalty=0.5,
        presence_penalty=-1.0,
        logit_bias={"50256": -100.0},
        logprobs=True,
        top_logprobs=2,
        user="u",
        service_tier="flex",
    )
    body = body_of(Request(prompt="Hi", sampling=sampling))
    plain = body_of(Request(prompt="Hi"))
    assert {name: value for name, value in body.items() if name not in plain} == {
        "frequency_penalty": 0.5,
        "presence_penalty": -1.0,
        "logit_bias": {"50256": -100.0},
        "logprobs": True,
        "top_logprobs": 2,
        "user": "u",
        "service_tier": "flex",
    }


def test_probabilities_are_passed_on_only_where_they_were_asked_for() -> None:
    told = [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}]
    event = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": {"content": told}}]}
    asked, ordinary = OpenAiParser(), OpenAiParser()
    asked.expect_logprobs()
    metadata, token = asked.feed(json.dumps(event).encode())
    assert isinstance(metadata, Metadata)
    assert json.loads(metadata.logprobs) == told
    assert token == Token("Hi")
    assert [*ordinary.feed(json.dumps(event).encode())] == [Token("Hi")]


def test_an_image_that_is_an_address_is_sent_as_one() -> None:
    image = Attachment("a.png", "image/*", address="https://example.com/a.png")
    (message,) = body_of(Request(turns=(Turn("user", "", attachments=(image,)),)))["messages"]
    assert message["content"] == [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
