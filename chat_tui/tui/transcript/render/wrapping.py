"""Lines of styled runs, and breaking text into them by cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec
from rich.cells import cell_len, get_character_cell_size
from rich.style import Style
from textual.strip import Strip

from chat_tui.core.text.control_characters import single_line
from chat_tui.tui.transcript.render.zero_width import make_displayable

Run: TypeAlias = tuple[str, Style, bool | str]
"""Text, its full style, and whether a copy takes it (decoration is not copied), or what it takes in its place."""

MEASURE = 100
"""Cells of a line of prose on a wide screen, so that the eye finds the next line. Code and tables may be wider."""
_NOT_FIRST = frozenset("、。，．：；！？）］｝」』】〉》〕ー々…‥,.;:!?)]}%°")
"""Never begin a line."""
_ZERO_WIDTH_JOINER = "\u200d"
_LONGEST_CLUSTER = 32
"""Characters; a family of four with its skin tones has 11."""


class Line(msgspec.Struct):
    """One row of the chat pane, without the bar at the left."""

    runs: list[Run]
    joint: str = "\n"
    """What a copy puts between this line and the next: a newline; where a long line was broken, ` ` or nothing."""
    code: int = 0
    """The number of the code block that begins with this line."""
    fill: Style | None = None
    """Fills the row to its right end; None: the pane's ground."""
    painted: tuple[Style | None, str, int, Strip] | None = None
    """The strip made of it, with what it was made for."""
    cells: Sequence[str] | None = None
    """Of a table's row: the words in all its cells. All lines of the row hold the same."""

    @property
    def text(self) -> str:
        """The text that is seen."""
        return "".join(run[0] for run in self.runs)

    def copy_text(self, start: int = 0, end: int | None = None) -> str:
        """The text that a copy of these characters of `text` takes."""
        pieces: list[str] = []
        at = 0
        for text, _, copy in self.runs:
            if isinstance(copy, str):
                pieces += [copy] if at + len(text) > start and (end is None or at < end) else []
            elif copy:
                pieces.append(text[max(0, start - at) : None if end is None else max(0, end - at)])
            at += len(text)
        return "".join(pieces)


def clusters(text: str) -> list[str]:
    """The text in pieces that must not be cut: a character with what combines with it."""
    if text.isascii():
        return list(text)
    pieces: list[str] = []
    length = 0
    flag = False
    for character in text:
        is_flag = "\U0001f1e6" <= character <= "\U0001f1ff"
        joins = 0 < length < _LONGEST_CLUSTER and (
            character == _ZERO_WIDTH_JOINER
            or pieces[-1][-1] == _ZERO_WIDTH_JOINER
            or "\U0001f3fb" <= character <= "\U0001f3ff"
            or (is_flag and flag)
            or (character >= "\u0300" and get_character_cell_size(character) == 0)
        )
        if joins:
            pieces[-1] += character
            length += 1
        else:
            pieces.append(character)
            length = 1
        flag = is_flag and not joins
    return pieces


def fitting(text: str, width: int) -> str:
    """The text on one line without control characters, or its beginning with an ellipsis, in at most `width` cells."""
    text = single_line(text)
    if cell_len(text) <= width:
        return text
    taken: list[str] = []
    room = width - 1
    for cluster in clusters(text):
        room -= cell_len(cluster)
        if room < 0:
            break
        taken.append(cluster)
    return "".join(taken) + "…" if width > 0 else ""


def _breaks_narrow(text: str, width: int) -> list[tuple[int, int, str]]:
    """(start, end, joint) of each row, where each character takes one cell."""
    rows: list[tuple[int, int, str]] = []
    start, length = 0, len(text)
    inset = length - len(text.lstrip(" "))
    while length - start > width:
        space = text.rfind(" ", max(start + 1, inset), start + width + 1)
        if space < 0:
            rows.append((start, start + width, ""))
            start += width
        else:
            rows.append((start, space, " "))
            start = space + 1
            while start < length and text[start] == " ":
                start += 1
            if start == length:
                return rows
    rows.append((start, length, "\n"))
    return rows


