"""OpenAI chat completions, and what its many imitators make of it.

Source of the shapes: the OpenAI API reference, llama.cpp's server, vLLM, OpenRouter, DeepSeek, Mistral, LiteLLM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chat_tui.chunks import Chunk, End, Metadata, State, Token, Usage
from chat_tui.errors import (
    ContextTooLong,
    Garbled,
    KeyRefused,
    Overloaded,
    ProviderError,
    QuotaUsedUp,
    RateLimited,
    Rejected,
)
from chat_tui.providers.dialects.dialect import Call, Dialect, Json, count, parsed, text_of
from chat_tui.providers.thinking_tags import ThinkingTags
from chat_tui.request import Request
from chat_tui.text_safety import clean_line

_STATES: Mapping[str, State] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refused",
    "refusal": "refused",
    "error": "broken",
    "insufficient_system_resource": "broken",
}

MALFORMED_LIMIT = 100
"""Malformed events in one reply; more and it is not the dialect."""


def dialect() -> Dialect:
    """The dialect's record."""
    return Dialect(name="openai", encode=encode, reading=OpenAiReading, headers=headers, quirk=quirk)


def headers(key: str) -> Mapping[str, str]:
    """The headers that carry a key."""
    return {"Authorization": f"Bearer {key}"}


def encode(request: Request, model_id: str, quirks: frozenset[str] = frozenset()) -> Call:
    """The call for a request; `quirks` names what the server refused before."""
    import json

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


class OpenAiReading:
    """Reads one reply."""

    def __init__(self) -> None:
        self.finished = False
        self._reason = ""
        self._usage: Usage | None = None
        self._tags = ThinkingTags()
        self._malformed = 0
        self._seen = False
        self._refusal = False

    def feed(self, data: bytes, name: str = "") -> Sequence[Chunk]:
        """The chunks of one event."""
        if data[:1] != b"{":
            data = data.strip()
            if not data:
                # A heartbeat in the form of an empty event.
                return ()
            if data.startswith(b"[DONE]"):
                # Servers that never give a finish reason end so.
                if not self._seen:
                    raise Garbled("The server ended the reply without sending anything.", "Ask again.")
                self.finished = True
                return self._ending()
        try:
            value = parsed(data)
        except ValueError:
            return self._malformed_event()
        if not isinstance(value, dict):
            return self._malformed_event()
        if name == "error" or value.get("error") or value.get("object") == "error":
            raise error_of(value)
        choices = value.get("choices")
        chunks: list[Chunk] = []
        if isinstance(choices, list):
            self._seen = True
            for choice in choices:
                if isinstance(choice, dict) and not choice.get("index"):
                    self._read_choice(choice, choice.get("delta"), chunks)
        if isinstance(value.get("usage"), dict):
            self._usage = usage_of(value["usage"])
            chunks.append(Metadata("usage", usage=self._usage))
        return chunks

    def whole(self, body: bytes) -> Sequence[Chunk]:
        """The chunks of a plain JSON body."""
        try:
            value = parsed(body)
        except ValueError:
            raise Garbled("The server's reply is not JSON.", "Is the address right?") from None
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = value[0]
        if not isinstance(value, dict):
            raise Garbled("The server's reply is not a chat completion.", "Is the address right?")
        if value.get("error") or value.get("object") == "error":
            raise error_of(value)
        choices = value.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise Garbled("The server's reply is not a chat completion.", "Is the address right?")
        chunks: list[Chunk] = []
        self._seen = True
        self._read_choice(choices[0], choices[0].get("message"), chunks)
        if isinstance(value.get("usage"), dict):
            self._usage = usage_of(value["usage"])
        self.finished = True
        return [*chunks, *self._ending()]

    def held(self) -> Sequence[Chunk]:
        """What may still have become a tag, where the reply breaks off."""
        return [Token(text, kind) for text, kind in self._tags.rest()]

    def close(self) -> Sequence[Chunk]:
        """The ending, where a finish reason came without `[DONE]`."""
        if not self.finished:
            if not self._seen:
                raise Garbled("The server's reply holds no answer.", "Is the address right? Ask again.")
            raise Garbled("The line was cut before the answer had ended.", "Ask again, or continue from the part.")
        return self._ending()

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
            if thinking and isinstance(thinking, str):
                chunks.append(Token(thinking, "thinking"))
            if content and isinstance(content, str):
                chunks.extend(Token(text, kind) for text, kind in self._tags.feed(content) if text)
            refusal = delta.get("refusal")
            if refusal and isinstance(refusal, str):
                self._refusal = True
                chunks.append(Token(refusal))
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            self._reason = clean_line(reason, 60)
            self.finished = True

    def _malformed_event(self) -> Sequence[Chunk]:
        self._malformed += 1
        if self._malformed > MALFORMED_LIMIT:
            raise Garbled("The server's reply is not the dialect `openai`.", "Is the address right?")
        return [Metadata("skipped", reason="one malformed event")]

    def _ending(self) -> Sequence[Chunk]:
        chunks: list[Chunk] = list(self.held())
        state: State = "refused" if self._refusal else _STATES.get(self._reason, "complete")
        chunks.append(End(finish_reason=self._reason, state=state, usage=self._usage))
        return chunks


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


def error_of(value: dict[str, Json]) -> ProviderError:
    """The error that an object tells inside a 200 stream."""
    inner = value.get("error")
    fields = inner if isinstance(inner, dict) else value
    said = inner if isinstance(inner, str) else text_of(fields.get("message")) or text_of(value.get("message"))
    said = (clean_line(said, 300) or "no reason given").rstrip(".")
    codes = {str(fields.get(name)) for name in ("code", "type") if isinstance(fields.get(name), (int, str))}
    other = "Change the settings or choose another model."
    if codes & {"exceed_context_size_error", "context_length_exceeded"}:
        return ContextTooLong(
            "The conversation does not fit the model's window.",
            "Start a new one with Ctrl+N, or choose a model with a larger window.",
            prompt_tokens=count(fields.get("n_prompt_tokens")),
            window=count(fields.get("n_ctx")),
        )
    if codes & {"402", "insufficient_quota"}:
        return QuotaUsedUp(
            f"The server says that the credit is used up: {said}.", "Top it up, or choose another model."
        )
    if codes & {"401", "403", "authentication_error", "invalid_api_key"}:
        return KeyRefused(f"The server does not accept the key: {said}.", "Check the key, or choose another model.")
    if codes & {"429", "rate_limit_exceeded", "rate_limit_error"}:
        return RateLimited(f"The server limits the rate: {said}.", "Wait a moment, or choose another model.")
    if codes & {"400", "404", "413", "422", "invalid_request_error"}:
        return Rejected(f"The server refused the request: {said}.", other)
    return Overloaded(f"The server reported an error: {said}.", "Ask again in a moment, or choose another model.")
