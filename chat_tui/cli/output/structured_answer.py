"""Answers that must match a schema: checked, asked for again once, then written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from chat_tui.core.answers.json_answers import ask_for_json_again, read_json_answer
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes.console import report_error, write_error, write_output
from chat_tui.core.request import Request
from chat_tui.core.tools import OutputFormat
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine


async def write_checked(
    engine: Engine,
    answer: Answer,
    request: Request,
    output: OutputFormat,
    wait: Callable[[Answer], Awaitable[tuple[Answer, int]]],
) -> int:
    """Write the answer's JSON once it was checked; returns the exit code.

    `wait` waits for the end of an answer and returns its last step with its exit code. An answer that does not match is
    asked for again, once, in the same conversation.
    """
    for is_last in (False, True):
        last, code = await wait(answer)
        if last.turn.error is not None:
            report_error(ChatTuiError(last.turn.error.title, last.turn.error.hint))
        if code:
            return code
        checked = await asyncio.to_thread(read_json_answer, last.turn.text, output)
        if not checked.fault:
            await asyncio.to_thread(write_output, checked.text + "\n")
            return 0
        if not checked.is_checked:
            report_error(ChatTuiError(checked.fault, "Nothing was written. Simplify the patterns of the schema."))
            return 1
        if is_last:
            report_error(ChatTuiError(checked.fault, "Nothing was written. Choose another model, or a simpler schema."))
            return 1
        write_error(f"[{checked.fault} Asking again.]\n")
        answer = await engine.ask(answer.conversation_id, ask_for_json_again(checked.fault), request)
    raise AssertionError("The last of two rounds returns.")


async def check_written(last: Answer, output: OutputFormat) -> int:
    """Return the exit code for an answer that was written as it came, and is not asked for again."""
    checked = await asyncio.to_thread(read_json_answer, last.turn.text, output)
    if checked.fault:
        again = "Without --json, such an answer is asked for again, once."
        hint = again if checked.is_checked else "Simplify the patterns of the schema."
        report_error(ChatTuiError(checked.fault, hint))
    return 1 if checked.fault else 0
