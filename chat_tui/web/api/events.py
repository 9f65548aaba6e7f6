"""The events of `/stream`, `/generate` and `/ws`, made of chunks by pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from chat_tui.core.chunks import Chunk, End, Error, ErrorInfo, Metadata, Phase, Start, Token, TokenKind
from chat_tui.web.api.schemas import RequestId
from chat_tui.web.errors import words_of

STREAM_STARTED = "Stream started"
GENERATION_STARTED = "Starting generation..."


class StartEvent(msgspec.Struct, frozen=True, tag_field="type", tag="start", rename="camel"):
    """The answer has begun."""

    message: str
    metadata: dict[str, Any]
    """`model` (the first choice), `provider`, `strategy`, `requestId`, `conversationId`."""
    request_id: RequestId | UnsetType = UNSET


class TokenEvent(msgspec.Struct, frozen=True, tag_field="type", tag="token", rename="camel"):
    """A piece of the answer."""

    token: str
    kind: TokenKind | UnsetType = UNSET
    """`thinking`, where it is no text."""
    phase: Phase | UnsetType = UNSET
    """Only where the stream holds two answers."""
    request_id: RequestId | UnsetType = UNSET
    token_index: int | UnsetType = UNSET
    """From 1, over text and thinking."""


class MetadataEvent(msgspec.Struct, frozen=True, tag_field="type", tag="metadata", rename="camel"):
    """Something besides text."""

    data: dict[str, Any]
    """`event`, and what belongs to it."""
    request_id: RequestId | UnsetType = UNSET


class ErrorEvent(msgspec.Struct, frozen=True, tag_field="type", tag="error", rename="camel"):
    """What went wrong."""

    error: str
    kind: str | UnsetType = UNSET
    """The error's stable name."""
    request_id: RequestId | UnsetType = UNSET


class EndEvent(msgspec.Struct, frozen=True, tag_field="type", tag="end"):
    """The last event of a stream."""

    metadata: dict[str, Any]


class CompletedMessage(msgspec.Struct, frozen=True, tag_field="type", tag="complete", rename="camel"):
    """The last message of a request on a WebSocket; its metadata adds `duration` (ms) and `tokenCount`."""

    request_id: RequestId
    metadata: dict[str, Any]


Event = StartEvent | TokenEvent | MetadataEvent | ErrorEvent | EndEvent | CompletedMessage


class EventEncoder:
    """Tells one answer. `request_id`: the one that a WebSocket's client has given its request; None: a stream."""

    def __init__(self, conversation_id: str, *, metadata: bool, request_id: RequestId | None = None) -> None:
        self._conversation_id, self._with_metadata, self._given_id = conversation_id, metadata, request_id
        self.tokens = 0

    @property
    def _id(self) -> RequestId | UnsetType:
        return UNSET if self._given_id is None else self._given_id

    def told(self, chunk: Chunk, milliseconds: float = 0.0) -> Event | None:
        """The chunk's event; None where there is none. `milliseconds`: since the request came."""
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
            return MetadataEvent(camel(chunk), self._id) if self._with_metadata else None
        if isinstance(chunk, Error):
            return failed(chunk.error, self._id)
        metadata = self.ending(chunk)
        if self._given_id is None:
            return EndEvent(metadata)
        return CompletedMessage(
            self._given_id, {**metadata, "duration": round(milliseconds), "tokenCount": self.tokens}
        )

    def ending(self, end: End) -> dict[str, Any]:
        """The metadata of an ended answer."""
        return {
            "model": end.model,
            "provider": end.provider,
            **self._ids(end.request_id),
            "state": end.state,
            "finishReason": end.finish_reason,
            "usage": camel(end.usage) if end.usage is not None else None,
            "timings": camel(end.timings),
            "cost": end.cost,
            "tries": len(end.route.tries) if end.route is not None else 0,
            **({"servedModel": end.served_model} if end.served_model else {}),
        }

    def _ids(self, request_id: str) -> dict[str, RequestId]:
        return {
            "requestId": request_id if self._given_id is None else self._given_id,
            "conversationId": self._conversation_id,
        }


def failed(error: ErrorInfo, request_id: RequestId | UnsetType = UNSET) -> ErrorEvent:
    """An error's event."""
    return ErrorEvent(words_of(error), error.kind, request_id)


def camel(record: msgspec.Struct) -> dict[str, Any]:
    """A record as a JSON object with camelCase keys; unset fields are left out, and nested objects keep their keys."""
    told: dict[str, Any] = {}
    for field in msgspec.structs.fields(record):
        value = getattr(record, field.name)
        if value is UNSET or (value == field.default and isinstance(record, Metadata)):
            continue
        first, *rest = field.name.split("_")
        told[first + "".join(map(str.title, rest))] = camel(value) if isinstance(value, msgspec.Struct) else value
    return told


_encoder = msgspec.json.Encoder()


def in_lines(events: Iterable[msgspec.Struct]) -> bytes:
    """Events as they stand in a stream of them."""
    return b"".join(b"data: %b\n\n" % encoded(event) for event in events)


def encoded(event: msgspec.Struct) -> bytes:
    """An event as one line of JSON. Lone surrogates become U+FFFD."""
    try:
        return _encoder.encode(event)
    except (UnicodeEncodeError, ValueError):
        return _encoder.encode(_mended(msgspec.to_builtins(event)))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _mended(each) for key, each in value.items()}
    return [_mended(each) for each in value] if isinstance(value, (list, tuple)) else value
