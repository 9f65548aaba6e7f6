"""`chat-tui compare`: asks several models the same question; prints their answers and a table."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import msgspec

from chat_tui.cli.engine import open_reporting_engine
from chat_tui.cli.output.answer_writer import AnswerWriter, json_line
from chat_tui.cli.output.compare_table import table
from chat_tui.cli.question import Question, read_checked_question
from chat_tui.cli.signals import run_until_interrupted, watch_interrupts
from chat_tui.config import load, paths
from chat_tui.config.memory.folder_notes import current_folder
from chat_tui.config.schema import Config
from chat_tui.core.chunks import Chunk, Error, Metadata, encode, has_answered
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes.console import format_error, report_error, write_error
from chat_tui.core.request import Request
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.comparison import Comparison, ComparisonResult, check_models
from chat_tui.engine.engine import Engine


class ComparisonSummary(msgspec.Struct, frozen=True, tag_field="type", tag="summary"):
    """The last line of `--json`."""

    results: tuple[ComparisonResult, ...]
    """Results in the order in which the models were named."""


def run(options: argparse.Namespace) -> int:
    """Ask all models; returns the exit code: 0 if at least one has answered."""
    try:
        models = check_models(options.models.split(",")) if options.models is not None else ()
    except ChatTuiError as error:
        report_error(error)
        return 2
    question = read_checked_question(options, "compare", more=" --models A,B")
    if question is None:
        return 2
    settings = load.load(paths.config_file())
    return asyncio.run(_run(settings, question, models, options))


async def _run(settings: Config, question: Question, models: Sequence[str], options: argparse.Namespace) -> int:
    interrupted = watch_interrupts()
    is_saved = not (options.no_save or options.private)
    engine = await open_reporting_engine(settings, save=is_saved, folder=current_folder())
    request = Request(
        strategy=options.strategy,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        seed=options.seed,
        thinking=options.thinking,
        timeout_seconds=options.timeout,
        max_price=options.max_price,
        uses_memory=not options.no_memory,
    )
    try:
        if not models:
            await run_until_interrupted(interrupted, engine.models.discover())
            models = await engine.estimates.best_two(question.new_conversation, question.text, request)
        await _report_price(engine, question, models, request)
        comparison = await engine.compare(
            question.new_conversation, question.text, models, request, attachments=question.attachments
        )
        code = await _write_answers(comparison, engine, interrupted, as_json=options.json)
        return 130 if interrupted.is_set() else code
    except ChatTuiError as error:
        report_error(error)
        return 130 if interrupted.is_set() else 1
    finally:
        await engine.close()


async def _report_price(engine: Engine, question: Question, models: Sequence[str], request: Request) -> None:
    """Write the price of all answers, if there is one."""
    prices = await engine.estimates.prices(
        question.new_conversation, question.text, models, request, attachments=question.attachments
    )
    if not prices.dollars:
        return
    unknown = shorten(", ".join(prices.unknown), 200)
    more = f", plus {unknown}, whose price is unknown" if unknown else ""
    write_error(f"[≈ ${prices.dollars:.4g} for all {len(models)} answers{more}]\n")


async def _write_answers(comparison: Comparison, engine: Engine, interrupted: asyncio.Event, *, as_json: bool) -> int:
    """Write all answers and the summary; returns the exit code."""
    columns = _Columns(engine.config, as_json=as_json)
    watch = asyncio.ensure_future(_cancel_when(interrupted, comparison))
    each = zip(comparison.models, comparison.answers, strict=True)
    writing = [asyncio.ensure_future(columns.write(model, answer)) for model, answer in each]
    try:
        await asyncio.gather(*writing)
        await columns.sum_up(comparison)
    except OSError as error:
        # The reader of stdout has gone, or the disk is full: both end the answers like a cancel.
        await comparison.cancel_all()
        columns.writer.abandon()
        if not isinstance(error, BrokenPipeError):
            write_error(f"chat-tui: the answers cannot be written: {error.strerror}.\n")
        return 1
    finally:
        for task in (watch, *writing):
            task.cancel()
        await asyncio.wait([watch, *writing])
        columns.writer.close()
    return 0 if any(has_answered(answer.turn.state, answer.turn.text) for answer in comparison.answers) else 1


async def _cancel_when(interrupted: asyncio.Event, comparison: Comparison) -> None:
    await interrupted.wait()
    await comparison.cancel_all()


class _Columns:
    """Writes several answers to one output: their chunks as they arrive, or each answer when it is complete."""

    def __init__(self, settings: Config, *, as_json: bool) -> None:
        self.writer = AnswerWriter(as_json=False)
        self._performance, self._json = settings.performance, as_json
        self._writing = asyncio.Lock()
        """Held while writing, so that a slow reader slows down all models."""

    async def write(self, model: str, answer: Answer) -> None:
        given = self._performance
        batches = answer.batches(tokens=given.streaming_batch_size, hold_bytes=given.streaming_buffer_size)
        async with aclosing(batches):
            async for chunks in batches:
                for chunk in chunks:
                    self._take(model, chunk)
                await self._flush()
        if not self._json:
            text = answer.text.rstrip("\n")
            self.writer.put("\n\n".join([f"## {model}", *filter(None, [text]), ""]))
            await self._flush()

    def _take(self, model: str, chunk: Chunk) -> None:
        if self._json:
            self.writer.put(json_line(encode(chunk), "" if getattr(chunk, "model", "") else model))
        if isinstance(chunk, Metadata):
            reason = f"{model}: {chunk.reason}" if chunk.reason else ""
            self.writer.take(msgspec.structs.replace(chunk, reason=reason))
        elif isinstance(chunk, Error):
            error = ChatTuiError(f"{model}: {chunk.error.title}", chunk.error.hint)
            self.writer.note(format_error(error))

    async def sum_up(self, comparison: Comparison) -> None:
        results = comparison.summary()
        if self._json:
            self.writer.put(json_line(msgspec.json.encode(ComparisonSummary(results))))
        else:
            self.writer.put(table(results))
        await self._flush()

    async def _flush(self) -> None:
        async with self._writing:
            if self.writer.waits:
                await asyncio.to_thread(self.writer.flush)
