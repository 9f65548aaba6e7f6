"""Converts answers to completions and their events in OpenAI's format. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import (
    Chunk,
    End,
    Error,
    ErrorInfo,
    Metadata,
    Start,
    State,
    Token,
    ToolCallDelta,
    Usage,
    sum_usages,
)
from chat_tui.core.conversation import Turn
from chat_tui.core.route import Route
from chat_tui.core.tools import ToolCall
from chat_tui.web.api.events import encode_event
from chat_tui.web.errors import OPENAI_PATH, error_body
from chat_tui.web.gateway.failures import final_state, incomplete_error
from chat_tui.web.openai.schemas import (
    AssistantMessage,
    CachedTokens,
    CalledFunction,
    Choice,
    Completion,
    CompletionChunk,
    Delta,
    DeltaChoice,
    ExtraContent,
    FinishReason,
    FunctionDelta,
    GoogleContent,
    OpenAiToolCall,
    OpenAiUsage,
    ReasoningTokens,
    TokenLogprobs,
    ToolCallPiece,
)

DONE = b"data: [DONE]\n\n"
_REASONS: dict[State, FinishReason] = {"complete": "stop", "length": "length", "refused": "content_filter"}
_FIRST, _NEVER = Delta("assistant"), Delta()
"""Only the first event contains the role."""


def to_event(record: msgspec.Struct) -> bytes:
    """Encode a record as a server-sent event."""
    return b"data: %b\n\n" % encode_event(record)


def convert_usage(usage: Usage) -> OpenAiUsage:
    """Convert token counts to OpenAI's names."""
    return OpenAiUsage(
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
        usage.total_tokens,
        CachedTokens(usage.cached_tokens),
        ReasoningTokens(usage.thinking_tokens),
    )


def finish_reason_of(
    state: State, finish_reason: str, route: Route | None, *, called: FinishReason | None = None
) -> FinishReason | None:
    """Return the finish reason for clients; None if the answer is incomplete. `called` is the one of an answer that
    calls tools."""
    final = final_state(state, finish_reason, route)
    if final == "complete" and called is not None:
        return called
    return _REASONS[final] if final is not None else None


class CompletionTally:
    """Counts the answers of one streamed completion: the last one to end ends the stream."""

    def __init__(self, count: int = 1, *, include_usage: bool) -> None:
        self.include_usage = include_usage
        self.has_failed = False
        """Whether an answer is incomplete: then the stream has no other end."""
        self._left = count
        self._usages: list[Usage] = []

    def end(self, usage: Usage | None) -> bool:
        """Count an answer that has ended; returns whether it was the last."""
        self._usages += [usage] if usage is not None else []
        self._left -= 1
        return not self._left

    @property
    def usage(self) -> Usage | None:
        """The sum of all answers; None if it is unknown."""
        return sum_usages(self._usages)


