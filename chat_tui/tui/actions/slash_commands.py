"""The registry of slash commands: what carries out the actions of the table that have one.

The decorators in `tui/chat/commands/actions.py` register the commands. The screen imports them with the first slash.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec

from chat_tui.config.commands.unknown_command import unknown_command
from chat_tui.core.errors import CommandError
from chat_tui.core.models import ModelStatus
from chat_tui.core.text.excerpts import shorten
from chat_tui.tui.actions.action import Action
from chat_tui.tui.actions.table import TABLE

if TYPE_CHECKING:
    from chat_tui.core.settings.preset import Preset

Handler: TypeAlias = Callable[[Any, str], Awaitable[None]]
"""Carries a command out on the screen it is given, with the text of its argument."""
HandlerT = TypeVar("HandlerT", bound=Handler)
CompletionRow: TypeAlias = tuple[str, str]
"""A completed text, and what it is."""


class CompletionSources(msgspec.Struct):
    """The choices for arguments; each function is called when its choices are needed."""

    models: Callable[[], Sequence[ModelStatus]]
    strategies: Callable[[], Sequence[str]]
    themes: Callable[[], Sequence[str]]
    titles: Callable[[], Sequence[str]]
    presets: Callable[[], Sequence[Preset]]
    used: Callable[[], Mapping[str, int]] = dict
    """How often each action was used, by its id."""


ArgumentCompletion: TypeAlias = Callable[[str, CompletionSources], Sequence[CompletionRow]]
"""Gives whole arguments for the beginning of one, best first."""


class Command(msgspec.Struct, frozen=True):
    """One slash command: an action of the table with what carries it out."""

    action: Action
    handler: Handler
    complete: ArgumentCompletion | None = None
    takes_path: bool = False
    """The argument begins with a file's path."""
    needs_engine: bool = True
    """It waits until the engine is open."""

    @property
    def name(self) -> str:
        """What follows the slash."""
        return self.action.command

    @property
    def names(self) -> tuple[str, ...]:
        """The name and its aliases."""
        return (self.name, *self.action.aliases)


_COMMANDS: dict[str, Command] = {}


def command(
    name: str, *, complete: ArgumentCompletion | None = None, takes_path: bool = False, needs_engine: bool = True
) -> Callable[[HandlerT], HandlerT]:
    """Register the function below for the action with this slash command; the others are the fields of `Command`."""

    def register(handler: HandlerT) -> HandlerT:
        action = next((row for row in TABLE if row.command == name), None)
        if action is None:
            raise ValueError(f"/{name} is in no row of the table of actions")
        added = Command(action, handler, complete, takes_path, needs_engine)
        taken = [known for known in added.names if find(known) is not None]
        if taken:
            raise ValueError(f"/{taken[0]} is registered twice")
        _COMMANDS[name] = added
        return handler

    return register


def commands() -> Sequence[Command]:
    """All commands, in the order in which they are listed."""
    return tuple(_COMMANDS.values())


def find(name: str) -> Command | None:
    """The command with this name or alias."""
    return _COMMANDS.get(name) or next((known for known in commands() if name in known.action.aliases), None)


class CommandCall(msgspec.Struct, frozen=True):
    """A command as it was typed."""

    name: str
    argument: str = ""


def parse(text: str, presets: Collection[str] = ()) -> CommandCall | str:
    """A typed text as the command it calls, or as the words to be sent (`//` stands for a literal slash). The name of
    a preset is a command that uses it, unless a command has that name.

    Raises `CommandError` for a command that is not there.
    """
    stripped = text.strip()
    if not stripped.startswith("/"):
        return text
    if stripped.startswith("//"):
        return stripped[1:]
    words = stripped[1:].split(maxsplit=1)
    name = words[0].casefold() if words else ""
    argument = words[1].strip() if len(words) > 1 else ""
    if (found := find(name)) is not None:
        return CommandCall(found.name, argument)
    if name and name in presets:
        return CommandCall("preset", f"{name} {argument}".rstrip())
    raise unknown_command(name, [name for known in commands() for name in known.names])


