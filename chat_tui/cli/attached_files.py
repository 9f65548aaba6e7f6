"""What `--attach` names, and `@path` in a question: files of this machine, and web pages. Pages and lists of files are
described on standard error before they are sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import NamedTuple

from chat_tui.core.attachments.attached_page import AttachedPage, is_address
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.attachments.mentions import mentions, without_sentence_end
from chat_tui.core.attachments.referenced_files import (
    NothingMatched,
    ReferencedFiles,
    parse_reference,
    read_referenced,
)
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.files.hidden_names import is_hidden
from chat_tui.core.processes.console import write_error
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.usage.token_estimate import attachment_tokens
from chat_tui.engine.protocols import PageSource

_TITLE, _ADDRESS = 80, 200
_PATH_BEGINNINGS = ("/", "./", "../", "~/")
_FILE_NAME = lazy_pattern(r"/|\.[A-Za-z][A-Za-z0-9]{0,9}$")
"""What a word has that was probably meant as the name of a file."""


def read_attachments(names: Sequence[str], pages: PageSource | None = None) -> list[Attachment]:
    """Read the files and fetch the pages in this order. Blocks. Raises `AttachmentRefused`.

    Without `pages`, web pages are fetched as the engine does it. `-` is refused: only commands that answer one question
    read standard input as a whole.
    """
    if "-" in names:
        raise AttachmentRefused(
            "Standard input cannot be attached here.", "Pipe it into `ask`: cat FILE | chat-tui ask -a - QUESTION"
        )
    return [file for name in names for file in _read_one(name, pages)]


class NamedAttachments(NamedTuple):
    """The files and pages that a text names as `@path`."""

    files: Sequence[Attachment]
    missing: Sequence[str]
    """Names that look like those of files, and are of none: they are text."""


def read_named(text: str, pages: PageSource | None = None, *, is_typed: bool = True) -> NamedAttachments:
    """Read what a text names, with or without the end of a sentence behind it. Blocks. Raises `AttachmentRefused`.

    E-mail addresses and words such as `@everyone` name nothing. A text that was not typed in a prompt may hold words of
    others: hidden files and those that usually hold keys are refused in it, and so is what can only be a path, and is
    none.
    """
    files: list[Attachment] = []
    missing: list[str] = []
    for name in dict.fromkeys(mention.path for line in text.splitlines() for mention in mentions(line)):
        bare = without_sentence_end(name)
        path = next((path for path in (name, bare) if path and _is_there(path)), "")
        if path and not is_typed:
            _refuse_hidden(path)
        try:
            files += _read_one(path, pages) if path else ()
        except NothingMatched:
            path = ""
        if not path and not is_typed and name.startswith(_PATH_BEGINNINGS):
            raise AttachmentRefused(f"File not found: {bare}.", "Check its path; nothing was sent.")
        if not path and _FILE_NAME.search(bare):
            missing.append(bare)
    return NamedAttachments(files, missing)


def describe_attached(files: Sequence[Attachment]) -> str:
    """Return the names of attached files, and about how many tokens they are."""
    return f"attached: {', '.join(file.name for file in files)}, {_tokens(files)}"


def describe_missing(names: Sequence[str]) -> str:
    """Return that these names are of no file."""
    shown = ", ".join(f"@{shorten(name, _TITLE)}" for name in names)
    return f"{shown} {'names no file here: it is' if len(names) == 1 else 'name no files here: they are'} sent as text"


def _is_there(path: str) -> bool:
    if is_address(path):
        return True
    reference = parse_reference(_absolute(path))
    return reference.kind == "pattern" or os.path.exists(reference.path)


def _refuse_hidden(path: str) -> None:
    parts = [] if is_address(path) else path.split("/")
    if any(is_hidden(part) for part in parts if part not in (".", "..")):
        hint = "Use --attach if you mean it; nothing was sent."
        raise AttachmentRefused(f"@{shorten(path, _ADDRESS)} is hidden or usually holds keys.", hint)


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path)) + "/" * path.endswith("/")


def _read_one(name: str, pages: PageSource | None) -> Sequence[Attachment]:
    if is_address(name):
        return [_fetch(name, pages)]
    read = read_referenced(_absolute(name))
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
    return [size, _tokens(files)]


def _tokens(files: Sequence[Attachment]) -> str:
    return f"≈{sum(map(attachment_tokens, files)):,} tokens"
