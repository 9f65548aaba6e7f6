"""OpenAI's Responses: thinking is summarised, and encrypted reasoning is handed back with the next request.

Requests are stateless (`store` is false): all that a reply depends on is in the request. Source of the shapes: the
OpenAI API reference; llama.cpp's server and vLLM, which speak it too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from chat_tui.core.chunks import Chunk, Token
from chat_tui.core.conversation import Turn
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.tools import OutputFormat, ToolCall
from chat_tui.providers.dialects.dialect import (
    Call,
    Dialect,
    Json,
    base64_of,
    limit_of,
    said_in,
    streams,
    text_of,
    turns_of,
)
from chat_tui.providers.dialects.encoding.reasoning_effort import effort_of, effort_quirk
from chat_tui.providers.dialects.encoding.replay import read_replay
from chat_tui.providers.dialects.encoding.tool_messages import NO_PARAMETERS, format_instruction, result_in
from chat_tui.providers.dialects.model_probe import ModelProbe
from chat_tui.providers.dialects.openai_chat import headers, questions, read_properties
from chat_tui.providers.dialects.parsing.response_parser import ResponseParser
from chat_tui.providers.dialects.parsing.server_errors import error_of
from chat_tui.providers.dialects.parsing.token_usage import openai_usage
from chat_tui.providers.dialects.token_logprobs import add_logprobs

NAME = "openai-responses"
_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Why a response is incomplete, in the words of finish reasons."""


def dialect() -> Dialect:
    """Return the dialect."""
    return Dialect(
        name=NAME,
        encode=encode,
        reading=ResponsesParser,
        headers=headers,
        quirk=quirk,
        look_up=ModelProbe(questions, read_properties),
        needed=frozenset({"input", "include"}),
    )


def encode(request: Request, model: Model, quirks: frozenset[str] = frozenset()) -> Call:
    """Return the call for a request; `quirks` names what the server has refused before."""
    # The API has no beginning of an answer that the model would continue.
    turns = turns_of(request, quirks | {"prefill"})
    system = "\n\n".join(turn.text for turn in turns if turn.role == "system")
    items = [item for turn in turns if turn.role != "system" for item in _items(turn, model, quirks)]
    body: dict[str, Json] = {"model": model.id, "input": items, "stream": streams(request, quirks), "store": False}
    if system:
        body["instructions"] = system
    limit = limit_of(request.max_tokens, quirks)
    if limit is not None:
        body["max_output_tokens"] = limit
    if request.temperature is not None and "temperature" not in quirks:
        body["temperature"] = request.temperature
    if request.top_p is not None and "top_p" not in quirks:
        body["top_p"] = request.top_p
    body |= _tools(request) | _reasoning(request, model, quirks)
    if request.output is not None:
        body["text"] = {"format": _format(request)}
        items[:0] = _json_items(request.output, turns)
    wanted = request.sampling
    if wanted.logprobs:
        body["include"] = [*body.get("include", []), _LOGPROBS]
        body |= {} if wanted.top_logprobs is None else {"top_logprobs": wanted.top_logprobs}
    named = {"user": wanted.user, "service_tier": wanted.service_tier, "prompt_cache_key": wanted.cache_key}
    body |= {name: value for name, value in named.items() if value}
    if wanted.verbosity:
        body["text"] = {**body.get("text", {}), "verbosity": wanted.verbosity}
    images = any(_has_image(item) for item in items)
    return Call("/responses", json.dumps(body).encode("utf-8"), quirks=quirks, images=images)


def _items(turn: Turn, model: Model, quirks: frozenset[str]) -> list[Json]:
    """Return the input items of a turn: a message, calls, a call's output, with the reasoning that came before."""
    if turn.result is not None:
        text, images = result_in(turn, model)
        output: Json = text if not images else [*_texts("input_text", text), *map(_image, images)]
        return [{"type": "function_call_output", "call_id": turn.result.call, "output": output}]
    text, images = said_in(turn, model, addresses=True)
    if turn.role == "user":
        return [{"role": "user", "content": [*_texts("input_text", text), *map(_image, images)]}]
    calls = [_call(call) for call in turn.calls]
    content = None if "replay" in quirks else read_replay(turn, NAME, model)
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        return [*_message(text), *calls]
    lengths = [item["text"] for item in content if isinstance(item.get("text"), int)]
    places = [item["call"] for item in content if isinstance(item.get("call"), int)]
    if sum(lengths) != len(text) or places != [*range(len(calls))]:
        # The text is not as it came.
        thoughts = [item for item in content if item.get("type") == "reasoning"]
        return [*thoughts[:1], *_message(text), *calls]
    items: list[Json] = []
    start = 0
    for item in content:
        if item.get("type") == "reasoning":
            items.append(item)
        elif "call" in item:
            items.append(calls[item["call"]])
        else:
            items += _message(text[start : start + item["text"]])
            start += item["text"]
    return items


