"""What is said to whoever started the server: on stderr, cleaned, and whether or not somebody reads it."""

from __future__ import annotations

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes.console import write_error


def note(text: str) -> None:
    """Write words to stderr."""
    write_error(text)


def tell(error: ChatTuiError) -> None:
    """Say what went wrong and what to do next."""
    note(f"chat-tui: {error.title}\n" + (f"          {error.hint}\n" if error.hint else ""))
