"""The head of a GGUF file: what a model says of itself before its weights begin."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO, Any

import msgspec

from chat_tui.core.input_files import open_regular
from chat_tui.errors import LocalModelError
from chat_tui.text_safety import clean_line

_SIZES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 16
"""Bytes of a text in the head; a longer one is no name."""
_MOST_KEYS = 2000


class Head(msgspec.Struct, frozen=True):
    """What the head of a model's file tells."""

    name: str = ""
    architecture: str = ""
    context_window: int | None = None
    """Tokens it was trained for."""
    size_label: str = ""
    """Such as `8B`."""


def head_of(file: Path) -> Head:
    """Read the head; a few milliseconds. Raises `LocalModelError` for what is no GGUF file or cannot be read."""
    try:
        with open_regular(file) as source:
            if source.read(4) != b"GGUF":
                raise _no_model(file, "it is no GGUF file")
            return _read(source)
    except OSError as error:
        raise _no_model(file, error.strerror or "it cannot be read") from error
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise _no_model(file, "its head is damaged") from error


def _read(source: IO[bytes]) -> Head:
    version, _, count = struct.unpack("<IQQ", source.read(20))
    if version not in {2, 3} or count > _MOST_KEYS:
        raise ValueError("not a version that is known")
    told: dict[str, Any] = {}
    for _ in range(count):
        key = _text(source)
        if key.startswith("tokenizer."):
            # Long lists, behind all that is wanted.
            break
        told[key] = _value(source, struct.unpack("<I", source.read(4))[0])
    architecture = _line(told.get("general.architecture"))
    window = told.get(f"{architecture}.context_length")
    return Head(
        _line(told.get("general.name")),
        architecture,
        window if isinstance(window, int) and 0 < window < 100_000_000 else None,
        _line(told.get("general.size_label")),
    )


def _value(source: IO[bytes], kind: int) -> Any:
    if kind == _STRING:
        return _text(source)
    if kind == _ARRAY:
        inner, length = struct.unpack("<IQ", source.read(12))
        if length > 10_000_000 or inner == _ARRAY:
            raise ValueError("not a list that is known")
        if inner == _STRING:
            for _ in range(length):
                source.seek(struct.unpack("<Q", source.read(8))[0], 1)
        else:
            source.seek(struct.calcsize("<" + _format(inner)) * length, 1)
        return None
    return struct.unpack("<" + _format(kind), source.read(struct.calcsize("<" + _format(kind))))[0]


def _format(kind: int) -> str:
    if kind not in _SIZES:
        raise ValueError("not a kind that is known")
    return _SIZES[kind]


def _text(source: IO[bytes]) -> str:
    (length,) = struct.unpack("<Q", source.read(8))
    if length > _LONGEST:
        source.seek(length, 1)
        return ""
    data = source.read(length)
    if len(data) < length:
        raise ValueError("cut short")
    return data.decode("utf-8", "replace")


def _line(value: Any) -> str:
    return clean_line(value, 200) if isinstance(value, str) else ""


def _no_model(file: Path, why: str) -> LocalModelError:
    return LocalModelError(
        f"{file} cannot be used as a model: {why}.", "A file in the GGUF format is wanted.", provider="local"
    )
