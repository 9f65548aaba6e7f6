"""Converts answers to completions and their events in OpenAI's format. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from chat_tui.core.answers.finish_reasons import state_of
from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Chunk, End, Error, ErrorInfo, Metadata, Start, State, Token, Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import EmptyAnswer
from chat_tui.core.route import Route
from chat_tui.web.errors import OPENAI_PATH, ApiError, error_body, to_api_error
from chat_tui.web.openai.schemas import (
    AssistantMessage,
    CachedTokens,
    Choice,
    Completion,
    CompletionChunk,
    Delta,
    DeltaChoice,
    FinishReason,
    OpenAiUsage,
    ReasoningTokens,
)

DONE = b"data: [DONE]\n\n"
_REASONS: dict[State, FinishReason] = {"complete": "stop", "length": "length", "refused": "content_filter"}
"""Finish reasons of complete answers. An empty answer is passed on as the server ended it: without content."""
_CODES = {"ContextTooLong": "context_length_exceeded", "RateLimited": "rate_limit_exceeded"}
"""Error codes that OpenAI uses for the same kinds of errors."""
_FIRST, _NEVER = Delta("assistant"), Delta()
"""Only the first event contains the role."""
_encoder = msgspec.json.Encoder()


def to_event(record: msgspec.Struct) -> bytes:
    """Encode a record as a server-sent event."""
    return b"data: %b\n\n" % _encoder.encode(record)


def convert_usage(usage: Usage) -> OpenAiUsage:
    """Convert token counts to OpenAI's names."""
    return OpenAiUsage(
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
        usage.total_tokens,
        CachedTokens(usage.cached_tokens),
        ReasoningTokens(usage.thinking_tokens),
    )


def finish_reason_of(state: State, finish_reason: str, route: Route | None) -> FinishReason | None:
    """Return the finish reason for clients; None if the answer is incomplete."""
    if state == "empty" and _outcomes(route) == {EmptyAnswer.__name__}:
        return "length" if state_of(finish_reason) == "length" else "stop"
    return _REASONS.get(state)


def _outcomes(route: Route | None) -> set[str]:
    return {entry.outcome for entry in route.tries} if route is not None else set()


def incomplete_error(error: ErrorInfo | None, route: Route | None, state: State = "cancelled") -> ApiError:
    """Return why an answer is incomplete: its error, or that it was cancelled. If all models have failed in the same
    way, that error is used."""
    if error is None and state == "cancelled":
        return ApiError(503, "The server is shutting down. Ask again in a moment.", code="stopping")
    if error is None:
        return ApiError(502, "The model's server closed the stream early. Ask again in a moment.")
    outcomes = _outcomes(route)
    if error.kind == "AllFailed" and len(outcomes) == 1:
        error = replace(error, kind=outcomes.pop())
    refusal = to_api_error(error)
    refusal.code = _CODES.get(error.kind, refusal.code)
    return refusal


class CompletionEvents:
    """Encodes the events of one streamed completion."""

    def __init__(self, id: str, created: int, *, include_usage: bool) -> None:
        self._model = ""
        """The model that answers, once it is known."""
        self._failure: ErrorInfo | None = None
        self._id, self._created, self._include_usage = id, created, include_usage
        self._spoke = False
        self._thinking: list[str] = []

    def of(self, chunks: Sequence[Chunk]) -> bytes:
        """Return the events of these chunks, possibly none; the last ones are those of `End`."""
        return b"".join(map(self._of, chunks))

    def _of(self, chunk: Chunk) -> bytes:
        if isinstance(chunk, Token):
            return self._encode_token(chunk) if chunk.token else b""
        if isinstance(chunk, Metadata) and chunk.event == "reclassified":
            return self._answered_after_all(chunk)
        if isinstance(chunk, (Start, Metadata)):
            self._model = chunk.model or self._model
        elif isinstance(chunk, Error):
            self._failure = chunk.error
        elif isinstance(chunk, End):
            return self._end(chunk)
        return b""

    def _encode_token(self, token: Token) -> bytes:
        role = _NEVER if self._spoke else _FIRST
        self._spoke = True
        if token.kind == "thinking":
            self._thinking.append(token.token)
            return self._event(replace(role, reasoning_content=token.token))
        return self._event(replace(role, content=token.token))

    def _answered_after_all(self, told: Metadata) -> bytes:
        """Send what was taken for thinking as the answer; clients cannot be told that text was thinking."""
        text, thinking = reclassify("", "".join(self._thinking), told)
        self._thinking = [thinking]
        return self._encode_token(Token(text)) if told.kind == "text" and text else b""

    def _end(self, end: End) -> bytes:
        self._model = end.model or self._model
        reason = finish_reason_of(end.state, end.finish_reason, end.route)
        if reason is None:
            return to_event(error_body(OPENAI_PATH, incomplete_error(self._failure, end.route, end.state)))
        last = self._event(_NEVER if self._spoke else replace(_FIRST, content=""), reason)
        if self._include_usage and end.usage is not None:
            last += to_event(CompletionChunk(self._id, self._created, self._model, (), usage=convert_usage(end.usage)))
        return last + DONE

    def _event(self, delta: Delta, reason: FinishReason | None = None) -> bytes:
        return to_event(CompletionChunk(self._id, self._created, self._model, (DeltaChoice(delta, reason),)))


def build_completion(id: str, created: int, turn: Turn, route: Route | None) -> Completion:
    """Return the completion of an answer that has ended. Raises `ApiError` if it is incomplete."""
    reason = finish_reason_of(turn.state, turn.finish_reason, route)
    if reason is None:
        raise incomplete_error(turn.error, route, turn.state)
    reply = AssistantMessage(turn.text, reasoning_content=turn.thinking or msgspec.UNSET)
    usage = msgspec.UNSET if turn.usage is None else convert_usage(turn.usage)
    return Completion(id, created, turn.model, [Choice(reply, reason)], usage=usage)
