"""Runs and completes what is typed in line mode. Importing this module registers all commands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chat_tui.cli.line import command_registry
from chat_tui.cli.line.commands import (
    answer_commands,
    conversation_commands,
    file_commands,
    general_commands,
    memory_commands,
    model_commands,
    setting_commands,
    summary_commands,
)
from chat_tui.cli.line.line_chat import LineChat
from chat_tui.cli.line.word_completion import WordCompletion, complete_argument, complete_mention
from chat_tui.config import presets
from chat_tui.config.commands.unknown_command import unknown_command

# Named, so that no import looks unused.
MODULES = (
    answer_commands,
    conversation_commands,
    file_commands,
    general_commands,
    memory_commands,
    model_commands,
    setting_commands,
    summary_commands,
)
"""The modules with the handlers."""


class LineCommands:
    """Runs and completes the commands of a chat."""

    def __init__(self, chat: LineChat) -> None:
        self._chat = chat

    async def run(self, text: str) -> None:
        """Run a command, as it was typed. The name of a preset is one, too. Raises `ChatTuiError`."""
        words = text[1:].split(maxsplit=1)
        name, argument = words[0].casefold() if words else "", words[1].strip() if len(words) > 1 else ""
        command = command_registry.find(name)
        if command is not None:
            await command.run(self._chat, argument)
        elif name and name in await asyncio.to_thread(presets.names, presets.folders()):
            await setting_commands.use_preset(self._chat, f"{name} {argument}".rstrip())
        else:
            known = [known for each in command_registry.list_commands().values() for known in each.row.names]
            raise unknown_command(name, known)

    def complete(self, text: str) -> Sequence[WordCompletion]:
        """Return the completions of the text before the cursor."""
        if not text.startswith("/") or text.startswith("//"):
            return complete_mention(text)
        name, space, argument = text[1:].partition(" ")
        if not space:
            names = [known for each in command_registry.list_commands().values() for known in each.row.names]
            found = [known for known in names if known.startswith(name.casefold())]
            return complete_argument(text, [f"/{known}" for known in found])
        command = command_registry.find(name.casefold())
        if command is None or command.complete is None:
            return ()
        return command.complete(self._chat, argument)
