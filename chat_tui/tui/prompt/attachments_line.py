"""The list above the prompt of the files that go along with the next question."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.formatting import byte_size
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart

ROWS = 4
"""Files that are listed; of more the last row tells how many."""


class PendingAttachment(msgspec.Struct):
    """A file that will go along."""

    path: str
    """Absolute."""
    named: str = ""
    """How the text names it; empty: it does not."""
    file: Attachment | None = None
    stamp: tuple[int, int] | None = None
    """Size and time of what was read."""
    error: ChatTuiError | None = None
    tokens: int = 0

    @property
    def name(self) -> str:
        """Without its folder, on one line."""
        return shorten(os.path.basename(self.path), 200)


class AttachmentsLine(StyledLines):
    """A row for each file with its name, size, tokens and error."""

    DEFAULT_CSS = "AttachmentsLine { width: 1fr; height: 1; background: $panel; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[tuple[Span, Span]] = ()

    def show(self, going: Sequence[PendingAttachment], *, no_images: bool) -> None:
        """These files; `no_images`: the model that would be asked takes none."""
        shown = going if len(going) <= ROWS else going[: ROWS - 1]
        rows = [_row(one, no_images) for one in shown]
        if len(going) > ROWS:
            rest = going[ROWS - 1 :]
            tokens = formatting.tokens(sum(one.tokens for one in rest), True)
            rows.append((Span(f"and {len(rest)} more", "dim"), Span(f"{tokens} tokens", "dim")))
        self._rows = rows
        self.styles.height = len(rows)
        self.display = True
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """A line a row."""
        return [apart(left, right, width) for left, right in self._rows]


def _row(going: PendingAttachment, no_images: bool) -> tuple[Span, Span]:
    name = Span(f"+ {going.name}", "accent")
    if going.error is not None:
        return Span(f"+ {going.name}", "error"), Span(going.error.title, "error")
    if going.file is None:
        return name, Span("reading…", "dim")
    if going.file.is_image and no_images:
        return Span(f"+ {going.name}", "warning"), Span("the model does not accept images", "warning")
    about = f"{byte_size(going.stamp[0] if going.stamp else 0)} · {formatting.tokens(going.tokens, True)} tokens"
    return name, Span(about, "dim")
