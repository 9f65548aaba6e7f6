"""The files and web pages that a message names as `@path`."""

from __future__ import annotations

import asyncio
import os

from chat_tui.cli.attached_files import read_attachments
from chat_tui.core.attachments.attached_page import is_address
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.attachments.mentions import mentions
from chat_tui.core.attachments.referenced_files import parse_reference
from chat_tui.core.processes.console import write_error
from chat_tui.core.usage.token_estimate import attachment_tokens


async def attach_named(text: str) -> list[Attachment]:
    """Read what the text names, and say so; a name that is of no file is text. Raises `AttachmentRefused`."""
    named = dict.fromkeys(mention.path for line in text.splitlines() for mention in mentions(line))
    found = [path for path in named if await asyncio.to_thread(_is_there, path)]
    files = await asyncio.to_thread(read_attachments, found) if found else []
    if files:
        write_error(f"[{describe(files)}]\n")
    return files


def describe(files: list[Attachment]) -> str:
    """Return the names of attached files, and about how many tokens they are."""
    tokens = sum(map(attachment_tokens, files))
    return f"attached: {', '.join(file.name for file in files)}, ≈{tokens:,} tokens"


def _is_there(path: str) -> bool:
    if is_address(path):
        return True
    reference = parse_reference(os.path.abspath(os.path.expanduser(path)) + "/" * path.endswith("/"))
    return reference.kind == "pattern" or os.path.exists(reference.path)
