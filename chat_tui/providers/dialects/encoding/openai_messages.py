"""Messages and tools of OpenAI's chat completions as they are sent, also to servers that know only a part of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.tools import OutputFormat, ToolCall
from chat_tui.providers.dialects.dialect import Json, base64_of, said_in
from chat_tui.providers.dialects.encoding.replay import read_replay
from chat_tui.providers.dialects.encoding.tool_messages import (
    choice_instruction,
    format_instruction,
    function_of,
    result_in,
    short_id,
)

FUNCTIONS = "functions"
"""The quirk of a server that knows only the form before `tools`."""
UNPARSED = "unparsed_calls"
"""The quirk of a server that gives tools to the model, but does not read its calls."""
_ID_LENGTH, _MISTRAL_ID_LENGTH = 40, 9
_UNKNOWN = lazy_pattern(
    r"unknown|unsupported|extra|not permitted|unrecogni[sz]ed|not support|additional propert", re.IGNORECASE
)
_RETURNED = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")
"""Fields of thinking that are returned as they came."""
_STRICT = lazy_pattern(r"\bstrict\b")
_OTHER_FORMAT = lazy_pattern(r"must be.{0,20}json_schema")
_MISSING_REASONING = lazy_pattern(r"missing|must be passed|must include|required|must contain")


def messages_of(turns: Sequence[Turn], model: Model, quirks: frozenset[str]) -> list[dict[str, Json]]:
    """Return the messages. Images of results, which have no place in them, come in a message of the user."""
    messages: list[dict[str, Json]] = []
    calls: dict[str, ToolCall] = {}
    shown: list[Json] = []
    for turn in turns:
        if turn.result is not None:
            text, images = result_in(turn, model)
            messages += _result(turn, text, calls.get(turn.result.call), quirks)
            if images:
                shown += [{"type": "text", "text": f"[Images of the result of {turn.result.name}]"}, *_parts(images)]
            continue
        message = _message(turn, model, quirks)
        if shown and turn.role == "user":
            message["content"] = [*shown, *_list_of(message["content"])]
        elif shown:
            messages.append({"role": "user", "content": shown})
        shown = []
        if turn.role == "user" and "after_tool" in quirks and messages and messages[-1]["role"] == "tool":
            messages.append({"role": "assistant", "content": "I have read the results."})
        calls |= {call.id: call for call in turn.calls}
        if not (turn.calls and FUNCTIONS in quirks) or message["content"]:
            messages.append(message)
    return [*messages, *([{"role": "user", "content": shown}] if shown else [])]


def _message(turn: Turn, model: Model, quirks: frozenset[str]) -> dict[str, Json]:
    text, images = said_in(turn, model, addresses=True)
    returned = _reasoning(turn, model, quirks) if turn.role == "assistant" else {}
    if turn.calls and FUNCTIONS not in quirks:
        calls = [_call(call, model, quirks) for call in turn.calls]
        return {"role": turn.role, "content": text or None, "tool_calls": calls, **returned}
    if not images:
        return {"role": turn.role, "content": text, **returned}
    return {"role": turn.role, "content": [*([{"type": "text", "text": text}] if text else []), *_parts(images)]}


def _parts(images: Sequence[Attachment]) -> list[Json]:
    urls = [image.address or f"data:{image.media_type};base64,{base64_of(image)}" for image in images]
    return [{"type": "image_url", "image_url": {"url": url}} for url in urls]


def _list_of(content: Json) -> list[Json]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []


def _result(turn: Turn, text: str, call: ToolCall | None, quirks: frozenset[str]) -> list[dict[str, Json]]:
    if turn.result is None:
        return []
    if FUNCTIONS not in quirks:
        return [{"role": "tool", "tool_call_id": _id(turn.result.call, quirks), "content": text}]
    # There is one call in a message, so each result follows its own.
    arguments = (call.arguments if call else "") or "{}"
    function = {"name": turn.result.name, "arguments": arguments}
    return [
        {"role": "assistant", "content": None, "function_call": function},
        {"role": "function", "name": turn.result.name, "content": text},
    ]


def _call(call: ToolCall, model: Model, quirks: frozenset[str]) -> dict[str, Json]:
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    made: dict[str, Json] = {"id": _id(call.id, quirks), "type": "function", "function": function}
    if call.signature and "gemini" in model.id.lower() and "replay" not in quirks:
        made["extra_content"] = {"google": {"thought_signature": call.signature}}
    return made


def _id(id: str, quirks: frozenset[str]) -> str:
    """Return the id of a call; another provider's may be too long, and Mistral wants nine letters or digits."""
    if "call_ids" in quirks:
        return short_id(id, _MISTRAL_ID_LENGTH)
    return id if len(id) <= _ID_LENGTH else short_id(id, _ID_LENGTH)


