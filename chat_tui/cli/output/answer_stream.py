"""Writes an answer of the command line as it arrives, with the steps in which it calls tools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from chat_tui.cli.output.answer_writer import AnswerWriter
from chat_tui.config.schema import Config
from chat_tui.core.chunks import ToolCallDelta, has_answered
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.pacing import TypingPace
from chat_tui.engine.insights.observer import InsightsObserver
from chat_tui.engine.tools.steps import (
    StepChunk,
    StepMerger,
    ToolAskChunk,
    ToolResultChunk,
    answers_of,
    cancel_steps,
    ends_with_calls,
    last_of,
    merged_batches,
    round_chunks,
)


async def write_answer(answer: Answer, writer: AnswerWriter, settings: Config, interrupted: asyncio.Event) -> int:
    """Write an answer as it arrives; returns the exit code."""
    watch = asyncio.ensure_future(cancel_when(interrupted, answer))
    try:
        await _write_chunks(answer, writer, settings, interrupted)
    except OSError as error:
        # The reader of stdout has gone, or the disk is full: both end the answer like a cancel.
        await cancel_steps(answer)
        writer.abandon()
        if not isinstance(error, BrokenPipeError):
            write_error(f"chat-tui: the answer cannot be written: {error.strerror}.\n")
        return 1
    finally:
        watch.cancel()
        writer.close()
    last = await last_of(answer)
    report_notice(answer)
    return exit_code(last)


async def report_calls(answer: Answer, writer: AnswerWriter) -> None:
    """Report the tool calls of an answer and their results, as they come, and nothing of its text."""
    async with aclosing(merged_batches(answer, tokens=1, hold_bytes=1 << 30)) as batches:
        async for chunks in batches:
            for chunk in chunks:
                if isinstance(chunk, (ToolCallDelta, ToolResultChunk)):
                    writer.take(chunk)
            if writer.waits:
                await asyncio.to_thread(writer.flush)


def exit_code(last: Answer) -> int:
    """Return 0 for an answer, 130 for one that was cancelled, 1 for any other end."""
    if last.turn.state == "cancelled" or (last.round is not None and last.round.was_stopped()):
        return 130
    # An answer whose calls no other answer follows is not one to the question.
    return 0 if has_answered(last.turn.state, last.turn.text) and not ends_with_calls(last) else 1


def report_notice(first: Answer, limit: str = "--max-tokens") -> None:
    """Write why the model was not asked again, or offered no tools any more. `limit` is what raises the token limit."""
    notice, answer = "", first
    while answer.round is not None:
        notice = answer.round.notice or notice
        if answer.next is None:
            break
        answer = answer.next
    if answer.turn.state == "length" and ends_with_calls(answer):
        notice = f"The token limit cut a tool call, so it was not run: raise {limit}."
    if notice:
        write_error(f"[{notice}]\n")


async def cancel_when(interrupted: asyncio.Event, answer: Answer) -> None:
    """Cancel an answer, and what follows its tool calls, once the event is set."""
    await interrupted.wait()
    await cancel_steps(answer)


async def _write_chunks(answer: Answer, writer: AnswerWriter, settings: Config, interrupted: asyncio.Event) -> None:
    given, pace = settings.performance, TypingPace(settings.display, interrupted)
    batches: AsyncGenerator[Sequence[StepChunk], None]
    if writer.is_watched and pace.is_slow:
        batches = _single_chunks(answer, pace)
    else:
        batches = merged_batches(answer, tokens=given.streaming_batch_size, hold_bytes=given.streaming_buffer_size)
    observer = InsightsObserver(report_error) if settings.display.insights else None
    # Loaded while the model works on its first token.
    loading = asyncio.ensure_future(observer.look()) if observer is not None else None
    try:
        async with aclosing(batches):
            async for chunks in batches:
                for chunk in chunks:
                    if observer is None or isinstance(chunk, (ToolAskChunk, ToolResultChunk)):
                        writer.take(chunk)
                        continue
                    for observed in await observer.take([chunk]):
                        writer.take(observed)
                # Chunks that arrived together are written together; a slow reader does not hold the loop.
                if writer.waits:
                    await asyncio.to_thread(writer.flush)
        await asyncio.to_thread(writer.flush)
    finally:
        if loading is not None:
            await loading


async def _single_chunks(answer: Answer, pace: TypingPace) -> AsyncGenerator[Sequence[StepChunk], None]:
    """Yield each chunk by itself, at the speed of typing."""
    merger = StepMerger()
    async for step in answers_of(answer):
        async for chunk in pace.follow(step.follow()):
            yield merger.take([chunk])
        async for chunk_of_call in round_chunks(step):
            yield [chunk_of_call]
    yield [merger.end()]
