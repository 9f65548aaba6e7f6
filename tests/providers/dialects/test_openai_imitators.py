"""Tools and formats at servers that speak OpenAI's protocol only in part."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.chunks import Chunk, Metadata, ToolCallDelta
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import Rejected
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import OutputFormat, Tool, ToolCall, ToolChoice, ToolResult
from chat_tui.providers.dialects.encoding.replay import write_replay
from chat_tui.providers.dialects.openai_chat import OpenAiParser, encode, quirk
from chat_tui.providers.http.transport import Transport
from tests.wire.asking import ask, text_of
from tests.wire.dialects import good
from tests.wire.raw_server import RawServer, saying, whole

MODEL = Model("box/m", images=True)
ADD = Tool("add", "Adds numbers.", {"type": "object", "properties": {"a": {"type": "integer"}}}, strict=True)
CALLS = (ToolCall("call_1", "add", '{"a": 1}'), ToolCall("call_2", "now"))
IMAGE = Attachment("a.png", "image/png", content=b"png", size_bytes=3)
RESULTS = (
    Turn("tool", "2", result=ToolResult("call_1", "add"), attachments=(IMAGE,)),
    Turn("tool", "noon", result=ToolResult("call_2", "now")),
)
TOOLS = (ADD, Tool("now"))


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport(connection_seconds=2)
    yield made
    await made.close()


def asked(answer: Turn, *more: Turn, **fields: Any) -> Request:
    return Request(turns=(Turn("user", "Add."), answer, *RESULTS, *more), tools=TOOLS, **fields)


CALLED = Turn("assistant", "", calls=CALLS, model=MODEL.name, thinking="Hm.")


def body_of(request: Request, *quirks: str, model: Model = MODEL) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode(request, model, frozenset(quirks)).body)
    return body


def read(*deltas: dict[str, Any]) -> list[Chunk]:
    parser = OpenAiParser()
    parser.expect_tools(["add", "now"])
    events: list[dict[str, Any]] = [{"model": "m", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    return [chunk for event in events for chunk in parser.feed(json.dumps(event).encode())] + list(parser.close())


def replay_of(chunks: Sequence[Chunk]) -> Any:
    told = [json.loads(chunk.replay) for chunk in chunks if isinstance(chunk, Metadata) and chunk.event == "replay"]
    return told[0]["content"] if told else None


CALL = {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "add", "arguments": "{}"}}]}


def test_images_of_results_follow_as_a_message_of_the_user() -> None:
    messages = body_of(asked(CALLED))["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]
    assert [part["type"] for part in messages[4]["content"]] == ["text", "image_url"]
    joined = body_of(asked(CALLED, prompt="Well?"))["messages"]
    assert [part.get("text", "") for part in joined[4]["content"]] == ["[Images of the result of add]", "", "Well?"]
    assert "is not shown" in body_of(asked(CALLED), model=Model("box/m", images=False))["messages"][2]["content"]


@pytest.mark.parametrize(
    ("deltas", "content"),
    [
        ([{"reasoning_content": "H"}, {"reasoning_content": "m."}, CALL], {"reasoning_content": "Hm."}),
        ([{"reasoning": "Hm."}, CALL], {"reasoning": "Hm."}),
        (
            [
                {"reasoning": "H", "reasoning_details": [{"type": "reasoning.text", "text": "H", "index": 0}]},
                {"reasoning": "m", "reasoning_details": [{"type": "reasoning.text", "text": "m", "index": 0}]},
                {"reasoning_details": [{"type": "reasoning.text", "text": "", "signature": "s", "index": 0}]},
                {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "index": 1}]},
                CALL,
            ],
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "Hm", "index": 0, "signature": "s"},
                    {"type": "reasoning.encrypted", "data": "x", "index": 1},
                ]
            },
        ),
        (
            [
                {"reasoning_details": [{"type": "reasoning.summary", "summary": ["a"], "text": None}, None]},
                {"reasoning_details": [{"type": "reasoning.summary", "text": "b"}, {"text": "c", "type": "x"}]},
                CALL,
            ],
            {
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": ["a"], "text": "b"},
                    {"text": "c", "type": "x"},
                ]
            },
        ),
        ([{"reasoning_content": "Hm."}, {"content": "Hello"}], None),
    ],
)
def test_thinking_goes_back_with_calls_in_the_field_that_it_came_in(deltas: list[dict[str, Any]], content: Any) -> None:
    assert replay_of(read(*deltas)) == content
    if content is None:
        return
    kept = write_replay("openai", "m", content)
    answer = Turn("assistant", "", calls=CALLS, model=MODEL.name, replay=kept)
    sent = body_of(asked(answer))["messages"][1]
    assert {name: sent[name] for name in content} == content
    assert not content.keys() & body_of(asked(answer), model=Model("box/other"))["messages"][1].keys()
    assert not content.keys() & body_of(asked(answer), "replay")["messages"][1].keys()


@pytest.mark.parametrize(
    "said",
    [
        "Missing `reasoning_content` field in the assistant message at message index 2",
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
        "messages[51]: assistant message with tool_calls must include reasoning_content",
    ],
)
def test_a_server_that_wants_thinking_with_every_answer_gets_it(said: str) -> None:
    assert quirk(400, json.dumps({"error": {"message": said}})) == "reasoning_content"
    plain = Turn("assistant", "2", model="other/model")
    messages = body_of(asked(CALLED, plain, prompt="Well?"), "reasoning_content")["messages"]
    assert [message.get("reasoning_content") for message in messages if message["role"] == "assistant"] == ["Hm.", ""]


def test_signatures_of_gemini_go_through_this_protocol_too() -> None:
    extra = {"google": {"thought_signature": "sig"}}
    chunks = read({"tool_calls": [{**CALL["tool_calls"][0], "extra_content": extra}]})
    (end,) = [chunk for chunk in chunks if isinstance(chunk, ToolCallDelta) and chunk.stage == "end"]
    assert end.signature == "sig"
    answer = Turn("assistant", "", calls=(ToolCall("call_1", "add", "{}", "sig"), CALLS[1]))
    sent = body_of(asked(answer), model=Model("relay/google/gemini-3-pro"))["messages"][1]["tool_calls"]
    assert [call.get("extra_content") for call in sent] == [extra, None]
    assert "extra_content" not in json.dumps(body_of(asked(answer)))


def test_ids_of_other_providers_are_made_usable() -> None:
    long = "toolu_" + "x" * 60
    answer = Turn("assistant", "", calls=(ToolCall(long, "add"),))
    request = Request(
        turns=(Turn("user", "Add."), answer, Turn("tool", "2", result=ToolResult(long, "add"))), tools=TOOLS
    )
    for quirks, length in (((), 40), (("call_ids",), 9)):
        _, called, result = body_of(request, *quirks)["messages"]
        assert called["tool_calls"][0]["id"] == result["tool_call_id"]
        assert len(result["tool_call_id"]) == length
        assert result["tool_call_id"].isalnum()
    said = "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9."
    assert quirk(400, said) == "call_ids"


def test_a_server_before_tools_gets_functions() -> None:
    assert quirk(400, '{"error": {"message": "Unrecognized request argument supplied: tools"}}') == "functions"
    body = body_of(asked(CALLED, tool_choice=ToolChoice("required", "add")), "functions")
    assert [function["name"] for function in body["functions"]] == ["add", "now"]
    assert body["function_call"] == {"name": "add"}
    assert "tools" not in body
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["user", "assistant", "function", "assistant", "function", "user"]
    assert body["messages"][1]["function_call"] == {"name": "add", "arguments": '{"a": 1}'}
    chunks = read(
        {"function_call": {"name": "add", "arguments": ""}},
        {"function_call": {"arguments": '{"a"'}},
        {"function_call": {"arguments": ": 1}"}},
    )
    ends = [chunk.arguments for chunk in chunks if isinstance(chunk, ToolCallDelta) and chunk.stage == "end"]
    assert ends == ['{"a": 1}']


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "unparsed_calls"),
        ("deepseek-reasoner does not support this tool_choice", "tool_choice"),
        ("Invalid tool_choice type: 'object'. Supported string values: none, auto, required", "named_tool"),
        ("Unsupported parameter: 'parallel_tool_calls' is not supported with this model.", "parallel_tool_calls"),
        ("body.tools.0.function.strict: Extra inputs are not permitted", "strict"),
        ("Unexpected role 'user' after role 'tool'", "after_tool"),
        ("property 'messages.1.reasoning' is unsupported", "replay"),
        ("This response_format type is unavailable now", "json_schema"),
        ("This model does not support response format `json_schema`.", "json_schema"),
        ("'response_format.type' must be 'json_schema' or 'text'", "json_object"),
        ("json mode cannot be combined with tool/function calling", "json_with_tools"),
    ],
)
def test_what_a_server_refuses_of_tools_is_recognised(said: str, found: str) -> None:
    assert quirk(400, json.dumps({"error": {"message": said}})) == found


def test_a_choice_of_a_tool_goes_out_as_the_server_takes_it() -> None:
    request = Request("Add.", tools=TOOLS, tool_choice=ToolChoice("required", "add", parallel=False))
    assert body_of(request)["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in body_of(request, "parallel_tool_calls")
    named = body_of(request, "named_tool")
    assert named["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in named["tools"]] == ["add"]
    told = body_of(request, "tool_choice")
    assert "tool_choice" not in told
    assert told["messages"][0] == {"role": "system", "content": "Call the tool `add` now."}
    assert body_of(request, "unparsed_calls")["tool_choice"] == "none"
    assert "strict" not in json.dumps(body_of(request, "strict"))
    system = body_of(request, "tool_choice", "system")["messages"]
    assert system == [{"role": "user", "content": "Call the tool `add` now.\n\nAdd."}]


def test_a_question_after_a_result_follows_an_answer_where_it_must() -> None:
    bare = (Turn("user", "Add."), Turn("assistant", "", calls=CALLS[1:]), RESULTS[1])
    messages = body_of(Request("Well?", turns=bare, tools=TOOLS), "after_tool")["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "user"]


async def test_a_schema_is_told_in_words_where_the_server_has_no_field_for_it(transport: Transport) -> None:
    request = Request("Hi", output=OutputFormat({"type": "object"}, "person", strict=True))
    refusals = [
        whole(json.dumps({"error": {"message": said}}).encode(), "400 No")
        for said in ("This response_format type is unavailable now", "Invalid response_format: json_object json_schema")
    ]
    async with RawServer(saying(*refusals, good("openai"))) as server:
        for _ in range(2):
            chunks, error = await ask(transport, server.base_url, request)
            assert (error, text_of(chunks)) == (None, "Hello")
            assert "in words" in next(chunk.reason for chunk in chunks if isinstance(chunk, Metadata))
    first, second, third, again = [each.json for each in server.asked]
    assert first["response_format"]["type"] == "json_schema"
    assert second["response_format"] == {"type": "json_object"}
    assert "response_format" not in third
    assert third["messages"][0]["content"].endswith('{"type": "object"}')
    assert again == third


async def test_an_invalid_schema_is_an_error_and_not_left_out(transport: Transport) -> None:
    said = "Invalid schema for response_format 'person': In context=(), 'additionalProperties' is required"
    refusal = whole(json.dumps({"error": {"message": said, "param": "response_format"}}).encode(), "400 No")
    async with RawServer(saying(*[refusal] * 3)) as server:
        _, error = await ask(transport, server.base_url, Request("Hi", output=OutputFormat({"type": "object"})))
    assert isinstance(error, Rejected)
    assert len(server.asked) == 1


def test_json_is_named_where_nobody_speaks_of_it() -> None:
    messages = body_of(Request("Who?", output=OutputFormat()))["messages"]
    assert "JSON" in messages[0]["content"]
    assert len(body_of(Request("Who, as json?", output=OutputFormat()))["messages"]) == 1


async def test_calls_are_read_from_the_text_of_a_server_that_does_not_read_them(transport: Transport) -> None:
    said = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
    refusal = whole(json.dumps({"object": "error", "message": said, "code": 400}).encode(), "400 No")
    text = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'
    reply = {"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}]}
    async with RawServer(saying(refusal, whole(json.dumps(reply).encode()))) as server:
        chunks, error = await ask(transport, server.base_url, Request("Add.", tools=TOOLS))
    assert error is None
    assert [chunk.name for chunk in chunks if isinstance(chunk, ToolCallDelta) and chunk.stage == "end"] == ["add"]
    assert server.asked[1].json["tool_choice"] == "none"
