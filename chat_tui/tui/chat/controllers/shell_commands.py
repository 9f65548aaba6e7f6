"""Runs a command that the user has typed behind `!`, and puts its output into the prompt."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping, Sequence

from chat_tui.core.processes.shell import OUTPUT_BYTES, SECONDS, ShellOutput, run_shell
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.chat.conversation.session import ConversationVisit
from chat_tui.tui.chat.conversation.view import ChatView
from chat_tui.tui.widgets.styled_lines import Line, Span, StyledLines, apart

_TICKS = re.compile("`{3,}")
_ENDINGS = {
    "stopped": "stopped",
    "too long": f"stopped after {SECONDS / 60:.0f} minutes",
    "too much": f"stopped: these are the first {OUTPUT_BYTES // 1000} kB",
}


class ShellLine(StyledLines):
    """The line above the prompt while a command runs."""

    DEFAULT_CSS = "ShellLine { width: 1fr; height: 1; background: $panel; padding: 0 1; }"

    def __init__(self, command: str) -> None:
        super().__init__()
        self._command, self._began = command, time.monotonic()

    def on_mount(self) -> None:
        self.set_interval(1.0, self.redraw)

    def lines(self, width: int) -> Sequence[Line]:
        """Return the command, and how long it has been running."""
        seconds = int(time.monotonic() - self._began)
        running = f"running {seconds} s · Esc stops it" if seconds else "running · Esc stops it"
        return [apart(Span(f"$ {self._command}", "accent"), Span(running, "dim"), width)]


class ShellCommands:
    """Runs one command at a time, in the folder that chat-tui was started in."""

    def __init__(self, chat: ChatView, environment: Mapping[str, str] = os.environ) -> None:
        self._chat, self._environment = chat, environment
        self._stop: asyncio.Event | None = None
        """Set to stop the command; None: none is running."""

    def run(self, command: str) -> bool:
        """Begin to run a command; returns False if one is running."""
        if self._stop is not None:
            self._chat.host.say("A command is still running", "Esc stops it.")
            return False
        self._stop = stop = asyncio.Event()
        self._chat.run_worker(self._run(command, self._chat.session.visit, stop), group="shell")
        return True

    def stop(self) -> bool:
        """Stop the command; returns False if none is running."""
        if self._stop is None:
            return False
        self._stop.set()
        return True

    async def _run(self, command: str, visit: ConversationVisit, stop: asyncio.Event) -> None:
        line = ShellLine(shorten(command, 300))
        await self._chat.mount(line, before=self._chat.prompt)
        try:
            output = await run_shell(command, os.getcwd(), self._environment, stop)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it contains characters that no command can have"
            self._chat.host.say("The command cannot be run", f"{reason}.", long=True)
        else:
            await self._insert(command, output, visit)
        finally:
            self._stop = None
            await line.remove()

    async def _insert(self, command: str, output: ShellOutput, visit: ConversationVisit) -> None:
        """Put the output before what is in the prompt, or into the unsent text of the conversation that is no longer in
        view."""
        chat, text = self._chat, describe_output(command, output)
        if visit is not chat.session.visit:
            await chat.waiting.give_back(visit, text)
            chat.host.say(f"Finished: {shorten(command, 60)}", "Its output is in the prompt of that conversation.")
            return
        prompt = chat.prompt
        prompt.move_cursor((0, 0))
        prompt.paste(f"{text}\n")
        prompt.move_cursor(prompt.document.end)


def describe_output(command: str, output: ShellOutput) -> str:
    """Return a command with its output in a fence that it cannot close, and how it ended."""
    ending = _ENDINGS.get(output.ended, f"exit code {output.code}" if output.code else "")
    title = f"$ {command.strip()}" + (f"  [{ending}]" if ending else "")
    if not output.text.strip():
        return f"{title}\n[no output]"
    fence = "`" * (max((len(ticks) for ticks in _TICKS.findall(output.text)), default=2) + 1)
    return f"{title}\n{fence}\n{output.text}\n{fence}"
