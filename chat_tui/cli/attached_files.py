"""What `--attach` names: files of this machine, and web pages, which are described on stderr before they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from chat_tui.core.attachments.attached_page import AttachedPage, is_address
from chat_tui.core.attachments.attachment import Attachment, read
from chat_tui.core.processes.console import write_error
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.usage.token_estimate import attachment_tokens
from chat_tui.engine.protocols import PageSource

_TITLE, _ADDRESS = 80, 200


def read_attachments(names: Sequence[str], pages: PageSource | None = None) -> list[Attachment]:
    """Read the files and fetch the pages in this order. Blocks. Raises `AttachmentRefused`.

    Without `pages`, web pages are fetched as the engine does it.
    """
    return [_fetch(name, pages) if is_address(name) else read(Path(name).expanduser()) for name in names]


def _fetch(address: str, pages: PageSource | None) -> Attachment:
    if pages is None:
        from chat_tui.bootstrap.web_pages import LatePages

        pages = LatePages()
    page = asyncio.run(pages.fetch(address))
    write_error(f"[{describe_page(page)}]\n")
    return page.file


def describe_page(page: AttachedPage) -> str:
    """Return what a page is, in one line: address, title, date, size, tokens and warnings."""
    count = page.file.size_bytes
    size = f"{count} B" if count < 1000 else f"{count / 1000:,.1f} kB"
    tokens = f"≈{attachment_tokens(page.file):,} tokens"
    title = shorten(page.title, _TITLE)
    return " · ".join(filter(None, [shorten(page.address, _ADDRESS), title, page.date, size, tokens, *page.warnings]))
