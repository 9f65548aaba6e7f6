"""The items of a stream: `Start`, `Token`, `ToolCallDelta`, `Metadata`, `Error` and `End`.

`encode` returns the flat JSON object of a chunk, which is also its wire format. A stream has one `Start` and exactly
one `End`, also after an `Error` and when it is cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from chat_tui.core.errors import ChatTuiError, ProviderError
from chat_tui.core.route import Route

State = Literal["streaming", "complete", "length", "cancelled", "broken", "failed", "refused", "empty"]
"""The state of an answer. All but `streaming` are final. `broken`: the connection was lost after some text had
arrived; `failed`: before any text; `length`: the token limit was reached; `empty`: it ended normally, but without
text."""


def has_answered(state: State, text: str) -> bool:
    """Return whether an answer that has ended is a success: complete, cut at the token limit, or refused with some
    text.

    A refusal without text is useless to a program that reads the text.
    """
    return state in ("complete", "length") or (state == "refused" and bool(text.strip()))


TokenKind = Literal["text", "thinking"]

Phase = Literal["quick", "detailed"]
"""Which of two answers in one stream: the quick one, or the detailed one that replaces it."""

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
    "replay",
    "logprobs",
]
"""The event of a `Metadata` chunk. Before the first token: `loading`, `connecting`, `waiting`, `queued`, `fetching`
(a download). Decisions of the router: `retry`, `failover`, `seam` (an incomplete answer is continued), `budget`
(models exceed the price limit), `part` (step `attempt` of `of` of a document, the last of which is the summary).
Omissions: `trimmed` (exchanges, or what `reason` says), `skipped` (a malformed event, or a call of a `tool`).
Corrections: `reclassified` (the last `characters` are of the other `kind`). Remarks: `note` (why the request was
changed, in `reason`; `attempt` is set if this has just become known). Figures: `usage`, `first_token` (sent once,
directly after it), `insights`. `phase`: one of two answers in the stream has ended (`reason` is set if it failed).
`replay`: what the provider wants returned with the answer; the engine keeps it in the turn, and faces do not get it.
`logprobs`: the probabilities of the tokens that follow, if the request wants them."""


class Usage(msgspec.Struct, frozen=True, gc=False, omit_defaults=False):
    """Token counts of the provider, or estimates if `estimated`."""

    prompt_tokens: int | None = 0
    """None if an import knows only the other count."""
    completion_tokens: int | None = 0
    """None if an import knows only the other count."""
    total_tokens: int = 0
    """The sum of both, as far as they are known."""
    thinking_tokens: int = 0
    """Part of `completion_tokens`."""
    cached_tokens: int = 0
    """Part of `prompt_tokens`."""
    estimated: bool = False
    cache_write_tokens: int = 0
    """Part of `prompt_tokens` that was written to the server's cache."""
    cost: float | None = None
    """US dollars that the server reports; None if it reports no cost."""
    saved: float | None = None
    """US dollars that the cache saved; None if nothing was cached or the price is unknown."""


_COUNTS = (
    *("prompt_tokens", "completion_tokens", "total_tokens", "thinking_tokens"),
    *("cached_tokens", "cache_write_tokens"),
)


def sum_usages(usages: Sequence[Usage]) -> Usage | None:
    """Return the sum; None if there is none."""
    if not usages:
        return None
    counts: dict[str, int | None] = {}
    for name in _COUNTS:
        known = [count for usage in usages if (count := getattr(usage, name)) is not None]
        counts[name] = sum(known) if known else None
    costs = [usage.cost for usage in usages if usage.cost is not None]
    saved = [usage.saved for usage in usages if usage.saved is not None]
    return Usage(
        **counts,  # type: ignore[arg-type]
        estimated=any(usage.estimated for usage in usages),
        cost=sum(costs) if len(costs) == len(usages) else None,
        saved=sum(saved) if saved else None,
    )


class Timings(msgspec.Struct, frozen=True, gc=False):
    """Durations in seconds, measured from the request."""

    ttft_seconds: float | None = None
    """Time to the first token; None if none arrived."""
    duration_seconds: float = 0.0
    tokens_per_second: float | None = None
    """Measured from the first token; None for an answer that arrived in one burst."""
    estimated: bool = False
    """Whether the rate is based on an estimated number of tokens."""
    thinking_seconds: float | None = None
    """Time from the first token of thinking to the first token of text, or to the last of thinking; None without
    thinking."""
    gap_p50_seconds: float | None = None
    """Median time between arrivals; None for an answer that arrived in one burst."""
    gap_p95_seconds: float | None = None
    """95th percentile of the time between arrivals."""


class Sentiment(msgspec.Struct, frozen=True, gc=False):
    """The sentiment of a text by an English lexicon."""

    positive: int = 0
    """Number of positive words; `very good` counts once, and `not good` is negative."""
    negative: int = 0
    neutral: int = 0
    """Number of other words."""
    polarity: float = 0.0
    """Mean of all positive and negative words, -1 to 1."""


class Insights(msgspec.Struct, frozen=True, gc=False):
    """Figures about an answer's text so far; code counts only as characters."""

    sentiment: Sentiment | None = None
    """None if the text has too few English words."""
    keywords: tuple[tuple[str, int], ...] = ()
    """The five most frequent keywords with their counts, the most frequent first."""
    characters: int = 0
    words: int = 0
    """Number of words; each Chinese or Japanese character is one."""
    reading_seconds: float = 0.0
    """Reading time at 200 words or 500 such characters per minute."""
    extras: dict[str, dict[str, str | int | float]] = {}
    """Results of processors of other packages, by their names."""


