"""One action of the screen: its name, the words that find it, its keys and its slash command."""

from __future__ import annotations

from typing import Literal

import msgspec

from chat_tui.config.commands.command_table import COMMANDS

Where = Literal[
    "everywhere",
    "prompt",
    "transcript",
    "selection",
    "find bar",
    "lists",
    "history list",
    "screens",
    "texts",
    "comparison",
    "context",
    "side by side",
    "choice",
    "model list",
]
"""Lists are in the screens too. Screens are what stands over the chat, texts those of them that are only read."""

DIGITS = {"1–9": "123456789", "1–4": "1234"}
"""Rows of digits, as they are written, and their keys."""


class Action(msgspec.Struct, frozen=True):
    """One row of the table of actions."""

    id: str
    """`noun.verb`; what `[keys]` in the config rebinds."""
    name: str
    """Two to five words: how the palette and the list of commands call it."""
    keys: str = ""
    """As Textual writes them, with commas between. Empty: it has none unless `[keys]` gives it some."""
    run: str = ""
    """Textual's action. Empty: its slash command; keys that are fixed have neither."""
    where: Where = "everywhere"
    help: str = ""
    """One line about it. Empty: the name says it."""
    label: str = ""
    """A short word for the footer."""
    words: str = ""
    """Other words that people look for it by, with commas between."""
    slash: str = ""
    """Its slash command, then other names of that, with commas between. Commands that line mode has, too, are rows of
    `config/commands/command_table.py`: `command_action` makes their actions."""
    argument: str = ""
    """What may follow the slash command, as the help shows it."""
    asks: bool = False
    """The palette and a key put the slash command into the prompt, for its argument."""
    grave: bool = False
    """It ends, deletes or discards something: only its own words find it."""
    inner: bool = False
    """The transcript or the list itself handles it, not what stands around it."""
    typed: str = ""
    """What is written in the prompt for it, such as `!command`, where it has neither key nor slash command."""
    fixed: str = ""
    """Why the keys cannot be others, as the end of a sentence; empty: they can."""

    @property
    def action(self) -> str:
        """What a key runs, as Textual writes it; empty for keys that are fixed."""
        if self.run or not self.slash:
            return self.run
        return f"begin('/{self.command} ')" if self.asks else f"command('{self.command}')"

    @property
    def description(self) -> str:
        """What it does, in one line that begins with a small letter."""
        return self.help or self.name[:1].lower() + self.name[1:]

    @property
    def command(self) -> str:
        """The name of its slash command; empty: it has none."""
        return self.slash.partition(",")[0]

    @property
    def aliases(self) -> tuple[str, ...]:
        """The other names of its slash command."""
        return split_words(self.slash)[1:]

    @property
    def usage(self) -> str:
        """What is written for it: the slash command with its argument, such as `/attach FILE`, or `typed`."""
        return f"/{self.command} {self.argument}".rstrip() if self.slash else self.typed


def command_action(
    command: str,
    id: str,
    name: str,
    keys: str = "",
    run: str = "",
    where: Where = "everywhere",
    *,
    label: str = "",
    words: str = "",
    asks: bool = False,
    grave: bool = False,
    inner: bool = False,
) -> Action:
    """Return the action of a slash command that is in the table of all faces; the others are the fields of `Action`."""
    row = COMMANDS[command]
    return Action(
        id,
        name,
        keys,
        run,
        where,
        help=row.help,
        label=label,
        words=words,
        slash=", ".join(row.names),
        argument=row.argument,
        asks=asks,
        grave=grave,
        inner=inner,
    )


def split_words(text: str) -> tuple[str, ...]:
    """Words as they are written in the table, with commas between."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
