"""Converts answers to responses and their events in the format of OpenAI's Responses API. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Chunk, End, Error, ErrorInfo, Metadata, Start, State, Token, ToolCallDelta, Usage
from chat_tui.core.conversation import Turn
from chat_tui.core.route import Route
from chat_tui.web.api.events import encode_event
from chat_tui.web.errors import ApiError
from chat_tui.web.gateway.failures import final_state, incomplete_error
from chat_tui.web.openai.responses import join_logprobs
from chat_tui.web.openai.schemas import TextFormat, TokenLogprobs
from chat_tui.web.responses.schemas import (
    EventType,
    FunctionCallItem,
    IncompleteDetails,
    InputDetails,
    MessageItem,
    OutputDetails,
    OutputItem,
    OutputText,
    ReasoningItem,
    ReasoningOptions,
    ResponseEvent,
    ResponseFailure,
    ResponseObject,
    ResponsesRequest,
    ResponseUsage,
    SummaryText,
    TextOptions,
)


def begin_response(id: str, created: int, body: ResponsesRequest) -> ResponseObject:
    """Return the response at its beginning, with what was asked for."""
    wanted = body.text or TextOptions()
    parallel = body.parallel_tool_calls
    return ResponseObject(
        id=id,
        created_at=created,
        instructions=body.instructions,
        previous_response_id=body.previous_response_id,
        store=bool(body.store),
        tools=body.tools or [],
        tool_choice=body.tool_choice or "auto",
        parallel_tool_calls=True if parallel is None else parallel,
        text=replace(wanted, format=wanted.format or TextFormat()),
        reasoning=body.reasoning or ReasoningOptions(),
        max_output_tokens=body.max_output_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        metadata=body.metadata or {},
        user=body.user,
    )


def convert_usage(usage: Usage | None) -> ResponseUsage | None:
    """Convert token counts to the names of this API."""
    if usage is None:
        return None
    return ResponseUsage(
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
        usage.total_tokens,
        InputDetails(usage.cached_tokens),
        OutputDetails(usage.thinking_tokens),
    )


def end_response(
    response: ResponseObject, turn: Turn, output: Sequence[OutputItem], route: Route | None
) -> ResponseObject:
    """Return the response of an answer that has ended. Raises `ApiError` if it has failed."""
    final = final_state(turn.state, turn.finish_reason, route)
    if final is None:
        raise incomplete_error(turn.error, route, turn.state)
    response = replace(response, model=turn.model, output=[*output], usage=convert_usage(turn.usage))
    return _with_status(response, final)


def stored_response(
    id: str, turn: Turn, route: Route | None, instructions: str | None, previous: str | None
) -> ResponseObject:
    """Return a stored response without its output. Settings of the request are not stored, so they are defaults."""
    response = ResponseObject(
        id=id,
        created_at=int(turn.created.timestamp()) if turn.created else 0,
        instructions=instructions or None,
        previous_response_id=previous,
        store=True,
        model=turn.model,
        usage=convert_usage(turn.usage),
    )
    if turn.state == "streaming":
        return replace(response, status="in_progress")
    if turn.state == "cancelled":
        return replace(response, status="cancelled")
    final = final_state(turn.state, turn.finish_reason, route)
    if final is None:
        refusal = incomplete_error(turn.error, route, turn.state)
        return replace(response, status="failed", error=_failure_of(refusal))
    return _with_status(response, final)


def _with_status(response: ResponseObject, final: State) -> ResponseObject:
    if final == "complete":
        return replace(response, status="completed")
    reason = IncompleteDetails("max_output_tokens" if final == "length" else "content_filter")
    return replace(response, status="incomplete", incomplete_details=reason)


def _failure_of(refusal: ApiError) -> ResponseFailure:
    return ResponseFailure(refusal.code or "server_error", refusal.words)


def output_of(turn: Turn, chunks: Sequence[Chunk], given: str, sealed: str) -> Sequence[OutputItem]:
    """Return the items of an answer that has ended. `given` is the beginning that the client has given."""
    items: list[OutputItem] = []
    if turn.thinking:
        items.append(ReasoningItem(f"rs_{turn.id}", [SummaryText(turn.thinking)]))
    if text := turn.text.removeprefix(given):
        logprobs: TokenLogprobs | None = None
        for chunk in chunks:
            if isinstance(chunk, Metadata) and chunk.event == "logprobs":
                logprobs = join_logprobs(logprobs, chunk)
        said = OutputText(text, logprobs=logprobs.content if logprobs else [])
        items.append(MessageItem(f"msg_{turn.id}", [said]))
    for number, call in enumerate(turn.calls):
        items.append(FunctionCallItem(f"fc_{turn.id}_{number}", call.id, call.name, call.arguments or "{}"))
    if sealed:
        items.append(ReasoningItem(f"rs_{turn.id}_sealed", [], sealed))
    return items


class _OpenItem:
    """An item of the output that is growing."""

    def __init__(self, index: int, id: str, call: ToolCallDelta | None = None) -> None:
        self.index, self.id = index, id
        self.call_id, self.name = (call.id, call.name) if call else ("", "")
        self.text: list[str] = []
        self.logprobs: list[dict[str, Any]] = []


class ResponseEvents:
    """Encodes the events of one streamed response. `sealed` returns what must come back with the answer, once it has
    ended."""

    def __init__(self, response: ResponseObject, turn_id: str, *, sealed: Callable[[], str]) -> None:
        self._response, self._turn_id, self._sealed = response, turn_id, sealed
        self._sequence = -1
        self._has_begun = False
        self._failure: ErrorInfo | None = None
        self._output: list[OutputItem | None] = []
        self._message: _OpenItem | None = None
        self._reasoning: _OpenItem | None = None
        self._calls: dict[int, _OpenItem] = {}
        self._logprobs: list[dict[str, Any]] = []
        """Of the tokens that come next."""

    def of(self, chunks: Sequence[Chunk]) -> bytes:
        """Return the events of these chunks, possibly none; the last one is that of `End`."""
        return b"".join(map(self._of, chunks))

    def _of(self, chunk: Chunk) -> bytes:
        if isinstance(chunk, Token):
            return self._encode_token(chunk) if chunk.token and chunk.index >= 0 else b""
        if isinstance(chunk, ToolCallDelta):
            return self._begin() + self._encode_call(chunk)
        if isinstance(chunk, Metadata) and chunk.event == "reclassified":
            return self._answered_after_all(chunk)
        if isinstance(chunk, Metadata) and chunk.event == "logprobs":
            self._logprobs += join_logprobs(None, chunk).content
        elif isinstance(chunk, (Start, Metadata)):
            self._response = replace(self._response, model=chunk.model or self._response.model)
        elif isinstance(chunk, Error):
            self._failure = chunk.error
        elif isinstance(chunk, End):
            return self._begin() + self._ended(chunk)
        return b""

    def _event(self, type: EventType, **fields: Any) -> bytes:
        self._sequence += 1
        event = ResponseEvent(type, self._sequence, **fields)
        return b"event: %b\ndata: %b\n\n" % (type.encode(), encode_event(event))

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        created = self._event("response.created", response=self._response)
        return created + self._event("response.in_progress", response=self._response)

    def _open(self, prefix: str, call: ToolCallDelta | None = None) -> _OpenItem:
        item = _OpenItem(len(self._output), f"{prefix}_{self._turn_id}_{len(self._output)}", call)
        self._output.append(None)
        return item

    def _close(self, open: _OpenItem, item: OutputItem) -> bytes:
        self._output[open.index] = item
        return self._event("response.output_item.done", output_index=open.index, item=item)

    # -- text and thinking ----------------------------------------------------------------------------------------

    def _encode_token(self, token: Token) -> bytes:
        begun = self._begin()
        if token.kind == "thinking":
            begun += self._close_message()
            if self._reasoning is None:
                self._reasoning = self._open("rs")
                begun += self._open_reasoning(self._reasoning)
            self._reasoning.text.append(token.token)
            place = {"item_id": self._reasoning.id, "output_index": self._reasoning.index, "summary_index": 0}
            return begun + self._event("response.reasoning_summary_text.delta", **place, delta=token.token)
        begun += self._close_reasoning()
        if self._message is None:
            self._message = self._open("msg")
            begun += self._open_message(self._message)
        message = self._message
        message.text.append(token.token)
        logprobs, self._logprobs = self._logprobs, []
        message.logprobs += logprobs
        place = {"item_id": message.id, "output_index": message.index, "content_index": 0}
        return begun + self._event("response.output_text.delta", **place, delta=token.token, logprobs=logprobs)

    def _open_message(self, message: _OpenItem) -> bytes:
        item = MessageItem(message.id, [], "in_progress")
        place = {"item_id": message.id, "output_index": message.index, "content_index": 0}
        added = self._event("response.output_item.added", output_index=message.index, item=item)
        return added + self._event("response.content_part.added", **place, part=OutputText(""))

    def _close_message(self) -> bytes:
        message, self._message = self._message, None
        if message is None:
            return b""
        # Some servers tell them behind the text.
        message.logprobs += self._logprobs
        self._logprobs = []
        said = OutputText("".join(message.text), logprobs=message.logprobs)
        place = {"item_id": message.id, "output_index": message.index, "content_index": 0}
        done = self._event("response.output_text.done", **place, text=said.text, logprobs=said.logprobs)
        done += self._event("response.content_part.done", **place, part=said)
        return done + self._close(message, MessageItem(message.id, [said]))

    def _open_reasoning(self, reasoning: _OpenItem) -> bytes:
        item = ReasoningItem(reasoning.id, [], status="in_progress")
        place = {"item_id": reasoning.id, "output_index": reasoning.index, "summary_index": 0}
        added = self._event("response.output_item.added", output_index=reasoning.index, item=item)
        return added + self._event("response.reasoning_summary_part.added", **place, part=SummaryText(""))

    def _close_reasoning(self) -> bytes:
        reasoning, self._reasoning = self._reasoning, None
        if reasoning is None:
            return b""
        said = SummaryText("".join(reasoning.text))
        place = {"item_id": reasoning.id, "output_index": reasoning.index, "summary_index": 0}
        done = self._event("response.reasoning_summary_text.done", **place, text=said.text)
        done += self._event("response.reasoning_summary_part.done", **place, part=said)
        return done + self._close(reasoning, ReasoningItem(reasoning.id, [said]))

    def _answered_after_all(self, told: Metadata) -> bytes:
        """Send what was taken for thinking as the answer; clients cannot be told that text was thinking."""
        thinking = "".join(self._reasoning.text) if self._reasoning is not None else ""
        text, _ = reclassify("", thinking, told)
        return self._encode_token(Token(text)) if told.kind == "text" and text else b""

    # -- calls ----------------------------------------------------------------------------------------------------

    def _encode_call(self, chunk: ToolCallDelta) -> bytes:
        if chunk.stage == "start":
            told = self._close_reasoning() + self._close_message()
            call = self._calls[chunk.index] = self._open("fc", chunk)
            item = FunctionCallItem(call.id, call.call_id, call.name, "", "in_progress")
            return told + self._event("response.output_item.added", output_index=call.index, item=item)
        call = self._calls[chunk.index]
        place = {"item_id": call.id, "output_index": call.index}
        if chunk.stage == "arguments":
            call.text.append(chunk.arguments)
            return self._event("response.function_call_arguments.delta", **place, delta=chunk.arguments)
        arguments = chunk.arguments or "{}"
        done = self._event("response.function_call_arguments.done", **place, name=call.name, arguments=arguments)
        del self._calls[chunk.index]
        return done + self._close(call, FunctionCallItem(call.id, call.call_id, call.name, arguments))

    def _close_cut_calls(self) -> bytes:
        """Close the calls that were cut off."""
        calls, self._calls = self._calls, {}
        return b"".join(
            self._close(call, FunctionCallItem(call.id, call.call_id, call.name, "".join(call.text), "incomplete"))
            for call in calls.values()
        )

    # -- the ending -----------------------------------------------------------------------------------------------

    def _ended(self, end: End) -> bytes:
        told = self._close_reasoning() + self._close_message() + self._close_cut_calls()
        self._response = replace(self._response, model=end.model or self._response.model)
        if final_state(end.state, end.finish_reason, end.route) is None:
            return told + self._failed(end.route, end.state)
        if sealed := self._sealed():
            item = self._open("rs")
            whole = ReasoningItem(item.id, [], sealed)
            told += self._event("response.output_item.added", output_index=item.index, item=whole)
            told += self._close(item, whole)
        model, reason = self._response.model, end.finish_reason
        turn = Turn("assistant", "", state=end.state, finish_reason=reason, usage=end.usage, model=model)
        output = [item for item in self._output if item is not None]
        response = end_response(self._response, turn, output, end.route)
        kind: EventType = "response.completed" if response.status == "completed" else "response.incomplete"
        return told + self._event(kind, response=response)

    def _failed(self, route: Route | None, state: State) -> bytes:
        refusal = incomplete_error(self._failure, route, state)
        failed = replace(self._response, status="failed", error=_failure_of(refusal))
        return self._event("response.failed", response=failed)
