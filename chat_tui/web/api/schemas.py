"""The bodies of requests, and how they are read and checked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request as HttpRequest

from chat_tui.core.attachments.attachment import FILES_LIMIT
from chat_tui.core.request import Request
from chat_tui.web.errors import ApiError

LARGE_BYTES = 65_536
"""Larger bodies are parsed in a thread."""
BODY_SECONDS = 120.0
"""Time limit for receiving a body."""
_HALVES = re.compile(
    rb"(?:\\\\)+|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""Matches, in JSON, escaped backslashes, surrogate pairs, and (the group) lone surrogates."""

S = TypeVar("S", str, bytes)
T = TypeVar("T")

Name = Annotated[str, Meta(min_length=1, max_length=300)]
MaxTokens = Annotated[int, Meta(ge=1, le=10_000_000)]
Temperature = Annotated[float, Meta(ge=0, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
StopText = Annotated[str, Meta(min_length=1, max_length=1000)]
StopTexts = Annotated[list[StopText], Meta(max_length=16)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
AttachmentIds = Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=FILES_LIMIT)]
"""Ids of uploaded files."""
RequestId = Annotated[str, Meta(max_length=200)] | Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""Id that a client gives one of its requests on a WebSocket."""


class GenerationOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Options of a question; unknown fields are ignored."""

    max_tokens: MaxTokens | None = None
    """Maximum length of the answer in tokens."""
    temperature: Temperature | None = None
    """0 = deterministic; higher = more varied."""
    top_p: Share | None = None
    """Nucleus sampling, 0 to 1."""
    stop: StopText | StopTexts | None = None
    """Text or texts at which the answer stops."""
    seed: Seed | None = None
    """Sampling seed, for repeatable answers where supported."""
    model: Name | None = None
    """`provider/model`, a name that only one provider has, a strategy, or `auto`."""
    strategy: Name | None = None
    """How the model is chosen."""
    adaptive: bool | None = None
    """First a quick answer, then a detailed one."""
    include_metadata: bool | None = None
    """Also send `metadata` events."""
    web_search: bool | None = None
    """Let the model use its provider's own web search; only models that can are asked. With `askTools`, for a whole new
    conversation."""
    render: bool | None = None
    """For a stream: also send the answer as HTML, its position and its figures."""
    tools: Annotated[list[Name], Meta(max_length=100)] | None = None
    """Names of the tool servers that the model may use. Only tools that the config allows (`[tool_use] allow`) are
    offered; with `askTools`, all of these servers, for a new conversation."""
    ask_tools: bool | None = None
    """A person answers `tool_ask` events of the stream: use the tools of the conversation."""

    def to_request(self) -> Request:
        """Return the options as settings of a request."""
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
            web_search=self.web_search,
        )


class PromptBody(GenerationOptions, frozen=True, kw_only=True, rename="camel"):
    """A question for `/stream` and `/generate`."""

    prompt: Annotated[str, Meta(min_length=1)]
    system: Annotated[str, Meta(max_length=1_000_000)] | None = None
    """System prompt of a new conversation."""
    conversation: Name | None = None
    """Id of the conversation to continue; unset: a new one."""
    attachments: AttachmentIds = []
    """Ids of uploaded files that are sent with it."""


class RepeatBody(GenerationOptions, frozen=True, kw_only=True, rename="camel"):
    """A question that is asked again; the previous version is kept."""

    prompt: Annotated[str, Meta(min_length=1)] | None = None
    """New text of a question."""
    goes_on: bool | None = None
    """Continue the last answer, which is incomplete."""
    attachments: AttachmentIds = []
    """Ids of uploaded files that are sent with the new text of a question, besides the files that it had."""


async def read_body(request: HttpRequest, kind: type[T]) -> T:
    """Read the body of a request as this record. Raises `ApiError`."""
    return await parse_body(request, lambda raw: decode(raw, kind))


def parse_query(request: HttpRequest, kind: type[T]) -> T:
    """Return the parameters of the URL as this record. Raises `ApiError`."""
    try:
        return msgspec.convert(dict(request.query_params), kind, strict=False)
    except msgspec.ValidationError as error:
        raise field_error(error) from error


async def parse_body(request: HttpRequest, read: Callable[[bytes], T]) -> T:
    """Read the body of a request and parse it. Raises `ApiError`."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError(415, "Compressed bodies are not supported.", headers={"Accept-Encoding": "identity"})
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.body()
    except TimeoutError as error:
        words = f"The body did not arrive within {BODY_SECONDS:g} seconds."
        raise ApiError(408, words, headers={"Connection": "close"}) from error
    return await parse(raw, read)


async def parse(raw: S, read: Callable[[S], T]) -> T:
    """Parse a body; a large one in a thread."""
    return await asyncio.to_thread(read, raw) if len(raw) > LARGE_BYTES else read(raw)


def decode(raw: bytes | str, kind: type[T]) -> T:
    """Decode a record from JSON. Raises `ApiError` with a message for the author of the request."""
    try:
        return _read(raw.encode("utf-8", "replace") if isinstance(raw, str) else raw, kind)
    except msgspec.ValidationError as error:
        raise field_error(error) from error
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


def field_error(error: msgspec.ValidationError) -> ApiError:
    """Return the error for a field with a wrong value."""
    what, _, where = str(error).partition(" - at `$")
    field = where.strip(".`")
    words = f"`{field}`: {what}." if field else f"{what}."
    return ApiError(400, words, param=field or None)
