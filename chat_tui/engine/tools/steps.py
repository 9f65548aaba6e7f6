"""An answer with tool calls as one stream: what the model says before, between and after its calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from chat_tui.core.chunks import Chunk, End, Metadata, Start, Timings, Token, ToolCallDelta, Usage, sum_usages
from chat_tui.core.conversation import Turn
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.tool_round import CallStatus

INDENTED_SIZE = 1_000_000
"""Bytes times brackets of JSON that is indented."""


class ToolResultChunk(msgspec.Struct, frozen=True, tag_field="type", tag="tool_result", omit_defaults=True):
    """The result of a call that the engine has run, between two answers of a model."""

    id: str
    """Id of the call."""
    name: str
    state: str
    """`complete`, `failed`, `refused`, `cancelled` or `broken`, as of the turn."""
    text: str = ""
    server: str = ""
    images: int = 0
    """Number of images of the result."""


class ToolAskChunk(msgspec.Struct, frozen=True, tag_field="type", tag="tool_ask", omit_defaults=True):
    """A call that waits for a person's decision."""

    id: str
    """Id of the call."""
    name: str
    server: str
    arguments: str = "{}"
    """JSON object with which the call would run, indented."""
    description: str = ""
    """What the server says about the tool."""
    changed: bool = False
    """Whether the tool was changed after it had been allowed for the whole conversation."""


StepChunk = Chunk | ToolResultChunk | ToolAskChunk


def result_chunk(turn: Turn) -> ToolResultChunk:
    """Return the chunk of a result's turn."""
    assert turn.result is not None
    images = sum(file.is_image for file in turn.attachments)
    return ToolResultChunk(turn.result.call, turn.result.name, turn.state, turn.text, turn.result.source, images)


def ask_chunk(status: CallStatus) -> ToolAskChunk:
    """Return the chunk of a call that a person is asked about."""
    assert status.tool is not None
    return ToolAskChunk(
        status.call.id,
        status.call.name,
        status.tool.server,
        format_arguments(status.arguments or {}),
        status.tool.tool.description,
        status.was_changed,
    )


def format_arguments(arguments: Mapping[str, Any]) -> str:
    """Return arguments as JSON: just what a tool is given, with all digits of its numbers.

    It is indented, unless that could make it much longer: a megabyte of brackets would become hundreds."""
    encoded = msgspec.json.encode(arguments)
    depth = encoded.count(b"{") + encoded.count(b"[")
    return (msgspec.json.format(encoded, indent=2) if depth * len(encoded) <= INDENTED_SIZE else encoded).decode()


async def answers_of(first: Answer) -> AsyncIterator[Answer]:
    """Yield the answer, and each one that follows it behind the results of tool calls, as soon as it begins."""
    answer: Answer | None = first
    while answer is not None:
        yield answer
        async for _ in answer.follow(len(answer)):
            pass
        round = answer.round
        if round is not None:
            async for _ in round.follow():
                pass
        answer = answer.next


async def saved_answers(first: Answer) -> AsyncIterator[Answer]:
    """Yield the answer, and each one that follows it, once it has ended and is saved."""
    answer: Answer | None = first
    while answer is not None:
        await answer.saved.wait()
        yield answer
        if answer.round is not None:
            async for _ in answer.round.follow():
                pass
        answer = answer.next


def answers_so_far(first: Answer) -> Sequence[Answer]:
    """Return the answer and those that have begun behind it."""
    answers = [first]
    while (following := answers[-1].next) is not None:
        answers.append(following)
    return answers


def current_of(first: Answer) -> Answer:
    """Return the last of the answers that have begun."""
    return answers_so_far(first)[-1]


def have_ended(first: Answer) -> bool:
    """Whether the answer, its calls and all answers that follow have ended."""
    answer = current_of(first)
    return answer.ended and (answer.round is None or answer.round.ended)


def ends_with_calls(answer: Answer) -> bool:
    """Whether the answer, which has ended, has calls; one that the token limit has cut is in its chunks only."""
    return bool(answer.turn.calls) or any(isinstance(chunk, ToolCallDelta) for chunk in answer.chunks)


