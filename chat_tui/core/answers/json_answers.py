"""Answers that are to be JSON: finds the JSON in a model's text, and checks it against a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.tools import OutputFormat

_FENCE = lazy_pattern(r"^```[a-zA-Z]*[ \t]*\n(.*?)\n?```\s*$", re.DOTALL)
_FAULT_CHARACTERS = 300


class JsonAnswer(msgspec.Struct, frozen=True):
    """A model's text, read as JSON."""

    value: Any = None
    text: str = ""
    """The JSON as the model has written it, without a fence around it; empty if there is none."""
    fault: str = ""
    """Why it is not what was asked for; empty if it is."""


def read_json_answer(text: str, output: OutputFormat) -> JsonAnswer:
    """Return the JSON in a model's answer, and what is wrong with it."""
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
    else:
        fault = _mismatch(value, output.schema)
    return JsonAnswer(value, plain, fault)


def schema_fault(schema: Mapping[str, Any]) -> str:
    """Return what is wrong with a JSON Schema; empty if nothing is."""
    # A quarter of a second to import, for those who use a schema only.
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema).check_schema(dict(schema))
    except SchemaError as error:
        return f"{shorten(error.message, _FAULT_CHARACTERS)}."
    except RecursionError:
        return "it is nested too deep."
    return ""


def _mismatch(value: Any, schema: Mapping[str, Any]) -> str:
    """Return the first way in which a value does not match; empty if it matches. References outside of the schema are
    never fetched."""
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing.exceptions import Unresolvable

    try:
        error = best_match(validator_for(schema)(dict(schema)).iter_errors(value))
    except Unresolvable as unresolvable:
        return f"The schema refers to `{shorten(str(unresolvable.ref), 100)}`, which it does not contain."
    except RecursionError:
        return "The answer or its schema is nested too deep."
    if error is None:
        return ""
    place = f" (at `{shorten(error.json_path, 100)}`)" if error.absolute_path else ""
    return f"The answer does not match the schema: {shorten(error.message, _FAULT_CHARACTERS)}{place}."


def ask_for_json_again(fault: str) -> str:
    """Return what is said to a model whose answer was not the JSON that was asked for."""
    return f"{fault} Answer again: only with the JSON that was asked for, without anything before or after it."
