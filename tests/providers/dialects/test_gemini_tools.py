"""Tools in Gemini's API: calls are whole parts, and each signature goes back in the part that it came with."""

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
from chat_tui.providers.dialects.encoding.replay import write_replay
from chat_tui.providers.dialects.gemini import GeminiParser, encode, quirk

MODEL = Model("gemini/gemini-3-pro-preview", images=True)
OLDER = Model("gemini/gemini-2.5-flash")
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": ["integer", "null"]}},
    "additionalProperties": False,
}
ADD = Tool("add", "Adds numbers.", PARAMETERS)
CALLS = (ToolCall("c1", "add", '{"a": "ä"}', signature="sig-1"), ToolCall("c2", "now"))
CALLED = Turn("assistant", "Wait.", calls=CALLS, model=MODEL.name)
RESULTS = (
    Turn("tool", "2", result=ToolResult("c1", "add")),
    Turn("tool", "no clock", state="failed", result=ToolResult("c2", "now")),
)
ASKED = Request(turns=(Turn("user", "Add."), CALLED, *RESULTS), tools=(ADD, Tool("now")))


def body_of(request: Request, *quirks: str, model: Model = MODEL) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode(request, model, frozenset(quirks)).body)
    return body


def read(*parts: dict[str, Any], tools: Sequence[str] = ("add", "now")) -> list[Chunk]:
    parser = GeminiParser()
    parser.expect_tools(tools)
    events: list[dict[str, Any]] = [{"candidates": [{"content": {"parts": [part], "role": "model"}}]} for part in parts]
    events.append({"candidates": [{"finishReason": "STOP"}], "modelVersion": "gemini-3-pro-preview"})
    chunks = [chunk for event in events for chunk in parser.feed(json.dumps(event).encode())]
    return [*chunks, *parser.close()]


def ends_of(chunks: Sequence[Chunk]) -> list[tuple[str, str, str]]:
    return [(c.name, c.arguments, c.signature) for c in chunks if isinstance(c, ToolCallDelta) and c.stage == "end"]


def test_tools_calls_and_results_are_sent() -> None:
    body = body_of(ASKED)
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "add", "description": "Adds numbers.", "parametersJsonSchema": PARAMETERS},
                {"name": "now", "description": "now"},
            ]
        }
    ]
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "Add."}]},
        {
            "role": "model",
            "parts": [
                {"text": "Wait."},
                {"functionCall": {"id": "c1", "name": "add", "args": {"a": "ä"}}, "thoughtSignature": "sig-1"},
                {"functionCall": {"id": "c2", "name": "now", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "c1", "name": "add", "response": {"result": "2"}}},
                {"functionResponse": {"id": "c2", "name": "now", "response": {"error": "no clock"}}},
            ],
        },
    ]
    assert "toolConfig" not in body


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("required", "add"), {"mode": "ANY", "allowedFunctionNames": ["add"]}),
    ],
)
def test_the_choice_of_a_tool_is_sent(choice: ToolChoice, sent: object) -> None:
    assert body_of(ASKED.replace(tool_choice=choice))["toolConfig"] == {"functionCallingConfig": sent}


