"""Whether the SDK of the Model Context Protocol is installed; it is imported by the child process only."""

from __future__ import annotations

from importlib.util import find_spec

from chat_tui.core.processes import install_command as commands

REQUIREMENT = "mcp>=2.3,<3"
"""As in the extra `tools` in pyproject.toml."""


def is_installed() -> bool:
    """Whether tool servers can be used; imports nothing."""
    # Version 1 has only the first of the two.
    return find_spec("mcp") is not None and find_spec("mcp_types") is not None


def install_command() -> str:
    """Return the one command that installs it where this program runs."""
    return commands.install_command(REQUIREMENT)
