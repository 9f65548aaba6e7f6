"""OpenAI's Responses: what is sent, what is read from events of any cut, and what is handed back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from chat_tui.core.chunks import Chunk, End, Metadata, Token, ToolCallDelta
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ProviderError
from chat_tui.core.models import Model, Provider
from chat_tui.core.request import Request
from chat_tui.core.tools import OutputFormat, Tool, ToolCall, ToolChoice, ToolResult
from chat_tui.providers.catalogue.capabilities import searches_web
from chat_tui.providers.dialects import dialect_for
from chat_tui.providers.dialects.openai_responses import NAME, ResponsesParser, encode, quirk
from chat_tui.providers.http.framing import SseDecoder

MODEL = Model("openai/gpt-5", thinking=True)
PLAIN = Model("openai/gpt-4.1", thinking=False)
ADD = Tool("add", "Adds numbers.", {"type": "object", "properties": {"a": {"type": "integer"}}})
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
OPENAI = Provider("openai", base_url="https://api.openai.com/v1")


def body_of(request: Request, model: Model = MODEL, *quirks: str) -> dict[str, Any]:
    call = encode(request, model, frozenset(quirks))
    assert call.path == "/responses"
    body: dict[str, Any] = json.loads(call.body)
    return body


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events)


def read(*pieces: bytes, tools: Sequence[str] = ("add",)) -> list[Chunk]:
    parser, decoder = ResponsesParser(), SseDecoder()
    parser.expect_tools(tools)
    chunks: list[Chunk] = []
    for piece in pieces:
        for event in decoder.feed(piece):
            chunks += parser.feed(event.data, event.name)
    for event in decoder.close():
        chunks += parser.feed(event.data, event.name)
    if not any(isinstance(chunk, End) for chunk in chunks):
        chunks += parser.close()
    return chunks


USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 64},
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 30},
    "total_tokens": 150,
}
RECORDED = sse(
    {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5-2025-08-07", "status": "in_progress"}},
    {"type": "response.in_progress", "response": {"id": "resp_1", "status": "in_progress"}},
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"type": "reasoning", "id": "rs_1", "summary": []},
    },
    {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "**Überlegen**"},
    {"type": "response.reasoning_summary_text.done", "output_index": 0, "summary_index": 0, "text": "**Überlegen**"},
    {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 1},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "Rechnen"},
    {"type": "response.output_item.done", "output_index": 0, "item": {**REASONING, "status": "completed"}},
    {
        "type": "response.output_item.added",
        "output_index": 1,
        "item": {"type": "message", "id": "msg_1", "content": []},
    },
    {"type": "response.content_part.added", "output_index": 1, "content_index": 0, "part": {"type": "output_text"}},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Moment, "},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "bitte ⏳."},
    {"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "Moment, bitte ⏳."},
    {
        "type": "response.output_item.done",
        "output_index": 1,
        "item": {"type": "message", "content": [{"type": "output_text", "text": "Moment, bitte ⏳."}]},
    },
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "add", "arguments": ""},
    },
    {"type": "response.function_call_arguments.delta", "output_index": 2, "item_id": "fc_1", "delta": '{"a": '},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "item_id": "fc_1", "delta": '"ä"}'},
    {"type": "response.function_call_arguments.done", "output_index": 2, "arguments": '{"a": "ä"}'},
    {
        "type": "response.output_item.done",
        "output_index": 2,
        "item": {"type": "function_call", "call_id": "call_1", "name": "add", "arguments": '{"a": "ä"}'},
    },
    {
        "type": "response.completed",
        "response": {"model": "gpt-5-2025-08-07", "status": "completed", "error": None, "usage": USAGE},
    },
)


def summary(chunks: Sequence[Chunk]) -> dict[str, Any]:
    end = chunks[-1]
    assert isinstance(end, End)
    return {
        "text": "".join(c.token for c in chunks if isinstance(c, Token) and c.kind == "text"),
        "thinking": "".join(c.token for c in chunks if isinstance(c, Token) and c.kind == "thinking"),
        "calls": [(c.id, c.name, c.arguments) for c in chunks if isinstance(c, ToolCallDelta) and c.stage == "end"],
        "replay": [json.loads(c.replay) for c in chunks if isinstance(c, Metadata) and c.replay],
        "end": (end.state, end.finish_reason, end.usage, end.served_model),
    }


def test_thinking_text_and_calls_are_read() -> None:
    told = summary(read(RECORDED))
    assert told["text"] == "Moment, bitte ⏳."
    assert told["thinking"] == "**Überlegen**\n\nRechnen"
    assert told["calls"] == [("call_1", "add", '{"a": "ä"}')]
    assert told["replay"] == [
        {"dialect": NAME, "model": "gpt-5-2025-08-07", "content": [REASONING, {"text": 16}, {"call": 0}]}
    ]
    state, reason, usage, served = told["end"]
    assert (state, reason, served) == ("complete", "tool_calls", "gpt-5-2025-08-07")
    assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, usage.thinking_tokens) == (
        100,
        64,
        50,
        30,
    )


def test_a_cut_at_every_byte_changes_nothing() -> None:
    whole = summary(read(RECORDED))
    assert summary(read(*(RECORDED[place : place + 1] for place in range(len(RECORDED))))) == whole
    for place in range(0, len(RECORDED), 7):
        assert summary(read(RECORDED[:place], RECORDED[place:])) == whole


def test_a_whole_reply_is_read() -> None:
    output = [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "x",
        },
        {"type": "message", "content": [{"type": "output_text", "text": "Noon.", "annotations": []}]},
        {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}"},
    ]
    parser = ResponsesParser()
    parser.expect_tools(["add"])
    body = {"object": "response", "status": "completed", "error": None, "output": output, "usage": USAGE}
    told = summary(parser.whole(json.dumps(body).encode()))
    assert (told["text"], told["thinking"], told["calls"]) == ("Noon.", "Hm.", [("c", "add", "{}")])


def test_reasoning_is_handed_back_in_its_place() -> None:
    told = summary(read(RECORDED))
    call = ToolCall(*told["calls"][0])
    answer = Turn(
        "assistant", told["text"], model=MODEL.name, calls=(call,), replay=json.dumps(told["replay"][0]), thinking="…"
    )
    turns = (Turn("user", "Add."), answer, Turn("tool", "2", result=ToolResult("call_1", "add")))
    body = body_of(Request(turns=turns, tools=(ADD,)))
    assert body["store"] is False
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["input"] == [
        {"role": "user", "content": [{"type": "input_text", "text": "Add."}]},
        REASONING,
        {"role": "assistant", "content": [{"type": "output_text", "text": "Moment, bitte ⏳."}]},
        {"type": "function_call", "call_id": "call_1", "name": "add", "arguments": '{"a": "ä"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "2"},
    ]
    other = body_of(Request(turns=turns, tools=(ADD,)), Model("openai/o3", thinking=True))
    assert REASONING not in other["input"]
    assert REASONING not in body_of(Request(turns=turns, tools=(ADD,)), MODEL, "replay")["input"]


def test_settings_have_their_names() -> None:
    request = Request(
        "Hi", max_tokens=9, temperature=0.5, top_p=0.9, thinking="high", output=OutputFormat({"type": "object"}, "x")
    )
    body = body_of(request)
    assert (body["max_output_tokens"], body["temperature"], body["top_p"]) == (9, 0.5, 0.9)
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert body["text"]["format"] == {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": False}
    plain = body_of(request, PLAIN, "temperature")
    assert "reasoning" not in plain
    assert "include" not in plain
    assert "temperature" not in plain
    assert body_of(Request(turns=(Turn("system", "Be brief."), Turn("user", "Hi"))))["instructions"] == "Be brief."
    assert body_of(replace(request, thinking="off"))["reasoning"] == {"effort": "none"}


def test_tools_and_the_web_search_are_offered() -> None:
    body = body_of(Request("Hi", tools=(ADD,), tool_choice=ToolChoice("required", "add"), web_search=True))
    assert body["tools"] == [
        {"type": "web_search"},
        {
            "type": "function",
            "name": "add",
            "description": "Adds numbers.",
            "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
            "strict": False,
        },
    ]
    assert body["tool_choice"] == {"type": "function", "name": "add"}


@pytest.mark.parametrize(
    ("reason", "state"), [("max_output_tokens", "length"), ("content_filter", "refused"), ("other", "broken")]
)
def test_an_incomplete_response_says_why(reason: str, state: str) -> None:
    ended = {"status": "incomplete", "incomplete_details": {"reason": reason}, "error": None}
    chunks = read(
        sse(
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Half"},
            {"type": "response.incomplete", "response": ended},
        )
    )
    assert summary(chunks)["end"][0] == state


@pytest.mark.parametrize(
    "event",
    [
        {
            "type": "response.failed",
            "response": {"status": "failed", "error": {"code": "server_error", "message": "Oh"}},
        },
        {"type": "error", "code": "server_error", "message": "Oh"},
    ],
)
def test_a_failure_is_an_error(event: dict[str, Any]) -> None:
    with pytest.raises(ProviderError):
        read(sse(event))


def test_a_second_beginning_takes_nothing_back() -> None:
    created = {"type": "response.created", "response": {"model": "m", "status": "in_progress"}}
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hi"}
    done = {"type": "response.completed", "response": {"model": "m", "status": "completed"}}
    assert summary(read(sse(created, delta, created, delta, done)))["text"] == "HiHi"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Encrypted content is not supported with this model.", "encrypted"),
        ("The encrypted content gAAA could not be verified.", "replay"),
        ("Your organization must be verified to generate reasoning summaries.", "summary"),
        ("Unsupported value: 'none' ... 'reasoning.effort'. Supported values are: 'low', 'high'.", "thinking:high,low"),
        ("Unsupported parameter: 'reasoning.effort' is not supported with this model.", "thinking"),
        ("Unsupported parameter: 'temperature' is not supported with this model.", "temperature"),
        ("No.", None),
    ],
)
def test_what_the_server_refuses_is_learned(text: str, word: str | None) -> None:
    assert quirk(400, text) == word


@pytest.mark.parametrize(
    ("provider", "model_id", "request_", "name"),
    [
        (OPENAI, "gpt-5", Request(), "openai"),
        (OPENAI, "gpt-5", Request(thinking="high"), NAME),
        (OPENAI, "gpt-5", Request(thinking="off"), "openai"),
        (OPENAI, "gpt-5-pro", Request(), NAME),
        (OPENAI, "o1-pro-2025-03-19", Request(), NAME),
        (OPENAI, "gpt-5.1-codex-max", Request(), NAME),
        (OPENAI, "gpt-4.1", Request(web_search=True), NAME),
        (replace(OPENAI, base_url="http://127.0.0.1:8000/v1"), "gpt-5", Request(thinking="high"), "openai"),
        (replace(OPENAI, base_url="http://127.0.0.1:8000/v1", dialect=NAME), "gpt-4.1", Request(), NAME),
    ],
)
def test_openai_is_asked_in_its_newer_dialect_where_that_matters(
    provider: Provider, model_id: str, request_: Request, name: str
) -> None:
    assert dialect_for(provider, Model(f"openai/{model_id}"), request_).name == name


@pytest.mark.parametrize(
    ("model_id", "can"),
    [("gpt-4o", True), ("gpt-4o-audio-preview", False), ("gpt-5.2", True), ("gpt-4.1-nano", False), ("o3-mini", False)],
)
def test_models_that_can_search_the_web_are_known(model_id: str, can: bool) -> None:
    assert searches_web(model_id) is can


def test_json_is_named_in_the_input_where_no_message_speaks_of_it() -> None:
    """The instructions do not count: OpenAI looks for the word only in the input."""
    turns = (Turn("system", "Answer in JSON."), Turn("user", "Who?"))
    first, second = body_of(Request(turns=turns, output=OutputFormat()))["input"]
    assert (first["role"], "JSON" in first["content"][0]["text"]) == ("system", True)
    assert second["role"] == "user"
    assert len(body_of(Request("Who, as json?", output=OutputFormat()))["input"]) == 1
    assert len(body_of(Request("Who?", output=OutputFormat({"type": "object"})))["input"]) == 1
