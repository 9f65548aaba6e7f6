"""Converts answers to messages and their events in Anthropic's format. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Chunk, End, Error, ErrorInfo, Metadata, Start, State, Token, ToolCallDelta, Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.route import Route
from chat_tui.core.tools import decode_arguments
from chat_tui.web.anthropic.schemas import (
    BlockDelta,
    BlockStart,
    BlockStop,
    InputDelta,
    MessageDelta,
    MessageStart,
    MessageStop,
    MessageUsage,
    RedactedThinkingBlock,
    ReplyBlock,
    ReplyMessage,
    SignatureDelta,
    StopDelta,
    StopReason,
    TextBlock,
    TextDelta,
    ThinkingBlock,
    ThinkingDelta,
    ToolUseBlock,
)
from chat_tui.web.api.events import encode_event
from chat_tui.web.errors import ANTHROPIC_PATH, error_body
from chat_tui.web.gateway.failures import final_state, incomplete_error

SIGNATURE = "chat-tui"
"""Signature of thinking: clients return only thinking that has one. What a provider wants returned has a block of its
own, since it is complete only at the end of the answer."""
_REASONS: dict[State, StopReason] = {"complete": "end_turn", "length": "max_tokens", "refused": "refusal"}


def to_event(record: msgspec.Struct) -> bytes:
    """Encode a record as a server-sent event with its type as name."""
    name = record.__struct_config__.tag
    return b"event: %b\ndata: %b\n\n" % (str(name).encode(), encode_event(record))


def convert_usage(usage: Usage | None, prompt_tokens: int = 0) -> MessageUsage:
    """Convert token counts to Anthropic's; `prompt_tokens` is an estimate, where none are known."""
    if usage is None:
        return MessageUsage(prompt_tokens, 0)
    cached, written = usage.cached_tokens, usage.cache_write_tokens
    return MessageUsage(
        max(0, (usage.prompt_tokens or 0) - cached - written), usage.completion_tokens or 0, written, cached
    )


def stop_reason_of(state: State, finish_reason: str, route: Route | None, *, has_calls: bool) -> StopReason | None:
    """Return why an answer has ended; None if it is incomplete."""
    final = final_state(state, finish_reason, route)
    if final == "complete" and has_calls:
        return "tool_use"
    if final == "complete" and finish_reason == "stop_sequence":
        return "stop_sequence"
    return _REASONS[final] if final is not None else None