def _message(text: str) -> list[Json]:
    return [{"role": "assistant", "content": _texts("output_text", text)}] if text else []


def _texts(kind: str, text: str) -> list[Json]:
    return [{"type": kind, "text": text}] if text else []


def _image(image: Json) -> Json:
    url = image.address or f"data:{image.media_type};base64,{base64_of(image)}"
    return {"type": "input_image", "image_url": url}


def _has_image(item: Json) -> bool:
    parts = item.get("content") or item.get("output")
    return isinstance(parts, list) and any(part.get("type") == "input_image" for part in parts)


def _call(call: ToolCall) -> Json:
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments or "{}"}


def _tools(request: Request) -> dict[str, Json]:
    tools: list[Json] = [tool.fields for tool in request.hosted_tools if tool.api == "openai"]
    if request.web_search:
        tools.append({"type": "web_search"})
    for tool in request.tools:
        function: dict[str, Json] = {"type": "function", "name": tool.name}
        if tool.description:
            function["description"] = tool.description
        function["parameters"] = tool.parameters or NO_PARAMETERS
        # Here strict is the default, which most schemas do not meet.
        function["strict"] = bool(tool.strict)
        tools.append(function)
    if not tools:
        return {}
    fields: dict[str, Json] = {"tools": tools}
    choice = request.tool_choice
    if choice.name:
        fields["tool_choice"] = {"type": "function", "name": choice.name}
    elif choice.mode != "auto":
        fields["tool_choice"] = choice.mode
    if choice.parallel is not None:
        fields["parallel_tool_calls"] = choice.parallel
    return fields


def _reasoning(request: Request, model: Model, quirks: frozenset[str]) -> dict[str, Json]:
    """Return the fields for thinking: its effort, a summary of it, and its encrypted form."""
    if model.thinking is False or "thinking" in quirks:
        return {}
    fields: dict[str, Json] = {}
    reasoning: dict[str, Json] = {}
    if request.thinking is not None and (effort := effort_of(request.thinking, quirks)):
        reasoning["effort"] = effort
    thinks = model.thinking or request.thinking not in (None, "off")
    if thinks and request.thinking != "off" and "summary" not in quirks:
        reasoning["summary"] = "auto"
    if reasoning:
        fields["reasoning"] = reasoning
    if thinks and "encrypted" not in quirks:
        fields["include"] = [_ENCRYPTED]
    return fields


def _json_items(output: OutputFormat, turns: Sequence[Turn]) -> list[Json]:
    """Return a message that names JSON if none does: OpenAI refuses to answer with any JSON object otherwise.

    It looks for the word only in the input, and not in the instructions.
    """
    if output.schema is not None or any("json" in turn.text.lower() for turn in turns if turn.role != "system"):
        return []
    return [{"role": "system", "content": _texts("input_text", format_instruction(output))}]


def _format(request: Request) -> dict[str, Json]:
    output = request.output
    assert output is not None
    if output.schema is None:
        return {"type": "json_object"}
    schema: dict[str, Json] = {"type": "json_schema", "name": output.name, "schema": output.schema}
    if output.description:
        schema["description"] = output.description
    return {**schema, "strict": bool(output.strict)}


def quirk(status: int, text: str) -> str | None:
    """Return what the server does not accept, judged by its error."""
    low = text.lower()
    if status not in {400, 403, 404, 422}:
        return None
    if "encrypted content" in low or _ENCRYPTED in low:
        # Either it cannot make it, or it cannot read what another key's organisation was given.
        return "replay" if "could not be" in low or "verif" in low or "decrypt" in low else "encrypted"
    if "item of type 'reasoning'" in low or "without its required following item" in low:
        return "replay"
    if "reasoning.summary" in low or "reasoning summaries" in low:
        return "summary"
    if "reasoning.effort" in low or "reasoning_effort" in low:
        return effort_quirk(low)
    if "unsupported" in low or "not supported" in low:
        return next((name for name in ("temperature", "top_p") if name in low), None)
    return None


