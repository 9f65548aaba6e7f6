"""Selecting by keyboard: a caret that moves over the painted lines, and what lies between it and where it began."""

from __future__ import annotations

import re
from typing import NamedTuple

from textual import events
from textual.binding import BindingsMap
from textual.geometry import Offset
from textual.message import Message
from textual.selection import Selection

from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.widget_keys import WidgetKeys
from chat_tui.tui.transcript.model.line_model import Position, Row
from chat_tui.tui.transcript.pane import LinePane
from chat_tui.tui.transcript.render.strips import with_caret
from chat_tui.tui.transcript.render.wrapping import Line, clusters

_WORD = re.compile(r"\w+(?:[-'’./:@~]+\w+)*")
"""Names with a hyphen, paths and addresses are one."""


class Caret(NamedTuple):
    """A character of a line."""

    position: Position
    column: int
    """Characters before it."""


class SelectingPane(LinePane):
    """While there is a caret, keys move it; `v` begins the selection, `y` copies it, Esc leaves."""

    class CopyAsked(Message):
        """A turn's text, a code block or a selection is to be copied."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Selecting(Message):
        """The caret has come or gone: other keys count."""

    caret: Caret | None = None
    _begun: Caret | None = None

    def begin_selecting(self) -> None:
        """Put the caret to the first line of text in view, of the chosen turn where that is there."""
        rows = [row for row in self._rows if row is not None]
        texts = [row for row in rows if row.line.text.strip() and self._is_body(row.position)] or rows
        row = next((row for row in texts if row.position.turn == self._cursor), texts[0] if texts else None)
        if row is not None:
            self.focus()
            self._begun = None
            self._move(Caret(row.position, 0))
            self.post_message(self.Selecting())

    def _is_body(self, position: Position) -> bool:
        return self._model.views[position.turn].parts()[position.part].kind == "body"

    def leave_selecting(self) -> None:
        """The caret goes, and so does the selection."""
        if self.caret is not None:
            self.caret = self._begun = None
            self.screen.clear_selection()
            self.post_message(self.Selecting())
            self._paint()

    def on_blur(self) -> None:
        """Nobody moves the caret any more; what is selected stays."""
        if self.caret is not None:
            self.caret = self._begun = None
            self.post_message(self.Selecting())
        super().on_blur()

    async def on_key(self, event: events.Key) -> None:
        """While there is a caret, its keys go first, and no letter means anything else."""
        if self.caret is None:
            return
        actions = _KEYS.actions(event.key, self.app._keymap)
        for action in actions:
            await self.app.run_action(action, self)
        if actions or (event.character is not None and event.is_printable):
            event.stop()
            event.prevent_default()

    def action_caret(self, way: str) -> None:
        """Move the caret: `up`, `left`, `home`, `pageup` and their like."""
        if self.caret is not None:
            self._move(self._moved(self.caret, way))

    def action_mark(self) -> None:
        """Begin the selection at the caret, or give it up."""
        caret = self.caret
        if caret is not None:
            self._begun = caret if self._begun is None else None
            self.screen.clear_selection()
            self._move(caret)

    def action_leave_selecting(self) -> None:
        """The caret goes."""
        self.leave_selecting()

    def action_copy_selected(self) -> None:
        """Copy what is selected; where nothing is, the paragraph's line under the caret."""
        caret = self.caret
        if caret is None:
            return
        begun = self._begun or Caret(caret.position, 0)
        end = caret if self._begun else Caret(caret.position, max(0, len(self._text(caret.position)) - 1))
        selected = self.get_selection(self._between(begun, end))
        self.leave_selecting()
        if selected and selected[0]:
            self.post_message(self.CopyAsked(selected[0]))

    def select_word(self, row: Row, event: events.Click) -> None:
        """Select the word of this row that was clicked."""
        _, place = self.screen.get_widget_and_offset_at(event.screen_x, event.screen_y)
        column = place.x if place is not None else -1
        word = next((word for word in _WORD.finditer(row.line.text) if word.start() <= column < word.end()), None)
        if word is not None:
            code = row.position.code
            self.screen.selections = {self: Selection(Offset(word.start(), code), Offset(word.end(), code))}

    def _text(self, position: Position) -> str:
        parts = self._model.views[position.turn].parts()
        return self._model.lines(position.turn, parts[position.part])[position.line].text

    def _between(self, one: Caret, other: Caret) -> Selection:
        """What lies between the two, the characters of both counted in."""
        first, last = sorted((one, other))
        rest = self._text(last.position)[last.column :]
        end = last.column + (len(clusters(rest)[0]) if rest else 0)
        return Selection(Offset(first.column, first.position.code), Offset(end, last.position.code))

    def _moved(self, caret: Caret, way: str) -> Caret:
        text, position = self._text(caret.position), caret.position
        if way == "home":
            return Caret(position, 0)
        if way == "end":
            return Caret(position, len(text))
        if way == "right" and caret.column < len(text):
            return Caret(position, caret.column + len(clusters(text[caret.column :])[0]))
        if way == "left" and caret.column:
            return Caret(position, caret.column - len(clusters(text[: caret.column])[-1]))
        page = max(1, self.size.height - 1)
        step = {"up": -1, "left": -1, "down": 1, "right": 1, "pageup": -page, "pagedown": page}[way]
        moved = self._model.moved(position, step)
        if moved == position:
            return caret
        column = {"left": len(self._text(moved)), "right": 0}.get(way, caret.column)
        return Caret(moved, column)

    def _move(self, caret: Caret) -> None:
        """Put the caret there, and bring it into view."""
        position = self._model.clamp(caret.position)
        self.caret = Caret(position, min(caret.column, len(self._text(position))))
        rows = [row.position for row in self._rows if row is not None]
        if rows and not rows[0] <= position <= rows[-1]:
            self._top = position if position < rows[0] else self._model.moved(position, 1 - self.size.height)
            self._follow = self._stays = False
        if self._begun is not None:
            self.screen.selections = {self: self._between(self._begun, self.caret)}
        self._paint()

    def _drawn(self, row: Row) -> Line:
        line = super()._drawn(row)
        if self.caret is not None and row.position == self.caret.position:
            return with_caret(line, self.caret.column)
        return line


_KEYS = WidgetKeys(BindingsMap(bindings.bindings("selection")))
