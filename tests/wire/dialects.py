"""What the tests of all dialects share: a short good answer in each, and where it is asked for."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.wire.raw_server import DONE, RawServer, chunked
from tests.wire.raw_server import event as openai_event


class Spoken(NamedTuple):
    """A dialect as a server speaks it."""

    tokens: bytes
    """`Hel` and `lo`, an event each."""
    ending: bytes
    """The finish reason and the end marker."""
    path: str
    """Where the model `tiny` is asked."""
    root: str
    """The path of a provider's base URL."""
    key_header: str


def data(value: Any) -> bytes:
    """A server-sent event."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def row(**value: Any) -> bytes:
    """A line of JSON."""
    return json.dumps(value).encode() + b"\n"


def delta(text: str) -> bytes:
    """Anthropic's."""
    return data({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def candidate(text: str, reason: str | None = None) -> bytes:
    """Gemini's."""
    return data({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": reason}]})


def said(text: str, **more: Any) -> bytes:
    """Ollama's."""
    return row(message={"role": "assistant", "content": text}, **{"done": False, **more})


def text_delta(text: str) -> bytes:
    """OpenAI's Responses'."""
    return data({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text})


SPOKEN = {
    "openai-responses": Spoken(
        text_delta("Hel") + text_delta("lo"),
        data({"type": "response.completed", "response": {"status": "completed", "error": None}}),
        "/v1/responses",
        "/v1",
        "authorization",
    ),
    "openai": Spoken(
        openai_event("Hel") + openai_event("lo"),
        openai_event(None, "stop") + DONE,
        "/v1/chat/completions",
        "/v1",
        "authorization",
    ),
    "anthropic": Spoken(
        delta("Hel") + delta("lo"),
        data({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}})
        + data({"type": "message_stop"}),
        "/v1/messages",
        "/v1",
        "x-api-key",
    ),
    "gemini": Spoken(
        candidate("Hel") + candidate("lo"),
        candidate("", "STOP"),
        "/v1beta/models/tiny:streamGenerateContent?alt=sse",
        "/v1beta",
        "x-goog-api-key",
    ),
    "ollama": Spoken(
        said("Hel") + said("lo"),
        said("", done=True, done_reason="stop", eval_count=2, prompt_eval_count=5),
        "/api/chat",
        "",
        "authorization",
    ),
}


def good(dialect: str) -> bytes:
    """`Hello`, as a whole HTTP reply."""
    return chunked(SPOKEN[dialect].tokens, SPOKEN[dialect].ending)


def base_of(server: RawServer, dialect: str) -> str:
    """The base URL of a provider that speaks so."""
    return f"http://127.0.0.1:{server.port}{SPOKEN[dialect].root}"
