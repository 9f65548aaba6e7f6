"""Textual's input of one line: the terminal's own cursor is where the next letter goes, and emoji stay whole."""

from __future__ import annotations

from textual import events
from textual.geometry import Offset
from textual.widgets import Input

from chat_tui.core.text.graphemes import is_typed, next_boundary, previous_boundary


class LineInput(Input):
    """Input methods open at the terminal's own cursor, which Textual puts a column too far at the end of the text. A
    composed emoji is one step for each key."""

    @property
    def cursor_screen_offset(self) -> Offset:
        """In cells of the screen."""
        return super().cursor_screen_offset - Offset(int(self.cursor_at_end), 0)

    async def _on_key(self, event: events.Key) -> None:
        if not event.is_printable and event.character and is_typed(event.character):
            # Textual takes the joiners of composed characters for unprintable.
            self.replace(event.character, *self.selection)
            event.stop()
            event.prevent_default()

    def action_cursor_left(self, select: bool = False) -> None:
        """Go one character to the left, of however many code points."""
        start, end = self.selection
        if select:
            self.selection = type(self.selection)(start, previous_boundary(self.value, end))
        elif self.selection.is_empty:
            self.cursor_position = previous_boundary(self.value, end)
        else:
            super().action_cursor_left()

    def action_cursor_right(self, select: bool = False) -> None:
        """Go one character to the right, or take the suggestion at the end."""
        start, end = self.selection
        if select:
            self.selection = type(self.selection)(start, next_boundary(self.value, end))
        elif self.selection.is_empty and end < len(self.value):
            self.cursor_position = next_boundary(self.value, end)
        else:
            super().action_cursor_right()

    def action_delete_left(self) -> None:
        """Delete the character to the left, or what is selected."""
        if self.selection.is_empty:
            self.delete(previous_boundary(self.value, self.cursor_position), self.cursor_position)
        else:
            super().action_delete_left()

    def action_delete_right(self) -> None:
        """Delete the character to the right, or what is selected."""
        if self.selection.is_empty:
            self.delete(self.cursor_position, next_boundary(self.value, self.cursor_position))
        else:
            super().action_delete_right()