def completions(text: str, sources: CompletionSources) -> Sequence[CompletionRow]:
    """(the prompt's text after it is taken, help) for what is typed so far, best first."""
    if not text.startswith("/") or text.startswith("//"):
        return ()
    name, space, typed = text[1:].partition(" ")
    if not space:
        return _names_like(name.casefold(), sources)
    found = find(name)
    if found is None:
        return _preset_values(name, typed, sources)
    if found.complete is None:
        return ()
    return [(f"/{name} {whole}", help) for whole, help in found.complete(typed, sources)]


def _preset_values(name: str, typed: str, sources: CompletionSources) -> list[CompletionRow]:
    """What may follow the name of a preset that is written as a command."""
    preset = find("preset")
    if preset is None or preset.complete is None:
        return []
    return [(f"/{whole}", help) for whole, help in preset.complete(f"{name.casefold()} {typed}", sources)]


_USUAL = ("clear", "model", "retry", "edit", "attach", "copy", "history", "system", "preset", "help")
"""The first ones as long as none was used."""


def _names_like(typed: str, sources: CompletionSources) -> list[CompletionRow]:
    """The commands and presets that fit what is typed: by how they fit, then the most used first."""
    used = sources.used()
    rows = []
    for known in commands():
        if (fit := _fit(typed, known)) is not None:
            usual = _USUAL.index(known.name) if known.name in _USUAL and not typed else len(_USUAL)
            # Enter runs a name that is typed in full, and does not write another name of the same first.
            name = typed if typed in known.names else known.name
            whole = f"/{name} " if known.action.argument else f"/{name}"
            rows.append((fit, -used.get(known.action.id, 0), usual, (whole, known.action.name)))
    for preset in sources.presets():
        if preset.name.startswith(typed) and find(preset.name) is None:
            rows.append((0, 0, len(_USUAL), (f"/{preset.name} ", f"Preset: {preset.description}")))
    return [row for *_, row in sorted(rows, key=lambda row: row[:3])]


def _fit(typed: str, known: Command) -> int | None:
    """-1: it is one of its names; 0: its name begins so; 1: another of its names; 2: its name has it somewhere."""
    if typed in known.names:
        return -1
    if known.name.startswith(typed):
        return 0
    if any(name.startswith(typed) for name in known.action.aliases):
        return 1
    return 2 if typed in known.name else None


def argument(text: str) -> Sequence[str]:
    """Describe the argument of the command that is being written, such as `FILE · attach a file …`, at most in full
    and at least by the action's name; empty if it takes none."""
    name = text[1:].partition(" ")[0].casefold() if text.startswith("/") and " " in text else ""
    found = find(name)
    if found is None or not found.action.argument:
        return ()
    action = found.action
    helps = (action.description, action.description.partition(";")[0], action.name)
    return [f"{action.argument} · {help}" for help in helps]


def before_path(text: str) -> str:
    """The part of a command line before the path that its command takes, such as `/attach `; empty for other texts."""
    name, space, _ = text[1:].partition(" ")
    found = find(name) if space and text.startswith("/") else None
    return f"/{name} " if found is not None and found.takes_path else ""


def chosen_model(name: str, known: Sequence[str]) -> str:
    """The model that a name means: a known one, or any of a server's that may know more than it lists.

    Raises `CommandError`.
    """
    provider, slash, id = name.partition("/")
    servers = {model.partition("/")[0] for model in known} - {"local", "scripted"}
    if name in known or (slash and id and provider in servers):
        return name
    near = get_close_matches(name, known, n=3, cutoff=0.3) or list(known[:4])
    raise CommandError(f"Unknown model: {shorten(name, 80)}.", f"Did you mean {', '.join(near)}? /model lists all.")


def chosen_strategy(name: str, known: Sequence[str]) -> str:
    """The strategy that a name means. Raises `CommandError`."""
    if name.casefold() in known:
        return name.casefold()
    raise CommandError(f"Unknown strategy: {shorten(name, 60)}.", f"There are: {', '.join(known)}.")
