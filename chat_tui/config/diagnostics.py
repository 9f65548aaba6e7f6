"""Explains errors in the config: the setting, its line, and what it must be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from chat_tui.core.errors import ConfigError
from chat_tui.core.text.excerpts import shorten

HINT = "`chat-tui settings` lists every setting."
_KINDS = {
    str: "a string in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|([^.\[\]]+)")


def explain(message: str, table: dict[str, Any], text: str, file: str, config: Any) -> ConfigError:
    """Convert the parser's message about a table that should be a `config` to an error."""
    what, _, where = message.partition(" - at `$")
    steps = [index or name for index, name in _STEP.findall(where.rstrip("`"))]
    named = re.search(r"(?:unknown|missing required) field `([^`]+)`", what)
    if named and "unknown" in what:
        key = _key([*steps, named.group(1)], table)
        return _error(file, text, key, "is not a setting", near(named.group(1), _type_at(steps, config)))
    if named:
        key = _key([*steps, named.group(1)], table)
        return _error(file, text, key, "is missing", HINT)
    key = _key(steps, table)
    hint = HINT
    if key.startswith("keys."):
        hint = 'Put a name with dots in quotes: "answer.cancel" = "escape".'
    return _error(file, text, key, f"must be {kind_of(_type_at(steps, config))}", hint)


def _error(file: str, text: str, key: str, what: str, hint: str) -> ConfigError:
    line = line_of(text, key)
    place = f"{file}, line {line}" if line else file
    return ConfigError(f"{place}: `{shorten(key, 80)}` {what}.", hint, file=file, key=key)


def near(name: str, owner: Any) -> str:
    """Return a hint with the settings of a table that have similar names."""
    from difflib import get_close_matches

    found = next((kind for kind in _alternatives(owner) if hasattr(kind, "__struct_fields__")), None)
    names = [field.encode_name for field in msgspec.structs.fields(found)] if found else []
    close = get_close_matches(name, names, n=3)
    return f"Did you mean {' or '.join(f'`{word}`' for word in close)}?" if close else HINT


def kind_of(kind: Any) -> str:
    """Return what a value of this type is called in messages."""
    told: list[str] = []
    for each in _alternatives(kind):
        origin, inner = get_origin(each), get_args(each)
        if origin is Literal:
            told.append("one of " + ", ".join(word or '""' for word in inner))
        elif origin is tuple and hasattr(inner[0], "__struct_fields__"):
            told.append("a list of tables, each under its name in double brackets")
        elif origin is tuple:
            told.append("a list of strings in brackets")
        elif origin is dict or hasattr(each, "__struct_fields__"):
            told.append("a table")
        else:
            told.append(_KINDS.get(each, "another value"))
    return " or ".join(told)


def _alternatives(kind: Any) -> Iterator[Any]:
    for each in get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,):
        if each is not NoneType:
            yield each


def _type_at(steps: list[str], config: Any) -> Any:
    kind = config
    for step in steps:
        inner: Any = None
        for each in _alternatives(kind):
            if hasattr(each, "__struct_fields__"):
                fields = {field.encode_name: field.type for field in msgspec.structs.fields(each)}
                inner = inner or fields.get(step)
            elif get_origin(each) is tuple:
                inner = inner or get_args(each)[0]
            elif get_origin(each) is dict:
                inner = inner or get_args(each)[1]
        kind = inner
    return kind


def _key(steps: list[str], table: Any) -> str:
    """Return the key as it is written in the file; if the parser does not name a key of a table of strings, the
    first that has another type."""
    key = ""
    for step in steps:
        if step == "...":
            step = next((name for name, value in table.items() if not isinstance(value, str)), "")
        if step.isdigit() and isinstance(table, list):
            key += f"[{step}]"
            table = table[int(step)] if int(step) < len(table) else None
        else:
            key = f"{key}.{step}" if key else step
            table = table.get(step) if isinstance(table, dict) else None
    return key


_PART = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_HEADER = rf"\s*(\[\[?)\s*({_PART}(?:\s*\.\s*{_PART})*)\s*\]"
_SETTING = rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*="


def line_of(text: str, key: str) -> int | None:
    """Return the line on which a key such as `request.max_tokens` or `providers[1].name` is set; None if it is not
    found.

    If only a surrounding table or list has a line of its own, that line is returned; for a table without a header, its
    first line.
    """
    table, rows = "", dict[str, int]()
    best, line = "", None
    for number, written in enumerate(text.split("\n"), 1):
        header, setting = re.match(_HEADER, written), re.match(_SETTING, written)
        if header:
            name = _strip_quotes(header.group(2))
            rows[name] = rows.get(name, -1) + 1
            found = table = f"{name}[{rows[name]}]" if header.group(1) == "[[" else name
        elif setting:
            found = ".".join(filter(None, [table, _strip_quotes(setting.group(1))]))
        else:
            continue
        if found == key or found.startswith(f"{key}."):
            return number
        if len(found) > len(best) and key.startswith((found + ".", found + "[")):
            best, line = found, number
    return line


def _strip_quotes(key: str) -> str:
    return re.sub(r"[\"'\s]", "", key)
