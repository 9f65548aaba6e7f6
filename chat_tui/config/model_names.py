"""The models that a config names, read without checking the rest of it: for a shell that completes names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LIMIT_BYTES = 1_000_000


def model_names(file: Path) -> list[str]:
    """Return the models as `provider/model`; none if the file cannot be read. Blocks."""
    try:
        with file.open("rb") as opened:
            table = tomllib.loads(opened.read(_LIMIT_BYTES).decode("utf-8-sig", "replace"))
    except (OSError, tomllib.TOMLDecodeError, RecursionError):
        return []
    return [name for name in _named(table) if "/" in name and not any(map(str.isspace, name))]


def _named(table: dict[str, Any]) -> Iterator[str]:
    yield from _texts([table.get("model")])
    for row in _rows(table.get("providers")):
        for name in _texts([row.get("name")]):
            yield from (f"{name}/{model}" for model in _texts(row.get("models")))
    for row in _rows(table.get("models")):
        yield from _texts([row.get("name")])


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
