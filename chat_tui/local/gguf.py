"""Reads the metadata of a GGUF file."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO, Any

import msgspec

from chat_tui.core.errors import LocalModelError
from chat_tui.core.files.reading import open_regular
from chat_tui.core.text.control_characters import clean_line

_SIZES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 16
"""Bytes of a text in the metadata; a longer one cannot be a name."""
_MOST_KEYS = 2000
_POOLED = (1, 2, 3)
"""Ways of pooling that make one vector of a text: mean, first token, last token. 4 ranks texts."""


class GgufHeader(msgspec.Struct, frozen=True):
    """A model's metadata."""

    name: str = ""
    architecture: str = ""
    context_window: int | None = None
    """The context length that it was trained with, in tokens."""
    size_label: str = ""
    """Such as `8B`."""
    makes_embeddings: bool = False
    """Whether it was made for embeddings and not for chat."""


def head_of(file: Path) -> GgufHeader:
    """Read the metadata, in a few milliseconds. Raises `LocalModelError` if this is not a readable GGUF file."""
    try:
        with open_regular(file) as source:
            if source.read(4) != b"GGUF":
                raise _unusable(file, "it is not a GGUF file")
            return _read(source)
    except OSError as error:
        raise _unusable(file, error.strerror or "it cannot be read") from error
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise _unusable(file, "its header is damaged") from error


def _read(source: IO[bytes]) -> GgufHeader:
    version, _, count = struct.unpack("<IQQ", source.read(20))
    if version not in {2, 3} or count > _MOST_KEYS:
        raise ValueError("unknown version")
    fields: dict[str, Any] = {}
    for _ in range(count):
        key = _text(source)
        if key.startswith("tokenizer."):
            # Long lists, which follow everything needed.
            break
        fields[key] = _value(source, struct.unpack("<I", source.read(4))[0])
    architecture = _line(fields.get("general.architecture"))
    window = fields.get(f"{architecture}.context_length")
    return GgufHeader(
        _line(fields.get("general.name")),
        architecture,
        window if isinstance(window, int) and 0 < window < 100_000_000 else None,
        _line(fields.get("general.size_label")),
        fields.get(f"{architecture}.pooling_type") in _POOLED,
    )


def _value(source: IO[bytes], kind: int) -> Any:
    if kind == _STRING:
        return _text(source)
    if kind == _ARRAY:
        inner, length = struct.unpack("<IQ", source.read(12))
        if length > 10_000_000 or inner == _ARRAY:
            raise ValueError("unknown kind of list")
        if inner == _STRING:
            for _ in range(length):
                source.seek(struct.unpack("<Q", source.read(8))[0], 1)
        else:
            source.seek(struct.calcsize("<" + _format(inner)) * length, 1)
        return None
    return struct.unpack("<" + _format(kind), source.read(struct.calcsize("<" + _format(kind))))[0]


def _format(kind: int) -> str:
    if kind not in _SIZES:
        raise ValueError("unknown type")
    return _SIZES[kind]


def _text(source: IO[bytes]) -> str:
    (length,) = struct.unpack("<Q", source.read(8))
    if length > _LONGEST:
        source.seek(length, 1)
        return ""
    data = source.read(length)
    if len(data) < length:
        raise ValueError("truncated")
    return data.decode("utf-8", "replace")


def _line(value: Any) -> str:
    return clean_line(value, 200) if isinstance(value, str) else ""


def _unusable(file: Path, why: str) -> LocalModelError:
    return LocalModelError(
        f"{file} cannot be used as a model: {why}.", "Choose a file in the GGUF format.", provider="local"
    )
