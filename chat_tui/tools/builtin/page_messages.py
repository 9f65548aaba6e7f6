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


class PageReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of it."""

    status: int = 0
    location: str = ""
    """Where a redirect leads to."""
    title: str = ""
    text: str = ""
    is_cut: bool = False
    """Whether the page is longer than what was read."""
    problem: str = ""
    """Why there is no text."""
