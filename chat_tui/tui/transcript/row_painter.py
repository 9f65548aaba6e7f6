"""Makes strips of the rows in view: bars, marks, the caret, what was found and what is selected."""

from __future__ import annotations

from collections.abc import Iterable

from rich.style import Style
from textual.geometry import Region, Size
from textual.selection import Selection
from textual.strip import Strip

from chat_tui.tui.transcript.find import FindHighlights
from chat_tui.tui.transcript.model.line_model import Row
from chat_tui.tui.transcript.render.strips import (
    BAR,
    THICK_BAR,
    Overlay,
    changed_regions,
    offset_strip,
    overlaid_strip,
    reversed_line,
    strip_of,
    with_caret,
)
from chat_tui.tui.transcript.render.wrapping import Line
from chat_tui.tui.transcript.selection import KeyboardSelection
from chat_tui.tui.transcript.viewport import Viewport


class RowPainter:
    """Paints the rows of a viewport, and keeps their strips: a row that has not changed is not made again."""

    def __init__(self, viewport: Viewport, highlights: FindHighlights, keyboard: KeyboardSelection) -> None:
        self._view = viewport
        self._model = viewport.model
        self._renderer = viewport.model.renderer
        self._highlights = highlights
        self._keyboard = keyboard
        self._strips: list[Strip] = []

    def paint(self, width: int, selection: Selection | None) -> list[Region]:
        """Make a strip of each row; the regions that changed."""
        old, self._strips = self._strips, self._new_strips(width, selection)
        return changed_regions(old, self._strips, width)

    def strips(self, size: Size, crop: Region) -> list[Strip]:
        """The strips of some rows of a pane, as they are kept; blank where they were made for another size."""
        if len(self._strips) == size.height and self._strips and self._strips[0].cell_length == size.width:
            return self._strips[crop.y : crop.bottom]
        self._strips = []
        return [Strip.blank(size.width, self._renderer.base)] * crop.height

    def forget_all(self) -> None:
        """Draw all rows with the next paint: the colours have changed."""
        self._strips = []

    def _new_strips(self, width: int, selection: Selection | None) -> list[Strip]:
        base = self._renderer.base
        blank = Strip.blank(width, base)
        strips: list[Strip] = []
        for row in self._view.rows:
            if row is None:
                strips.append(blank)
                continue
            bar, style = self._bar(row)
            overlays = self._overlays(row, selection)
            line = self._marked_line(row)
            if overlays:
                strips.append(overlaid_strip(line, overlays, bar, style, width, base))
            else:
                strips.append(strip_of(line, bar, style, width, base))
        return strips

    def strip_with_offsets(self, y: int, width: int) -> Strip:
        """A row with the place of each character, which Textual's selection looks for."""
        row, base = self._view.row_at(y), self._renderer.base
        if row is not None:
            return offset_strip(row.line, row.position.code, width, base)
        last = next((row for row in reversed(self._view.rows) if row is not None), None)
        blank = Strip.blank(width, base)
        if last is None:
            return blank
        return blank.apply_style(Style.from_meta({"offset": (len(last.line.text), last.position.code)}))

    def forget_strips(self, earlier: Iterable[Row | None]) -> None:
        """Rows that have gone out of view keep their lines but not their strips, which are a dozen objects each."""
        in_view = {id(row.line) for row in self._view.rows if row is not None}
        for row in earlier:
            if row is not None and id(row.line) not in in_view:
                row.line.painted = None

    def _marked_line(self, row: Row) -> Line:
        line = reversed_line(row.line) if self._view.is_marked(row) else row.line
        caret = self._keyboard.caret
        return with_caret(line, caret.column) if caret is not None and row.position == caret.position else line

    def _overlays(self, row: Row, selection: Selection | None) -> list[Overlay]:
        """Return the matches and the selection in a row."""
        turn, part, line = row.position
        ink = self._renderer.ink
        overlays: list[Overlay] = []
        if self._highlights.wanted:
            lines = self._model.lines(turn, self._model.views[turn].parts()[part])
            other = ink.selection + Style(underline=True)
            found = self._highlights.ranges(turn, part, line, lines)
            overlays += [(start, end, ink.found if is_now else other) for (start, end), is_now in found]
        span = selection.get_span(row.position.code) if selection is not None else None
        if span is not None:
            overlays.append((span[0], len(row.line.text) if span[1] < 0 else span[1], ink.selection))
        return overlays

    def _bar(self, row: Row) -> tuple[str, Style]:
        view = self._model.views[row.position.turn]
        user = view.turn.role == "user"
        style = self._renderer.ink.user_bar if user else self._renderer.ink.assistant_bar
        if row.position.part == len(view.parts()) - 1:
            return "", style
        if row.position.turn == self._view.cursor:
            return THICK_BAR, style
        return (BAR if user else ""), style
