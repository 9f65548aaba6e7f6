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
    base64_of,
    continues_answer,
    count,
    limit_of,
    said_in,
    streams,
    turns_of,
)
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
    turns = turns_of(request, quirks)
    system = "\n\n".join(turn.text for turn in turns if turn.role == "system")
    messages = [_message(turn, model) for turn in turns if turn.role != "system"]
    going_on = continues_answer(turns)
    if going_on and isinstance(messages[-1]["content"], str):
        # The beginning of the answer, to be continued: blanks at its end are refused.
        messages[-1]["content"] = messages[-1]["content"].rstrip()
    # Thoughts cannot stand behind the beginning of an answer.
    most = limit_of(request.max_tokens or output_tokens(model), quirks) or MAX_TOKENS
    thinking = _thinking(None if going_on else request.thinking, most, quirks)
    body: dict[str, Json] = {"model": model.id, "messages": messages, "stream": streams(request, quirks), **thinking}
    if system:
        body["system"] = system
    images = any(isinstance(message["content"], list) for message in messages)
    if request.prompt_cache and "prompt_cache" not in quirks:
        mark_for_cache(body, messages)
    thinks = thinking.get("thinking", {}).get("type") in {"enabled", "adaptive"}
    if request.temperature is not None and "temperature" not in quirks and not thinks:
        # Its scale ends at 1, where that of others ends at 2.
        body["temperature"] = min(request.temperature, 1.0)
    if request.top_p is not None and "top_p" not in quirks and not thinks:
        body["top_p"] = request.top_p
    stop = [word for word in request.stop if word and not word.isspace()]
    if stop:
        # Blank ones are refused.
        body["stop_sequences"] = stop
    return Call("/messages", json.dumps(body).encode("utf-8"), quirks=quirks, images=images)


def mark_for_cache(body: dict[str, Json], messages: Sequence[dict[str, Json]]) -> None:
    """Let the server cache the system prompt, and a longer conversation up to each of its last two questions.

    The last but one was marked by the request before: what ends there is read from the cache at a tenth of the price.
    What is too short to be cached (1,024 tokens and more, by model) is passed over by the server without a charge.
    """
    if body.get("system"):
        body["system"] = [_cached_text(body["system"])]
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


def _message(turn: Turn, model: Model) -> dict[str, Json]:
    text, images = said_in(turn, model)
    if not images:
        return {"role": turn.role, "content": text}
    sources = [{"type": "base64", "media_type": image.media_type, "data": base64_of(image)} for image in images]
    parts: list[Json] = [{"type": "image", "source": source} for source in sources]
    return {"role": turn.role, "content": [*parts, *([{"type": "text", "text": text}] if text else [])]}


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

    def _read(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        kind = value.get("type")
        if kind == "content_block_delta":
            self._seen = True
            self._read_part(value.get("delta"), chunks)
        elif kind == "content_block_start":
            self._seen = True
            self._read_part(value.get("content_block"), chunks)
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
                self._finish(delta.get("stop_reason"))
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
        for block in content:
            self._read_part(block, chunks)
        self._serve(value.get("model"))
        self._finish(value.get("stop_reason"))
        self._read_usage(value.get("usage"), chunks)

    def _read_part(self, part: Json, chunks: list[Chunk]) -> None:
        """Read a delta or a block: text, thinking, or something that is not shown."""
        if not isinstance(part, dict):
            return
        kind = part.get("type")
        if kind in ("thinking_delta", "thinking", "text_delta", "text", None):
            self._think(self._thinking.take({**part, "text": None} if kind else part), chunks)
        if kind in ("text_delta", "text", None):
            self._add_text(part.get("text"), chunks)
        elif kind in ("tool_use", "server_tool_use"):
            self._report_call(part.get("name"), chunks)

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
