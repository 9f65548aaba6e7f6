"""Selects text on a widget: by keyboard, and by clicks."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.binding import BindingsMap
from textual.selection import Selection
from textual.widget import Widget

from chat_tui.tui.actions import bindings
from chat_tui.tui.actions.widget_keys import WidgetKeys
from chat_tui.tui.transcript.model.line_model import Row
from chat_tui.tui.transcript.selection import KeyboardSelection, whole_turn, word_at


class SelectionInput:
    """Runs the keys of a keyboard selection as actions of the widget, and shows there what is selected.

    `toggled` is called when the caret has come or gone, `copy` with what is to be copied.
    """

    def __init__(
        self,
        widget: Widget,
        keyboard: KeyboardSelection,
        *,
        repaint: Callable[[], None],
        toggled: Callable[[], None],
        copy: Callable[[Selection], None],
    ) -> None:
        self._widget, self._keyboard = widget, keyboard
        self._repaint, self._toggled, self._copy = repaint, toggled, copy

    def begin(self) -> None:
        """Put the caret on the first line of text in view; from now on keys move it."""
        if self._keyboard.begin():
            self._widget.focus()
            self._repaint()
            self._toggled()

    def leave(self) -> None:
        """Remove the caret and the selection."""
        if self._keyboard.leave():
            self._widget.screen.clear_selection()
            self._toggled()
            self._repaint()

    async def run_key(self, event: events.Key) -> None:
        """While there is a caret, its keys go first, and no letter means anything else."""
        if self._keyboard.caret is None:
            return
        actions = _KEYS.actions(event.key, self._widget.app._keymap)
        for action in actions:
            await self._widget.app.run_action(action, self._widget)
        if actions or (event.character is not None and event.is_printable):
            event.stop()
            event.prevent_default()

    def move_caret(self, direction: str) -> None:
        """Move the caret, as `KeyboardSelection.move` does."""
        self._keyboard.move(direction)
        self._show_selected()

    def toggle_start(self) -> None:
        """Begin a selection at the caret, or give it up."""
        self._keyboard.toggle_start()
        self._widget.screen.clear_selection()
        self._show_selected()

    def copy_selected(self) -> None:
        """Copy the selection, else the caret's line."""
        selection = self._keyboard.selected_or_line
        self.leave()
        if selection is not None:
            self._copy(selection)

    def select_clicked(self, event: events.Click, row: Row, *, has_header: bool) -> None:
        """Select the word of a row that was clicked twice, or its turn, clicked three times."""
        selection: Selection | None = None
        if event.chain == 2:
            _, place = self._widget.screen.get_widget_and_offset_at(event.screen_x, event.screen_y)
            selection = word_at(row, place.x if place is not None else -1)
        elif event.chain == 3:
            selection = whole_turn(row.position.turn, has_header=has_header)
        if selection is not None:
            self._widget.screen.selections = {self._widget: selection}

    def _show_selected(self) -> None:
        if (selected := self._keyboard.selected) is not None:
            self._widget.screen.selections = {self._widget: selected}
        self._repaint()


_KEYS = WidgetKeys(BindingsMap(bindings.bindings("selection")))
