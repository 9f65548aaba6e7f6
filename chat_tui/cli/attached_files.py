"""What `--attach` names: files of this machine, and web pages. Pages and lists of files are described on standard error
before they are sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from chat_tui.core.attachments.attached_page import AttachedPage, is_address
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.attachments.referenced_files import ReferencedFiles, read_referenced
from chat_tui.core.processes.console import write_error
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.usage.token_estimate import attachment_tokens
from chat_tui.engine.protocols import PageSource

_TITLE, _ADDRESS = 80, 200


def read_attachments(names: Sequence[str], pages: PageSource | None = None) -> list[Attachment]:
    """Read the files and fetch the pages in this order. Blocks. Raises `AttachmentRefused`.

    Without `pages`, web pages are fetched as the engine does it.
    """
    return [file for name in names for file in _read_one(name, pages)]


def _read_one(name: str, pages: PageSource | None) -> Sequence[Attachment]:
    if is_address(name):
        return [_fetch(name, pages)]
    slash = "/" if name.endswith("/") else ""
    read = read_referenced(os.path.abspath(os.path.expanduser(name)) + slash)
    if len(read.files) > 1 or read.left_out:
        write_error(f"[{describe_files(name, read)}]\n")
    return read.files


def _fetch(address: str, pages: PageSource | None) -> Attachment:
    if pages is None:
        from chat_tui.bootstrap.web_pages import LatePages

        pages = LatePages()
    page = asyncio.run(pages.fetch(address))
    write_error(f"[{describe_page(page)}]\n")
    return page.file


def describe_page(page: AttachedPage) -> str:
    """Return what a page is, in one line: address, title, date, size, tokens and warnings."""
    title = shorten(page.title, _TITLE)
    parts = [shorten(page.address, _ADDRESS), title, page.date, *_sizes([page.file]), *page.warnings]
    return " · ".join(filter(None, parts))


def describe_files(name: str, read: ReferencedFiles) -> str:
    """Return what a list of files is, in one line: how many, size, tokens, and what is left out."""
    count = f"{len(read.files)} file{'s' * (len(read.files) != 1)}"
    return " · ".join(filter(None, [shorten(name, _ADDRESS), count, *_sizes(read.files), read.note]))


def _sizes(files: Sequence[Attachment]) -> list[str]:
    count = sum(file.size_bytes for file in files)
    size = f"{count} B" if count < 1000 else f"{count / 1000:,.1f} kB"
    return [size, f"≈{sum(map(attachment_tokens, files)):,} tokens"]
