"""Whether the library for the system's keyring is installed; only a child process imports it."""

from __future__ import annotations

from importlib.util import find_spec

from chat_tui.core.processes.install_command import install_command

REQUIREMENT = "keyring>=24"
"""As in the extra `keyring` in pyproject.toml."""


def is_installed() -> bool:
    """Whether it is installed; imports nothing."""
    return find_spec("keyring") is not None


def missing_library() -> str:
    """Return the end of a sentence that says how to add it."""
    return f"{install_command(REQUIREMENT)} adds it"
