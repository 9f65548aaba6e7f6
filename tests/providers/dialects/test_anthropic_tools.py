"""Tools in Anthropic's Messages: the request, signed thinking that is handed back, and calls read from pieces."""

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
from chat_tui.providers.dialects.anthropic import AnthropicParser, encode, quirk
from chat_tui.providers.dialects.encoding.replay import write_replay

MODEL = Model("anthropic/claude-sonnet-4-5")
OTHER = Model("box/llama")
ADD = Tool("add", "Adds numbers.", {"type": "object", "properties": {"a": {"type": "integer"}}})
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}}
IMAGE = Attachment("a.png", "image/png", content=b"png", size_bytes=3)
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
HIDDEN = {"type": "redacted_thinking", "data": "xyz"}
CALLS = (ToolCall("t1", "add", '{"a": 1}'), ToolCall("t:2", "now"))
ANSWER = Turn("assistant", "Wait.", calls=CALLS, model=MODEL.name)
RESULTS = (
    Turn("tool", "2", result=ToolResult("t1", "add")),
    Turn("tool", "no clock", state="failed", result=ToolResult("t:2", "now")),
)
ASKED = Request(turns=(Turn("user", "Add."), ANSWER, *RESULTS), tools=(ADD, Tool("now")), prompt_cache=False)


def body_of(request: Request, *quirks: str, model: Model = MODEL) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode(request, model, frozenset(quirks)).body)
    return body


def with_thoughts(*content: object, answer: Turn = ANSWER, model: str = MODEL.id) -> Request:
    signed = Turn(
        "assistant",
        answer.text,
        calls=answer.calls,
        model=answer.model,
        replay=write_replay("anthropic", model, content),
    )
    return ASKED.replace(turns=(Turn("user", "Add."), signed, *RESULTS))


def read(*events: dict[str, Any], tools: Sequence[str] = ("add", "now"), output: str = "") -> list[Chunk]:
    parser = AnthropicParser()
    parser.expect_tools(tools)
    parser.expect_output(output)
    ends = [{"type": "message_delta", "delta": {"stop_reason": "tool_use"}}, {"type": "message_stop"}]
    return [chunk for event in (*events, *ends) for chunk in parser.feed(json.dumps(event).encode())]


def start(index: int, **block: object) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **delta: object) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def calls_of(chunks: Sequence[Chunk]) -> list[tuple[str, str, str]]:
    return [(c.id, c.name, c.arguments) for c in chunks if isinstance(c, ToolCallDelta) and c.stage == "end"]


def replay_of(chunks: Sequence[Chunk]) -> Any:
    return next((json.loads(c.replay) for c in chunks if isinstance(c, Metadata) and c.event == "replay"), None)


def test_tools_calls_and_results_are_sent() -> None:
    body = body_of(ASKED)
    assert body["tools"] == [
        {
            "name": "add",
            "description": "Adds numbers.",
            "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}},
        },
        {"name": "now", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert body["messages"] == [
        {"role": "user", "content": "Add."},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Wait."},
                {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
                {"type": "tool_use", "id": "t_2", "name": "now", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "2"},
                {"type": "tool_result", "tool_use_id": "t_2", "content": "no clock", "is_error": True},
            ],
        },
    ]
    assert "tool_choice" not in body


def test_a_question_behind_results_is_in_their_message() -> None:
    messages = body_of(ASKED.replace(prompt="Well?"))["messages"]
    assert len(messages) == 3
    assert messages[2]["content"][2] == {"type": "text", "text": "Well?"}


def test_images_of_a_result_are_in_it() -> None:
    result = Turn("tool", "Look:", result=ToolResult("t1", "add"), attachments=(IMAGE,))
    request = ASKED.replace(turns=(Turn("user", "Add."), Turn("assistant", "", calls=CALLS[:1]), result))
    block = body_of(request)["messages"][2]["content"][0]
    assert [part["type"] for part in block["content"]] == ["image", "text"]
    assert encode(request, MODEL).images


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("none"), {"type": "none"}),
        (ToolChoice("required"), {"type": "any"}),
        (ToolChoice("required", "add"), {"type": "tool", "name": "add"}),
        (ToolChoice(parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("required", parallel=True), {"type": "any", "disable_parallel_tool_use": False}),
    ],
)
def test_the_choice_of_a_tool_is_sent(choice: ToolChoice, sent: object) -> None:
    assert body_of(ASKED.replace(tool_choice=choice))["tool_choice"] == sent


