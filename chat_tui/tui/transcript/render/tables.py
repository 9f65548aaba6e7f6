"""Lays out a table's cells in a given width: columns shrink while they stay readable, cells wrap; a table that is wider
still shows some of its columns, and scrolls sideways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from rich.cells import cell_len
from rich.style import Style

from chat_tui.tui.transcript.render.wrapping import Line, Run, width_of, wrap

if TYPE_CHECKING:
    from markdown_it.token import Token

Alignment: TypeAlias = Literal["left", "center", "right"]
Cell: TypeAlias = list[Run]

_GAP = 3
"""Cells between two columns: ` │ `."""
READABLE = 10
"""Cells that a column keeps, or what it has."""
WIDEST = 28
"""Cells of a column in a table that scrolls."""


class TableView(NamedTuple):
    """How much of a table is shown."""

    shift: int = 0
    """Columns that are scrolled past."""
    measured: Sequence[Token] = ()
    """A table whose rows tell how wide the columns are; none: its own do."""
    headless: bool = False
    """It goes on with another piece, which has the head."""


class Window(NamedTuple):
    """The columns that are shown."""

    columns: Sequence[int]
    before: bool
    """Others stand at the left, behind the first one where that is held."""
    behind: bool
    """Others stand at the right."""


def window(widths: Sequence[int], width: int, shift: int) -> Window:
    """The columns that stand in `width` cells when so many are scrolled past. A narrow first column stays."""
    count = len(widths)
    if sum(widths) + _GAP * (count - 1) <= width:
        return Window(range(count), False, False)
    room = width - widths[0] - _GAP - 2
    held = [0] if count > 1 and widths[0] <= width // 3 and max(widths[1:]) <= room else []
    room = room if held else width - 4

    def fitting(first: int) -> list[int]:
        columns, used = [first], widths[first]
        for column in range(first + 1, count):
            used += _GAP + widths[column]
            if used > room:
                break
            columns.append(column)
        return columns

    last = next(first for first in range(len(held), count) if fitting(first)[-1] == count - 1)
    columns = fitting(min(len(held) + shift, last))
    return Window([*held, *columns], columns[0] > len(held), columns[-1] < count - 1)


def laid_widths(natural: Sequence[int], width: int) -> list[int]:
    """Column widths: they fit `width` while all stay readable; else they go beyond it."""
    if sum(min(n, READABLE) for n in natural) + _GAP * (len(natural) - 1) <= width:
        return fitted_widths(natural, width)
    return [min(n, WIDEST, max(width - 4, 1)) for n in natural]


def natural_widths(rows: Sequence[Sequence[Cell]]) -> list[int]:
    """Cells that each column would take unbroken."""
    count = max((len(row) for row in rows), default=0)
    return [max([_natural_width(row[column]) for row in rows if column < len(row)] + [1]) for column in range(count)]


def _natural_width(cell: Cell) -> int:
    text = "".join([run[0] for run in cell])
    return max(map(cell_len, text.split("\n"))) if "\n" in text else width_of(cell)


def fitted_widths(natural: Sequence[int], width: int) -> list[int]:
    """Column widths that fit `width` with their gaps, where that is possible: the widest columns give."""
    count = len(natural)
    widths = list(natural)
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


def _align(line: Line, width: int, alignment: Alignment, style: Style) -> list[Run]:
    room = max(0, width - width_of(line.runs))
    left = {"left": 0, "right": room, "center": room // 2}[alignment]
    runs = list(line.runs)
    if left:
        runs.insert(0, (" " * left, style, False))
    if room - left:
        runs.append((" " * (room - left), style, False))
    return runs


def row_lines(
    row: Sequence[Cell],
    widths: Sequence[int],
    alignments: Sequence[Alignment],
    style: Style,
    rule: Style,
    shown: Window,
) -> list[Line]:
    """One row of the table as lines; a row with fewer cells is filled up. Cells out of sight count for its height."""
    cells = [wrap(row[column], widths[column]) if column < len(row) else [] for column in range(len(widths))]
    words = [_words(cell) for cell in row]
    lines: list[Line] = []
    for index in range(max((len(cell) for cell in cells), default=0)):
        runs: list[Run] = []
        if shown.before and shown.columns[0]:
            runs.append(("‹ ", rule, False))
        for place, column in enumerate(shown.columns):
            if place:
                cut = column > shown.columns[place - 1] + 1
                runs.append((" ‹ " if cut else " │ ", rule, "\t"))
            cell = cells[column]
            line = cell[index] if index < len(cell) else Line([])
            runs += _align(line, widths[column], alignments[column], style)
        if shown.behind:
            runs.append((" ›", rule, False))
        lines.append(Line(runs, cells=words))
    return lines


def _words(cell: Cell) -> str:
    return " ".join("".join(text for text, _, copy in cell if copy).split())


def rule_line(widths: Sequence[int], rule: Style, shown: Window) -> Line:
    """The line under the head; where columns are out of sight it goes on."""
    text = "  " * (shown.before and bool(shown.columns[0]))
    text += "─┼─".join("─" * widths[column] for column in shown.columns) + "─›" * shown.behind
    return Line([(text, rule, False)])