def test_calls_of_other_models_have_no_signature_that_is_verified() -> None:
    foreign = Turn("assistant", "", calls=CALLS, model="openai/gpt-5")
    request = ASKED.replace(turns=(Turn("user", "Add."), foreign, *RESULTS))
    first, second = body_of(request)["contents"][1]["parts"]
    assert first["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in second
    assert "thoughtSignature" not in body_of(request, model=OLDER)["contents"][1]["parts"][0]


def test_signed_text_is_a_part_of_its_own() -> None:
    order = [{"text": 3}, {"text": 2, "thoughtSignature": "s"}, {"call": 0}, {"text": 0, "thoughtSignature": "t"}]
    signed = Turn(
        "assistant", "Wait.", calls=CALLS[:1], model=MODEL.name, replay=write_replay("gemini", MODEL.id, order)
    )
    request = ASKED.replace(turns=(Turn("user", "Add."), signed, *RESULTS[:1]))
    parts = body_of(request)["contents"][1]["parts"]
    assert parts[:2] == [{"text": "Wai"}, {"text": "t.", "thoughtSignature": "s"}]
    assert parts[2]["thoughtSignature"] == "sig-1"
    assert parts[3] == {"text": "", "thoughtSignature": "t"}
    assert [*body_of(request, model=OLDER)["contents"][1]["parts"][0]] == ["text"]


def test_results_come_before_the_images_of_all() -> None:
    image = Attachment("a.png", "image/png", content=b"png", size_bytes=3)
    structured = ToolResult("c1", "add", structured='{"n": 1}')
    first = Turn("tool", "", result=structured, attachments=(image,))
    request = ASKED.replace(turns=(Turn("user", "Add."), CALLED, first, RESULTS[1]))
    parts = body_of(request)["contents"][2]["parts"]
    assert parts[0]["functionResponse"]["response"] == {"n": 1}
    assert [next(iter(part)) for part in parts] == ["functionResponse", "functionResponse", "text", "inlineData"]
    assert encode(request, MODEL).images


def test_a_server_that_knows_no_json_schema_gets_its_own_kind() -> None:
    said = 'Invalid JSON payload received. Unknown name "parametersJsonSchema" at tools[0].function_declarations[0]'
    assert quirk(400, said) == "json_schema"
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"b": {"$ref": "#/$defs/B"}, "c": {"const": "x"}},
        "$defs": {"B": {"type": ["string", "null"], "additionalProperties": False}},
    }
    body = body_of(Request("Hi", tools=(Tool("t", parameters=schema),), output=OutputFormat(schema)), "json_schema")
    plain = {
        "type": "object",
        "properties": {"b": {"type": "string", "nullable": True}, "c": {"enum": ["x"], "type": "string"}},
    }
    assert body["tools"][0]["functionDeclarations"][0]["parameters"] == plain
    assert body["generationConfig"]["responseSchema"] == plain


def test_a_format_is_sent_or_told() -> None:
    request = Request("Hi", output=OutputFormat(PARAMETERS))
    settings = {"responseMimeType": "application/json", "responseJsonSchema": PARAMETERS}
    assert body_of(request)["generationConfig"] == settings
    assert (
        quirk(400, "Function calling with a response mime type: 'application/json' is unsupported") == "json_with_tools"
    )
    assert body_of(request, "json_with_tools")["generationConfig"] == settings
    both = body_of(request.replace(tools=(ADD,)), "json_with_tools")
    assert "generationConfig" not in both
    assert "JSON Schema" in both["systemInstruction"]["parts"][0]["text"]


def test_ids_are_left_out_where_they_are_unknown() -> None:
    assert quirk(400, "Unknown name \"id\" at 'contents[1].parts[0].function_call'") == "call_ids"
    assert '"id"' not in json.dumps(body_of(ASKED, "call_ids"))


def test_calls_are_read_with_their_signatures() -> None:
    chunks = read(
        {"text": "Hm.", "thought": True},
        {"text": "Wai"},
        {"text": "t.", "thoughtSignature": "s"},
        {"functionCall": {"name": "add", "args": {"a": "ä"}}, "thoughtSignature": "sig-1"},
        {"functionCall": {"id": "x", "name": "now"}},
        {"text": "", "thoughtSignature": "t"},
    )
    assert ends_of(chunks) == [("add", '{"a": "ä"}', "sig-1"), ("now", "", "")]
    assert [(chunk.token, chunk.kind) for chunk in chunks if isinstance(chunk, Token)] == [
        ("Hm.", "thinking"),
        ("Wai", "text"),
        ("t.", "text"),
    ]
    replay = next(json.loads(c.replay) for c in chunks if isinstance(c, Metadata) and c.event == "replay")
    assert replay["content"] == [
        {"text": 3},
        {"text": 2, "thoughtSignature": "s"},
        {"call": 0},
        {"call": 1},
        {"text": 0, "thoughtSignature": "t"},
    ]
    assert isinstance(chunks[-1], End)
    assert chunks[-1].state == "complete"


def test_calls_that_nobody_offered_are_reported_only() -> None:
    chunks = read({"functionCall": {"name": "add", "args": {}}}, tools=())
    assert [chunk.tool for chunk in chunks if isinstance(chunk, Metadata)] == ["add"]
