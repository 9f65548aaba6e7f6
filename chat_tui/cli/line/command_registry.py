"""The registry of the commands of line mode. Their names and help are in the table that faces share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from chat_tui.cli.line.line_chat import LineChat
from chat_tui.cli.line.word_completion import WordCompletion
from chat_tui.config.commands.command_table import COMMANDS
from chat_tui.config.commands.slash_command import SlashCommand

Handler: TypeAlias = Callable[[LineChat, str], Awaitable[None]]
"""Carries a command out, with the text of its argument. Raises `ChatTuiError`."""
ArgumentCompletion: TypeAlias = Callable[[LineChat, str], Sequence[WordCompletion]]
"""Completes what is typed of an argument."""


class LineCommand(NamedTuple):
    """A slash command with what carries it out."""

    row: SlashCommand
    run: Handler
    complete: ArgumentCompletion | None = None


_COMMANDS: dict[str, LineCommand] = {}


def line_command(name: str, complete: ArgumentCompletion | None = None) -> Callable[[Handler], Handler]:
    """Register the function below for the command with this name of the table that all faces share."""

    def register(handler: Handler) -> Handler:
        _COMMANDS[name] = LineCommand(COMMANDS[name], handler, complete)
        return handler

    return register


def list_commands() -> Mapping[str, LineCommand]:
    """Return the commands that have been registered, by their names."""
    return _COMMANDS


def find(name: str) -> LineCommand | None:
    """Return the command with this name or alias."""
    return next((each for each in _COMMANDS.values() if name in each.row.names), None)
