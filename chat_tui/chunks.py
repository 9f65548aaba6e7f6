"""What a stream says: `Start`, `Token`, `Metadata`, `End`, `Error`, the five of the seed.

They are the wire form too: `encode` gives the flat JSON object of a chunk. A stream has one `Start` and exactly one
`End`, also after an `Error` and on a cancel.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from chat_tui.errors import ChatTuiError, ProviderError
from chat_tui.route import Route

State = Literal["streaming", "complete", "length", "cancelled", "broken", "failed", "refused"]
"""How an answer stands. `streaming` is the only one that is not an ending; `broken`: the line was cut after text had
come; `failed`: before any; `length`: the limit of tokens was reached."""

TokenKind = Literal["text", "thinking"]

Event = Literal[
    "loading",
    "connecting",
    "waiting",
    "queued",
    "retry",
    "failover",
    "seam",
    "budget",
    "trimmed",
    "skipped",
    "usage",
    "fetching",
    "part",
]
"""What a `Metadata` chunk tells: where the stream is before its first token (`loading`, `connecting`, `waiting`,
`queued`, `fetching`), what the router did (`retry`, `failover`, `seam`: an answer that was cut goes on,
`budget`: models are out for their price, `part`: it is at step `attempt` of `of`, which are a document's parts and, at
last, their summary), what was left out (`trimmed`: exchanges; `skipped`: a malformed event), or figures (`usage`)."""


class Usage(msgspec.Struct, frozen=True, gc=False, omit_defaults=False):
    """Tokens, as the provider counted them unless `estimated`."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    thinking_tokens: int = 0
    """Part of `completion_tokens`."""
    cached_tokens: int = 0
    """Part of `prompt_tokens`."""
    estimated: bool = False


class Timings(msgspec.Struct, frozen=True, gc=False):
    """Seconds, from the moment the request was asked."""

    ttft_seconds: float | None = None
    """Until the first token, None when none came."""
    duration_seconds: float = 0.0
    tokens_per_second: float | None = None
    """Counted from the first token; None for a reply that came in one burst."""
    estimated: bool = False
    """The rate stands on an estimated count of tokens."""


class ErrorInfo(msgspec.Struct, frozen=True, gc=False):
    """An error as faces and the store keep it."""

    kind: str
    title: str
    hint: str = ""
    provider: str = ""
    model: str = ""
    retryable: bool = False


class Start(msgspec.Struct, frozen=True, tag_field="type", tag="start"):
    """The stream has begun; `model` is the first choice, the `End` names the one that answered."""

    model: str
    provider: str
    request_id: str
    strategy: str


class Token(msgspec.Struct, frozen=True, tag_field="type", tag="token"):
    """A piece of the answer; `index` counts from 0 over the whole stream; -1: the part that it goes on from."""

    token: str
    kind: TokenKind = "text"
    index: int = 0


class Metadata(msgspec.Struct, frozen=True, tag_field="type", tag="metadata", omit_defaults=True):
    """Something the stream tells besides text; only the fields that the event has are set."""

    event: Event
    model: str = ""
    usage: Usage | None = None
    attempt: int = 0
    of: int = 0
    delay_seconds: float | None = None
    reason: str = ""
    left_out: int = 0
    """Exchanges left out of the context (`trimmed`)."""
    context_tokens: int = 0
    """Estimated tokens sent (`connecting`)."""
    context_window: int = 0
    """The model's window in tokens (`connecting`)."""
    price: float | None = None
    """About what the answer will cost, in US dollars (`connecting`, `failover`)."""
    address: str = ""
    """Host and port that is asked, where the model has several (`connecting`)."""
    received_bytes: int = 0
    """Of the weights (`fetching`)."""
    total_bytes: int = 0
    """Of the weights (`fetching`)."""


class End(msgspec.Struct, frozen=True, tag_field="type", tag="end"):
    """The stream has ended; always the last chunk."""

    model: str = ""
    provider: str = ""
    request_id: str = ""
    finish_reason: str = ""
    """The provider's own word (`stop`, `length`, …), empty when it gave none."""
    state: State = "complete"
    usage: Usage | None = None
    timings: Timings = Timings()
    cost: float | None = None
    """US dollars, None when the price is not known."""
    route: Route | None = None


class Error(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    """What went wrong; an `End` follows."""

    error: ErrorInfo


Chunk: TypeAlias = Start | Token | Metadata | End | Error

_encoder = msgspec.json.Encoder()


def encode(chunk: Chunk) -> bytes:
    """One chunk as one line of JSON, without the newline. Lone surrogates become U+FFFD."""
    try:
        return _encoder.encode(chunk)
    except (UnicodeEncodeError, ValueError):
        return _encoder.encode(_mended(chunk))


def _mended(chunk: Chunk) -> Chunk:
    if isinstance(chunk, Token):
        text = chunk.token.encode("utf-8", "replace").decode("utf-8")
        return Token(text, chunk.kind, chunk.index)
    return chunk


def error_info(error: ChatTuiError) -> ErrorInfo:
    """The record of an error, as chunks and the store carry it."""
    if isinstance(error, ProviderError):
        return ErrorInfo(error.kind, error.title, error.hint, error.provider, error.model, error.retryable)
    return ErrorInfo(error.kind, error.title, error.hint)
