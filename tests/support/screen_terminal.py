"""`chat-tui` at a pseudo terminal, for tests of what it does there and not of how it starts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.forked_program import can_fork_screen, start_forked_screen
from tests.support.pty_terminal import PtyTerminal, TerminalProcess, start_at_terminal

PROGRAM = (sys.executable, "-m", "chat_tui")


def screen_terminal(command: Sequence[str], **options: Any) -> PtyTerminal:
    """A terminal with this command, which begins with `PROGRAM`. Where that makes no difference it runs in a fork of a
    process that has imported the screen: that is most of the time that it takes to start."""
    return PtyTerminal(command, start=_start, **options)


def _start(command: Sequence[str], terminal: int, env: Mapping[str, str], folder: Path | None) -> TerminalProcess:
    begin = tuple(command[: len(PROGRAM)])
    if begin == PROGRAM and can_fork_screen(env):
        return start_forked_screen(command[len(PROGRAM) :], terminal, env, folder)
    return start_at_terminal(command, terminal, env, folder)
