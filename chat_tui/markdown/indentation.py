"""Blanks and tabs at the beginning of a line, counted in columns; a tab goes to the next fourth."""

from __future__ import annotations

TAB = 4


def expanded(line: str, columns: int | None = None) -> str:
    """The line with the tabs of its indentation as spaces, by default all of them, else up to this column."""
    if "\t" not in line:
        return line
    at = column = 0
    while at < len(line) and line[at] in " \t" and (columns is None or column < columns):
        column += TAB - column % TAB if line[at] == "\t" else 1
        at += 1
    return " " * column + line[at:]


def indent_of(line: str) -> int:
    """Spaces before the text."""
    return len(line) - len(line.lstrip(" "))
