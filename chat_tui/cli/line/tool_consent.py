"""Asks about a tool call in lines."""

from __future__ import annotations

import json
from typing import Any

from chat_tui.cli.line.message_input import MessageInput
from chat_tui.core.processes.console import write_error
from chat_tui.core.text.excerpts import shorten
from chat_tui.engine.answers.tool_round import Decision, RefuseCall, RunCall, StopCalls
from chat_tui.engine.tools.steps import ToolAskChunk

_ARGUMENTS = 2_000
_CONSENT = (
    "[y: once, a: always in this conversation, e: with other arguments, d: all details, n: no, s: stop, "
    "or a reason to refuse]\n"
)


async def ask_consent(call: ToolAskChunk, input: MessageInput) -> Decision:
    """Show a call and return what a person decides."""
    arguments = json.loads(call.arguments)
    changed = ", which was changed after you allowed it," if call.changed else ""
    text = shorten(json.dumps(arguments, ensure_ascii=False), _ARGUMENTS)
    write_error(f"[{call.server} wants to run {call.name}{changed} with {text}]\n{_CONSENT}")
    while True:
        typed = await input.ask("Run it?")
        word = (typed or "").strip().casefold()
        if word in ("d", "details"):
            write_error(f"{call.description or 'Its server says nothing about it.'}\n{call.arguments}\n")
        elif word in ("e", "edit"):
            if (edited := await _edit_arguments(arguments, input)) is not None:
                return RunCall(arguments=edited)
        else:
            return decision_of(typed)


async def _edit_arguments(arguments: dict[str, Any], input: MessageInput) -> dict[str, Any] | None:
    """Return other arguments; None if they are left as they are, or cannot be used."""
    typed = await input.edit(json.dumps(arguments, ensure_ascii=False))
    if typed is None:
        return None
    try:
        edited = json.loads(typed)
    except ValueError as error:
        write_error(f"[these arguments are no JSON: {error}; nothing was run]\n")
        return None
    if not isinstance(edited, dict):
        write_error("[the arguments must be a JSON object; nothing was run]\n")
        return None
    return edited


def decision_of(typed: str | None) -> Decision:
    """Return the decision that was typed; the end of the input stops."""
    word = "s" if typed is None else typed.strip()
    if word.casefold() in ("y", "yes"):
        return RunCall()
    if word.casefold() in ("a", "always"):
        return RunCall(always=True)
    if word.casefold() in ("s", "stop"):
        return StopCalls()
    return RefuseCall("" if word.casefold() in ("", "n", "no") else word)
