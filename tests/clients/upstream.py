"""Model servers that call the first tool they are offered, and answer with its result, in other dialects than OpenAI's.

`tool_script` decides what they say, in OpenAI's form: requests are read into that form here, and answers are written
in the form of the dialect.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.doubles.tool_script import PIECE, choices
from tests.wire.dialects import data, row
from tests.wire.raw_server import Answer, Asked, chunked, whole

Call = tuple[str, str]
"""The name of a function, and its arguments as JSON."""


def answer_in(dialect: str) -> Answer:
    """Return how the server of a dialect answers; only questions to a model are known."""
    read, write = DIALECTS[dialect]

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if not any(name in asked.body for name in (b'"messages"', b'"contents"', b'"input"')):
            writer.write(whole(b"{}"))
            return
        text, calls = "", dict[int, Call]()
        for choice in choices(read(asked.json), 1):
            text += choice["delta"].get("content") or ""
            for piece in choice["delta"].get("tool_calls") or ():
                name, arguments = calls.get(piece["index"], ("", ""))
                function = piece["function"]
                calls[piece["index"]] = (name or function["name"], arguments + function["arguments"])
        writer.write(chunked(write(text, list(calls.values()))))

    return answer


def _function(name: str, parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def _named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def _schema(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _joined(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _pieces(arguments: str) -> list[str]:
    return [arguments[place : place + PIECE] for place in range(0, len(arguments), PIECE)]


# -- OpenAI's Responses -----------------------------------------------------------------------------------------------


def _read_responses(body: Any) -> dict[str, Any]:
    last = body["input"][-1]
    found: dict[str, Any] = {"messages": [{"role": "user"}]}
    if last.get("type") == "function_call_output":
        found["messages"] = [{"role": "tool", "content": _joined(last["output"])}]
    found["tools"] = [_function(tool["name"], tool["parameters"]) for tool in body.get("tools") or () if "name" in tool]
    choice = body.get("tool_choice")
    found["tool_choice"] = _named(choice["name"]) if isinstance(choice, dict) else choice
    wanted = (body.get("text") or {}).get("format") or {}
    found["response_format"] = _schema(wanted["schema"]) if "schema" in wanted else wanted
    return found


def _write_responses(text: str, calls: list[Call]) -> bytes:
    events: list[dict[str, Any]] = []
    if text:
        events.append({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text})
    for index, (name, arguments) in enumerate(calls):
        item = {"type": "function_call", "call_id": f"call_{index}", "name": name, "arguments": ""}
        kind = "response.function_call_arguments.delta"
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        events += [{"type": kind, "output_index": index, "delta": each} for each in _pieces(arguments)]
        done = {**item, "arguments": arguments}
        events.append({"type": "response.output_item.done", "output_index": index, "item": done})
    events.append({"type": "response.completed", "response": {"status": "completed", "error": None}})
    return b"".join(map(data, events))


# -- Anthropic's Messages ---------------------------------------------------------------------------------------------


def _read_anthropic(body: Any) -> dict[str, Any]:
    content = body["messages"][-1]["content"]
    blocks = content if isinstance(content, list) else []
    results = [_joined(block["content"]) for block in blocks if block["type"] == "tool_result"]
    choice = body.get("tool_choice") or {}
    return {
        "messages": [{"role": "tool", "content": results[-1]} if results else {"role": "user"}],
        "tools": [_function(tool["name"], tool["input_schema"]) for tool in body.get("tools") or ()],
        "tool_choice": _named(choice["name"]) if "name" in choice else choice.get("type"),
    }


def _write_anthropic(text: str, calls: list[Call]) -> bytes:
    blocks: list[tuple[Any, list[Any]]] = []
    if text:
        blocks.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": text}]))
    for index, (name, arguments) in enumerate(calls):
        deltas = [{"type": "input_json_delta", "partial_json": each} for each in _pieces(arguments)]
        blocks.append(({"type": "tool_use", "id": f"call_{index}", "name": name, "input": {}}, deltas))
    events: list[Any] = []
    for index, (start, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    reason = "tool_use" if calls else "end_turn"
    end = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 2}}
    return b"".join(map(data, [*events, end, {"type": "message_stop"}]))


# -- Gemini -----------------------------------------------------------------------------------------------------------


def _read_gemini(body: Any) -> dict[str, Any]:
    parts = body["contents"][-1]["parts"]
    results = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
    content = " ".join(map(str, results[-1].values())) if results else ""
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    allowed = calling.get("allowedFunctionNames")
    wanted = body.get("generationConfig") or {}
    schema = wanted.get("responseJsonSchema")
    any_object = {"type": "json_object"} if "responseMimeType" in wanted else {}
    return {
        "messages": [{"role": "tool", "content": content} if results else {"role": "user"}],
        "tools": [
            _function(each["name"], each.get("parametersJsonSchema"))
            for tool in body.get("tools") or ()
            for each in tool.get("functionDeclarations") or ()
        ],
        "tool_choice": _named(allowed[0]) if allowed else str(calling.get("mode", "")).lower(),
        "response_format": _schema(schema) if schema else any_object,
    }


def _write_gemini(text: str, calls: list[Call]) -> bytes:
    parts: list[Any] = [{"text": text}] if text else []
    parts += [{"functionCall": {"name": name, "args": json.loads(arguments)}} for name, arguments in calls]
    events: list[Any] = [{"candidates": [{"content": {"parts": [part], "role": "model"}}]} for part in parts]
    return b"".join(map(data, [*events, {"candidates": [{"finishReason": "STOP"}]}]))


# -- Ollama -----------------------------------------------------------------------------------------------------------


def _read_ollama(body: Any) -> dict[str, Any]:
    wanted = body.get("format")
    return {**body, "response_format": _schema(wanted) if isinstance(wanted, dict) else {}}


def _write_ollama(text: str, calls: list[Call]) -> bytes:
    functions = [{"function": {"name": name, "arguments": json.loads(arguments)}} for name, arguments in calls]
    message = {"role": "assistant", "content": text, **({"tool_calls": functions} if calls else {})}
    end = {"role": "assistant", "content": ""}
    return row(message=message, done=False) + row(message=end, done=True, done_reason="stop", eval_count=2)


DIALECTS: dict[str, tuple[Callable[[Any], dict[str, Any]], Callable[[str, list[Call]], bytes]]] = {
    "openai-responses": (_read_responses, _write_responses),
    "anthropic": (_read_anthropic, _write_anthropic),
    "gemini": (_read_gemini, _write_gemini),
    "ollama": (_read_ollama, _write_ollama),
}
