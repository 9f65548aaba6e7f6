"""Paths as they are written in a text."""

from __future__ import annotations

from chat_tui.core.text.control_characters import clean_line

LONGEST_PATH = 4_096
"""Characters of a path; longer ones are not offered."""


def can_be_written(path: str) -> bool:
    """Return whether a path can be written as a mention in one line, and read back."""
    return bool(path) and '"' not in path and clean_line(path, LONGEST_PATH) == path
