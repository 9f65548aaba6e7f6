"""Anthropic's Messages.

Source of the shapes: Anthropic's API documentation; llama.cpp's server and LiteLLM, which speak it too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from chat_tui.core.chunks import Chunk
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import Garbled
from chat_tui.core.models import Model
from chat_tui.core.request import Request, Thinking
from chat_tui.providers.dialects.dialect import (
    Call,
    Dialect,
    Json,
    continues_answer,
    count,
    limit_of,
    streams,
    turns_of,
)
from chat_tui.providers.dialects.encoding.anthropic_messages import (
    THOUGHTS,
    arguments_text,
    beta_headers,
    forces_call,
    format_by,
    has_images,
    may_think,
    messages_of,
    tool_fields,
)
from chat_tui.providers.dialects.encoding.tool_messages import choice_instruction, format_instruction
from chat_tui.providers.dialects.model_list import ModelList, Row
from chat_tui.providers.dialects.parsing.response_parser import ResponseParser
from chat_tui.providers.dialects.parsing.token_usage import anthropic_usage

VERSION = "2023-06-01"
MAX_TOKENS = 64_000
"""The limit of current Claude models; the API requires a number, and names a smaller one if this is too large."""
_OTHERS_MAX_TOKENS = 8192
"""The limit of another maker's model behind this API."""
_FAMILIES = tuple(
    (re.compile(pattern), most)
    for pattern, most in (
        (r"claude-(?:instant|v?[12]\b)|claude-3-(?:haiku|opus|sonnet)", 4096),
        (r"claude-3[-.]5", 8192),
        # Opus 4 and 4.1; a date may stand behind the 4.
        (r"opus-4(?![-.](?:[2-9]|1\d)(?!\d))", 32_000),
        (r"claude", MAX_TOKENS),
    )
)
"""The output limits of models, by the beginning of their ids; the first match counts."""
_LIST = "/models?limit=1000"
_CACHE_CONTROL = {"type": "ephemeral"}
"""Cached for five minutes after the last use."""
_BUDGETS: Mapping[str, int] = {"low": 2048, "medium": 8192, "high": 16_384}
"""Tokens of thinking, by effort."""
_LEAST_BUDGET = 1024
"""The smallest budget that the server accepts."""
_NO_THINKING = re.compile(
    r"(?:thinking|output_config|effort)\b.{0,80}(?:not support|not permitted|not available)"
    r"|not support.{0,40}(?:thinking|effort)",
    re.IGNORECASE | re.DOTALL,
)

_SIGNED = re.compile(
    r"signature\W{1,3}in\W{1,3}thinking|thinking\W{0,2} blocks?\b.{0,80}cannot be modified|thinking\.signature",
    re.IGNORECASE,
)
"""Thinking that was handed back is refused."""
_FORCED = re.compile(r"tool_choice.{0,80}(?:forces? tool use|not support|not available|not compatible)", re.DOTALL)
"""A tool that must be called is refused."""


def dialect() -> Dialect:
    """Return the dialect."""
    return Dialect(
        name="anthropic",
        encode=encode,
        reading=AnthropicParser,
        headers=headers,
        quirk=quirk,
        model_list=ModelList(_LIST, more=more),
        needed=frozenset({"max_tokens"}),
        pasted=r"/messages(?:/count_tokens|/batches)?|/models|/complete",
    )


def headers(key: str) -> Mapping[str, str]:
    """Return the API version and the key."""
    return {"anthropic-version": VERSION, **({"x-api-key": key} if key else {})}


def more(page: Row) -> str:
    """Return the path of the next page of the list of models."""
    last = page.get("last_id")
    return f"{_LIST}&after_id={quote(last, safe='')}" if page.get("has_more") is True and isinstance(last, str) else ""


