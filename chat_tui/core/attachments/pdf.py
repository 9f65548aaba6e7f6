"""Extracts the text of a PDF in a child process, with limits of time, memory and length."""

from __future__ import annotations

import msgspec

from chat_tui.core.attachments.pdf_worker import Extract
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.processes import child_process

PAGES = 500
"""Maximum number of pages that are read."""
SECONDS = 30.0
"""Time limit for all pages."""
_OTHER = "Save its text as a file, and attach that."


def text_of(name: str, content: bytes, most_characters: int, seconds: float = SECONDS) -> str:
    """Return the text of a PDF, each page below its number. Blocks. Raises `AttachmentRefused`.

    If not all pages are read, the first line says so.
    """
    command = child_process.python_command("chat_tui.core.attachments.pdf_worker", str(PAGES), str(most_characters))
    try:
        found = msgspec.json.decode(child_process.run(command, content, seconds=seconds).output, type=Extract)
    except TimeoutError:
        raise AttachmentRefused(f"Reading {name} took longer than {seconds:.0f} seconds.", _OTHER) from None
    except (OSError, msgspec.MsgspecError):
        raise AttachmentRefused(f"{name} cannot be read: the PDF is too large or too unusual.", _OTHER) from None
    if found.fault == "locked":
        raise AttachmentRefused(
            f"{name} is protected by a password.", "Save a copy without a password, and attach that."
        )
    if found.fault:
        raise AttachmentRefused(f"{name} cannot be read: the PDF is damaged.", _OTHER)
    if not found.text:
        raise AttachmentRefused(
            f"{name} contains no text: its pages are images.",
            "Attach the pages as images, with a model that accepts images.",
        )
    if found.taken < found.pages:
        return f"[The first {found.taken:,} of {found.pages:,} pages]\n\n{found.text}"
    return found.text
