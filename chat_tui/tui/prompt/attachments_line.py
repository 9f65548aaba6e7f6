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

PASTED = "<clipboard>"
"""Begins the path of an image that was pasted, before a hash of its content; the paths of files are absolute."""
ROWS = 4
"""Files that are listed; of more the last row tells how many."""


class PendingAttachment(msgspec.Struct):
    """A file, several files that one path names, a web page or a resource of a tool server, that is sent with the next
    question."""

    path: str
    """An absolute path, which may name a folder, a pattern, or lines of a file; the address of a web page;
    `server:uri`; or `PASTED` and a hash."""
    named: str = ""
    """How the text names it; empty: it does not."""
    files: Sequence[Attachment] = ()
    """Empty until it is read."""
    note: str = ""
    """What is odd about it, in a phrase."""
    page: AttachedPage | None = None
    """Where the file is a web page: what is known of it."""
    stamp: tuple[int, int] | None = None
    """Size and time of what was read."""
    size_bytes: int = 0
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
    def is_pasted(self) -> bool:
        """Whether it is an image from the clipboard, which is nowhere but here."""
        return self.path.startswith(PASTED)

    @property
    def is_remote(self) -> bool:
        """Whether it is fetched, as a web page or a resource, and not read again for each question."""
        return self.is_page or self.is_resource

    @property
    def name(self) -> str:
        """The name of a file or a folder without the folder that it is in, the address of a page, or a resource with
        its server, on one line."""
        if self.is_remote:
            return shorten(self.path, 200)
        if self.is_pasted:
            return self.files[0].name if self.files else "pasted image"
        slash = "/" if self.path.endswith("/") else ""
        return shorten(os.path.basename(self.path.rstrip("/")) + slash, 200)


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
    if going.is_remote and going.error is not None and not is_awaited:
        # The error names the host or the server.
        return [(Span(f"+ {about}", role), Span(""))]
    if going.page is not None and going.page.title:
        name = f"+ {going.page.title} · {host_of(going.page.address)}"
    elif len(going.files) > 1:
        name += f" · {len(going.files)} files"
    noted = [(Span(f"  {going.note}", "warning"), Span(""))] if going.note else []
    return [(Span(name, role if role in ("error", "warning") else "accent"), Span(about, role)), *noted]


def _about(going: PendingAttachment, no_images: bool, is_awaited: bool) -> tuple[str, str]:
    """Return what is known of a file, and the role of that text."""
    if is_awaited:
        return "fetching · Esc takes your message back", "accent"
    if going.error is not None:
        return going.error.title, "error"
    if not going.files:
        return ("fetching…" if going.is_remote else "reading…") if going.is_reading else "not fetched", "dim"
    if no_images and any(file.is_image for file in going.files):
        return "the model does not accept images", "warning"
    date = going.page.date if going.page is not None else ""
    parts = [date, byte_size(going.size_bytes), f"{formatting.tokens(going.tokens, True)} tokens"]
    return " · ".join(filter(None, parts)), "dim"
