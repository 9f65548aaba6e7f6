"""The events of `/stream`, `/generate` and `/ws`, which pure functions make of chunks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from chat_tui.core.chunks import End, Error, ErrorInfo, Metadata, Phase, Start, Token, TokenKind, ToolCallDelta
from chat_tui.engine.tools.steps import StepChunk, ToolAskChunk, ToolResultChunk
from chat_tui.web.api.schemas import RequestId
from chat_tui.web.errors import error_text

STREAM_STARTED = "Stream started"
GENERATION_STARTED = "Starting generation..."


class StartEvent(msgspec.Struct, frozen=True, tag_field="type", tag="start", rename="camel"):
    """The answer has started."""

    message: str
    metadata: dict[str, Any]
    """`model` (the first choice), `provider`, `strategy`, `requestId`, `conversationId`."""
    request_id: RequestId | UnsetType = UNSET


class TokenEvent(msgspec.Struct, frozen=True, tag_field="type", tag="token", rename="camel"):
    """A token of the answer."""

    token: str
    kind: TokenKind | UnsetType = UNSET
    """`thinking`; unset for text."""
    phase: Phase | UnsetType = UNSET
    """Set if the stream contains two answers."""
    request_id: RequestId | UnsetType = UNSET
    token_index: int | UnsetType = UNSET
    """Counts from 1, text and thinking together."""


class MetadataEvent(msgspec.Struct, frozen=True, tag_field="type", tag="metadata", rename="camel"):
    """An event other than text."""

    data: dict[str, Any]
    """`event`, and fields that depend on it."""
    request_id: RequestId | UnsetType = UNSET


class ErrorEvent(msgspec.Struct, frozen=True, tag_field="type", tag="error", rename="camel"):
    """An error."""

    error: str
    kind: str | UnsetType = UNSET
    """The error's name, which does not change between versions."""
    request_id: RequestId | UnsetType = UNSET
    call: str | UnsetType = UNSET
    """Id of the tool call, if only a decision about it is refused: the answer goes on."""


class EndEvent(msgspec.Struct, frozen=True, tag_field="type", tag="end"):
    """The last event of a stream."""

    metadata: dict[str, Any]


class CompletedMessage(msgspec.Struct, frozen=True, tag_field="type", tag="complete", rename="camel"):
    """The last message of a request on a WebSocket; its metadata adds `duration` (ms) and `tokenCount`."""

    request_id: RequestId
    metadata: dict[str, Any]


class ToolCallEvent(msgspec.Struct, frozen=True, tag_field="type", tag="tool_call", rename="camel"):
    """A part of a tool call: its start, a piece of its arguments, or its end with all of them."""

    index: int
    stage: Literal["start", "arguments", "end"]
    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    request_id: RequestId | UnsetType = UNSET


class ToolAskEvent(msgspec.Struct, frozen=True, tag_field="type", tag="tool_ask", rename="camel"):
    """A tool call that waits for a person's decision, as the client asked for it with `askTools`."""

    id: str
    """Id of the call: `POST /api/conversations/ID/calls/CALL` decides."""
    name: str
    server: str
    """Name of the tool server."""
    arguments: str
    """JSON object with which the call would run."""
    description: str
    """What the server says about the tool."""
    changed: bool | UnsetType = UNSET
    """True if the tool was changed after it had been allowed for the whole conversation."""
    request_id: RequestId | UnsetType = UNSET


class ToolResultEvent(msgspec.Struct, frozen=True, tag_field="type", tag="tool_result", rename="camel"):
    """The result of a tool call that the server has run."""

    id: str
    name: str
    server: str
    state: str
    """`complete`, `failed`, `refused`, `cancelled` or `broken`."""
    text: str
    images: int = 0
    """Number of its images, which the model gets."""
    request_id: RequestId | UnsetType = UNSET


Event = (
    StartEvent
    | TokenEvent
    | ToolCallEvent
    | ToolAskEvent
    | ToolResultEvent
    | MetadataEvent
    | ErrorEvent
    | EndEvent
    | CompletedMessage
)


