"""Gemini's contents as they are sent: parts of text, images, calls and results, with the signatures of thoughts.

Source of the shapes: Google's API documentation of function calling, thought signatures and structured output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import Tool, ToolCall, decode_arguments
from chat_tui.providers.dialects.dialect import Json, base64_of, said_in
from chat_tui.providers.dialects.encoding.json_schemas import drop_references
from chat_tui.providers.dialects.encoding.replay import is_same_family, read_replay
from chat_tui.providers.dialects.encoding.tool_messages import result_in

_ROLES = {"assistant": "model"}
_GENERATION = re.compile(r"gemini-(\d{1,2})")
_MODES = {"none": "NONE", "required": "ANY"}
_UNSIGNED = "skip_thought_signature_validator"
"""What the API accepts in place of a signature for calls of other models."""


def contents_of(turns: Sequence[Turn], model: Model, quirks: frozenset[str]) -> list[dict[str, Json]]:
    """Return the contents; the results of one round of calls are one content."""
    contents: list[dict[str, Json]] = []
    after_result = False
    for turn in turns:
        if turn.role == "system":
            continue
        if turn.result is not None:
            parts = [*_result(turn, model, quirks)]
            if after_result:
                contents[-1]["parts"] += parts
            else:
                contents.append({"role": "user", "parts": parts})
        else:
            parts = _call_parts(turn, model, quirks) if turn.calls else _parts(turn, model)
            contents.append({"role": _ROLES.get(turn.role, "user"), "parts": parts})
        after_result = turn.result is not None
    for content in contents:
        # All results come before what they are explained with.
        content["parts"].sort(key=lambda part: content["role"] == "user" and "functionResponse" not in part)
    return contents


def has_image(content: dict[str, Json]) -> bool:
    """Return whether a content has an image."""
    return any("inlineData" in part for part in content["parts"])


def _parts(turn: Turn, model: Model) -> list[Json]:
    text, images = said_in(turn, model)
    data = [{"mimeType": image.media_type, "data": base64_of(image)} for image in images]
    return [*({"inlineData": image} for image in data), *([{"text": text}] if text or not data else [])]


def _result(turn: Turn, model: Model, quirks: frozenset[str]) -> Iterator[dict[str, Json]]:
    """Yield a result, which must be an object, and its images, which only the newest models take in the result."""
    if turn.result is None:
        return
    text, images = result_in(turn, model)
    told = decode_arguments(turn.result.structured) if turn.result.structured else None
    response = {"error": text} if turn.state != "complete" else told or {"result": text}
    id = {} if "call_ids" in quirks else {"id": turn.result.call}
    yield {"functionResponse": {**id, "name": turn.result.name, "response": response}}
    if images:
        yield {"text": f"[Images of the result of {turn.result.name}]"}
    for image in images:
        yield {"inlineData": {"mimeType": image.media_type, "data": base64_of(image)}}


def _call_parts(turn: Turn, model: Model, quirks: frozenset[str]) -> list[Json]:
    """Return an answer with calls: each signature is in the part that it came with."""
    text = said_in(turn, model)[0]
    calls = [_call(call, quirks) for call in turn.calls]
    if _is_own(turn, model):
        for part, call in zip(calls, turn.calls, strict=True):
            if call.signature:
                part["thoughtSignature"] = call.signature
    generation = _GENERATION.search(model.id)
    if generation and int(generation[1]) >= 3 and "thoughtSignature" not in calls[0]:
        # The first call of a step must have one.
        calls[0]["thoughtSignature"] = _UNSIGNED
    content = read_replay(turn, "gemini", model)
    order = content if isinstance(content, list) and all(isinstance(part, dict) for part in content) else []
    lengths = [part["text"] for part in order if isinstance(part.get("text"), int)]
    places = [part["call"] for part in order if isinstance(part.get("call"), int)]
    if not order or sum(lengths) != len(text) or places != [*range(len(calls))]:
        return [*([{"text": text}] if text else []), *calls]
    parts: list[Json] = []
    start = 0
    for part in order:
        if isinstance(part.get("call"), int):
            parts.append(calls[part["call"]])
        elif isinstance(part.get("text"), int):
            parts.append({**part, "text": text[start : start + part["text"]]})
            start += part["text"]
    return parts


def _is_own(turn: Turn, model: Model) -> bool:
    """Return whether the model, or one of its family, wrote the turn; if that is not known, a signature tells so."""
    return not turn.model or turn.model == model.name or is_same_family(turn.model.partition("/")[2], model.id)


def _call(call: ToolCall, quirks: frozenset[str]) -> dict[str, Json]:
    id = {} if "call_ids" in quirks else {"id": call.id}
    return {"functionCall": {**id, "name": call.name, "args": decode_arguments(call.arguments) or {}}}


class SignedParts:
    """Keeps which part of a reply had which signature: of text only the length, of calls only the position, since a
    call keeps its signature itself."""

    def __init__(self) -> None:
        self._parts: list[dict[str, Json]] = []
        self._calls = 0

    def add_call(self) -> None:
        """Add the next call."""
        self._parts.append({"call": self._calls})
        self._calls += 1

    def add_text(self, text: Json, signature: Json) -> None:
        """Add a piece of text. One with a signature is a part of its own, even if it is empty."""
        length = len(text) if isinstance(text, str) else 0
        if signature and isinstance(signature, str):
            self._parts.append({"text": length, "thoughtSignature": signature})
        elif length and self._parts and self._parts[-1].keys() == {"text"}:
            self._parts[-1]["text"] += length
        elif length:
            self._parts.append({"text": length})

    def content(self) -> Json:
        """Return the parts; None if no text is signed."""
        return self._parts if any("thoughtSignature" in part for part in self._parts) else None


def tool_fields(request: Request, quirks: frozenset[str]) -> dict[str, Json]:
    """Return the fields for tools. Whether several may be called at once cannot be chosen."""
    if not request.tools:
        return {}
    fields: dict[str, Json] = {"tools": [{"functionDeclarations": [_function(tool, quirks) for tool in request.tools]}]}
    choice = request.tool_choice
    if choice.mode != "auto":
        named = {"allowedFunctionNames": [choice.name]} if choice.name and choice.mode == "required" else {}
        fields["toolConfig"] = {"functionCallingConfig": {"mode": _MODES[choice.mode], **named}}
    return fields


def _function(tool: Tool, quirks: frozenset[str]) -> dict[str, Json]:
    function: dict[str, Json] = {"name": tool.name, "description": tool.description or tool.name}
    # An object without properties is refused.
    if tool.parameters and tool.parameters.get("properties"):
        if "json_schema" in quirks:
            function["parameters"] = drop_references(tool.parameters)
        else:
            function["parametersJsonSchema"] = tool.parameters
    return function


def output_by_text(request: Request, quirks: frozenset[str]) -> bool:
    """Return whether the format of the answer must be told in words: together with tools on older models."""
    return "json_with_tools" in quirks and bool(request.tools)


def output_fields(request: Request, quirks: frozenset[str]) -> dict[str, Json]:
    """Return the settings for the format of the answer."""
    output = request.output
    if output is None or output_by_text(request, quirks):
        return {}
    fields: dict[str, Json] = {"responseMimeType": "application/json"}
    if output.schema is not None and "json_schema" in quirks:
        fields["responseSchema"] = drop_references(output.schema)
    elif output.schema is not None:
        fields["responseJsonSchema"] = output.schema
    return fields


def tool_quirk(low: str) -> str | None:
    """Return what the server does not accept of tools and formats, judged by its error in small letters."""
    plain = low.replace("_", "")
    if "jsonschema" in plain and any(word in low for word in ("unknown name", "cannot find field", "not support")):
        return "json_schema"
    if "function" in low and "mime type" in low and ("unsupported" in low or "not supported" in low):
        return "json_with_tools"
    if 'unknown name "id"' in low or 'unknown name \\"id\\"' in low:
        return "call_ids"
    return None
