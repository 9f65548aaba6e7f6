"""Reads texts of a store that may be damaged, or written by an earlier version or another program.

An invalid byte is replaced, control characters are removed, and the rest of the text is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from chat_tui.core.text.control_characters import clean, clean_line, has_controls
from chat_tui.core.text.sanitizer import LINE_CHARACTERS, sanitize

Record = TypeVar("Record", bound=msgspec.Struct)


def decode_leniently(data: bytes) -> str:
    """The UTF-8 text, with U+FFFD for invalid bytes."""
    return data.decode("utf-8", "replace")


class TextDecoder:
    """Decodes UTF-8 for the threads of one store, and counts texts with invalid bytes, which become U+FFFD."""

    def __init__(self, when_garbled: Callable[[], None] = lambda: None) -> None:
        """`when_garbled` is called once, in the thread that reads the first such text."""
        self.garbled = 0
        """How many texts with invalid bytes were read."""
        self._when_garbled = when_garbled

    def __call__(self, data: bytes) -> str:
        """The text of these bytes."""
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.garbled += 1
            if self.garbled == 1:
                self._when_garbled()
            return data.decode("utf-8", "replace")


def text_of(value: object) -> str:
    """The text of a value that damage may have turned into bytes, a number or NULL."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def clean_text_of(value: object) -> str:
    """The text of a value without control characters; newlines and tabs stay."""
    return clean(text_of(value))


def clean_line_of(value: object) -> str:
    """The text of a value on one line, without control characters."""
    return clean_line(text_of(value), LINE_CHARACTERS)


def clean_record(record: Record, source: str) -> Record:
    """A record that was decoded from `source`, JSON, without control characters.

    Nearly every record has none: those without an escape in their JSON are not looked through.
    """
    return sanitize(record) if "\\" in source or has_controls(source) else record