def encode(request: Request, model: Model, quirks: frozenset[str] = frozenset()) -> Call:
    """Return the call for a request; `quirks` names what the server has refused before."""
    tools = tool_fields(request, model, quirks)
    turns = turns_of(request, quirks)
    going_on = continues_answer(turns)
    # Thoughts cannot stand behind the beginning of an answer, and a model that must call a tool cannot think before.
    level = None if going_on or (forces_call(tools) and request.thinking != "off") else request.thinking
    most = limit_of(request.max_tokens or output_tokens(model), quirks) or MAX_TOKENS
    thinking = _thinking(level, most, quirks)
    if thinking.get("thinking", {}).get("type") == "enabled" and not may_think(turns, model):
        del thinking["thinking"]
    system = _system(request, model, turns, quirks)
    with_thoughts = thinking.get("thinking", {}).get("type") != "disabled" and "replay" not in quirks
    messages = messages_of(turns, model, with_thoughts=with_thoughts)
    if going_on and isinstance(messages[-1]["content"], str):
        # The beginning of the answer, to be continued: blanks at its end are refused.
        messages[-1]["content"] = messages[-1]["content"].rstrip()
    output = {**thinking.pop("output_config", {}), **tools.pop("output_config", {})}
    body: dict[str, Json] = {"model": model.id, "messages": messages, "stream": streams(request, quirks), **thinking}
    body |= {**({"output_config": output} if output else {}), **tools}
    if system:
        body["system"] = system
    if request.prompt_cache and "prompt_cache" not in quirks:
        mark_for_cache(body, messages)
    thinks = thinking.get("thinking", {}).get("type") in {"enabled", "adaptive"}
    if request.temperature is not None and "temperature" not in quirks and not thinks:
        # Its scale ends at 1, where that of others ends at 2.
        body["temperature"] = min(request.temperature, 1.0)
    if request.top_p is not None and "top_p" not in quirks and not thinks:
        body["top_p"] = request.top_p
    if request.sampling.top_k is not None and not thinks:
        body["top_k"] = request.sampling.top_k
    if request.sampling.user:
        body["metadata"] = {"user_id": request.sampling.user}
    stop = [word for word in request.stop if word and not word.isspace()]
    if stop:
        # Blank ones are refused.
        body["stop_sequences"] = stop
    raw, extra = json.dumps(body).encode("utf-8"), beta_headers(request)
    return Call("/messages", raw, headers=extra, quirks=quirks, images=has_images(messages))


def _system(request: Request, model: Model, turns: Sequence[Turn], quirks: frozenset[str]) -> str:
    """Return the system prompt, with what the server has no field for in words."""
    parts = [turn.text for turn in turns if turn.role == "system"]
    if request.output and format_by(request, model, quirks) == "text":
        parts.append(format_instruction(request.output))
    if request.tools and "tool_choice" in quirks:
        parts.append(choice_instruction(request.tool_choice))
    return "\n\n".join(filter(None, parts))


def mark_for_cache(body: dict[str, Json], messages: Sequence[dict[str, Json]]) -> None:
    """Let the server cache the tools and the system prompt, and a longer conversation up to its last two questions.

    The last but one was marked by the request before: what ends there is read from the cache at a tenth of the price.
    What is too short to be cached (1,024 tokens and more, by model) is passed over by the server without a charge.
    """
    if body.get("system"):
        # The tools stand before it, so they are cached with it.
        body["system"] = [_cached_text(body["system"])]
    elif body.get("tools"):
        body["tools"][-1] = {**body["tools"][-1], "cache_control": _CACHE_CONTROL}
    questions = [message for message in messages if message["role"] == "user" and message["content"]]
    if len(questions) < 2:
        return
    for message in questions[-2:]:
        if isinstance(message["content"], str):
            message["content"] = [_cached_text(message["content"])]
        else:
            message["content"][-1] = {**message["content"][-1], "cache_control": _CACHE_CONTROL}


def _cached_text(text: str) -> dict[str, Json]:
    return {"type": "text", "text": text, "cache_control": _CACHE_CONTROL}


