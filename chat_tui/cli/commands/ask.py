"""`chat-tui ask`: answers one question. Tokens go to stdout as they arrive, notices to stderr."""

from __future__ import annotations

import argparse
import asyncio
import os

from msgspec.structs import replace

from chat_tui.cli.continuation import Target, continuation_error, continue_conversation
from chat_tui.cli.engine import open_reporting_engine
from chat_tui.cli.named_tools import named_tools, start_tools
from chat_tui.cli.options.schema_option import read_schema
from chat_tui.cli.output.answer_stream import cancel_when, exit_code, report_calls, report_notice, write_answer
from chat_tui.cli.output.answer_writer import AnswerWriter
from chat_tui.cli.output.structured_answer import check_written, write_checked
from chat_tui.cli.output.text_output import TextOutput
from chat_tui.cli.question import Question, read_checked_question
from chat_tui.cli.signals import run_until_interrupted, watch_interrupts
from chat_tui.config import load, paths
from chat_tui.config.memory.folder_notes import current_folder
from chat_tui.config.schema import Config
from chat_tui.core.errors import CommandError
from chat_tui.core.processes import console
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.core.request import Request
from chat_tui.core.tools import OutputFormat
from chat_tui.core.usage.token_estimate import attachment_tokens, estimate
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.steps import (
    last_of,
)

SMALL_TOKENS = 2000
"""A question of up to this many tokens fits any usual context window; for longer ones, a named model's server is
asked first."""


def run(options: argparse.Namespace) -> int:
    """Answer the question; returns the exit code."""
    if wrong := continuation_error(options):
        write_error(wrong)
        return 2
    question = read_checked_question(options, "ask")
    if question is None:
        return 2
    try:
        output = read_schema(options.schema) if options.schema is not None else None
    except CommandError as error:
        report_error(error)
        return 2
    settings = load.load(paths.config_file())
    if options.insights is not None:
        settings = replace(settings, display=replace(settings.display, insights=options.insights))
    return asyncio.run(_ask(settings, question, options, output))


async def _ask(settings: Config, question: Question, options: argparse.Namespace, output: OutputFormat | None) -> int:
    interrupted = watch_interrupts()
    engine = await open_reporting_engine(settings, save=_is_saved(options), folder=current_folder())
    request = Request(
        model=options.model,
        strategy=options.strategy,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        top_p=options.top_p,
        stop=tuple(options.stop),
        seed=options.seed,
        thinking=options.thinking,
        timeout_seconds=options.timeout,
        max_price=options.max_price,
        stream=not options.no_stream,
        fallback=not options.no_fallback,
        adaptive=options.adaptive,
        output=output,
        web_search=options.web_search,
        uses_memory=not options.no_memory,
        tool_use=named_tools(options),
    )
    # Applied before the engine is asked: the model that a preset names needs no list of all models.
    request = question.preset.settings(request) if question.preset is not None else request
    try:
        target: Target = question.new_conversation
        if code := await start_tools(engine, question.new_conversation, request, interrupted):
            return code
        if options.conversation:
            target, request = await continue_conversation(engine, options, question.system, request)
        answer = await _begin(engine, target, question, request, interrupted)
        writer = AnswerWriter(as_json=options.json, quiet=options.quiet, output=await _open_output(options))
        code = await _finish(engine, answer, request, interrupted, writer)
        if options.verbose:
            write_error("[not saved]\n" if not _is_saved(options) else f"[conversation {answer.conversation_id}]\n")
        return code
    finally:
        await engine.close()


async def _open_output(options: argparse.Namespace) -> TextOutput | None:
    """Return what draws Markdown where a person reads it; None elsewhere. The model works on its answer meanwhile."""
    if options.raw or options.json or options.schema or not console.output_is_terminal() or _is_dumb():
        return None
    return await asyncio.to_thread(_open_markdown_output)


def _open_markdown_output() -> TextOutput:
    from chat_tui.cli.output.markdown_output import open_markdown_output

    return open_markdown_output()


def _is_dumb() -> bool:
    return os.environ.get("TERM", "") in ("", "dumb")


def _is_saved(options: argparse.Namespace) -> bool:
    return not (options.no_save or options.private)


async def _begin(
    engine: Engine, target: Target, question: Question, request: Request, interrupted: asyncio.Event
) -> Answer:
    named = request.model or (engine.config.model if request.strategy is None else None)
    if named is None or request.adaptive:
        await run_until_interrupted(interrupted, engine.models.discover())
    elif estimate(question.text) + sum(map(attachment_tokens, question.attachments)) > SMALL_TOKENS:
        await run_until_interrupted(interrupted, engine.models.look_up(named))
    if request.adaptive:
        await _report_price(engine, target, question, request)
    return await engine.ask(target, question.text, request, attachments=question.attachments)


async def _finish(
    engine: Engine, answer: Answer, request: Request, interrupted: asyncio.Event, writer: AnswerWriter
) -> int:
    """Write the answer, and check it against the schema if there is one; returns the exit code."""
    if request.output is None or writer.as_json:
        code = await write_answer(answer, writer, engine.config, interrupted)
        return code or (await check_written(await last_of(answer), request.output) if request.output else 0)

    async def wait(answer: Answer) -> tuple[Answer, int]:
        watch = asyncio.ensure_future(cancel_when(interrupted, answer))
        try:
            await report_calls(answer, writer)
        finally:
            watch.cancel()
        report_notice(answer)
        last = await last_of(answer)
        return last, exit_code(last)

    return await write_checked(engine, answer, request, request.output, wait)


async def _report_price(engine: Engine, target: Target, question: Question, request: Request) -> None:
    """Write the price of both answers, if there is one, and whether there will be only one."""
    foreseen = await engine.estimates.estimate(target, question.text, request, attachments=question.attachments)
    if foreseen.price:
        what = "for both answers" if foreseen.quick else "for one answer: no other model is faster"
        write_error(f"[≈ ${foreseen.price:.4g} {what}]\n")