class MessageEvents:
    """Encodes the events of one streamed message, whose blocks come one after the other.

    `sealed` returns what must come back with the answer, once it has ended.
    """

    def __init__(self, id: str, *, prompt_tokens: int, sealed: Callable[[], str]) -> None:
        self._id, self._prompt_tokens, self._sealed = id, prompt_tokens, sealed
        self._model = ""
        self._failure: ErrorInfo | None = None
        self._has_begun = False
        self._index = -1
        self._open = ""
        """Kind of the block that is open: `text`, `thinking`, `call`; empty: none."""
        self._call = -1
        """Index of the call that is open."""
        self._call_size = 0
        self._has_calls = False
        self._waiting: list[Chunk] = []
        """What has come while a call is open, and is not part of it."""
        self._thinking: list[str] = []

    def of(self, chunks: Sequence[Chunk]) -> bytes:
        """Return the events of these chunks, possibly none; the last ones are those of `End`."""
        return b"".join(map(self._of, chunks))

    def _of(self, chunk: Chunk) -> bytes:
        if isinstance(chunk, End):
            return self._ended(chunk)
        if isinstance(chunk, ToolCallDelta) or (isinstance(chunk, Token) and chunk.token and chunk.index >= 0):
            return self._encode(chunk)
        if isinstance(chunk, Metadata) and chunk.event == "reclassified":
            return self._answered_after_all(chunk)
        if isinstance(chunk, (Start, Metadata)):
            self._model = chunk.model or self._model
        elif isinstance(chunk, Error):
            self._failure = chunk.error
        return b""

    def _encode(self, chunk: Token | ToolCallDelta) -> bytes:
        if self._open == "call" and not (isinstance(chunk, ToolCallDelta) and chunk.index == self._call):
            # Blocks cannot be mixed: it waits until the call has ended.
            self._waiting.append(chunk)
            return b""
        return self._encode_token(chunk) if isinstance(chunk, Token) else self._encode_call(chunk)

    def _encode_token(self, token: Token) -> bytes:
        if token.kind == "thinking":
            self._thinking.append(token.token)
            begun = self._open_block("thinking", ThinkingBlock(""))
            return begun + self._delta(ThinkingDelta(token.token))
        return self._open_block("text", TextBlock("")) + self._delta(TextDelta(token.token))

    def _encode_call(self, call: ToolCallDelta) -> bytes:
        if call.stage == "start":
            begun = self._close_block() + self._open_block("call", ToolUseBlock(call.id, call.name, {}))
            self._call, self._call_size, self._has_calls = call.index, 0, True
            return begun
        if call.stage == "arguments":
            self._call_size += len(call.arguments)
            return self._delta(InputDelta(call.arguments))
        # Calls without arguments get an empty object.
        rest = b"" if self._call_size else self._delta(InputDelta(call.arguments or "{}"))
        ended = rest + self._close_block()
        waiting, self._waiting = self._waiting, []
        return ended + self.of(waiting)

    def _answered_after_all(self, told: Metadata) -> bytes:
        """Send what was taken for thinking as the answer; clients cannot be told that text was thinking."""
        text, thinking = reclassify("", "".join(self._thinking), told)
        self._thinking = [thinking]
        return self._encode(Token(text)) if told.kind == "text" and text else b""

    # -- blocks ---------------------------------------------------------------------------------------------------

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        usage = MessageUsage(self._prompt_tokens, 0)
        return to_event(MessageStart(ReplyMessage(id=self._id, model=self._model, usage=usage)))

    def _open_block(self, kind: str, block: ReplyBlock) -> bytes:
        if self._open == kind:
            return b""
        before = self._begin() + self._close_block()
        self._open = kind
        self._index += 1
        return before + to_event(BlockStart(self._index, block))

    def _delta(self, delta: TextDelta | ThinkingDelta | InputDelta | SignatureDelta) -> bytes:
        return to_event(BlockDelta(self._index, delta))

    def _close_block(self) -> bytes:
        if not self._open:
            return b""
        signed = self._delta(SignatureDelta(SIGNATURE)) if self._open == "thinking" else b""
        self._open = ""
        return signed + to_event(BlockStop(self._index))

    def _ended(self, end: End) -> bytes:
        self._model = end.model or self._model
        reason = stop_reason_of(end.state, end.finish_reason, end.route, has_calls=self._has_calls)
        if reason is None:
            refusal = incomplete_error(self._failure, end.route, end.state)
            return b"event: error\ndata: %b\n\n" % encode_event(error_body(ANTHROPIC_PATH, refusal))
        told = self._begin() + self._close_block()
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            told += self.of(waiting) + self._close_block()
        if sealed := self._sealed():
            told += self._open_block("sealed", RedactedThinkingBlock(sealed)) + self._close_block()
        usage = convert_usage(end.usage, self._prompt_tokens)
        return told + to_event(MessageDelta(StopDelta(reason), usage)) + to_event(MessageStop())


def build_message(id: str, turn: Turn, route: Route | None, *, sealed: str) -> ReplyMessage:
    """Return the message of an answer that has ended. Raises `ApiError` if it is incomplete."""
    reason = stop_reason_of(turn.state, turn.finish_reason, route, has_calls=bool(turn.calls))
    if reason is None:
        raise incomplete_error(turn.error, route, turn.state)
    blocks: list[ReplyBlock] = [ThinkingBlock(turn.thinking, SIGNATURE)] if turn.thinking else []
    if turn.text:
        blocks.append(TextBlock(turn.text))
    for call in turn.calls:
        arguments = decode_arguments(call.arguments)
        blocks.append(ToolUseBlock(call.id, call.name, dict(arguments) if arguments is not None else {}))
    if sealed:
        blocks.append(RedactedThinkingBlock(sealed))
    return ReplyMessage(id=id, model=turn.model, content=blocks, stop_reason=reason, usage=convert_usage(turn.usage))
