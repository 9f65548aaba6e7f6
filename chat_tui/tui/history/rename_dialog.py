"""A line in place of a conversation's title, to write another."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.geometry import Region
from textual.widgets import Input

from chat_tui.tui.dialogs.frame import FramedScreen
from chat_tui.tui.panels.notices import KeyBar
from chat_tui.tui.widgets.line_input import LineInput

_LONGEST = 200


class RenameDialog(FramedScreen[str]):
    """Dismissed with the title; empty: it stays as it is. The line stands at `place`, else framed in the middle."""

    DEFAULT_CSS = """
    RenameDialog { background: transparent; }
    RenameDialog > LineInput, RenameDialog > LineInput:focus {
        height: 1; border: none; padding: 0; background: $panel; color: $text;
    }
    RenameDialog > .frame, RenameDialog > .frame:focus {
        width: 60; height: 3; border: round $accent; padding: 0 1; background: $surface;
    }
    """

    def __init__(self, title: str, place: Region | None = None) -> None:
        super().__init__("Rename")
        self._title_now, self._place = title, place

    def compose(self) -> ComposeResult:
        """One line."""
        line = LineInput(self._title_now, placeholder="title", max_length=_LONGEST, select_on_focus=True)
        if self._place is None:
            yield self.in_frame(line)
            return
        # The last row would name the keys of what is below.
        bar = KeyBar()
        bar.styles.dock = "bottom"
        bar.show(self.keys_now())
        yield bar
        line.styles.width = self._place.width
        line.styles.position = "absolute"
        line.styles.offset = (self._place.x, self._place.y)
        self.styles.align = ("left", "top")
        yield line

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Enter is the line's own."""
        return [("Enter", "rename"), *super().keys_now()]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss("" if event.value == self._title_now else event.value.strip())

    def action_close(self) -> None:
        """The title stays as it is."""
        self.dismiss("")
