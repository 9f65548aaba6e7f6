"""Makes a record from outside safe to display and store: no control characters, all numbers and times within bounds.

For records from a file, an import, or a store that something else may have written to. User input and model output are
cleaned where they arrive; `tests/architecture/test_borders.py` lists the places.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from chat_tui.core.text.bounds import bounded_amount, bounded_count, bounded_time
from chat_tui.core.text.control_characters import clean, clean_line

LINE_CHARACTERS = 2000
"""The limit for single-line fields, such as a title or a model's name."""
_TEXTS = frozenset({"text", "thinking", "hint", "system_prompt", "prompt", "stop", "values", "default", "choices"})
"""Fields that may have several lines; all other text fields are single lines."""
_JSON = frozenset({"arguments", "structured"})
"""Fields of tool calls that hold JSON, which may have several lines."""
_OPAQUE = frozenset({"replay", "signature"})
"""Fields that only the provider reads, which refuses them if a character is missing. They are never displayed."""

Record = TypeVar("Record", bound=msgspec.Struct)


def sanitize(record: Record) -> Record:
    """The record with all texts cleaned. A number or time out of bounds becomes the field's default, or 0 or None.

    Bytes are unchanged. Nested records, tuples and dicts are sanitized too.
    """
    changes = {}
    for name in record.__struct_fields__:
        before = getattr(record, name)
        if not before or name in _OPAQUE:
            # Empty or zero, as most fields of most records are.
            continue
        after = _sanitize(before, _default(type(record), name), is_text=name in _TEXTS or name in _JSON)
        if after is not before and after != before:
            changes[name] = after
    return msgspec.structs.replace(record, **changes) if changes else record


def _sanitize(value: Any, default: Any, *, is_text: bool) -> Any:
    if isinstance(value, str):
        return clean(value) if is_text else clean_line(value, LINE_CHARACTERS)
    if value is None or isinstance(value, bool | bytes):
        return value
    if isinstance(value, int):
        return default if bounded_count(value) is None else value
    if isinstance(value, float):
        return default if bounded_amount(value) is None else value
    if isinstance(value, datetime):
        return bounded_time(value)
    if isinstance(value, msgspec.Struct):
        return sanitize(value)
    if isinstance(value, dict):
        return {clean_line(key, LINE_CHARACTERS): _sanitize(inner, 0, is_text=is_text) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(_sanitize(inner, 0, is_text=is_text) for inner in value)
    return value


def _default(kind: type[msgspec.Struct], name: str) -> Any:
    return _defaults(kind).get(name, 0)


@cache
def _defaults(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The default of each field that has one."""
    fields = msgspec.structs.fields(cast(Any, kind))
    return {field.name: field.default for field in fields if field.default is not msgspec.NODEFAULT}