def test_a_choice_that_a_model_refuses_is_said_in_words() -> None:
    refusal = '{"error": {"message": "tool_choice forces tool use is not compatible with this model"}}'
    assert quirk(400, refusal) == "tool_choice"
    body = body_of(ASKED.replace(tool_choice=ToolChoice("required", "add")), "tool_choice")
    assert "tool_choice" not in body
    assert body["system"] == "Call the tool `add` now."


def test_a_tool_that_must_be_called_excludes_thinking() -> None:
    asked = ASKED.replace(turns=(), prompt="Add.", thinking="high")
    assert "thinking" in body_of(asked)
    assert "thinking" not in body_of(asked.replace(tool_choice=ToolChoice("required")))


def test_thinking_is_handed_back_as_it_came_before_the_calls() -> None:
    request = with_thoughts(THOUGHT, HIDDEN, {"text": 5}, {"call": 0}, {"call": 1})
    blocks = body_of(request.replace(thinking="low"))["messages"][1]["content"]
    assert blocks[:2] == [THOUGHT, HIDDEN]
    assert [block["type"] for block in blocks[2:]] == ["text", "tool_use", "tool_use"]


def test_thinking_between_calls_keeps_its_place() -> None:
    request = with_thoughts({"text": 2}, THOUGHT, {"call": 0}, HIDDEN, {"text": 3}, {"call": 1})
    blocks = body_of(request)["messages"][1]["content"]
    kinds = ["text", "thinking", "tool_use", "redacted_thinking", "text", "tool_use"]
    assert [block["type"] for block in blocks] == kinds
    assert [block["text"] for block in blocks if block["type"] == "text"] == ["Wa", "it."]


