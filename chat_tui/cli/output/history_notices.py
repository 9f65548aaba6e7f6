"""Notices of commands about the history, on stderr."""

from __future__ import annotations

from chat_tui.core.processes.console import write_error


def report_migration() -> None:
    """Say on stderr that opening takes seconds because an older history is being updated."""
    write_error("chat-tui: Updating the history to the new format; this happens once.\n")


def report_recovery(part: float) -> None:
    """Say on stderr how far the recovery of a damaged history is, from 0 to 1."""
    write_error(f"chat-tui: The history is damaged. Recovering it: {part:.0%}\n")
