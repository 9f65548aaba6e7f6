"""A line in place of a conversation's title, to write another."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.widgets import Input

_LONGEST = 200


class TitleScreen(ModalScreen[str]):
    """Dismissed with the title; empty: it stays as it is. The line stands at `place`, else in the middle."""

    DEFAULT_CSS = """
    TitleScreen { align: center middle; background: transparent; }
    TitleScreen > Input, TitleScreen > Input:focus {
        width: 60; max-width: 100%; height: 1; border: none; padding: 0; background: $panel; color: $text;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "dismiss('')", "Leave", show=False)]

    def __init__(self, title: str, place: Region | None = None) -> None:
        super().__init__()
        self._title_now, self._place = title, place

    def compose(self) -> ComposeResult:
        """One line."""
        line = Input(self._title_now, placeholder="title", max_length=_LONGEST, select_on_focus=True)
        if self._place is not None:
            line.styles.width = self._place.width
            line.styles.position = "absolute"
            line.styles.offset = (self._place.x, self._place.y)
            self.styles.align = ("left", "top")
        yield line

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss("" if event.value == self._title_now else event.value.strip())