def _breaks_wide(text: str, width: int) -> list[tuple[int, int, str]]:
    """Return the rows of a text with wide or combining characters; a row may end between two wide ones."""
    rows: list[tuple[int, int, str]] = []
    start = at = used = 0
    fit: tuple[int, int, str] | None = None
    """Where the row may end, where the next begins, the joint."""
    wide = False
    ink = False
    for cluster in clusters(text):
        size = cell_len(cluster)
        if cluster == " ":
            if ink:
                fit = (at, at + 1, " ")
        elif (size == 2 or wide) and at > start and cluster[0] not in _NOT_FIRST and (fit is None or fit[1] != at):
            fit = (at, at, "")
        # Twice where the rest of the row and what may not begin a row do not fit together either.
        while used + size > width and at > start and cluster != " ":
            end, following, joint = fit if fit and fit[1] > start else (at, at, "")
            rows.append((start, end, joint))
            start, fit = following, None
            used = cell_len(text[start:at])
        wide = size == 2
        ink = ink or cluster != " "
        used += size
        at += len(cluster)
    rows.append((start, len(text), "\n"))
    return rows


def _cut_runs(runs: Sequence[Run], rows: Iterable[tuple[int, int, str]]) -> list[Line]:
    lines: list[Line] = []
    index = at = 0
    for start, end, joint in rows:
        cut: list[Run] = []
        while index < len(runs):
            text, style, copy = runs[index]
            stop = at + len(text)
            if stop > start and at < end:
                whole = at >= start and stop <= end
                # What stands for the whole of a run goes with its beginning.
                copy = copy if start <= at else copy is True
                cut.append(runs[index] if whole else (text[max(0, start - at) : end - at], style, copy))
            if stop > end:
                break
            at = stop
            index += 1
        lines.append(Line(cut, joint))
    return lines


def wrap(runs: Sequence[Run], width: int) -> list[Line]:
    """Break runs into lines of at most `width` cells, at spaces where possible; newlines in the text break too."""
    runs = make_displayable(runs)
    text = "".join([run[0] for run in runs])
    width = max(width, 2)
    if len(text) <= width and text.isascii() and "\n" not in text:
        return [Line(list(runs))]
    rows: list[tuple[int, int, str]] = []
    at = 0
    for part in text.split("\n"):
        narrow = part.isascii()
        for start, end, joint in _breaks_narrow(part, width) if narrow else _breaks_wide(part, width):
            if joint == " " or (not narrow and cell_len(part[start:end]) > width):
                while end > start and part[end - 1] == " ":
                    end -= 1
            rows.append((at + start, at + end, joint))
        rows[-1] = (rows[-1][0], rows[-1][1], "\n")
        at += len(part) + 1
    return _cut_runs(runs, rows)


CONTINUATION = "↪ "
"""Before the rest of a line of code that was broken."""


def wrap_code(runs: Sequence[Run], width: int, mark: Style) -> list[Line]:
    """Break a line of code into lines of at most `width` cells: what was broken goes on behind a mark, under the
    line's own indentation as far as half of the width."""
    runs = make_displayable(runs)
    text = "".join([run[0] for run in runs])
    if len(text) <= width and text.isascii():
        return [Line(list(runs))]
    indent = min(len(text) - len(text.lstrip(" ")), width // 2)
    hang: list[Run] = [(" " * indent, mark, False), (CONTINUATION, mark, False)]
    rows = list(_code_rows(text, width, max(width - indent - len(CONTINUATION), 2)))
    first, *others = _cut_runs(runs, rows)
    return [first, *(Line([*hang, *line.runs], line.joint) for line in others)]


def _code_rows(text: str, width: int, narrower: int) -> Iterator[tuple[int, int, str]]:
    """(start, end, joint) of each row: the first has `width` cells, the others fewer. A row ends behind a blank, a
    comma or an opening bracket of its second half, where there is one."""
    start = at = used = gap = 0
    for cluster in clusters(text):
        size = cell_len(cluster)
        if used + size > width and at > start:
            end = gap if gap - start > width // 2 else at
            yield start, end, ""
            start, used, width = end, cell_len(text[end:at]), narrower
        at += len(cluster)
        used += size
        if cluster in " ,([{":
            gap = at
    yield start, at, "\n"


def width_of(runs: Iterable[Run]) -> int:
    """Cells."""
    return sum([len(run[0]) if run[0].isascii() else cell_len(run[0]) for run in runs])


def with_tabs(runs: Iterable[Run]) -> list[Run]:
    """The runs with blanks for their tabs, which a copy takes as tabs."""
    from chat_tui.markdown.block_syntax import TAB

    made: list[Run] = []
    column = 0
    for text, style, copy in runs:
        for place, piece in enumerate(text.split("\t")):
            if place:
                blanks = TAB - column % TAB
                made.append((" " * blanks, style, "\t"))
                column += blanks
            if piece:
                made.append((piece, style, copy))
                column += cell_len(piece)
    return made


def wrap_plain(text: str, width: int, style: Style) -> list[Line]:
    """Wrap text as it is, in one style, at a readable measure or narrower."""
    return wrap([(text.expandtabs(4), style, True)], min(width, MEASURE))
