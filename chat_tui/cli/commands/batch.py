"""`chat-tui batch`: answers many prompts from a file. Results are in the order of the prompts; progress goes to
stderr."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

import msgspec

from chat_tui.cli.engine import open_reporting_engine
from chat_tui.cli.named_tools import named_tools, refusal, start_tools
from chat_tui.cli.options.schema_option import read_schema
from chat_tui.cli.output.progress import ProgressLine, batch_progress
from chat_tui.cli.question import model_choice_error, read_preset
from chat_tui.cli.signals import watch_interrupts
from chat_tui.config import load, paths
from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.processes import console
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.core.request import Request
from chat_tui.core.text.control_characters import escaped_json
from chat_tui.engine.batch.ordered_output import OrderedOutput
from chat_tui.engine.batch.prompts import PromptSource
from chat_tui.engine.batch.runner import BatchJob, BatchProgress, BatchRunner
from chat_tui.engine.engine import Engine

NOTE_SECONDS = 10.0
"""Time between two lines of progress if stderr is no terminal: a batch may take hours."""


class BatchSummary(msgspec.Struct, tag_field="type", tag="summary"):
    """The last line of `--json`."""

    total: int | None
    """Number of prompts; None if the batch was stopped before the end of a pipe."""
    done: int
    failed: int
    retries: int
    cost: float
    """Known cost of this run in US dollars."""
    seconds: float
    stopped: bool


def run(options: argparse.Namespace) -> int:
    """Run the batch; returns the exit code: 0 all answered, 1 some failed, 2 wrong usage, 130 stopped."""
    try:
        if wrong := model_choice_error(options):
            write_error(wrong)
            return 2
        preset = read_preset(options)
        output_format = read_schema(options.schema) if options.schema is not None else None
        settings = load.load(paths.config_file())
        prompts = PromptSource(options.prompts)
        output = _open_output(options, prompts)
    except CommandError as error:
        report_error(error)
        return 2
    request = Request(
        model=options.model,
        strategy=options.strategy,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        max_price=options.max_price,
        fallback=not options.no_fallback,
        output=output_format,
        tool_use=named_tools(options, settings.tool_use.allow),
    )
    job = BatchJob(request, options.system, preset, options.concurrency, options.retry_failed)
    try:
        return asyncio.run(_run(settings, prompts, output, job, options))
    finally:
        output.close()
        prompts.close()


def _open_output(options: argparse.Namespace, prompts: PromptSource) -> OrderedOutput:
    """Open the output of results. Raises `CommandError`."""
    if options.out == "-":
        if options.retry_failed:
            raise CommandError("--retry-failed needs a file of results.", "Name it with --out.")
        if (descriptor := console.output_descriptor()) is None:
            raise CommandError("Standard output is closed.", "Name a file with --out.")
        return OrderedOutput.to_pipe(descriptor)
    path = Path(options.out)
    if prompts.same_file(expand_home(path)):
        raise CommandError("--out names the prompts file itself.", "Choose another file; nothing was changed.")
    if options.retry_failed and not expand_home(path).exists():
        raise CommandError(f"{options.out} does not exist.", "Without --retry-failed, batch creates it.")
    return OrderedOutput.to_file(path)


async def _run(
    settings: Config, prompts: PromptSource, output: OrderedOutput, job: BatchJob, options: argparse.Namespace
) -> int:
    interrupted = watch_interrupts()
    engine = await open_reporting_engine(settings, save=not options.private)
    try:
        if code := await _start_tools(engine, job, options, interrupted):
            return code
        with ProgressLine(note_seconds=NOTE_SECONDS) as line:
            batch = BatchRunner(engine, prompts, output, job, on_result=lambda: _show_progress(line, batch.progress))
            watch = asyncio.ensure_future(_stop_when(interrupted, batch))
            try:
                await batch.run()
            finally:
                watch.cancel()
    finally:
        await engine.close()
    return _report_outcome(batch, output, job, interrupted.is_set(), options)


async def _start_tools(engine: Engine, job: BatchJob, options: argparse.Namespace, interrupted: asyncio.Event) -> int:
    """Start the tool servers; returns the exit code if they cannot be used, else 0."""
    use = job.settings.tool_use
    if use is not None and not use.servers:
        write_error(refusal((options.tool + options.tools_allow)[0]))
        return 2
    return await start_tools(engine, None, job.settings, interrupted)


def _show_progress(line: ProgressLine, count: BatchProgress) -> None:
    line.show(batch_progress(count, time.monotonic()), count.done / count.total if count.total else None)


async def _stop_when(interrupted: asyncio.Event, batch: BatchRunner) -> None:
    await interrupted.wait()
    await batch.stop()


def _report_outcome(
    batch: BatchRunner, output: OrderedOutput, job: BatchJob, interrupted: bool, options: argparse.Namespace
) -> int:
    """Report the outcome; returns the exit code."""
    count, fault = batch.progress, batch.fault
    if isinstance(fault, (BrokenPipeError, ConnectionResetError)):
        # The reader of stdout has closed it.
        return 1
    if isinstance(fault, ChatTuiError):
        report_error(fault)
        return 2 if isinstance(fault, CommandError) else 1
    if fault is not None:
        write_error(f"chat-tui: the results cannot be written: {fault.strerror}.\n{_how_to_resume(output)}")
        return 1
    _report_failures(count, output, job)
    if interrupted:
        write_error(f"chat-tui: stopped; {count.done:,}{_of(count)} are done.\n{_how_to_resume(output)}")
    elif count.left_out:
        write_error(
            f"chat-tui: {count.left_out:,} have not been sent yet: run the same command without --retry-failed.\n"
        )
    elif output.path is not None or not count.done:
        write_error(_totals(count))
    if options.json:
        _write_summary(count, interrupted)
    if interrupted:
        return 130
    return 1 if count.failed else 0


def _report_failures(count: BatchProgress, output: OrderedOutput, job: BatchJob) -> None:
    if not count.failed:
        return
    in_order = sorted(count.failures, key=lambda line: int(line.partition(":")[0]))
    listed = "".join(f"  {line}\n" for line in in_order)
    more = count.failed - len(count.failures)
    rest = f"  and {more:,} more\n" if more else ""
    how = "" if output.path is None else "Use --retry-failed to send them again.\n"
    write_error(f"chat-tui: {count.failed:,}{_of(count)} failed; their indexes:\n{listed}{rest}{how}")


def _totals(count: BatchProgress) -> str:
    if not count.done:
        return "chat-tui: the file contains no prompts.\n"
    if not count.asked:
        return f"chat-tui: nothing to do, all {count.done:,} are done.\n"
    took = max(0.001, time.monotonic() - count.begun)
    before = f", {count.before:,} of them in earlier runs" if count.before else ""
    price = f", ${count.cost:.4g}" if count.cost else ""
    return f"chat-tui: {count.done:,} done{before}, {count.asked / took * 60:,.0f} prompts/min{price}.\n"


def _of(count: BatchProgress) -> str:
    return f" of {count.total:,}" if count.total is not None else ""


def _how_to_resume(output: OrderedOutput) -> str:
    if output.path is None:
        return "          It can be resumed only with a results file: use --out FILE next time.\n"
    return f"          They are saved in {output.path.name}: run the same command to resume.\n"


def _write_summary(count: BatchProgress, interrupted: bool) -> None:
    took = round(time.monotonic() - count.begun, 3)
    total = count.total if interrupted else count.done + count.left_out
    summary = BatchSummary(total, count.done, count.failed, count.retries, round(count.cost, 9), took, interrupted)
    try:
        console.write_data(escaped_json(msgspec.json.encode(summary).decode()) + "\n")
    except OSError:
        # Nobody reads the summary; the results are written all the same.
        return
