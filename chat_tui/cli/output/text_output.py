"""What the text of an answer is written to."""

from __future__ import annotations

from typing import Protocol

from chat_tui.core.processes import console


class TextOutput(Protocol):
    """Takes the text of an answer as it comes. All methods may raise `console.OutputError`."""

    def write(self, text: str) -> None:
        """Write the next piece of the text."""

    def make_room(self) -> None:
        """Leave the cursor where a notice can be written: more of the text may follow."""

    def finish(self) -> None:
        """End the text, or a part of it that stands for itself."""


class PlainOutput:
    """Writes the text as it is; `raw` without removing control characters, for data."""

    def __init__(self, *, raw: bool = False) -> None:
        self._write = console.write_data if raw else console.write_output

    def write(self, text: str) -> None:
        self._write(text)

    def make_room(self) -> None:
        pass

    def finish(self) -> None:
        pass