def output_tokens(model: Model) -> int:
    """Return the most tokens that a model writes, by its server or else its family; at most half of its window."""
    known = next((most for pattern, most in _FAMILIES if pattern.search(model.id.lower())), _OTHERS_MAX_TOKENS)
    most = model.max_output or known
    return min(most, model.context_window // 2) if model.context_window else most


def _thinking(level: Thinking | None, most: int, quirks: frozenset[str]) -> dict[str, Json]:
    """Return the limits of the reply and of the thinking in it; the first includes the second."""
    limit: dict[str, Json] = {"max_tokens": most}
    if level is None or "thinking" in quirks:
        return limit
    if level == "off":
        return {**limit, "thinking": {"type": "disabled"}}
    if "adaptive" in quirks:
        # Newer models weigh it themselves, and do not show it unless they are asked to.
        shown = {"type": "adaptive", "display": "summarized"}
        return {**limit, "thinking": shown, "output_config": {"effort": level}}
    budget = max(_LEAST_BUDGET, min(_BUDGETS[level], most // 2))
    # There must be room for an answer behind it.
    return {**limit, "thinking": {"type": "enabled", "budget_tokens": budget}} if budget < most else limit


def quirk(status: int, text: str) -> str | None:
    """Return what the server does not accept, judged by its error."""
    if status != 400:
        return None
    if "output_config.format" in text or "output_format" in text or "structured output" in text.lower():
        return "output_format"
    if _SIGNED.search(text):
        return "replay"
    if _FORCED.search(text):
        return "tool_choice"
    if "strict" in text and "tools" in text:
        return "strict"
    if "cache_control" in text or "valid string" in text:
        # An imitator that knows no cache, or takes a plain text only where the cache's mark needs a list.
        return "prompt_cache"
    if "thinking.type.enabled" in text:
        return "adaptive"
    if "deprecated" in text or "not supported" in text or "cannot both" in text:
        # Of the two, the temperature is the one that people set.
        field = next((name for name in ("top_p", "temperature") if f"`{name}`" in text), None)
        if field is not None:
            return field
    if "prefill" in text or "must end with a user message" in text:
        return "prefill"
    return "thinking" if _NO_THINKING.search(text) else None


class AnthropicParser(ResponseParser):
    """Reads one reply. The type of an event is in its data; unknown types are ignored."""

    dialect = "anthropic"

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, int] = {}
        self._blocks = ReplyBlocks()
        self._inputs: dict[str, str] = {}
        """Arguments that came with the beginning of a call, by the call's key."""
        self._answer_keys: set[str] = set()
        """Keys of calls whose arguments are the answer."""

    def _read(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        kind = value.get("type")
        if kind == "content_block_delta":
            self._seen = True
            self._read_part(value.get("delta"), _key(value), chunks)
        elif kind == "content_block_start":
            self._seen = True
            self._read_part(value.get("content_block"), _key(value), chunks)
        elif kind == "content_block_stop":
            self._end_block(_key(value), chunks)
        elif kind == "message_start":
            self._seen = True
            message = value.get("message")
            if isinstance(message, dict):
                self._serve(message.get("model"))
                # What it has put out so far is a placeholder.
                self._read_usage(message.get("usage"), chunks, without="output_tokens")
        elif kind == "message_delta":
            self._seen = True
            delta = value.get("delta")
            if isinstance(delta, dict):
                self._end_content(delta.get("stop_reason"), chunks)
            self._read_usage(value.get("usage"), chunks)
        elif kind == "message_stop":
            chunks.extend(self._end_reply())

    def _read_whole(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        content = value.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        if not isinstance(content, list):
            self._read(value, chunks)
            return
        self._seen = self.finished = True
        for place, block in enumerate(content):
            self._read_part(block, str(place), chunks)
            self._end_block(str(place), chunks)
        self._serve(value.get("model"))
        self._end_content(value.get("stop_reason"), chunks)
        self._read_usage(value.get("usage"), chunks)

    def _read_part(self, part: Json, key: str, chunks: list[Chunk]) -> None:
        """Read a delta or a block: text, thinking, a call, or something that is not shown."""
        if not isinstance(part, dict):
            return
        kind = part.get("type")
        if kind in ("thinking_delta", "thinking", "text_delta", "text", None):
            self._think(self._thinking.take({**part, "text": None} if kind else part), chunks)
        self._blocks.take(part, key, self._calls.count)
        if kind in ("text_delta", "text", None):
            self._add_text(part.get("text"), chunks)
        elif kind == "tool_use":
            self._begin_block(part, key, chunks)
        elif kind == "input_json_delta":
            self._add_input(part.get("partial_json"), key, chunks)
        elif kind == "server_tool_use" and str(part.get("name")) not in self._tools:
            self._report_call(part.get("name"), chunks)

    def _begin_block(self, block: dict[str, Json], key: str, chunks: list[Chunk]) -> None:
        if self._output and block.get("name") == self._output and self._output not in self._tools:
            self._answer_keys.add(key)
        else:
            self._end_block(key, chunks)
            self._begin_call(key, block.get("name"), block.get("id"), chunks)
        self._inputs[key] = arguments_text(block.get("input"))

    def _add_input(self, piece: Json, key: str, chunks: list[Chunk]) -> None:
        if not piece or not isinstance(piece, str):
            return
        self._inputs.pop(key, None)
        if key in self._answer_keys:
            self._add_text(piece, chunks)
        else:
            self._add_arguments(key, piece, chunks)

    def _end_block(self, key: str, chunks: list[Chunk]) -> None:
        self._add_input(self._inputs.get(key), key, chunks)
        self._end_call(key, chunks)

    def _end_content(self, reason: Json, chunks: list[Chunk]) -> None:
        """Take the reason for the end; some imitators do not tell the end of a block."""
        for key in list(self._inputs):
            self._add_input(self._inputs.get(key), key, chunks)
        self._finish("end_turn" if reason == "tool_use" and self._answer_keys and not self._calls.count else reason)

    def _content_to_return(self) -> Json:
        return self._blocks.content() if self._calls.count else None

    def _read_usage(self, usage: Json, chunks: list[Chunk], without: str = "") -> None:
        if not isinstance(usage, dict):
            return
        # Counts are cumulative, and an imitator's 0 takes nothing back.
        self._counts |= {name: told for name, value in usage.items() if name != without and (told := count(value))}
        used = anthropic_usage(self._counts)
        if used.total_tokens:
            self._count(used, chunks)

    def _end_reply(self) -> Sequence[Chunk]:
        if not self._seen:
            raise Garbled("The server ended the reply without sending anything.", "Ask again.")
        self.finished = True
        return self._end_chunks()


def _key(event: dict[str, Json]) -> str:
    return str(event.get("index"))[:20]


class ReplyBlocks:
    """Keeps the blocks of a reply whose thinking must be returned: thinking as it came, of text only the length, of
    calls only the position."""

    def __init__(self) -> None:
        self._blocks: list[dict[str, Json]] = []
        self._key = ""

    def take(self, part: dict[str, Json], key: str, calls: int) -> None:
        """Take a block or a delta; `calls` is the number of calls before it."""
        kind, last = part.get("type"), self._blocks[-1] if self._blocks and key == self._key else None
        self._key = key
        if kind in THOUGHTS:
            names = ("thinking", "signature") if kind == "thinking" else ("data",)
            # Long thinking comes in many pieces.
            self._blocks.append({"type": kind, **{name: [_string(part.get(name))] for name in names}})
        elif kind == "tool_use":
            self._blocks.append({"call": calls})
        elif kind in ("text", "text_delta"):
            length = len(_string(part.get("text")))
            if last is not None and "text" in last:
                last["text"] += length
            else:
                self._blocks.append({"text": length})
        elif last is not None and kind in ("thinking_delta", "signature_delta") and last.get("type") == "thinking":
            name = "thinking" if kind == "thinking_delta" else "signature"
            last[name].append(_string(part.get(name)))

    def content(self) -> Json:
        """Return the blocks; None if no thinking is signed."""
        joined = [
            {name: "".join(value) if isinstance(value, list) else value for name, value in block.items()}
            for block in self._blocks
        ]
        blocks = [block for block in joined if block.get("type") != "thinking" or block["signature"]]
        return blocks if any(block.get("type") in THOUGHTS for block in blocks) else None


def _string(value: Json) -> str:
    return value if isinstance(value, str) else ""