class ResponsesParser(ResponseParser):
    """Reads one reply. The type of an event is in its data; unknown types are ignored."""

    dialect = NAME

    def __init__(self) -> None:
        super().__init__()
        self._items: list[Json] = []
        """The reply's items in order: reasoning as it came, the length of each text, the place of each call."""
        self._thought: set[str] = set()
        """Items whose reasoning has come as text."""
        self._read_texts: set[tuple[str, object]] = set()
        """Parts whose text has come in deltas."""

    def _read(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        kind = value.get("type")
        if not isinstance(kind, str):
            return
        self._seen = True
        key = _key(value)
        if kind == "response.output_text.delta":
            self._read_texts.add((key, value.get("content_index")))
            self._add_logprobs(value, chunks)
            self._say(value.get("delta"), chunks)
        elif kind == "response.refusal.delta":
            self._refuse(value.get("delta"), chunks)
        elif kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            self._thought.add(key)
            self._think(value.get("delta"), chunks)
        elif kind == "response.reasoning_summary_part.added" and key in self._thought:
            self._think("\n\n", chunks)
        elif kind == "response.function_call_arguments.delta":
            self._add_arguments(key, value.get("delta"), chunks)
        elif kind == "response.output_item.added":
            self._begin_item(key, value.get("item"), chunks)
        elif kind == "response.output_item.done":
            self._end_item(key, value.get("item"), chunks)
        elif kind in ("response.completed", "response.incomplete", "response.failed", "response.cancelled"):
            self._end_response(value.get("response"), chunks)
        elif kind in ("response.created", "response.in_progress") and isinstance(value.get("response"), dict):
            self._serve(value["response"].get("model"))

    def _read_whole(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        output = value.get("output")
        if not isinstance(output, list):
            self._read(value, chunks)
            return
        self._seen = True
        for place, item in enumerate(output):
            self._begin_item(str(place), item, chunks)
            self._end_item(str(place), item, chunks)
        self._close_response(value, chunks)

    def _say(self, text: Json, chunks: list[Chunk]) -> None:
        if not text or not isinstance(text, str):
            return
        if not self._items or "text" not in self._items[-1]:
            self._items.append({"text": 0})
        self._items[-1]["text"] += len(text)
        self._add_text(text, chunks)

    def _add_logprobs(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        if self._wants_logprobs:
            add_logprobs(value.get("logprobs"), chunks)

    def _refuse(self, text: Json, chunks: list[Chunk]) -> None:
        if text and isinstance(text, str):
            self._refused = self._spoke = True
            chunks.append(Token(text))

    def _begin_item(self, key: str, item: Json, chunks: list[Chunk]) -> None:
        if isinstance(item, dict) and item.get("type") == "function_call":
            self._begin_call(key, item.get("name"), item.get("call_id") or item.get("id"), chunks)
            if self._calls.has(key):
                self._items.append({"call": self._calls.count - 1})

    def _end_item(self, key: str, item: Json, chunks: list[Chunk]) -> None:
        """Read a whole item: what of it has not come in deltas."""
        if not isinstance(item, dict):
            return
        kind = item.get("type")
        if kind == "function_call":
            if self._calls.has(key) and not self._calls.has_arguments(key):
                self._add_arguments(key, item.get("arguments"), chunks)
            self._end_call(key, chunks)
        elif kind == "reasoning":
            if key not in self._thought:
                self._think(_reasoning_text(item), chunks)
            if item.get("encrypted_content"):
                self._items.append({name: value for name, value in item.items() if name not in ("status", "content")})
        elif kind == "message":
            parts = item.get("content")
            for place, part in enumerate(parts if isinstance(parts, list) else ()):
                if not isinstance(part, dict) or (key, place) in self._read_texts or (key, None) in self._read_texts:
                    continue
                if part.get("type") == "refusal" and not self._refused:
                    self._refuse(part.get("refusal"), chunks)
                elif part.get("type") in ("output_text", "text"):
                    self._add_logprobs(part, chunks)
                    self._say(text_of(part.get("text")), chunks)

    def _end_response(self, response: Json, chunks: list[Chunk]) -> None:
        if not isinstance(response, dict):
            response = {}
        error = response.get("error")
        if response.get("status") == "failed" or isinstance(error, dict):
            raise error_of(response if error else {"error": {"message": "The response failed."}})
        self._close_response(response, chunks)
        chunks.extend(self._end_chunks())

    def _close_response(self, response: dict[str, Json], chunks: list[Chunk]) -> None:
        self._serve(response.get("model"))
        if isinstance(response.get("usage"), dict):
            self._count(openai_usage(response["usage"]), chunks)
        details = response.get("incomplete_details")
        why = details.get("reason") if isinstance(details, dict) else None
        status = response.get("status")
        if status == "incomplete" or why:
            self._finish(_REASONS.get(str(why), str(why or "incomplete")))
        elif status == "cancelled":
            self._finish("cancelled")
        else:
            self._finish("tool_calls" if self._calls.count else "stop")

    def _content_to_return(self) -> Json:
        return self._items if any(item.get("type") == "reasoning" for item in self._items) else None


def _key(value: dict[str, Json]) -> str:
    """Return what an event's item is told by: its place in the output, or its id from servers that tell no place."""
    place = value.get("output_index")
    return str(place) if isinstance(place, int) else str(value.get("item_id"))[:200]


def _reasoning_text(item: dict[str, Json]) -> str:
    """Return the summary of a reasoning item, or the reasoning itself from models that show it."""
    parts = item.get("summary") or item.get("content")
    texts = [text_of(part) for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return "\n\n".join(filter(None, texts))
