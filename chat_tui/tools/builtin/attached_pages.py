"""Web pages as attachments of a question: their text, an image, or the text of a PDF."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from chat_tui.core.attachments.attached_page import AttachedPage, host_of, page_warnings
from chat_tui.core.attachments.attachment import TEXT_LIMIT, Attachment, of_bytes
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.text.excerpts import shorten
from chat_tui.tools.builtin.page_reader import PageReader, PageRefused, WebPage

_SPARSE = 200
"""Characters; a page with scripts and less text than that probably gets its text from them."""
_NAME_CHARACTERS = 200
_NOTHING_SENT = "Nothing was sent. Remove it, or copy its text from a browser."


class AttachedPages:
    """Fetches pages that a person attaches. It implements `PageSource`."""

    def __init__(self, reader: PageReader | None = None, *, today: Callable[[], date] = date.today) -> None:
        self._reader, self._today = reader or PageReader(), today

    async def fetch(self, address: str) -> AttachedPage:
        """Fetch a page. Raises `AttachmentRefused`; a cancel ends the fetch."""
        try:
            page = await self._reader.read(address, most_bytes=TEXT_LIMIT, takes_files=True)
        except PageRefused as refused:
            raise AttachmentRefused(f"{_host(address)}: {refused}", _NOTHING_SENT) from None
        if page.content:
            file = of_bytes(page.title or _host(page.address), page.content)
            return AttachedPage(file, page.title, page.address, warnings=self._warnings(address, page, file))
        if page.is_cut:
            raise AttachmentRefused(
                f"{_host(address)}: the page is larger than {TEXT_LIMIT // 1_000_000} MB, the limit for a text.",
                _NOTHING_SENT,
            )
        if not page.text.strip():
            why = ": it needs a browser that runs scripts" if page.has_scripts else ""
            raise AttachmentRefused(f"{_host(address)}: the page has no text{why}.", _NOTHING_SENT)
        file = of_bytes(shorten(page.address, _NAME_CHARACTERS), self._content(page))
        return AttachedPage(file, page.title, page.address, page.date, self._warnings(address, page, file))

    def _content(self, page: WebPage) -> bytes:
        """Return the text below its title, address and dates, so that the model and later readers know them."""
        dates = f"Fetched on {self._today().isoformat()}" + (f"; the page is from {page.date}" if page.date else "")
        heading = [f"Title: {page.title}" if page.title else "", f"Address: {page.address}", f"{dates}."]
        return ("\n".join(filter(None, heading)) + f"\n\n{page.text}\n").encode("utf-8", "replace")

    def _warnings(self, asked: str, page: WebPage, file: Attachment) -> tuple[str, ...]:
        found = AttachedPage(file, page.title, page.address, page.date)
        is_sparse = not page.content and page.has_scripts and len(page.text) < _SPARSE
        return page_warnings(asked, found, self._today(), is_sparse=is_sparse)


def _host(address: str) -> str:
    return shorten(host_of(address), 100)
