"""Prompts of tool servers as slash commands: completed, and put into the prompt area, where a person reads and sends
them."""

from __future__ import annotations

from collections.abc import Sequence

from chat_tui.core.errors import CommandError
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.chat.commands.context import CommandContext
from chat_tui.tui.chat.tools.server_prompts import (
    argument_help,
    argument_values,
    completions,
    draft_text,
    prompt_commands,
    split_command,
)
from chat_tui.tui.prompt.completion import CompletionItem
from chat_tui.tui.widgets.delayed_calls import call_after

WAIT_SECONDS = 1.0
"""Time that a server may take before a notice says what is waited for."""


class ServerPromptActions:
    """Completes and carries out the commands `/server:prompt` of the servers that are on."""

    def __init__(self, context: CommandContext) -> None:
        self._context = context

    def complete(self, text: str) -> list[CompletionItem]:
        """Return the completions of a text that begins with a slash, for what the servers have listed until now."""
        if text.startswith("//"):
            return []
        contents = self._context.chat.server_contents
        found = completions(text, prompt_commands(contents.statuses()), contents.values)
        return [CompletionItem(text=whole, help=help) for whole, help in found]

    def argument(self, text: str) -> Sequence[str]:
        """Describe the arguments of the command that is being written, the longest first; empty if it takes none."""
        return argument_help(text, prompt_commands(self._context.chat.server_contents.statuses()))

    def takes(self, text: str) -> bool:
        """Whether a text calls a prompt of a server that is on. Raises `CommandError` if its server is off."""
        name, colon, _ = split_command(text)[0].partition(":")
        if not colon:
            return False
        if self._context.chat.server_contents.server_named(name):
            return True
        engine = self._context.engine.engine
        rows = engine.config.tools if engine is not None else ()
        if any(row.name.casefold() == name for row in rows):
            raise CommandError(f"The tool server {name} is off in this conversation.", "/tools switches it on.")
        return False

    async def insert(self, text: str) -> None:
        """Put the prompt that a text calls into the prompt area; it is never sent. Raises `ChatTuiError`."""
        chat, host = self._context.chat, self._context.host
        engine, visit = await self._context.engine.wait(), chat.session.visit
        word, typed = split_command(text)
        server = chat.server_contents.server_named(word.partition(":")[0])
        waited = f"Waiting for the tool server {server}", f"It is asked for /{shorten(word, 60)}"
        timer = call_after(chat, WAIT_SECONDS, lambda: host.say(*waited))
        try:
            commands = prompt_commands([await chat.server_contents.status(server)])
            if word not in commands:
                known = ", ".join(f"/{each}" for each in list(commands)[:5])
                raise CommandError(
                    f"{server} has no prompt {shorten(word.partition(':')[2], 60)}.",
                    f"It has: {shorten(known)}" if known else "It has none.",
                )
            command = commands[word]
            values = argument_values(command, typed)
            inserted = draft_text(await engine.tools.backend.get_prompt(server, command.prompt.name, values))
        finally:
            timer.cancel()
        if not inserted:
            raise CommandError(f"The prompt /{shorten(word, 60)} is empty.", "Its server sent no text.")
        if visit is not chat.session.visit:
            host.say(f"/{shorten(word, 60)} was not inserted", "Another conversation is in view.")
            return
        # What was typed meanwhile stays behind it.
        chat.prompt.move_cursor((0, 0))
        chat.prompt.paste(f"{inserted}\n\n" if chat.prompt.text else inserted, by_person=False)
        host.say(f"From {server}: {command.prompt.title or command.prompt.name}", "Enter sends it; read it before.")