class CompletionEvents:
    """Encodes the events of one answer of a streamed completion."""

    def __init__(
        self, id: str, created: int, tally: CompletionTally, *, index: int = 0, has_functions: bool = False
    ) -> None:
        self._model = ""
        """The model that answers, once it is known."""
        self._failure: ErrorInfo | None = None
        self._id, self._created, self._index, self._tally = id, created, index, tally
        self._has_functions = has_functions
        self._spoke = False
        self._thinking: list[str] = []
        self._calls: dict[int, int] = {}
        """How many characters of each call's arguments were sent."""
        self._logprobs: TokenLogprobs | None = None
        """Of the tokens that come next."""

    def of(self, chunks: Sequence[Chunk]) -> bytes:
        """Return the events of these chunks, possibly none; the last ones are those of `End`."""
        return b"".join(map(self._of, chunks))

    def _of(self, chunk: Chunk) -> bytes:
        if self._tally.has_failed:
            return b""
        if isinstance(chunk, Token):
            return self._encode_token(chunk) if chunk.token and chunk.index >= 0 else b""
        if isinstance(chunk, ToolCallDelta):
            return self._encode_call(chunk)
        if isinstance(chunk, Metadata) and chunk.event == "reclassified":
            return self._answered_after_all(chunk)
        if isinstance(chunk, Metadata) and chunk.event == "logprobs":
            self._logprobs = join_logprobs(self._logprobs, chunk)
        elif isinstance(chunk, (Start, Metadata)):
            self._model = chunk.model or self._model
        elif isinstance(chunk, Error):
            self._failure = chunk.error
        elif isinstance(chunk, End):
            return self._ended(chunk)
        return b""

    def _encode_token(self, token: Token) -> bytes:
        role = self._role()
        if token.kind == "thinking":
            self._thinking.append(token.token)
            return self._event(replace(role, reasoning_content=token.token))
        return self._event(replace(role, content=token.token))

    def _role(self) -> Delta:
        role = _NEVER if self._spoke else _FIRST
        self._spoke = True
        return role

    def _encode_call(self, call: ToolCallDelta) -> bytes:
        if self._has_functions and call.index:
            # The old form has room for one call.
            return b""
        if call.stage == "start":
            self._calls[call.index] = 0
            return self._call_event(call, FunctionDelta(call.name), is_new=True)
        arguments = call.arguments
        if call.stage == "end":
            # Calls without arguments get an empty object: clients parse them in any case.
            sent = self._calls.get(call.index, 0)
            extra = _extra_content(call.signature)
            if sent and extra is msgspec.UNSET:
                return b""
            return self._call_event(call, FunctionDelta(arguments="" if sent else arguments or "{}"), extra)
        self._calls[call.index] = self._calls.get(call.index, 0) + len(arguments)
        return self._call_event(call, FunctionDelta(arguments=arguments))

    def _call_event(
        self,
        call: ToolCallDelta,
        function: FunctionDelta,
        extra: ExtraContent | msgspec.UnsetType = msgspec.UNSET,
        *,
        is_new: bool = False,
    ) -> bytes:
        if self._has_functions:
            return self._event(replace(self._role(), function_call=function))
        piece = ToolCallPiece(call.index, function=function, extra_content=extra)
        if is_new:
            piece = replace(piece, id=call.id, type="function")
        return self._event(replace(self._role(), tool_calls=(piece,)))

    def _answered_after_all(self, told: Metadata) -> bytes:
        """Send what was taken for thinking as the answer; clients cannot be told that text was thinking."""
        text, thinking = reclassify("", "".join(self._thinking), told)
        self._thinking = [thinking]
        return self._encode_token(Token(text)) if told.kind == "text" and text else b""

    def _ended(self, end: End) -> bytes:
        self._model = end.model or self._model
        called: FinishReason = "function_call" if self._has_functions else "tool_calls"
        reason = finish_reason_of(end.state, end.finish_reason, end.route, called=called if self._calls else None)
        if reason is None:
            self._tally.has_failed = True
            return to_event(error_body(OPENAI_PATH, incomplete_error(self._failure, end.route, end.state)))
        told = self._event(_NEVER if self._spoke else replace(_FIRST, content=""), reason)
        if not self._tally.end(end.usage):
            return told
        usage = self._tally.usage
        if self._tally.include_usage and usage is not None:
            told += to_event(CompletionChunk(self._id, self._created, self._model, (), usage=convert_usage(usage)))
        return told + DONE

    def _event(self, delta: Delta, reason: FinishReason | None = None) -> bytes:
        choice = DeltaChoice(delta, reason, self._index, self._logprobs)
        self._logprobs = None
        return to_event(CompletionChunk(self._id, self._created, self._model, (choice,)))


def join_logprobs(before: TokenLogprobs | None, told: Metadata) -> TokenLogprobs:
    """Return the probabilities with those of one more chunk."""
    new = msgspec.json.decode(told.logprobs, type=list[dict[str, msgspec.Raw]])
    return TokenLogprobs([*(before.content if before else ()), *new])


def _extra_content(signature: str) -> ExtraContent | msgspec.UnsetType:
    return ExtraContent(GoogleContent(signature)) if signature else msgspec.UNSET


class CompletedAnswer(msgspec.Struct, frozen=True):
    """An answer that has ended."""

    turn: Turn
    route: Route | None
    chunks: Sequence[Chunk] = ()
    given: str = ""
    """The beginning that the client has given; it is not part of the reply."""


def build_completion(
    id: str, created: int, answers: Sequence[CompletedAnswer], *, has_functions: bool = False
) -> Completion:
    """Return the completion of answers that have ended. Raises `ApiError` if one is incomplete."""
    choices = [_choice(answer, index, has_functions=has_functions) for index, answer in enumerate(answers)]
    usage = sum_usages([answer.turn.usage for answer in answers if answer.turn.usage is not None])
    told = msgspec.UNSET if usage is None else convert_usage(usage)
    return Completion(id, created, answers[0].turn.model, choices, usage=told)


def _choice(answer: CompletedAnswer, index: int, *, has_functions: bool) -> Choice:
    turn = answer.turn
    called: FinishReason = "function_call" if has_functions else "tool_calls"
    reason = finish_reason_of(turn.state, turn.finish_reason, answer.route, called=called if turn.calls else None)
    if reason is None:
        raise incomplete_error(turn.error, answer.route, turn.state)
    text = turn.text.removeprefix(answer.given)
    reply = AssistantMessage(None if turn.calls and not text else text)
    if turn.thinking:
        reply = replace(reply, reasoning_content=turn.thinking)
    if turn.calls and has_functions:
        reply = replace(reply, function_call=_called_function(turn.calls[0]))
    elif turn.calls:
        reply = replace(reply, tool_calls=list(map(_tool_call, turn.calls)))
    logprobs: TokenLogprobs | None = None
    for chunk in answer.chunks:
        if isinstance(chunk, Metadata) and chunk.event == "logprobs":
            logprobs = join_logprobs(logprobs, chunk)
    return Choice(reply, reason, index, logprobs)


def _tool_call(call: ToolCall) -> OpenAiToolCall:
    return OpenAiToolCall(call.id, _called_function(call), extra_content=_extra_content(call.signature))


def _called_function(call: ToolCall) -> CalledFunction:
    return CalledFunction(call.name, call.arguments or "{}")
