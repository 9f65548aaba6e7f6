"""Makes strips of lines: the bar at the left, the ground to the right, the selection over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from chat_tui.tui.transcript.render.wrapping import Line, Run, width_of

MARGIN = 2
"""Cells at the left, for the bar."""
RIGHT_MARGIN = 2
"""Cells at the right: one free, one under the scroll bar."""

_REVERSED = Style(reverse=True)
BAR = "▎"
THICK_BAR = "▌"


def strip_of(line: Line, bar: str, bar_style: Style, width: int, base: Style) -> Strip:
    """The line as a strip of exactly `width` cells; kept in the line, since a strip caches what it was rendered to."""
    made = line.painted
    if made is not None and made[0] is bar_style and made[1] == bar and made[2] == width:
        return made[3]
    strip = _strip(line.runs, line, bar, bar_style, width, base)
    line.painted = (bar_style, bar, width, strip)
    return strip


def _strip(runs: Sequence[Run], line: Line, bar: str, bar_style: Style, width: int, base: Style) -> Strip:
    pieces: list[list[str]] = []
    styles: list[Style] = []

    def put(text: str, style: Style) -> None:
        if styles and (styles[-1] is style or styles[-1] == style):
            pieces[-1].append(text)
        elif text:
            pieces.append([text])
            styles.append(style)

    if bar:
        put(bar, base + bar_style)
        put(" " * (MARGIN - 1), base)
    else:
        put(" " * MARGIN, base)
    for text, style, _ in runs:
        put(text, style)
    used = MARGIN + width_of(runs)
    if line.fill is not None and used < width - RIGHT_MARGIN:
        put(" " * (width - RIGHT_MARGIN - used), line.fill)
        used = width - RIGHT_MARGIN
    if used < width:
        put(" " * (width - used), base)
    segments = [Segment("".join(texts), style) for texts, style in zip(pieces, styles, strict=True)]
    strip = Strip(segments, max(used, width))
    return strip if used <= width else strip.adjust_cell_length(width, base)


Overlay: TypeAlias = tuple[int, int, Style]
"""Characters of a line's text, first and behind the last, and what is laid over their style."""


def overlaid_strip(
    line: Line, overlays: Sequence[Overlay], bar: str, bar_style: Style, width: int, base: Style
) -> Strip:
    """The line with what is selected or found in it. Decoration stays as it is."""
    runs: Sequence[Run] = line.runs
    for start, end, style in overlays:
        runs = _overlaid(runs, start, end, style)
    return _strip(runs, line, bar, bar_style, width, base)


def with_caret(line: Line, column: int) -> Line:
    """The line with a caret on this character; behind its end it stands on a blank."""
    runs = [*line.runs, (" ", line.fill or (line.runs[-1][1] if line.runs else Style()), True)]
    return Line(_overlaid(runs, column, column + 1, _REVERSED, everywhere=True), line.joint, fill=line.fill)


def _overlaid(before: Sequence[Run], start: int, end: int, over: Style, *, everywhere: bool = False) -> list[Run]:
    runs: list[Run] = []
    at = 0
    for text, style, copy in before:
        first, last = min(max(start - at, 0), len(text)), min(max(end - at, 0), len(text))
        if (copy or everywhere) and first < last:
            cut = (text[:first], style, copy), (text[first:last], style + over, copy), (text[last:], style, copy)
            runs += [run for run in cut if run[0]]
        else:
            runs.append((text, style, copy))
        at += len(text)
    return runs


def reversed_line(line: Line) -> Line:
    """The label over a code block with ground and ink exchanged, which is seen without colours too."""
    runs = [(text, style if copy or text == " " else style + _REVERSED, copy) for text, style, copy in line.runs]
    return Line(runs, line.joint, fill=line.fill)


def offset_strip(line: Line, code: int, width: int, base: Style) -> Strip:
    """The line with the place of each character noted in its segments, as Textual's selection looks for it."""
    segments = [Segment(" ", base + Style.from_meta({"offset": (0, code)})) for _ in range(MARGIN)]
    at = 0
    for text, style, _ in line.runs:
        if text:
            segments.append(Segment(text, style + Style.from_meta({"offset": (at, code)})))
        at += len(text)
    if not line.runs:
        segments.append(Segment(" ", base + Style.from_meta({"offset": (0, code)})))
    strip = Strip(segments)
    return strip.adjust_cell_length(width, base)


def changed_regions(old: Sequence[Strip], new: Sequence[Strip], width: int) -> list[Region]:
    """The parts of the rows that differ: each from its left edge to where both old and new are only ground."""
    regions: list[Region] = []
    for y, strip in enumerate(new):
        if y >= len(old):
            regions.append(Region(0, y, width, 1))
        elif old[y] is not strip and old[y] != strip:
            regions.append(Region(0, y, max(1, min(width, max(_extent(old[y]), _extent(strip)))), 1))
    return regions


def _extent(strip: Strip) -> int:
    """Cells up to where the trailing ground begins."""
    segments = list(strip)
    if not segments:
        return 0
    last = segments[-1].text
    blank = len(last) - len(last.rstrip(" "))
    return strip.cell_length - blank
