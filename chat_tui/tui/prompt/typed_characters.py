"""Tracks which characters of the prompt were typed. Only typed text can name a file; pasted text never does."""

from __future__ import annotations

from collections.abc import Container, Sequence

from chat_tui.tui.prompt.mentions import mentions

Location = tuple[int, int]
"""Row and column."""


class TypedCharacters:
    """Marks each character of a text as typed or not, line by line."""

    def __init__(self) -> None:
        self._rows = [bytearray()]

    def reset(self, lines: Sequence[str], named: Container[str]) -> None:
        """Start over with another text, in which only mentions of these paths count as typed."""
        self._rows = [bytearray(len(line)) for line in lines]
        for row, line in zip(self._rows, lines, strict=True):
            for mention in mentions(line):
                if mention.path in named:
                    row[mention.begin : mention.end] = b"\1" * (mention.end - mention.begin)

    def replace(self, top: Location, bottom: Location, lines: Sequence[str], *, typed: bool) -> None:
        """Record that these lines replaced the text between two locations; a single line has no line break."""
        (top_row, top_column), (bottom_row, bottom_column) = top, bottom
        if bottom_row >= len(self._rows):
            return
        inserted = [bytearray((b"\1" if typed else b"\0") * len(line)) for line in lines]
        inserted[0] = self._rows[top_row][:top_column] + inserted[0]
        inserted[-1] += self._rows[bottom_row][bottom_column:]
        self._rows[top_row : bottom_row + 1] = inserted

    def are_typed(self, row: int, begin: int, end: int) -> bool:
        """Whether all characters of a row between two columns were typed."""
        marks = self._rows[row][begin:end] if row < len(self._rows) else b""
        return len(marks) == end - begin and all(marks)
