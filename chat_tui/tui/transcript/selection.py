"""Selecting by keyboard: a caret that moves over the lines, and the text between it and where the selection began."""

from __future__ import annotations

from typing import NamedTuple

from textual.geometry import Offset
from textual.selection import Selection

from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.tui.transcript.model.line_model import START, LineModel, Position, Row
from chat_tui.tui.transcript.render.wrapping import clusters
from chat_tui.tui.transcript.viewport import Viewport

_WORD = lazy_pattern(r"\w+(?:[-'’./:@~]+\w+)*")
"""Names with a hyphen, paths and addresses are one."""


class Caret(NamedTuple):
    """A character of a line."""

    position: Position
    column: int
    """Characters before it."""


class KeyboardSelection:
    """The caret on the rows of a viewport; the viewport follows it."""

    def __init__(self, viewport: Viewport) -> None:
        self._view = viewport
        self._model = viewport.model
        self.caret: Caret | None = None
        """None while nothing is selected by keyboard."""
        self._start: Caret | None = None

    def begin(self) -> bool:
        """Put the caret on the first line of text in view, of the chosen turn where that is there.

        False when there is no line.
        """
        rows = self._view.filled_rows()
        texts = [row for row in rows if row.line.text.strip() and self._is_body(row.position)] or rows
        row = next((row for row in texts if row.position.turn == self._view.cursor), texts[0] if texts else None)
        if row is None:
            return False
        self._start = None
        self._put(Caret(row.position, 0))
        return True

    def leave(self) -> bool:
        """Remove the caret; False when there was none."""
        had_caret = self.caret is not None
        self.caret = self._start = None
        return had_caret

    def move(self, direction: str) -> None:
        """Move the caret: `up`, `down`, `left`, `right`, `home`, `end`, `pageup` or `pagedown`."""
        if self.caret is not None:
            self._put(self._next_caret(self.caret, direction))

    def toggle_start(self) -> None:
        """Begin a selection at the caret, or give it up."""
        self._start = self.caret if self._start is None else None

    @property
    def selected(self) -> Selection | None:
        """From where the selection began to the caret; None when it has not begun."""
        if self.caret is None or self._start is None:
            return None
        return self._between(self._start, self.caret)

    @property
    def selected_or_line(self) -> Selection | None:
        """Return what a copy takes: the selection, else the caret's line; None without a caret."""
        if self.caret is None or self._start is not None:
            return self.selected
        position = self.caret.position
        return self._between(Caret(position, 0), Caret(position, max(0, len(self._text(position)) - 1)))

    def _is_body(self, position: Position) -> bool:
        return self._model.views[position.turn].parts()[position.part].kind == "body"

    def _text(self, position: Position) -> str:
        parts = self._model.views[position.turn].parts()
        return self._model.lines(position.turn, parts[position.part])[position.line].text

    def _between(self, one: Caret, other: Caret) -> Selection:
        """From one character to another, with both of them."""
        first, last = sorted((one, other))
        rest = self._text(last.position)[last.column :]
        end = last.column + (len(clusters(rest)[0]) if rest else 0)
        return Selection(Offset(first.column, first.position.code), Offset(end, last.position.code))

    def _next_caret(self, caret: Caret, direction: str) -> Caret:
        text, position = self._text(caret.position), caret.position
        if direction == "home":
            return Caret(position, 0)
        if direction == "end":
            return Caret(position, len(text))
        if direction == "right" and caret.column < len(text):
            return Caret(position, caret.column + len(clusters(text[caret.column :])[0]))
        if direction == "left" and caret.column:
            return Caret(position, caret.column - len(clusters(text[: caret.column])[-1]))
        page = max(1, self._view.height - 1)
        step = {"up": -1, "left": -1, "down": 1, "right": 1, "pageup": -page, "pagedown": page}[direction]
        moved = self._model.step_from(position, step)
        if moved == position:
            return caret
        column = {"left": len(self._text(moved)), "right": 0}.get(direction, caret.column)
        return Caret(moved, column)

    def _put(self, caret: Caret) -> None:
        """Put the caret there, and bring it into view."""
        position = self._model.clamp(caret.position)
        self.caret = Caret(position, min(caret.column, len(self._text(position))))
        rows = self._view.filled_rows()
        if rows and position < rows[0].position:
            self._view.move_to(position)
        elif rows and position > rows[-1].position:
            self._view.move_to(position, rows_above=self._view.height - 1)


def word_at(row: Row, column: int) -> Selection | None:
    """The word around a character of a row."""
    for word in _WORD.finditer(row.line.text):
        if word.start() <= column < word.end():
            code = row.position.code
            return Selection(Offset(word.start(), code), Offset(word.end(), code))
    return None


def whole_turn(index: int, *, has_header: bool) -> Selection:
    """All text of a turn, without its header."""
    first = Position(index, 1 if has_header else 0, 0).code
    return Selection(Offset(0, first), Offset(1 << 16, Position(index + 1, 0, 0).code - 1))


def selected_text(model: LineModel, selection: Selection) -> str | None:
    """The selected text: broken lines joined again, without bars and other decoration. None without any turn."""
    if not model.views:
        return None

    def place(offset: Offset | None) -> tuple[int, Position] | None:
        return (offset.x, Position.from_code(offset.y)) if offset is not None else None

    start = place(selection.start) or (0, START)
    end = place(selection.end) or (1 << 30, model.end())
    return model.text_between(start, end)
