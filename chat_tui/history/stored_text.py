"""Texts as they come out of a store that may be damaged: a wrong byte costs itself, not the whole text."""

from __future__ import annotations

from collections.abc import Callable


def decoded(data: bytes) -> str:
    """The text of these bytes, with U+FFFD where they are no UTF-8."""
    return data.decode("utf-8", "replace")


class TextDecoder:
    """Decodes the UTF-8 of a store; bytes that are none become U+FFFD. Used by the threads of one store."""

    def __init__(self, when_garbled: Callable[[], None] = lambda: None) -> None:
        """`when_garbled` is called once, at the first such text, in the thread that reads it."""
        self.garbled = 0
        """Texts with wrong bytes that were read so far."""
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
    """A value that should be a text: damage may have made it bytes, a number or nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)
