"""Textual's input of one line, with the terminal's own cursor where the next letter goes: input methods open there."""

from __future__ import annotations

from textual.geometry import Offset
from textual.widgets import Input


class InputLine(Input):
    """Textual's own tells a column too far at the end of what is typed."""

    @property
    def cursor_screen_offset(self) -> Offset:
        """In cells of the screen."""
        return super().cursor_screen_offset - Offset(int(self.cursor_at_end), 0)
