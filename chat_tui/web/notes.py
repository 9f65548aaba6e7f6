"""What is said to whoever started the server: on stderr, cleaned, and whether or not somebody reads it."""

from __future__ import annotations

import sys

from chat_tui.errors import ChatTuiError
from chat_tui.text_safety import clean


def note(text: str) -> None:
    """Write words to stderr, without anything that a terminal would obey."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(clean(text))
        sys.stderr.flush()
    except (OSError, ValueError):
        # Nobody can be told.
        return


def tell(error: ChatTuiError) -> None:
    """Say what went wrong and what to do next."""
    note(f"chat-tui: {error.title}\n" + (f"          {error.hint}\n" if error.hint else ""))
