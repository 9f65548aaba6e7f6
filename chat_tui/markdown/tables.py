"""A table's rows: their cells, and those that tell how wide the columns are.

A `|` within a code span belongs to its cell, though GitHub's rules for tables would split the row there.
"""

from __future__ import annotations

import re

from chat_tui.markdown.block_syntax import DELIMITER, FENCE

_MARKS_BEFORE = re.compile(r"[ >]*")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)")
COLUMNS = 64
"""What has more of them is not laid out as a table."""
_BARE_PIPE = re.compile(r"(?<!\\)\|")


def escape_code_pipes(source: str) -> str:
    """The Markdown with `\\|` for each such pipe, in rows that would have more cells than the table has columns."""
    if "`" not in source or "|" not in source:
        return source
    lines = source.split("\n")
    columns, fence = 0, ""
    for index, line in enumerate(lines):
        bare = line[_match_end(line) :]
        if fence or FENCE.match(bare):
            fence = _fence_behind(fence, bare)
            columns = 0
        elif "|" in line and "-" in line and index and "|" in lines[index - 1] and DELIMITER.match(bare):
            columns = cell_count(bare)
            lines[index - 1] = _escape_pipes(lines[index - 1], columns)
        elif columns:
            columns = columns if bare else 0
            lines[index] = _escape_pipes(line, columns) if columns else line
    return "\n".join(lines)


def cell_count(row: str) -> int:
    """Cells of a table's row, as GitHub's rules split it."""
    return len(_BARE_PIPE.findall(row.strip().removeprefix("|").removesuffix("|"))) + 1


def _escape_pipes(row: str, columns: int) -> str:
    if "`" not in row or not columns or cell_count(row[_match_end(row) :]) <= columns:
        return row
    return _CODE_SPAN.sub(lambda span: _BARE_PIPE.sub(r"\\|", span[0]), row)


def _match_end(line: str) -> int:
    found = _MARKS_BEFORE.match(line)
    return found.end() if found else 0


def _fence_behind(fence: str, line: str) -> str:
    """The fence that is open behind this line; empty when none is."""
    if not fence:
        opening = FENCE.match(line)
        return opening[2] if opening else ""
    mark = line.strip()
    return "" if mark.startswith(fence) and not mark.strip(mark[0]) else fence


class WidestRows:
    """The rows of a table that has been cut into pieces which make its columns as wide as they are."""

    def __init__(self) -> None:
        self._widths: list[int] = []
        self._rows: list[str] = []

    def add(self, row: str) -> None:
        """Take the next row."""
        cells = _BARE_PIPE.split(row.strip().removeprefix("|").removesuffix("|"))
        for column, cell in enumerate(cells[:COLUMNS]):
            if column == len(self._widths):
                self._widths.append(0)
                self._rows.append("")
            if len(cell.strip()) > self._widths[column]:
                self._widths[column], self._rows[column] = len(cell.strip()), row

    def rows(self) -> list[str]:
        """At most one for each column, each once."""
        return list(dict.fromkeys(row for row in self._rows if row))