class EventEncoder:
    """Encodes the events of one answer. `request_id` is the id that a WebSocket's client has given its request; None
    for a stream."""

    def __init__(self, conversation_id: str, *, metadata: bool, request_id: RequestId | None = None) -> None:
        self._conversation_id, self._with_metadata, self._given_id = conversation_id, metadata, request_id
        self.tokens = 0

    @property
    def _id(self) -> RequestId | UnsetType:
        return UNSET if self._given_id is None else self._given_id

    def event_of(self, chunk: StepChunk, milliseconds: float = 0.0) -> Event | None:
        """Return the event of a chunk, or None if it has none. `milliseconds` is the time since the request arrived."""
        if isinstance(chunk, Token):
            self.tokens += 1
            kind = UNSET if chunk.kind == "text" else chunk.kind
            index = UNSET if self._given_id is None else self.tokens
            return TokenEvent(chunk.token, kind, chunk.phase, self._id, index)
        if isinstance(chunk, Start):
            message = STREAM_STARTED if self._given_id is None else GENERATION_STARTED
            told = {"model": chunk.model, "provider": chunk.provider, "strategy": chunk.strategy}
            return StartEvent(message, {**told, **self._ids(chunk.request_id)}, self._id)
        if isinstance(chunk, Metadata):
            return MetadataEvent(to_camel(chunk), self._id) if self._with_metadata else None
        if isinstance(chunk, ToolCallDelta):
            return ToolCallEvent(
                chunk.index, chunk.stage, chunk.id or UNSET, chunk.name or UNSET, chunk.arguments or UNSET, self._id
            )
        if isinstance(chunk, ToolAskChunk):
            changed = chunk.changed or UNSET
            return ToolAskEvent(
                chunk.id, chunk.name, chunk.server, chunk.arguments, chunk.description, changed, self._id
            )
        if isinstance(chunk, ToolResultChunk):
            return ToolResultEvent(chunk.id, chunk.name, chunk.server, chunk.state, chunk.text, chunk.images, self._id)
        if isinstance(chunk, Error):
            return error_event(chunk.error, self._id)
        metadata = self.end_metadata(chunk)
        if self._given_id is None:
            return EndEvent(metadata)
        return CompletedMessage(
            self._given_id, {**metadata, "duration": round(milliseconds), "tokenCount": self.tokens}
        )

    def end_metadata(self, end: End) -> dict[str, Any]:
        """Return the metadata of an answer that has ended."""
        return {
            "model": end.model,
            "provider": end.provider,
            **self._ids(end.request_id),
            "state": end.state,
            "finishReason": end.finish_reason,
            "usage": to_camel(end.usage) if end.usage is not None else None,
            "timings": to_camel(end.timings),
            "cost": end.cost,
            "tries": len(end.route.tries) if end.route is not None else 0,
            **({"servedModel": end.served_model} if end.served_model else {}),
        }

    def _ids(self, request_id: str) -> dict[str, RequestId]:
        return {
            "requestId": request_id if self._given_id is None else self._given_id,
            "conversationId": self._conversation_id,
        }


def error_event(error: ErrorInfo, request_id: RequestId | UnsetType = UNSET) -> ErrorEvent:
    """Return the event of an error."""
    return ErrorEvent(error_text(error), error.kind, request_id)


def to_camel(record: msgspec.Struct) -> dict[str, Any]:
    """Return a record as a JSON object with camelCase keys; unset fields are omitted, and keys of nested objects
    stay as they are."""
    told: dict[str, Any] = {}
    for field in msgspec.structs.fields(record):
        value = getattr(record, field.name)
        if value is UNSET or (value == field.default and isinstance(record, Metadata)):
            continue
        first, *rest = field.name.split("_")
        told[first + "".join(map(str.title, rest))] = to_camel(value) if isinstance(value, msgspec.Struct) else value
    return told


_encoder = msgspec.json.Encoder()


def to_sse(events: Iterable[msgspec.Struct]) -> bytes:
    """Encode events as server-sent events."""
    return b"".join(b"data: %b\n\n" % encode_event(event) for event in events)


def encode_event(event: msgspec.Struct) -> bytes:
    """Encode an event as one line of JSON. Lone surrogates become U+FFFD."""
    try:
        return _encoder.encode(event)
    except (UnicodeEncodeError, ValueError):
        return _encoder.encode(_replace_surrogates(msgspec.to_builtins(event)))


def _replace_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _replace_surrogates(each) for key, each in value.items()}
    return [_replace_surrogates(each) for each in value] if isinstance(value, (list, tuple)) else value
