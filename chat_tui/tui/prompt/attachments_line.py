"""The list above the prompt of the files that go along with the next question."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from chat_tui.core.attachments.attached_page import AttachedPage, host_of, is_address
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.widgets import formatting
from chat_tui.tui.widgets.formatting import byte_size
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart

ROWS = 4
"""Files that are listed; of more the last row tells how many."""


class PendingAttachment(msgspec.Struct):
    """A file, a web page or a resource of a tool server that is sent with the next question."""

    path: str
    """An absolute path, the address of a web page, or `server:uri`."""
    named: str = ""
    """How the text names it; empty: it does not."""
    file: Attachment | None = None
    page: AttachedPage | None = None
    """Where the file is a web page: what is known of it."""
    stamp: tuple[int, int] | None = None
    """Size and time of what was read."""
    error: ChatTuiError | None = None
    tokens: int = 0
    is_resource: bool = False
    """Whether it is a resource of a tool server."""
    is_reading: bool = False
    """Whether it is being read or fetched."""

    @property
    def is_page(self) -> bool:
        """Whether it is a web page."""
        return is_address(self.path)

    @property
    def is_remote(self) -> bool:
        """Whether it is fetched, as a web page or a resource, and not read again for each question."""
        return self.is_page or self.is_resource

    @property
    def name(self) -> str:
        """The name of a file without its folder, the address of a page, or a resource with its server, on one line."""
        return shorten(self.path if self.is_remote else os.path.basename(self.path), 200)


class AttachmentsLine(StyledLines):
    """A row for each file with its name, size, tokens and error."""

    DEFAULT_CSS = "AttachmentsLine { width: 1fr; height: 1; background: $panel; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[tuple[Span, Span]] = ()

    def show(
        self, going: Sequence[PendingAttachment], *, no_images: bool, awaited: Sequence[PendingAttachment] = ()
    ) -> None:
        """Show these files; `no_images`: the model that would be asked takes none; `awaited`: those that a question,
        which was sent, still waits for."""
        shown = [*awaited, *going]
        rest = shown[ROWS - 1 :] if len(shown) > ROWS else []
        rows = [row for one in shown[: len(shown) - len(rest)] for row in _rows(one, no_images, one in awaited)]
        if rest:
            tokens = formatting.tokens(sum(one.tokens for one in rest), True)
            rows.append((Span(f"and {len(rest)} more", "dim"), Span(f"{tokens} tokens", "dim")))
        self._rows = rows
        self.styles.height = len(rows)
        self.display = True
        self.redraw()

    def lines(self, width: int) -> Sequence[Line]:
        """A line a row."""
        return [apart(left, right, width) for left, right in self._rows]


def _rows(going: PendingAttachment, no_images: bool, is_awaited: bool) -> list[tuple[Span, Span]]:
    name, (about, role) = f"+ {going.name}", _about(going, no_images, is_awaited)
    page = going.page
    if going.is_remote and going.error is not None and not is_awaited:
        # The error names the host or the server.
        return [(Span(f"+ {about}", role), Span(""))]
    if page is None:
        return [(Span(name, role if role in ("error", "warning") else "accent"), Span(about, role))]
    if page.title:
        name = f"+ {page.title} · {host_of(page.address)}"
    warnings = [(Span(f"  {', '.join(page.warnings)}", "warning"), Span(""))] if page.warnings else []
    return [(Span(name, role if role == "warning" else "accent"), Span(about, role)), *warnings]


def _about(going: PendingAttachment, no_images: bool, is_awaited: bool) -> tuple[str, str]:
    """Return what is known of a file, and the role of that text."""
    if is_awaited:
        return "fetching · Esc takes your message back", "accent"
    if going.error is not None:
        return going.error.title, "error"
    if going.file is None:
        return ("fetching…" if going.is_remote else "reading…") if going.is_reading else "not fetched", "dim"
    if going.file.is_image and no_images:
        return "the model does not accept images", "warning"
    date = going.page.date if going.page is not None else ""
    size = byte_size(going.stamp[0] if going.stamp else 0)
    return " · ".join(filter(None, [date, size, f"{formatting.tokens(going.tokens, True)} tokens"])), "dim"
