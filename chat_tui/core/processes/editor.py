"""The user's own editor."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Mapping, Sequence

from chat_tui.core.errors import CommandError
from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import ChildCommand
from chat_tui.core.text.excerpts import shorten

_FOUND_BY_THEMSELVES = ("sensible-editor", "nano", "vim", "vi")


def editor_of(environment: Mapping[str, str], kept: str = "") -> Sequence[str]:
    """The editor's command: `$VISUAL`, `$EDITOR`, else one that is there.

    Raises `CommandError`, whose hint ends with `kept`.
    """
    for name in ("VISUAL", "EDITOR"):
        said = environment.get(name, "").strip()
        if not said:
            continue
        try:
            words = shlex.split(said)
        except ValueError:
            raise CommandError(
                f"${name} cannot be parsed: a quote is not closed.", f"Close the quote. {kept}".strip()
            ) from None
        if child_process.find_program(words[0], environment) is None:
            hint = f"Set ${name} to the name of a program on $PATH, or to its full path. {kept}"
            raise CommandError(f"The editor {shorten(words[0], 60)} was not found.", hint.strip())
        return words
    for name in _FOUND_BY_THEMSELVES:
        if child_process.find_program(name, environment) is not None:
            return [name]
    raise CommandError("No editor was found.", f"Set $EDITOR, such as EDITOR=nano. {kept}".strip())


async def run_editor(command: Sequence[str]) -> int:
    """Run the editor, which has the terminal, until it ends; returns its exit code."""
    found = child_process.find_program(command[0], os.environ) or command[0]
    child = await child_process.start(
        ChildCommand((found, *command[1:]), dict(os.environ)), stdin=None, stdout=None, stderr=None
    )
    # Ctrl-C is the editor's.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
    return await child.wait()
