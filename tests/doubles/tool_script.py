"""What the loopback model server answers where its script is told to use tools: calls, then a text with the results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

PIECE = 5
"""Characters of arguments in one event."""


def value_of(schema: dict[str, Any], whole: dict[str, Any] | None = None) -> Any:
    """A value that the JSON Schema allows, always the same."""
    whole = whole if whole is not None else schema
    if "$ref" in schema:
        found: Any = whole
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return value_of(found, whole)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return value_of(schema["anyOf"][0], whole)
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: value_of(inner, whole) for name, inner in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [value_of(schema.get("items") or {"type": "string"}, whole)]
    return {"string": "Paris", "integer": 2, "number": 2.5, "boolean": True}.get(kind)


def _deltas(body: dict[str, Any], calls: int) -> Iterator[dict[str, Any]]:
    messages = body.get("messages") or [{}]
    last = messages[-1]
    tools = [] if body.get("tool_choice") == "none" else body.get("tools") or []
    chosen = body.get("tool_choice")
    if isinstance(chosen, dict):
        tools = [tool for tool in tools if tool["function"]["name"] == chosen["function"]["name"]]
    if tools and last.get("role") != "tool":
        for index in range(calls):
            function = tools[index % len(tools)]["function"]
            start = {"name": function["name"], "arguments": ""}
            yield {"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": start}]}
            arguments = json.dumps(value_of(function.get("parameters") or {}))
            for place in range(0, len(arguments), PIECE):
                piece = {"arguments": arguments[place : place + PIECE]}
                yield {"tool_calls": [{"index": index, "function": piece}]}
        return
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        text = json.dumps(value_of(wanted["json_schema"]["schema"]))
    elif wanted.get("type") == "json_object":
        text = '{"city": "Paris"}'
    elif last.get("role") == "tool":
        text = f"The tool says {last['content']}."
    else:
        text = "Hello there."
    for word in text.split(" "):
        yield {"content": word if text.startswith(word) else f" {word}"}


def choices(body: dict[str, Any], calls: int) -> Iterator[dict[str, Any]]:
    """The choices of a stream, one for each event, the last with the finish reason."""
    called = False
    for delta in _deltas(body, calls):
        called = called or "tool_calls" in delta
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": None}
        if body.get("logprobs") and "content" in delta:
            token = {"token": delta["content"], "logprob": -0.25, "bytes": None, "top_logprobs": []}
            choice["logprobs"] = {"content": [token], "refusal": None}
        yield choice
    yield {"index": 0, "delta": {}, "finish_reason": "tool_calls" if called else "stop"}
