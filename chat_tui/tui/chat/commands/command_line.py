"""Slash commands as the chat screen uses them. Importing this module registers all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chat_tui.config import presets
from chat_tui.core.errors import ChatTuiError, CommandError
from chat_tui.tui.actions import slash_commands
from chat_tui.tui.actions.slash_commands import CommandCall, CompletionSources
from chat_tui.tui.chat.commands import actions
from chat_tui.tui.chat.commands.context import CommandContext
from chat_tui.tui.chat.commands.server_prompt_actions import ServerPromptActions
from chat_tui.tui.prompt.completion import CompletionItem
from chat_tui.tui.theme.palette import theme_folders
from chat_tui.tui.widgets import ui_state
from chat_tui.tui.widgets.host import report_errors


class CommandLine:
    """Reads, completes and runs slash commands, typed or called by a key. `context` gives the parts that commands
    act on."""

    def __init__(self, context: CommandContext) -> None:
        self._context = context
        self._server_prompts = ServerPromptActions(context)

    def complete(self, text: str) -> list[CompletionItem]:
        """Return the completions of a text that begins with a slash, best first."""
        engine, history = self._context.engine.engine, self._context.panels.history
        sources = CompletionSources(
            models=lambda: engine.models.status() if engine is not None else (),
            strategies=lambda: engine.models.strategies() if engine is not None else (),
            themes=lambda: [path.stem for folder in theme_folders() for path in sorted(folder.glob("*.toml"))],
            titles=lambda: history.titles,
            presets=lambda: self._context.presets,
            used=lambda: self._context.host.kept.used,
        )
        found = slash_commands.completions(text, sources)
        rows = [CompletionItem(text=whole, help=self._help(whole, help)) for whole, help in found]
        return rows + self._server_prompts.complete(text)

    def _help(self, text: str, help: str) -> str:
        """Return the help beside a completion; for `/undo` it names the step that would be undone."""
        step = self._context.chat.undo.next_step if text.strip() == "/undo" else ""
        return step or help

    def argument(self, text: str) -> Sequence[str]:
        """Describe the argument of the command that is being written, the longest first; empty if it takes none."""
        return slash_commands.argument(text) or self._server_prompts.argument(text)

    def before_path(self, text: str) -> str:
        """Return the part of a text before the path that its command takes; empty for other texts."""
        return slash_commands.before_path(text)

    def begin(self, text: str) -> None:
        """Put a command into an empty prompt, so that its argument can be typed."""
        chat = self._context.chat
        if chat.prompt.text:
            chat.host.say("The prompt is not empty", f"Send or clear it, then type {text.strip()} and its argument.")
        else:
            # As after typing: completions are offered.
            chat.prompt.insert(text)
        chat.prompt.focus()

    async def run(self, call: CommandCall, typed: str) -> None:
        """Run a command. An error is shown, and the typed text returns to the prompt."""
        try:
            self._note_use(call)
            await actions.carry_out(call, self._context)
        except ChatTuiError as error:
            self._give_back(typed, error)

    def _note_use(self, call: CommandCall) -> None:
        host, called = self._context.host, slash_commands.find(call.name)
        if called is not None:
            host.keep(ui_state.with_use(host.kept, called.action.id))

    def send(self, text: str) -> str | None:
        """Start the command in a text; if there is none, return the text to be sent. Raises `CommandError`."""
        try:
            sent = self._parse(text)
        except CommandError:
            if self._server_prompts.takes(text):
                self._context.chat.screen.run_worker(self._insert_prompt(text), group="command")
                return None
            if self._context.presets:
                raise
            # The text may be the name of a preset; presets are read after the first paint.
            self._context.chat.screen.run_worker(self._run_preset(text), group="command")
            return None
        if isinstance(sent, str):
            return sent
        self._context.chat.screen.run_worker(self.run(sent, text), group="command")
        return None

    async def _insert_prompt(self, text: str) -> None:
        """Insert a prompt of a tool server. An error is shown, and the typed text returns to the prompt."""
        try:
            await self._server_prompts.insert(text)
        except ChatTuiError as error:
            self._give_back(text, error)

    def _give_back(self, typed: str, error: ChatTuiError) -> None:
        prompt = self._context.chat.prompt
        if not prompt.text:
            prompt.set_draft(typed)
        self._context.host.tell(error)

    def _parse(self, text: str) -> CommandCall | str:
        return slash_commands.parse(text, [preset.name for preset in self._context.presets])

    async def _run_preset(self, text: str) -> None:
        context = self._context
        context.presets = await asyncio.to_thread(lambda: presets.read_all(presets.folders())[0])
        try:
            call = self._parse(text)
        except CommandError as error:
            self._give_back(text, error)
        else:
            assert isinstance(call, CommandCall)
            await self.run(call, text)

    async def run_key(self, name: str, argument: str = "") -> None:
        """Run a command by its key or its row in the palette: at once, or when the engine opens if it needs the
        engine."""
        work = report_errors(self._context.host, actions.carry_out(CommandCall(name, argument), self._context))
        called = slash_commands.find(name)
        if called is not None and called.needs_engine:
            self._context.chat.screen.run_worker(work, group="command")
        else:
            # The next key may be meant for what this one has opened.
            await work
