"""A framed dialog over the chat: a title at the top, its keys in the lower edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen, ScreenResultType
from textual.widget import Widget

from chat_tui.tui.actions import bindings
from chat_tui.tui.terminal.fast_paint import ChangedRowsCompositor
from chat_tui.tui.widgets.host import Host
from chat_tui.tui.widgets.styled_lines import EDGES

_ROOM_FOR_NOTICES = 8
_EDGE_ROWS = 2


def hints(keys: Sequence[tuple[str, str]], width: int) -> str:
    """(key, word) in one line of this width; those that do not fit are left out from the end."""
    told = ""
    for key, word in keys:
        longer = f"{told} · {key} {word}" if told else f"{key} {word}"
        if cell_len(longer) > width:
            break
        told = longer
    return told


class FramedScreen(ModalScreen[ScreenResultType]):
    """Its subclasses compose one widget `in_frame`. A screen that says which key opens it is closed by the same."""

    DEFAULT_CSS = """
    FramedScreen { align: center middle; }
    FramedScreen > .frame {
        width: 100; max-width: 100%; max-height: 100%; background: $surface;
        border: round $accent; border-title-color: $text; border-subtitle-color: $text-muted;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*bindings.bindings("screens")]
    KEYS: ClassVar[Sequence[str]] = ("screen.close",)
    """What the lower edge names, the most important first."""
    WORDS: ClassVar[Mapping[str, str]] = {}
    """Words for keys that mean something else here than the table says."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._compositor = ChangedRowsCompositor()
        self._title = title

    def in_frame(self, widget: Widget) -> Widget:
        """The widget with the frame around it."""
        widget.add_class("frame")
        widget.border_title = Content(self._title)
        return widget

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """(key, word) of what the lower edge names."""
        named = zip(self.KEYS, bindings.footer(self.KEYS, cast("Host", self.app).changed_keys), strict=True)
        return [(key, self.WORDS.get(id, word)) for id, (key, word) in named]

    def on_resize(self, event: events.Resize) -> None:
        """As many keys as there is room for."""
        self.name_keys()
        self.call_after_refresh(self.name_keys)
        self.call_after_refresh(self._keep_notices_off)

    def name_keys(self) -> None:
        """Name the keys in the lower edge."""
        keys = self.keys_now()
        for frame in self.query(".frame"):
            frame.border_subtitle = Content(hints(keys, frame.outer_size.width - EDGES))

    def fit(self, rows: Widget, needed: int, share: float, *, other_rows: int = 0) -> None:
        """Make a list as tall as its lines are, while the frame, which has `other_rows` besides, takes at most this
        share of the screen."""
        rows.styles.height = max(1, min(needed, int(self.size.height * share) - other_rows - _EDGE_ROWS))
        self.call_after_refresh(self._keep_notices_off)

    def _keep_notices_off(self) -> None:
        """Keep notices off the keys in the lower edge and in the last row: between them where there is room."""
        for frame in self.query(".frame").results(Widget):
            free = self.size.height - frame.region.bottom
            for rack in self.query("#textual-toastrack").results(Widget):
                rack.styles.margin = (0, 0, 1 if free >= _ROOM_FOR_NOTICES else free + 1, 0)

    def action_close(self) -> None:
        """Leave it."""
        self.dismiss(None)
