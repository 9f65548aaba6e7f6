"""The items of a stream: `Start`, `Token`, `Metadata`, `Error` and `End`.

`encode` gives the flat JSON object of a chunk, which is also its form on the wire. A stream has one `Start` and
exactly one `End`, also after an `Error` and on a cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from chat_tui.core.errors import ChatTuiError, ProviderError
from chat_tui.core.route import Route

State = Literal["streaming", "complete", "length", "cancelled", "broken", "failed", "refused", "empty"]
"""How an answer stands. `streaming` is the only one that is not an ending; `broken`: the line was cut after text had
come; `failed`: before any; `length`: the token limit was reached; `empty`: it ended well and said nothing."""


def has_answered(state: State, text: str) -> bool:
    """Whether an answer that ended so is a success: whole, cut at the limit of tokens, or refused in words.

    A refusal without text gives a program that reads the text nothing.
    """
    return state in ("complete", "length") or (state == "refused" and bool(text.strip()))


TokenKind = Literal["text", "thinking"]

Phase = Literal["quick", "detailed"]
"""Of two answers in one stream: the short one that comes at once, or the one that takes its place."""

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
    "reclassified",
    "note",
    "usage",
    "fetching",
    "part",
    "insights",
    "first_token",
    "phase",
]
"""What a `Metadata` chunk tells: where the stream is before its first token (`loading`, `connecting`, `waiting`,
`queued`, `fetching`), what the router did (`retry`, `failover`, `seam`: an answer that was cut goes on,
`budget`: models are out for their price, `part`: it is at step `attempt` of `of`, which are a document's parts and, at
last, their summary), what was left out (`trimmed`: exchanges, or what `reason` says; `skipped`: a malformed event,
or a call of a `tool`), what of the answer was taken for the other `kind` (`reclassified`: the last `characters` of its
text are thinking, or the other way round), what else is to be known of the request (`note`: why it was changed, in
`reason`; with an `attempt` from 1 on where that has become known just now),
figures (`usage`; `first_token`: how long it took, told once, right behind it), what can be said of the text
(`insights`), or that one of two answers in one stream has ended (`phase`; with a `reason` where it failed)."""


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
    cache_write_tokens: int = 0
    """Part of `prompt_tokens`, written to the server's cache."""
    cost: float | None = None
    """US dollars, where the server says what it takes."""
    saved: float | None = None
    """US dollars that its cache saved; None where nothing was cached or the price is not known."""


_COUNTS = (
    *("prompt_tokens", "completion_tokens", "total_tokens", "thinking_tokens"),
    *("cached_tokens", "cache_write_tokens"),
)


def summed(usages: Sequence[Usage]) -> Usage | None:
    """All of them together; None where there is none."""
    if not usages:
        return None
    counts = {name: sum(getattr(usage, name) for usage in usages) for name in _COUNTS}
    costs = [usage.cost for usage in usages if usage.cost is not None]
    saved = [usage.saved for usage in usages if usage.saved is not None]
    return Usage(
        **counts,
        estimated=any(usage.estimated for usage in usages),
        cost=sum(costs) if len(costs) == len(usages) else None,
        saved=sum(saved) if saved else None,
    )


class Timings(msgspec.Struct, frozen=True, gc=False):
    """Seconds, from the moment the request was asked."""

    ttft_seconds: float | None = None
    """Until the first token, None when none came."""
    duration_seconds: float = 0.0
    tokens_per_second: float | None = None
    """Counted from the first token; None for a reply that came in one burst."""
    estimated: bool = False
    """The rate stands on an estimated count of tokens."""
    thinking_seconds: float | None = None
    """From the first token of thinking until the first of text, or the last of thinking; None when none was shown."""
    gap_p50_seconds: float | None = None
    """Half of the gaps between arrivals were not longer; None for a reply that came in one burst."""
    gap_p95_seconds: float | None = None
    """The same of 95 in a hundred."""


class Sentiment(msgspec.Struct, frozen=True, gc=False):
    """How a text sounds, by the words of an English lexicon."""

    positive: int = 0
    """Words, with what goes along with them: `very good` is one, and `not good` is a negative one."""
    negative: int = 0
    neutral: int = 0
    """All other words."""
    polarity: float = 0.0
    """-1 to 1: the mean of all that sound either way."""


class Insights(msgspec.Struct, frozen=True, gc=False):
    """What can be said of an answer's text so far; code fences count as characters only."""

    sentiment: Sentiment | None = None
    """None where too few words are known: there is little text, or it is not in English."""
    keywords: tuple[tuple[str, int], ...] = ()
    """The five most frequent (word, count), the most frequent first."""
    characters: int = 0
    words: int = 0
    """Each Chinese or Japanese character is one."""
    reading_seconds: float = 0.0
    """At 200 words or 500 such characters a minute."""
    extras: dict[str, dict[str, str | int | float]] = {}
    """What plug-ins say, by their names."""


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
    phase: Phase | msgspec.UnsetType = msgspec.UNSET
    """Only where the stream holds two answers."""


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
    kind: TokenKind | msgspec.UnsetType = msgspec.UNSET
    """What the `characters` are by now (`reclassified`)."""
    characters: int = 0
    """So many at the end of what came as the other kind, in this phase (`reclassified`)."""
    tool: str = ""
    """The tool that the model called though none was offered (`skipped`)."""
    address: str = ""
    """Host and port that is asked, where the model has several or the environment names it (`connecting`)."""
    received_bytes: int = 0
    """Of the weights (`fetching`)."""
    total_bytes: int = 0
    """Of the weights (`fetching`)."""
    insights: Insights | None = None
    """After every ten tokens of text, where they were asked for (`insights`)."""
    ttft_seconds: float | None = None
    """The same as the `End` will tell in its timings (`first_token`)."""
    phase: Phase | msgspec.UnsetType = msgspec.UNSET
    """Only where the stream holds two answers."""


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
    insights: Insights | None = None
    """Of the whole text, where they were asked for."""
    served_model: str = ""
    """The model that the server says has answered, where that is not the one that was asked."""


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
        return replace(chunk, token=text)
    return chunk


def error_info(error: ChatTuiError) -> ErrorInfo:
    """The record of an error, as chunks and the store carry it."""
    if isinstance(error, ProviderError):
        return ErrorInfo(error.kind, error.title, error.hint, error.provider, error.model, error.retryable)
    return ErrorInfo(error.kind, error.title, error.hint)
