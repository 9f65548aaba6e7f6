"""What is said to people beside the answer, on stderr."""

from __future__ import annotations

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes.console import write_error


def told(error: ChatTuiError) -> int:
    """Say on stderr what went wrong; gives the exit code."""
    say(words_of(error))
    return 1


def words_of(error: ChatTuiError) -> str:
    """An error as it stands on stderr: what happened, and below it what to do next."""
    return f"chat-tui: {error.title}\n" + (f"          {error.hint}\n" if error.hint else "")


def say(text: str) -> None:
    """Write words to stderr, without anything that a terminal would obey; nobody need be there to read them."""
    write_error(text)


def say_updating() -> None:
    """Say why it takes seconds: an older history of many conversations is being brought up to date."""
    say("chat-tui: Updating the history to the new format; this happens once.\n")


def say_recovering(part: float) -> None:
    """Say how far the recovery of a damaged history is, from 0 to 1."""
    say(f"chat-tui: The history is damaged. Recovering it: {part:.0%}\n")
