"""Answers that are to be JSON: finds the JSON in a model's text, and checks it against a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from chat_tui.core.answers.schemas import CheckedValue, has_patterns, mismatch
from chat_tui.core.processes import child_process
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.tools import OutputFormat

_FENCE = lazy_pattern(r"^```[a-zA-Z]*[ \t]*\n(.*?)\n?```\s*$", re.DOTALL)
_FAULT_CHARACTERS = 300
CHECK_SECONDS = 10.0
"""How long a schema with regular expressions may take."""


class JsonAnswer(msgspec.Struct, frozen=True):
    """A model's text, read as JSON."""

    value: Any = None
    text: str = ""
    """The JSON as the model has written it, without a fence around it; empty if there is none."""
    fault: str = ""
    """Why it is not what was asked for; empty if it is."""
    is_checked: bool = True
    """False: the check came to no end, so that asking again would not help."""


def read_json_answer(text: str, output: OutputFormat, *, seconds: float = CHECK_SECONDS) -> JsonAnswer:
    """Return the JSON in a model's answer, and what is wrong with it.

    Blocks, for up to `seconds` if there are regular expressions in the schema.
    """
    plain = text.strip()
    if (fenced := _FENCE.match(plain)) is not None:
        plain = fenced.group(1).strip()
    if not plain:
        return JsonAnswer(fault="The answer is empty.")
    try:
        value = json.loads(plain)
    except (ValueError, RecursionError) as error:
        return JsonAnswer(fault=f"The answer is not JSON: {shorten(str(error), _FAULT_CHARACTERS)}.")
    if output.schema is None:
        fault = "" if isinstance(value, dict) else "The answer is not a JSON object."
    elif has_patterns(output.schema):
        return _check_apart(value, plain, output.schema, seconds)
    else:
        fault = mismatch(value, output.schema)
    return JsonAnswer(value, plain, fault)


def _check_apart(value: Any, text: str, schema: Mapping[str, Any], seconds: float) -> JsonAnswer:
    """Check in a child process, which can be ended: a regular expression may take longer than anyone waits."""
    command = child_process.python_command("chat_tui.core.answers.schema_worker")
    content = msgspec.json.encode(CheckedValue(value, dict(schema)))
    try:
        done = child_process.run(command, content, seconds=seconds)
        return JsonAnswer(value, text, msgspec.json.decode(done.output, type=str))
    except TimeoutError:
        why = f"a regular expression in the schema took longer than {seconds:g} seconds."
    except (OSError, msgspec.MsgspecError):
        why = "the schema needs too much time or memory."
    return JsonAnswer(value, text, f"The answer was not checked: {why}", is_checked=False)


def ask_for_json_again(fault: str) -> str:
    """Return what is said to a model whose answer was not the JSON that was asked for."""
    return f"{fault} Answer again: only with the JSON that was asked for, without anything before or after it."
