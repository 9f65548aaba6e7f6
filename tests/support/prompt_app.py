"""A small app around the prompt, driven by keys."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Static

from chat_tui.tui.prompt.completion import CompletionItem, CompletionList
from chat_tui.tui.prompt.prompt import Prompt

COMMANDS = ("/clear", "/exit", "/help", "/history", "/model ", "/models", "/strategy", "/system")


def complete(text: str) -> Sequence[CompletionItem]:
    return [CompletionItem(name, f"does {name}") for name in COMMANDS if name.startswith(text)]


class PromptApp(App[None]):
    CSS = "#room { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.completions = CompletionList()
        self.prompt = Prompt(complete, self.completions)
        self.asked: list[str] = []
        self.edited: list[tuple[str, float]] = []
        self.bubbled: list[str] = []
        self.copied: list[str] = []
        self.bells = self.quit_helps = 0

    def compose(self) -> ComposeResult:
        yield Static(id="room")
        yield Input(id="other")
        yield self.completions
        yield self.prompt

    def on_mount(self) -> None:
        self.prompt.focus()

    def on_prompt_asked(self, event: Prompt.Asked) -> None:
        self.asked.append(event.text)

    def on_prompt_edited(self, event: Prompt.Edited) -> None:
        self.edited.append((event.text, time.monotonic()))

    def on_key(self, event: events.Key) -> None:
        self.bubbled.append(event.key)

    def action_note_bell(self) -> None:
        self.bells += 1

    def action_help_quit(self) -> None:
        self.quit_helps += 1

    def copy_to_clipboard(self, text: str) -> None:
        super().copy_to_clipboard(text)
        self.copied.append(text)


def app_of(pilot: Pilot[None]) -> PromptApp:
    app = pilot.app
    assert isinstance(app, PromptApp)
    return app


def prompt_of(pilot: Pilot[None]) -> Prompt:
    return pilot.app.query_one(Prompt)


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Send all keys in one burst, as a slow connection does, and wait until they have acted."""
    for key in keys:
        pilot.app.post_message(events.Key(key, {"space": " "}.get(key, key if len(key) == 1 else None)))
    await pilot.pause()


async def paste(pilot: Pilot[None], text: str) -> None:
    prompt_of(pilot).post_message(events.Paste(text))
    await pilot.pause()
