"""What requests bring, and how it is read: bounded, typed, and told clearly where it is wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request as HttpRequest

from chat_tui.core.request import Request
from chat_tui.web.errors import ApiError

LARGE_BYTES = 65_536
"""A body of more is read in a thread."""
BODY_SECONDS = 120.0
"""So long a body may take to come."""
_HALVES = re.compile(
    rb"(?:\\\\)+|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""In JSON: what only looks like half a character, whole ones, and (the group) a half that stands alone."""

S = TypeVar("S", str, bytes)
T = TypeVar("T")

Name = Annotated[str, Meta(min_length=1, max_length=300)]
MaxTokens = Annotated[int, Meta(ge=1, le=10_000_000)]
Temperature = Annotated[float, Meta(ge=0, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
StopText = Annotated[str, Meta(min_length=1, max_length=1000)]
StopTexts = Annotated[list[StopText], Meta(max_length=16)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
RequestId = Annotated[str, Meta(max_length=200)] | Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""What a client calls one of its requests on a WebSocket."""


class GenerationOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How an answer is wanted; unknown fields are ignored."""

    max_tokens: MaxTokens | None = None
    """The most that the answer may have."""
    temperature: Temperature | None = None
    """0 is the most certain."""
    top_p: Share | None = None
    """Nucleus sampling."""
    stop: StopText | StopTexts | None = None
    """The answer ends at any of these texts."""
    seed: Seed | None = None
    """The same seed gives the same answer, where a model can."""
    model: Name | None = None
    """`provider/model`, or a bare name that only one has, fixes the model; a strategy or `auto` may stand here, too."""
    strategy: Name | None = None
    """How the model is chosen."""
    adaptive: bool | None = None
    """A short answer at once, and the detailed one in its place."""
    include_metadata: bool | None = None
    """Tell what the router does, too."""
    render: bool | None = None
    """Of a stream: tell the answer as HTML, its place and its figures, too."""

    def settings(self) -> Request:
        """What it asks of the router."""
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return Request(
            model=self.model,
            strategy=self.strategy,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            stop=stop,
            seed=self.seed,
            adaptive=bool(self.adaptive),
        )


class PromptBody(GenerationOptions, frozen=True, kw_only=True, rename="camel"):
    """A question, as `/stream` and `/generate` take it."""

    prompt: Annotated[str, Meta(min_length=1)]
    """The question."""
    system: Annotated[str, Meta(max_length=1_000_000)] | None = None
    """The system prompt of a conversation that begins."""
    conversation: Name | None = None
    """The id of a conversation to go on in; without it one begins."""


class RepeatBody(GenerationOptions, frozen=True, kw_only=True, rename="camel"):
    """What is asked again, without a prompt: the same; what was said stays as another version."""

    prompt: Annotated[str, Meta(min_length=1)] | None = None
    """Of a question: its new words."""
    goes_on: bool | None = None
    """Of the last answer: it goes on from where it was cut."""


async def body_of(request: HttpRequest, kind: type[T]) -> T:
    """The request's body as this record. Raises `ApiError`."""
    return await read_in(request, lambda raw: decoded(raw, kind))


async def read_in(request: HttpRequest, read: Callable[[bytes], T]) -> T:
    """What this makes of the request's body. Raises `ApiError`."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError(415, "Compressed bodies are not supported.", headers={"Accept-Encoding": "identity"})
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.body()
    except TimeoutError as error:
        words = f"The body did not arrive within {BODY_SECONDS:g} seconds."
        raise ApiError(408, words, headers={"Connection": "close"}) from error
    return await aside(raw, read)


async def aside(raw: S, read: Callable[[S], T]) -> T:
    """What this makes of what has come; of much in a thread."""
    return await asyncio.to_thread(read, raw) if len(raw) > LARGE_BYTES else read(raw)


def decoded(raw: bytes | str, kind: type[T]) -> T:
    """A record from its JSON. Raises `ApiError`, with words for whoever wrote it."""
    try:
        return _read(raw.encode("utf-8", "replace") if isinstance(raw, str) else raw, kind)
    except msgspec.ValidationError as error:
        raise wrong_field(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ApiError(400, "The body is not valid JSON.") from error


def _read(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # JavaScript's texts may hold half a character, and its JSON tells it by a number, which is no text here.
        mended = _HALVES.sub(lambda found: rb"\ufffd" if found[1] else found[0], raw)
        if mended == raw:
            raise
        return msgspec.json.decode(mended, type=kind)


def wrong_field(error: msgspec.ValidationError) -> ApiError:
    """What is told of a field that is not as it must be."""
    what, _, where = str(error).partition(" - at `$")
    field = where.strip(".`")
    words = f"`{field}`: {what}." if field else f"{what}."
    return ApiError(400, words, param=field or None)
