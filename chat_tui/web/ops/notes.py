"""Notices of the server on stderr."""

from __future__ import annotations

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes.console import write_error


def note(text: str) -> None:
    """Write a text to stderr, cleaned; does nothing if stderr is closed."""
    write_error(text)


def tell(error: ChatTuiError) -> None:
    """Write an error and what to do next to stderr."""
    note(f"chat-tui: {error.title}\n" + (f"          {error.hint}\n" if error.hint else ""))