class ErrorInfo(msgspec.Struct, frozen=True, gc=False):
    """An error as it is shown and stored."""

    kind: str
    title: str
    hint: str = ""
    provider: str = ""
    model: str = ""
    retryable: bool = False


class Start(msgspec.Struct, frozen=True, tag_field="type", tag="start"):
    """The stream has started. `model` is the first choice; `End` names the one that answered."""

    model: str
    provider: str
    request_id: str
    strategy: str


class Token(msgspec.Struct, frozen=True, tag_field="type", tag="token"):
    """A token of the answer. `index` counts from 0 over the whole stream; -1 marks the part that is continued."""

    token: str
    kind: TokenKind = "text"
    index: int = 0
    phase: Phase | msgspec.UnsetType = msgspec.UNSET
    """Set if the stream contains two answers."""


class ToolCallDelta(msgspec.Struct, frozen=True, tag_field="type", tag="tool_call", omit_defaults=True):
    """A part of a tool call: its start, a piece of its arguments, or its end. Only a call that has ended may be run."""

    index: int
    """Which call of the answer, from 0."""
    stage: Literal["start", "arguments", "end"]
    id: str = ""
    name: str = ""
    """Name of the tool (`start`, `end`)."""
    arguments: str = ""
    """A piece of the JSON text (`arguments`), or all of it (`end`)."""
    signature: str = ""
    """What the provider wants returned with the call, unchanged (`end`)."""


class Metadata(msgspec.Struct, frozen=True, tag_field="type", tag="metadata", omit_defaults=True):
    """An event other than text; only the fields of the event are set."""

    event: Event
    model: str = ""
    usage: Usage | None = None
    attempt: int = 0
    of: int = 0
    delay_seconds: float | None = None
    reason: str = ""
    left_out: int = 0
    """Number of exchanges that were not sent (`trimmed`)."""
    context_tokens: int = 0
    """Estimated tokens sent (`connecting`)."""
    context_window: int = 0
    """The model's window in tokens (`connecting`)."""
    price: float | None = None
    """Estimated price of the answer in US dollars (`connecting`, `failover`)."""
    kind: TokenKind | msgspec.UnsetType = msgspec.UNSET
    """The new kind of the `characters` (`reclassified`)."""
    characters: int = 0
    """Number of characters at the end of the other kind, in this phase (`reclassified`)."""
    tool: str = ""
    """Tool that the model called although none was offered (`skipped`)."""
    address: str = ""
    """Host and port of the server, if the model has several or the environment names it (`connecting`)."""
    received_bytes: int = 0
    """Bytes of the download (`fetching`)."""
    total_bytes: int = 0
    """Bytes of the download (`fetching`)."""
    insights: Insights | None = None
    """Sent after every ten tokens of text, if requested (`insights`)."""
    ttft_seconds: float | None = None
    """Time to the first token, as in the timings of `End` (`first_token`)."""
    phase: Phase | msgspec.UnsetType = msgspec.UNSET
    """Set if the stream contains two answers."""
    replay: str = ""
    """JSON of the dialect (`replay`)."""
    logprobs: str = ""
    """A JSON list with an entry for each token, as OpenAI's chat completions have it (`logprobs`)."""


class End(msgspec.Struct, frozen=True, tag_field="type", tag="end"):
    """The end of the stream; always the last chunk."""

    model: str = ""
    provider: str = ""
    request_id: str = ""
    finish_reason: str = ""
    """The provider's value (`stop`, `length`, …); empty if it sent none."""
    state: State = "complete"
    usage: Usage | None = None
    timings: Timings = Timings()
    cost: float | None = None
    """US dollars; None if the price is unknown."""
    route: Route | None = None
    insights: Insights | None = None
    """Insights of the whole text, if requested."""
    served_model: str = ""
    """The model that the server says has answered, if it is not the requested one."""


class Error(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    """An error; an `End` follows."""

    error: ErrorInfo


Chunk: TypeAlias = Start | Token | ToolCallDelta | Metadata | End | Error

_encoder = msgspec.json.Encoder()


def encode(chunk: Chunk) -> bytes:
    """Encode a chunk as one line of JSON without newline. Lone surrogates become U+FFFD."""
    try:
        return _encoder.encode(chunk)
    except (UnicodeEncodeError, ValueError):
        return _encoder.encode(_replace_surrogates(chunk))


def _replace_surrogates(chunk: Chunk) -> Chunk:
    if isinstance(chunk, Token):
        text = chunk.token.encode("utf-8", "replace").decode("utf-8")
        return replace(chunk, token=text)
    if isinstance(chunk, ToolCallDelta):
        name, arguments = (part.encode("utf-8", "replace").decode("utf-8") for part in (chunk.name, chunk.arguments))
        return replace(chunk, name=name, arguments=arguments)
    return chunk


def error_info(error: ChatTuiError) -> ErrorInfo:
    """Return an error as chunks and the store contain it."""
    if isinstance(error, ProviderError):
        return ErrorInfo(error.kind, error.title, error.hint, error.provider, error.model, error.retryable)
    return ErrorInfo(error.kind, error.title, error.hint)