def why_unanswered(answer: Answer) -> str:
    """Return why no answer has followed the calls of this one, which has ended; empty if it ends without calls."""
    if not ends_with_calls(answer):
        return ""
    if answer.round is None:
        return "The token limit cut a tool call, so it was not run."
    return answer.round.notice or "The tool calls were stopped."


async def last_of(first: Answer) -> Answer:
    """Return the last of the answers, once all have ended."""
    answer = first
    async for following in answers_of(first):
        answer = following
    return answer


async def cancel_steps(first: Answer) -> None:
    """Stop what runs of an answer: the model, or the calls and with them all that would follow."""
    answer = current_of(first)
    if answer.round is not None:
        answer.round.stop()
    else:
        await answer.cancel()


class StepMerger:
    """Makes one stream of the chunks of several steps: tokens and calls are numbered over all of it, and it has one
    `Start` and one `End`, which counts what all steps have used."""

    def __init__(self) -> None:
        self._tokens = self._calls = 0
        self._tokens_before = self._calls_before = 0
        self._ends: list[End] = []

    def take(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Return the chunks of a step as they are in the stream; an `End` is kept for `end`."""
        out: list[Chunk] = []
        for chunk in chunks:
            if isinstance(chunk, Token):
                self._tokens += 1
                before = self._tokens_before
                out.append(msgspec.structs.replace(chunk, index=chunk.index + before) if before else chunk)
            elif isinstance(chunk, ToolCallDelta):
                self._calls += chunk.stage == "start"
                before = self._calls_before
                out.append(msgspec.structs.replace(chunk, index=chunk.index + before) if before else chunk)
            elif isinstance(chunk, End):
                self._ends.append(chunk)
                self._tokens_before, self._calls_before = self._tokens, self._calls
            elif not self._is_of_first_step(chunk) or not self._ends:
                out.append(chunk)
        return out

    @staticmethod
    def _is_of_first_step(chunk: Chunk) -> bool:
        """Whether a stream has this chunk once."""
        return isinstance(chunk, Start) or (isinstance(chunk, Metadata) and chunk.event == "first_token")

    def end(self) -> End:
        """Return the end of the stream."""
        return merge_ends(self._ends)


async def round_chunks(answer: Answer) -> AsyncGenerator[ToolAskChunk | ToolResultChunk, None]:
    """Yield the results of an answer's calls in order, each as soon as it is there; before it the question to a person,
    if there is one."""
    if answer.round is None:
        return
    told, asked = 0, -1
    async for statuses in answer.round.follow():
        for status in statuses[told:]:
            if status.state == "asking" and asked < told:
                asked = told
                yield ask_chunk(status)
            if status.state != "ended" or status.result is None:
                break
            told += 1
            yield result_chunk(status.result)


async def merged_batches(first: Answer, *, tokens: int, hold_bytes: int) -> AsyncGenerator[Sequence[StepChunk], None]:
    """Yield all chunks as one stream, in batches as `Answer.batches` makes them; behind the calls of a step come the
    questions about them and their results."""
    merger, answer = StepMerger(), first
    while True:
        async with aclosing(answer.batches(tokens=tokens, hold_bytes=hold_bytes)) as batches:
            async for chunks in batches:
                if merged := merger.take(chunks):
                    yield merged
        async with aclosing(round_chunks(answer)) as chunks_of_calls:
            async for chunk in chunks_of_calls:
                yield [chunk]
        if answer.next is None:
            break
        answer = answer.next
    yield [merger.end()]


def merge_timings(timings: Sequence[Timings]) -> Timings:
    """Return the timings of the last step with the first one's time to the first token and the time of all."""
    duration = round(sum(each.duration_seconds for each in timings), 4)
    return msgspec.structs.replace(timings[-1], ttft_seconds=timings[0].ttft_seconds, duration_seconds=duration)


def merge_ends(ends: Sequence[End]) -> End:
    """Return the last of the ends with the usage, the cost and the time of all."""
    last = ends[-1]
    if len(ends) == 1:
        return last
    costs = [end.cost for end in ends if end.cost is not None]
    usage: Usage | None = sum_usages([end.usage for end in ends if end.usage is not None])
    timings = merge_timings([end.timings for end in ends])
    cost = sum(costs) if len(costs) == len(ends) else None
    return msgspec.structs.replace(last, usage=usage, cost=cost, timings=timings)
