"""The files and web pages that a message names as `@path`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chat_tui.cli.attached_files import describe_attached, describe_missing, read_named
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.processes.console import write_error


async def attach_named(text: str) -> Sequence[Attachment]:
    """Read what the text names, and say so; a name that is of no file is text. Raises `AttachmentRefused`."""
    named = await asyncio.to_thread(read_named, text)
    if named.files:
        write_error(f"[{describe_attached(named.files)}]\n")
    if named.missing:
        write_error(f"[{describe_missing(named.missing)}]\n")
    return named.files
