"""The error for a mistyped slash command."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from chat_tui.core.errors import CommandError
from chat_tui.core.text.excerpts import shorten


def unknown_command(name: str, known: Sequence[str]) -> CommandError:
    """Return the error for a name that no command has; it names those of `known` that are near."""
    return CommandError(f"Unknown command /{shorten(name, 40)}; nothing was sent.", _near(name, known))


def _near(name: str, known: Sequence[str]) -> str:
    begun = [each for each in known if name and each.startswith(name)]
    near = (
        begun
        or get_close_matches(name, known, n=3, cutoff=0.5)
        or [each for each in known if name and each.startswith(name[0])]
    )
    hint = f"Did you mean {' or '.join(f'/{word}' for word in near)}?" if near else "See /help."
    return f"{hint} To send text that starts with a slash, type two: //{shorten(name, 40)}"
