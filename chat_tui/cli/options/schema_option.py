"""Reads `--schema`: a file with a JSON Schema, or a short list of fields such as `name, age int`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from chat_tui.core.errors import CommandError
from chat_tui.core.files.home_folder import expand_home
from chat_tui.core.files.reading import NotRegularError, TooLargeError, read_regular
from chat_tui.core.processes.install_command import install_command
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.tools import OutputFormat

REQUIREMENT = "jsonschema>=4.18"
"""As in the extra `schema` in pyproject.toml."""
SCHEMA_BYTES = 1024 * 1024
_TYPES = {
    "str": "string",
    "string": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "bool": "boolean",
    "boolean": "boolean",
}
_EXAMPLE = "For example: --schema 'name, age int', or --schema person.schema.json."


def read_schema(given: str, *, find: Callable[[str], object] = find_spec) -> OutputFormat:
    """Return the format that `--schema` asks for. Blocks. Raises `CommandError`.

    `find` returns None for a module that is not installed.
    """
    if find("jsonschema") is None:
        hint = f"{install_command(REQUIREMENT)} adds it."
        raise CommandError("--schema needs a library that is not installed.", hint)
    file = expand_home(given)
    if _is_file(file):
        return OutputFormat(_read_file(file))
    if given.lstrip().startswith("{"):
        return OutputFormat(_decode(given, "--schema"))
    if file.suffix == ".json" or "/" in given:
        raise CommandError(f"{shorten(given, 200)} is not a file.", _EXAMPLE)
    return OutputFormat(fields_schema(given), strict=True)


def fields_schema(text: str) -> Mapping[str, Any]:
    """Return the schema of a list of fields: `name`, `name type` or `name type[]`, each with an optional
    `: description`.

    All are required. Types are str (the default), int, float and bool. Raises `CommandError`.
    """
    properties: dict[str, Any] = {}
    separator = "\n" if "\n" in text.strip() else ","
    for field in filter(None, map(str.strip, text.split(separator))):
        head, _, description = field.partition(":")
        name, *rest = head.split()
        kind = rest[0] if rest else "str"
        is_list = kind.endswith("[]")
        if len(rest) > 1 or kind.removesuffix("[]") not in _TYPES:
            known = ", ".join(("str", "int", "float", "bool"))
            raise CommandError(f"--schema: {shorten(field, 60)} is not a field.", f"Types: {known}. {_EXAMPLE}")
        schema: dict[str, Any] = {"type": _TYPES[kind.removesuffix("[]")]}
        if is_list:
            schema = {"type": "array", "items": schema}
        if description.strip():
            schema["description"] = description.strip()
        properties[name] = schema
    if not properties:
        raise CommandError("--schema is empty.", _EXAMPLE)
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False


def _read_file(file: Path) -> Mapping[str, Any]:
    name = shorten(str(file), 200)
    try:
        text = read_regular(file, SCHEMA_BYTES).decode("utf-8-sig")
    except (NotRegularError, TooLargeError) as error:
        raise CommandError(f"{name} cannot be read: {error}.", _EXAMPLE) from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise CommandError(f"{name} cannot be read: {why}.", _EXAMPLE) from None
    return _decode(text, name)


def _decode(text: str, name: str) -> Mapping[str, Any]:
    from chat_tui.core.answers.schemas import schema_fault

    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{name} is not JSON: {shorten(str(error), 200)}.", _EXAMPLE) from None
    if not isinstance(schema, dict):
        raise CommandError(f"{name} is not a JSON Schema: it is no object.", _EXAMPLE)
    if fault := schema_fault(schema):
        raise CommandError(f"{name} is not a JSON Schema that can be used: {fault}", _EXAMPLE)
    return schema
