"""What the reader of pages and its child tell each other, as JSON."""

from __future__ import annotations

import msgspec

WORKER = "chat_tui.tools.builtin.page_worker"
"""The module of the child process."""


class PageRequest(msgspec.Struct, frozen=True):
    """A page to fetch."""

    url: str
    ip: str
    """The address to connect to."""
    port: int
    seconds: float
    """Time limit of each wait."""
    agent: str
    takes_files: bool = False
    """Whether images are sent back as they are, and PDFs as text."""


class PageReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of it."""

    status: int = 0
    location: str = ""
    """Where a redirect leads to."""
    title: str = ""
    text: str = ""
    is_cut: bool = False
    """Whether the page is longer than what was read."""
    content: bytes = b""
    """An image as it is; the text is empty then."""
    size_bytes: int = 0
    """Bytes read of the page, its markup included."""
    date: str = ""
    """When the page says it was changed or published, such as `2026-05-03`."""
    has_scripts: bool = False
    """Whether scripts may write text into the page that is not in it."""
    problem: str = ""
    """Why there is no text."""
