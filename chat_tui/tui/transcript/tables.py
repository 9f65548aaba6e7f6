"""Lays out a table's cells in a given width: columns shrink, cells wrap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from rich.style import Style

from chat_tui.tui.transcript.wrapping import Line, Run, width_of, wrap

Alignment: TypeAlias = Literal["left", "center", "right"]
Cell: TypeAlias = list[Run]

_GAP = 3
"""Cells between two columns: ` │ `."""
NARROWEST = 4


def natural_widths(rows: Sequence[Sequence[Cell]]) -> list[int]:
    """Cells that each column would take unbroken."""
    count = max((len(row) for row in rows), default=0)
    return [max([width_of(row[column]) for row in rows if column < len(row)] + [1]) for column in range(count)]


def fitted_widths(natural: Sequence[int], width: int) -> list[int]:
    """Column widths that fit `width` with their gaps; columns that cannot have `NARROWEST` cells are left out."""
    count = len(natural)
    while count > 1 and sum(min(n, NARROWEST) for n in natural[:count]) + _GAP * (count - 1) > width:
        count -= 1
    widths = list(natural[:count])
    room = max(width - _GAP * (count - 1), 1)
    if sum(widths) <= room:
        return widths
    # The widest give first: all columns wider than a level are cut down to it.
    left, open_columns = room, sorted(range(count), key=lambda column: widths[column])
    while open_columns:
        share = max(left // len(open_columns), 1)
        narrowest = open_columns[0]
        if widths[narrowest] > share:
            spare = left - share * len(open_columns)
            for position, column in enumerate(open_columns):
                widths[column] = share + (1 if position < spare else 0)
            break
        left -= widths[narrowest]
        open_columns.pop(0)
    return widths


def _aligned(line: Line, width: int, alignment: Alignment, style: Style) -> list[Run]:
    room = max(0, width - width_of(line.runs))
    left = {"left": 0, "right": room, "center": room // 2}[alignment]
    runs = list(line.runs)
    if left:
        runs.insert(0, (" " * left, style, True))
    if room - left:
        runs.append((" " * (room - left), style, True))
    return runs


def row_lines(
    row: Sequence[Cell],
    widths: Sequence[int],
    alignments: Sequence[Alignment],
    style: Style,
    rule: Style,
    *,
    clipped: bool = False,
) -> list[Line]:
    """One row of the table as lines; a row with fewer cells is filled up. `clipped` marks columns left out."""
    cells = [wrap(row[column], widths[column]) if column < len(row) else [] for column in range(len(widths))]
    lines: list[Line] = []
    for index in range(max((len(cell) for cell in cells), default=0)):
        runs: list[Run] = []
        for column, cell in enumerate(cells):
            if column:
                runs.append((" │ ", rule, True))
            line = cell[index] if index < len(cell) else Line([])
            runs += _aligned(line, widths[column], alignments[column], style)
        if clipped:
            runs.append((" …", rule, False))
        lines.append(Line(runs))
    return lines


def rule_line(widths: Sequence[int], rule: Style) -> Line:
    """The line under the head."""
    return Line([("─┼─".join("─" * width for width in widths), rule, True)])
