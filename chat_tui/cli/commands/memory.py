"""`chat-tui memory`: what is remembered, as a file to read and to edit."""

from __future__ import annotations

import argparse
import asyncio
import os

from chat_tui.config import paths
from chat_tui.config.memory.memory_file import sent_text
from chat_tui.config.memory.user_memory import UserMemory
from chat_tui.core.errors import ConfigError
from chat_tui.core.files.writing import write
from chat_tui.core.processes import console
from chat_tui.core.processes.console import write_error
from chat_tui.core.processes.editor import editor_of, run_editor
from chat_tui.core.usage.token_estimate import estimate


def run(options: argparse.Namespace) -> int:
    """Run the action; returns the exit code. Raises `CommandError`, `ConfigError`."""
    memory = UserMemory(paths.memory_file())
    return _edit(memory) if options.action == "edit" else _show(memory)


def _show(memory: UserMemory) -> int:
    text = sent_text(memory.read())
    if text:
        console.write_output(f"{text}\n")
    else:
        write_error("Nothing is remembered yet. `/remember` in a conversation adds a line.\n")
    return 0


def _edit(memory: UserMemory) -> int:
    editor = editor_of(os.environ)
    file = memory.file
    if not file.exists():
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write(file, "")
        except OSError as error:
            raise ConfigError(f"{file} cannot be created: {error.strerror}.", "Nothing was changed.") from error
    if code := asyncio.run(run_editor([*editor, str(file)])):
        write_error(f"chat-tui: the editor ended with code {code}.\n")
        return 1
    tokens = estimate(sent_text(memory.read()))
    console.write_output(f"{file} can be used; it is about {tokens:,} tokens.\n")
    return 0