def test_only_the_beginning_is_handed_back_of_an_answer_that_was_changed() -> None:
    blocks = body_of(with_thoughts(THOUGHT, {"text": 99}, HIDDEN, {"call": 0}))["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]


def test_thinking_goes_back_to_its_own_model_only() -> None:
    request = with_thoughts(THOUGHT, {"text": 5}, {"call": 0}, {"call": 1}, model="claude-sonnet-4-5-20250929")
    dated = Model("relay/anthropic/claude-sonnet-4.5")
    assert body_of(request, model=dated)["messages"][1]["content"][0] == THOUGHT
    for model in (Model("anthropic/claude-opus-4-1"), OTHER):
        assert body_of(request, model=model)["messages"][1]["content"][0]["type"] == "text"
    assert body_of(request.replace(thinking="off"))["messages"][1]["content"][0]["type"] == "text"
    assert body_of(request, "replay")["messages"][1]["content"][0]["type"] == "text"


def test_a_budget_of_thinking_is_not_asked_for_while_calls_without_thinking_are_answered() -> None:
    assert "thinking" not in body_of(ASKED.replace(thinking="high"))
    assert "thinking" in body_of(ASKED.replace(thinking="high"), "adaptive")
    signed = with_thoughts(THOUGHT, {"text": 5}, {"call": 0}, {"call": 1})
    assert "thinking" in body_of(signed.replace(thinking="high"))
    assert "thinking" in body_of(ASKED.replace(thinking="high", prompt="Well?"))


def test_refused_signatures_are_left_out_the_next_time() -> None:
    said = "messages.1.content.0: Invalid `signature` in `thinking` block"
    assert quirk(400, json.dumps({"error": {"message": said}})) == "replay"


def test_a_schema_is_sent_as_structured_output() -> None:
    body = body_of(Request("Hi", output=OutputFormat(SCHEMA), thinking="low"), "adaptive")
    age = {"type": "integer", "description": "(minimum: 0)"}
    schema = {"type": "object", "properties": {"age": age}, "additionalProperties": False}
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": schema}}
    assert (
        quirk(400, '{"error": {"message": "output_config.format: Extra inputs are not permitted"}}') == "output_format"
    )


def test_a_schema_becomes_the_arguments_of_a_tool_where_there_is_no_field_for_it() -> None:
    request = Request("Hi", output=OutputFormat(SCHEMA, "person"), prompt_cache=False)
    for body in (body_of(request, "output_format"), body_of(request, model=OTHER)):
        assert body["tools"] == [{"name": "person", "description": "Takes the answer.", "input_schema": SCHEMA}]
        assert body["tool_choice"] == {"type": "tool", "name": "person"}
    both = body_of(request.replace(tools=(ADD,)), model=OTHER)
    assert [tool["name"] for tool in both["tools"]] == ["add"]
    assert "JSON Schema" in both["system"]
    assert "JSON object" in body_of(request.replace(output=OutputFormat()))["system"]


def test_arguments_that_are_the_answer_come_as_text() -> None:
    events = (
        start(0, type="tool_use", id="t", name="person", input={}),
        delta(0, type="input_json_delta", partial_json='{"age"'),
        delta(0, type="input_json_delta", partial_json=": 4}"),
        stop(0),
    )
    chunks = read(*events, tools=(), output="person")
    assert "".join(chunk.token for chunk in chunks if isinstance(chunk, Token)) == '{"age": 4}'
    assert isinstance(chunks[-1], End)
    assert (chunks[-1].finish_reason, chunks[-1].state) == ("end_turn", "complete")
    assert calls_of(chunks) == []


def test_the_cache_is_marked_behind_tools_and_results() -> None:
    body = body_of(ASKED.replace(prompt_cache=True))
    mark = {"type": "ephemeral"}
    assert body["tools"][-1]["cache_control"] == mark
    assert body["messages"][0]["content"][0]["cache_control"] == mark
    assert body["messages"][2]["content"][-1]["cache_control"] == mark
    with_system = body_of(ASKED.replace(turns=(Turn("system", "Be brief."), *ASKED.turns), prompt_cache=True))
    assert "cache_control" not in with_system["tools"][-1]
    assert with_system["system"][0]["cache_control"] == mark


def test_calls_and_thinking_are_read_from_pieces() -> None:
    chunks = read(
        {"type": "message_start", "message": {"model": "claude-sonnet-4-5-20250929"}},
        start(0, type="thinking", thinking="", signature=""),
        delta(0, type="thinking_delta", thinking="H"),
        delta(0, type="thinking_delta", thinking="m."),
        delta(0, type="signature_delta", signature="sig"),
        stop(0),
        start(1, type="redacted_thinking", data="xyz"),
        stop(1),
        start(2, type="text", text=""),
        delta(2, type="text_delta", text="Wait."),
        stop(2),
        start(3, type="tool_use", id="t1", name="add", input={}),
        delta(3, type="input_json_delta", partial_json=""),
        delta(3, type="input_json_delta", partial_json='{"a": '),
        delta(3, type="input_json_delta", partial_json="1}"),
        stop(3),
        start(4, type="tool_use", id="t2", name="now", input={}),
        stop(4),
    )
    assert calls_of(chunks) == [("t1", "add", '{"a": 1}'), ("t2", "now", "")]
    assert replay_of(chunks) == {
        "dialect": "anthropic",
        "model": "claude-sonnet-4-5-20250929",
        "content": [THOUGHT, HIDDEN, {"text": 5}, {"call": 0}, {"call": 1}],
    }
    assert isinstance(chunks[-1], End)
    assert chunks[-1].finish_reason == "tool_use"


def test_whole_blocks_and_imitators_without_ends_are_read() -> None:
    chunks = read(
        start(0, type="tool_use", id="t1", name="add", input={"a": 1}),
        start(1, type="tool_use", id="t2", name="add", input={"a": 2}),
    )
    assert calls_of(chunks) == [("t1", "add", '{"a": 1}'), ("t2", "add", '{"a": 2}')]
    parser = AnthropicParser()
    parser.expect_tools(["add"])
    content = [THOUGHT, {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": "ä"}}]
    whole = parser.whole(json.dumps({"type": "message", "content": content, "stop_reason": "tool_use"}).encode())
    assert calls_of(whole) == [("t1", "add", '{"a": "ä"}')]
    assert replay_of(whole)["content"] == [THOUGHT, {"call": 0}]


def test_tools_of_the_server_are_reported_only() -> None:
    chunks = read(start(0, type="server_tool_use", id="s", name="web_search", input={}), stop(0))
    assert [chunk.tool for chunk in chunks if isinstance(chunk, Metadata)] == ["web_search"]
    assert not any(isinstance(chunk, ToolCallDelta) for chunk in chunks)
