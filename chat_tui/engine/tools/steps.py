"""An answer with tool calls as one stream: what the model says before, between and after its calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import msgspec

from chat_tui.core.chunks import Chunk, End, Start, Token, ToolCallDelta, Usage, sum_usages
from chat_tui.core.conversation import Turn
from chat_tui.engine.answers.answer import Answer


class ToolResultChunk(msgspec.Struct, frozen=True, tag_field="type", tag="tool_result", omit_defaults=True):
    """The result of a call that the engine has run, between two answers of a model."""

    id: str
    """Id of the call."""
    name: str
    state: str
    """`complete`, `failed`, `refused`, `cancelled` or `broken`, as of the turn."""
    text: str = ""
    server: str = ""


StepChunk = Chunk | ToolResultChunk


def result_chunk(turn: Turn) -> ToolResultChunk:
    """Return the chunk of a result's turn."""
    assert turn.result is not None
    return ToolResultChunk(turn.result.call, turn.result.name, turn.state, turn.text, turn.result.source)


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


async def last_of(first: Answer) -> Answer:
    """Return the last of the answers, once all have ended."""
    answer = first
    async for following in answers_of(first):
        answer = following
    return answer


async def merged_chunks(first: Answer) -> AsyncGenerator[StepChunk, None]:
    """Yield all chunks as one stream with one `Start` and one `End`, which counts what all steps have used.

    Tokens and calls are numbered over the whole stream; behind the calls of a step come their results.
    """
    tokens = calls = 0
    ends: list[End] = []
    answer: Answer | None = first
    while answer is not None:
        came = 0
        async for chunk in answer.follow():
            if isinstance(chunk, End):
                ends.append(chunk)
            elif isinstance(chunk, Token):
                came += 1
                yield msgspec.structs.replace(chunk, index=chunk.index + tokens) if tokens else chunk
            elif isinstance(chunk, ToolCallDelta):
                yield msgspec.structs.replace(chunk, index=chunk.index + calls) if calls else chunk
            elif not isinstance(chunk, Start) or answer is first:
                yield chunk
        tokens, calls = tokens + came, calls + len(answer.turn.calls)
        round = answer.round
        if round is None:
            break
        told = 0
        async for statuses in round.follow():
            for status in statuses[told:]:
                if status.state != "ended" or status.result is None:
                    break
                told += 1
                yield result_chunk(status.result)
        answer = answer.next
    yield merge_ends(ends)


def merge_ends(ends: Sequence[End]) -> End:
    """Return the last of the ends with the usage, the cost and the time of all."""
    last = ends[-1]
    if len(ends) == 1:
        return last
    costs = [end.cost for end in ends if end.cost is not None]
    usage: Usage | None = sum_usages([end.usage for end in ends if end.usage is not None])
    duration = round(sum(end.timings.duration_seconds for end in ends), 4)
    timings = msgspec.structs.replace(
        last.timings, ttft_seconds=ends[0].timings.ttft_seconds, duration_seconds=duration
    )
    cost = sum(costs) if len(costs) == len(ends) else None
    return msgspec.structs.replace(last, usage=usage, cost=cost, timings=timings)