def _reasoning(turn: Turn, model: Model, quirks: frozenset[str]) -> dict[str, Json]:
    """Return the fields with the thinking that led to an answer's calls, as the server has sent them."""
    if "reasoning_content" in quirks:
        # It wants the field with every answer, also with those of other models.
        return {"reasoning_content": turn.thinking}
    content = read_replay(turn, "openai", model) if turn.calls and "replay" not in quirks else None
    return {name: content[name] for name in _RETURNED if name in content} if isinstance(content, dict) else {}


def tool_fields(request: Request, quirks: frozenset[str]) -> dict[str, Json]:
    """Return the fields for tools and for the format of the answer."""
    return {**_tools(request, quirks), **_output(request, quirks)}


def _tools(request: Request, quirks: frozenset[str]) -> dict[str, Json]:
    if not request.tools:
        return {}
    tools, choice = [function_of(tool) for tool in request.tools], request.tool_choice
    for made, tool in zip(tools, request.tools, strict=True):
        if tool.strict is not None and "strict" not in quirks:
            made["function"]["strict"] = tool.strict
    if choice.name and "named_tool" in quirks:
        tools = [tool for tool in tools if tool["function"]["name"] == choice.name] or tools
    fields: dict[str, Json]
    if FUNCTIONS in quirks:
        fields = {"functions": [tool["function"] for tool in tools]}
        wanted: Json = {"name": choice.name} if choice.name else choice.mode if choice.mode == "none" else None
        return {**fields, **({"function_call": wanted} if wanted else {})}
    fields = {"tools": tools}
    if UNPARSED in quirks:
        # The tools are in the prompt all the same, and the calls are read from the text.
        return {**fields, "tool_choice": "none"}
    if "tool_choice" not in quirks:
        if choice.name and "named_tool" not in quirks:
            fields["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
        elif choice.mode != "auto":
            fields["tool_choice"] = choice.mode
    if choice.parallel is not None and "parallel_tool_calls" not in quirks:
        fields["parallel_tool_calls"] = choice.parallel
    return fields


def _output(request: Request, quirks: frozenset[str]) -> dict[str, Json]:
    output = request.output
    if output is None or _is_told_only(output, request, quirks):
        return {}
    if output.schema is None or "json_schema" in quirks:
        return {"response_format": {"type": "json_object"}}
    schema: dict[str, Json] = {"name": output.name, "schema": output.schema}
    if output.description:
        schema["description"] = output.description
    if output.strict is not None and "strict" not in quirks:
        schema["strict"] = output.strict
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _is_told_only(output: OutputFormat, request: Request, quirks: frozenset[str]) -> bool:
    """Return whether the server has no field for the format."""
    if request.tools and "json_with_tools" in quirks:
        return True
    return "json_object" in quirks and (output.schema is None or "json_schema" in quirks)


def instructions(request: Request, quirks: frozenset[str]) -> str:
    """Return in words what the server has no field for."""
    told = []
    choice, output = request.tool_choice, request.output
    if request.tools and ({"tool_choice", UNPARSED} & quirks or (FUNCTIONS in quirks and not choice.name)):
        told.append(choice_instruction(choice))
    if output is not None and (_is_told_only(output, request, quirks) or "json_schema" in quirks):
        told.append(format_instruction(output))
    elif output is not None and output.schema is None and not _mentions_json(request):
        # OpenAI refuses its JSON mode where nobody speaks of JSON.
        told.append(format_instruction(output))
    return "\n\n".join(filter(None, told))


def _mentions_json(request: Request) -> bool:
    return any("json" in turn.text.lower() for turn in request.spoken())


def tool_quirk(low: str) -> str | None:
    """Return what the server does not accept of tools and formats, judged by its error in small letters."""
    if "enable-auto-tool-choice" in low:
        return UNPARSED
    if "reasoning_content" in low and _MISSING_REASONING.search(low):
        return "reasoning_content"
    if "tool_choice" in low or "tool choice" in low:
        return "named_tool" if "string" in low and "supported" in low else "tool_choice"
    if "parallel_tool_calls" in low or "parallel tool calls" in low:
        return "parallel_tool_calls"
    if "tool call id" in low and "length of 9" in low:
        return "call_ids"
    if "after role" in low and "tool" in low and "user" in low:
        return "after_tool"
    if "unrecognized request argument supplied: tools" in low:
        return FUNCTIONS
    if (
        "messages" in low
        and "reasoning_effort" not in low
        and ("reasoning" in low or "extra_content" in low or "thinking_blocks" in low)
    ):
        return "replay" if _UNKNOWN.search(low) else None
    if _STRICT.search(low) and _UNKNOWN.search(low):
        return "strict"
    return _format_quirk(low)


def _format_quirk(low: str) -> str | None:
    if "json mode" in low and ("tool" in low or "function" in low):
        return "json_with_tools"
    if not any(word in low for word in ("response_format", "response format", "json_schema", "json_object")):
        return None
    if _OTHER_FORMAT.search(low) or ("json_object" in low and "json_schema" not in low):
        return "json_object"
    return "json_schema" if "invalid schema" not in low else None


class ReturnedReasoning:
    """Keeps the thinking of a reply in the fields in which it came, to be returned with the calls that it led to."""

    _TEXTS = ("text", "thinking", "summary")

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[dict[str, Json]]] = {}

    def take(self, delta: Mapping[str, Json]) -> None:
        """Take what a delta, or a whole message, says of it."""
        for name in ("reasoning_content", "reasoning"):
            if (text := delta.get(name)) and isinstance(text, str):
                self._texts.setdefault(name, []).append(text)
        for name in ("reasoning_details", "thinking_blocks"):
            rows = delta.get(name)
            for row in rows if isinstance(rows, list) else ():
                if isinstance(row, dict):
                    self._add(self._lists.setdefault(name, []), row)

    def _add(self, rows: list[dict[str, Json]], row: dict[str, Json]) -> None:
        """Add a part, or a piece of the last one. Texts are kept in pieces, of which there may be many."""
        last = rows[-1] if rows else {}
        texts = [name for name in self._TEXTS if isinstance(row.get(name), str)]
        is_piece = texts and all(last.get(name) == row.get(name) for name in ("type", "index", "id") if name in row)
        if not rows or not is_piece or last.get("signature"):
            rows.append({name: _Pieces([value]) if name in texts else value for name, value in row.items()})
            return
        for name, value in row.items():
            if name in texts and isinstance(last.get(name), _Pieces):
                last[name].append(value)
            elif name in texts:
                last[name] = _Pieces([value])
            elif value is not None:
                last[name] = value

    def content(self) -> Json:
        """Return the fields; None if there are none. Where a list has all, the text repeats it."""
        if self._lists:
            return {name: [_join_pieces(row) for row in rows] for name, rows in self._lists.items()}
        name = next(iter(self._texts), "")
        return {name: "".join(self._texts[name])} if name else None


class _Pieces(list[str]):
    """A text in pieces."""


def _join_pieces(row: dict[str, Json]) -> dict[str, Json]:
    return {name: "".join(value) if isinstance(value, _Pieces) else value for name, value in row.items()}
