"""Makes the completion script of a shell from the parser of the command line, by shtab."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import shtab

from chat_tui.cli.options.command_parser import CommandParser
from chat_tui.cli.parser import build_parser

_DYNAMIC = {
    "model": "models",
    "models": "models",
    "strategy": "strategies",
    "preset": "presets",
    "conversation": "conversations",
    "name": "conversations",
    "id": "conversations",
}
"""What the values of an argument are, by where the parser stores it."""
_OWN_NAMES = ("chat-tui models", "chat-tui tools", "chat-tui auth")
"""Commands whose `name` is no conversation."""
_FILES = {"attach", "prompts", "out", "file"}


def completion_script(shell: str) -> str:
    """Return the script for `bash`, `zsh`, `fish` or `powershell`."""
    parser = build_parser()
    for each in _parsers(parser):
        for action in each._actions:
            _set_values(each, action)
    script: str = shtab.complete(parser, shell=shell)
    return script


def _parsers(parser: CommandParser) -> Iterator[CommandParser]:
    """Yield a parser and those of its commands, with all their arguments."""
    commands = parser.commands()
    yield parser
    for each in commands.values():
        yield from _parsers(each)


def _set_values(parser: CommandParser, action: Any) -> None:
    """Set what completes the values of an argument, where that is known."""
    if isinstance(action, argparse._SubParsersAction) or action.choices or action.nargs == 0:
        return
    kind = _DYNAMIC.get(action.dest, "")
    if kind == "conversations" and parser.prog.startswith(_OWN_NAMES):
        kind = ""
    if kind:
        action.complete = shtab.cmd(f"chat-tui completion --values {kind} 2>/dev/null")
    elif action.dest in _FILES:
        action.complete = shtab.FILE
