"""Tools in Ollama's own API: arguments are objects, in both directions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Chunk, End, Metadata, Token, ToolCallDelta
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import OutputFormat, Tool, ToolCall, ToolChoice, ToolResult
from chat_tui.providers.dialects.ollama import OllamaParser, encode

MODEL = Model("ollama/qwen3", images=True)
ADD = Tool("add", "Adds numbers.", {"type": "object", "properties": {"a": {"type": "integer"}}})
CALLED = Turn(
    "assistant",
    "",
    thinking="I must add.",
    model=MODEL.name,
    calls=(ToolCall("c1", "add", '{"a": "ä"}'), ToolCall("c2", "now"), ToolCall("c3", "add", "{broken")),
)
RESULTS = tuple(Turn("tool", "2", result=ToolResult(call.id, call.name)) for call in CALLED.calls)
ASKED = Request(turns=(Turn("user", "Add."), CALLED, *RESULTS), tools=(ADD,))


def body_of(request: Request, model: Model = MODEL) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode(request, model).body)
    return body


def read(*messages: dict[str, Any], tools: Sequence[str] = ("add", "now")) -> list[Chunk]:
    parser = OllamaParser()
    parser.expect_tools(tools)
    lines = [{"message": {"role": "assistant", "content": "", **message}, "done": False} for message in messages]
    lines.append({"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"})
    return [chunk for line in lines for chunk in parser.feed(json.dumps(line).encode())]


def calls_of(chunks: Sequence[Chunk]) -> list[tuple[str, str]]:
    return [(c.name, c.arguments) for c in chunks if isinstance(c, ToolCallDelta) and c.stage == "end"]


def test_tools_calls_and_results_are_sent() -> None:
    body = body_of(ASKED)
    function = {"name": "add", "description": "Adds numbers.", "parameters": ADD.parameters}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["messages"] == [
        {"role": "user", "content": "Add."},
        {
            "role": "assistant",
            "content": "",
            "thinking": "I must add.",
            "tool_calls": [
                {"id": "c1", "function": {"name": "add", "arguments": {"a": "ä"}}},
                {"id": "c2", "function": {"name": "now", "arguments": {}}},
                {"id": "c3", "function": {"name": "add", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "2", "tool_name": "add", "tool_call_id": "c1"},
        {"role": "tool", "content": "2", "tool_name": "now", "tool_call_id": "c2"},
        {"role": "tool", "content": "2", "tool_name": "add", "tool_call_id": "c3"},
    ]


def test_thinking_goes_back_with_calls_to_the_same_model_until_the_next_question() -> None:
    assert "thinking" not in body_of(ASKED.replace(prompt="Well?"))["messages"][1]
    assert "thinking" not in body_of(ASKED, Model("ollama/llama3.1"))["messages"][1]


def test_a_choice_is_said_in_words() -> None:
    body = body_of(ASKED.replace(tool_choice=ToolChoice("required", "add")))
    assert body["messages"][0] == {"role": "system", "content": "Call the tool `add` now."}
    assert "tools" not in body_of(ASKED.replace(tool_choice=ToolChoice("none")))


def test_a_format_is_sent_and_told() -> None:
    schema = {"type": "object"}
    body = body_of(Request("Hi", output=OutputFormat(schema), turns=(Turn("system", "Be brief."),)))
    assert body["format"] == schema
    assert body["messages"][0]["content"].startswith("Be brief.\n\nAnswer only with JSON")
    assert body_of(Request("Hi", output=OutputFormat()))["format"] == "json"


def test_images_of_a_result_are_with_it() -> None:
    image = Attachment("a.png", "image/png", content=b"png", size_bytes=3)
    result = Turn("tool", "", result=ToolResult("c1", "add", structured='{"n": 1}'), attachments=(image,))
    message = body_of(ASKED.replace(turns=(*ASKED.turns[:2], result, *RESULTS[1:])))["messages"][2]
    assert (message["content"], message["images"]) == ('{"n": 1}', ["cG5n"])


def test_whole_calls_are_read() -> None:
    chunks = read(
        {"thinking": "Hm."},
        {
            "tool_calls": [
                {"id": "call_1", "function": {"index": 0, "name": "add", "arguments": {"a": "ä"}}},
                {"function": {"name": "now", "arguments": {}}},
            ]
        },
        {"tool_calls": [{"function": {"name": "add", "arguments": {"a": 2}}}]},
    )
    assert calls_of(chunks) == [("add", '{"a": "ä"}'), ("now", "{}"), ("add", '{"a": 2}')]
    assert len({chunk.id for chunk in chunks if isinstance(chunk, ToolCallDelta)}) == 3
    assert [chunk.kind for chunk in chunks if isinstance(chunk, Token)] == ["thinking"]
    assert isinstance(chunks[-1], End)
    assert chunks[-1].state == "complete"


@pytest.mark.parametrize("calls", [None, {}, [None], ["x"], [{"function": None}]])
def test_malformed_calls_are_passed_over(calls: object) -> None:
    assert calls_of(read({"tool_calls": calls})) == []


def test_calls_of_tools_that_were_not_offered_are_reported() -> None:
    chunks = read({"tool_calls": [{"function": {"name": "add", "arguments": {}}}]}, tools=())
    assert [chunk.tool for chunk in chunks if isinstance(chunk, Metadata)] == ["add"]
