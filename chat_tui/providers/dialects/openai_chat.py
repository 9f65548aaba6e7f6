"""OpenAI chat completions, and what its many imitators make of it.

Source of the shapes: the OpenAI API reference, llama.cpp's server, vLLM, OpenRouter, DeepSeek, Mistral, LiteLLM.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

from chat_tui.chunks import Chunk, State, Token, Usage
from chat_tui.errors import Garbled
from chat_tui.providers.dialects.dialect import Call, Dialect, Json, count, text_of
from chat_tui.providers.dialects.one_reply import OneReply
from chat_tui.request import Request


def dialect() -> Dialect:
    """The dialect's record."""
    return Dialect(name="openai", encode=encode, reading=OpenAiReading, headers=headers, quirk=quirk)


def headers(key: str) -> Mapping[str, str]:
    """The header that carries a key."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def encode(request: Request, model_id: str, quirks: frozenset[str] = frozenset(), window: int | None = None) -> Call:
    """The call for a request; `quirks` names what the server refused before."""
    body: dict[str, Json] = {
        "model": model_id,
        "messages": [{"role": turn.role, "content": turn.text} for turn in request.spoken()],
        "stream": True,
    }
    if "stream_options" not in quirks:
        body["stream_options"] = {"include_usage": True}
    if request.max_tokens is not None:
        field = "max_completion_tokens" if "max_tokens" in quirks else "max_tokens"
        body[field] = request.max_tokens
    if request.temperature is not None and "temperature" not in quirks:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop"] = list(request.stop)
    if request.seed is not None:
        body["seed"] = request.seed
    return Call("/chat/completions", json.dumps(body).encode("utf-8"), quirks=quirks)


def quirk(status: int, text: str) -> str | None:
    """What the server will not take, told from its error."""
    if status not in {400, 422}:
        return None
    if "stream_options" in text:
        return "stream_options"
    if "max_completion_tokens" in text and "max_tokens" in text:
        return "max_tokens"
    if "temperature" in text and ("unsupported" in text.lower() or "does not support" in text.lower()):
        return "temperature"
    return None


class OpenAiReading(OneReply):
    """Reads one reply."""

    dialect = "openai"
    states: ClassVar[Mapping[str, State]] = {
        "length": "length",
        "max_tokens": "length",
        "content_filter": "refused",
        "refusal": "refused",
        "error": "broken",
        "insufficient_system_resource": "broken",
    }

    def _done(self) -> Sequence[Chunk]:
        # Servers that never give a finish reason end so.
        if not self._seen:
            raise Garbled("The server ended the reply without sending anything.", "Ask again.")
        self.finished = True
        return self._ending()

    def _read(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        choices = value.get("choices")
        if isinstance(choices, list):
            self._seen = True
            for choice in choices:
                if isinstance(choice, dict) and not choice.get("index"):
                    self._read_choice(choice, choice.get("delta"), chunks)
        if isinstance(value.get("usage"), dict):
            self._count(usage_of(value["usage"]), chunks)

    def _read_whole(self, value: dict[str, Json], chunks: list[Chunk]) -> None:
        choices = value.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise self._no_answer()
        self._seen = self.finished = True
        self._read_choice(choices[0], choices[0].get("message"), chunks)
        if isinstance(value.get("usage"), dict):
            self._usage = usage_of(value["usage"])

    def _read_choice(self, choice: dict[str, Json], delta: Json, chunks: list[Chunk]) -> None:
        if isinstance(delta, dict):
            content = delta.get("content")
            thinking = delta.get("reasoning_content") or delta.get("reasoning")
            if isinstance(content, list):
                thinking = thinking or "".join(
                    text_of(part.get("thinking"))
                    for part in content
                    if isinstance(part, dict) and part.get("type") == "thinking"
                )
                content = text_of([p for p in content if isinstance(p, dict) and p.get("type") != "thinking"])
            self._think(thinking, chunks)
            self._say(content, chunks)
            refusal = delta.get("refusal")
            if refusal and isinstance(refusal, str):
                self._refused = True
                chunks.append(Token(refusal))
        self._finish(choice.get("finish_reason"))


def usage_of(value: dict[str, Json]) -> Usage:
    """Usage from the provider's object."""
    prompt, completion = count(value.get("prompt_tokens")), count(value.get("completion_tokens"))
    details = value.get("completion_tokens_details")
    cached = value.get("prompt_tokens_details")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=count(value.get("total_tokens")) or prompt + completion,
        thinking_tokens=count(details.get("reasoning_tokens")) if isinstance(details, dict) else 0,
        cached_tokens=count(cached.get("cached_tokens")) if isinstance(cached, dict) else 0,
    )
