"""Prompts of tool servers as slash commands: `/server:prompt`, with the arguments of a preset (`city=Bonn lang=de`).

The colon is in no name of a server, a built-in command or a preset, so that a server can neither hide one of these nor
be confused with one; and resources are named in the same way, `@server:uri`. The parser of commands takes it as one
word. Blanks in the name of a prompt are written as `_`. Built-in commands and presets are looked up first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from chat_tui.core.errors import CommandError
from chat_tui.core.settings.preset import Preset, Variable, parse_values
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.tools import PromptMessage, ServerPrompt, ToolServerStatus
from chat_tui.tui.actions.slash_commands import CompletionRow
from chat_tui.tui.prompt.completion import MAX_NAME_CELLS

MOST_ROWS = 200
_BLANKS = re.compile(r"\s+")
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")
_ASSIGNMENT = lazy_pattern(r"(?:^|\s)([\w.-]{1,100})=")
_ROLES = {"user": "User", "assistant": "Assistant"}


class PromptCommand(NamedTuple):
    """A prompt as it is called."""

    word: str
    """`server:prompt` in lower case, without blanks."""
    server: str
    prompt: ServerPrompt

    @property
    def arguments(self) -> Mapping[str, str]:
        """The server's name of each argument, by the name that is typed."""
        return {_NOT_IN_NAMES.sub("_", each.name): each.name for each in self.prompt.arguments}

    def missing_names(self, values: Mapping[str, str]) -> Sequence[str]:
        """Return the names, as typed, of the required arguments that have no value among these."""
        needed = {each.name for each in self.prompt.arguments if each.is_required}
        return [typed for typed, name in self.arguments.items() if name in needed and not values.get(typed, "").strip()]


def prompt_commands(statuses: Sequence[ToolServerStatus]) -> Mapping[str, PromptCommand]:
    """Return the commands for the prompts of these servers, by their words; of several with one word the first."""
    found: dict[str, PromptCommand] = {}
    for status in statuses:
        for prompt in status.prompts:
            word = f"{status.name}:{_BLANKS.sub('_', prompt.name)}".casefold()
            found.setdefault(word, PromptCommand(word, status.name, prompt))
    return found


def split_command(text: str) -> tuple[str, str]:
    """Return the word behind the slash, in lower case, and what follows it."""
    word, _, typed = text.strip().removeprefix("/").partition(" ")
    return word.casefold(), typed.strip()


ValueCompletion: TypeAlias = Callable[[PromptCommand, str, Mapping[str, str]], Sequence[str]]
"""Gives the values that are known now for (a command, the server's name of an argument, all values that are typed)."""


def no_values(command: PromptCommand, argument: str, typed: Mapping[str, str]) -> Sequence[str]:
    """Complete no values."""
    return ()


def completions(
    text: str, commands: Mapping[str, PromptCommand], complete_value: ValueCompletion = no_values
) -> list[CompletionRow]:
    """Return (the prompt's text after it is taken, help) for the beginning of a command, best first; behind its name,
    the required arguments that are missing, and values."""
    word, blank, typed = text.removeprefix("/").partition(" ")
    word = word.casefold()
    if blank:
        return _argument_rows(text, commands[word], typed, complete_value) if word in commands else []
    first = [each for each in commands.values() if each.word.startswith(word)]
    rest = [each for each in commands.values() if word in each.word and not each.word.startswith(word)]
    return [(f"/{each.word} " if each.prompt.arguments else f"/{each.word}", _help(each)) for each in [*first, *rest]][
        :MOST_ROWS
    ]


def _help(command: PromptCommand) -> str:
    return command.prompt.description or command.prompt.title or f"a prompt of {command.server}"


def _argument_rows(
    text: str, command: PromptCommand, typed: str, complete_value: ValueCompletion
) -> list[CompletionRow]:
    before, begun = text[: text.rindex(" ") + 1], typed.rpartition(" ")[2]
    try:
        values = _typed_values(command, typed)
        # The word that is being typed may become a name.
        finished = _typed_values(command, typed.removesuffix(begun))
    except CommandError:
        return []
    helps = {each.name: each.description for each in command.prompt.arguments}
    rows = [
        _row(f"{before}{name}=", helps[command.arguments[name]])
        for name in command.missing_names(finished)
        if "=" not in begun and name.casefold().startswith(begun.casefold())
    ]
    assigned, sign, value = typed.rpartition("=")
    name = assigned.rpartition(" ")[2] if sign else next(iter(command.arguments), "")
    if name in command.arguments and (sign or (value.strip() and not rows)):
        argument, before = command.arguments[name], text.removesuffix(value)
        known = {command.arguments[each]: text for each, text in values.items() if each in command.arguments}
        found = complete_value(command, argument, {**known, argument: value})
        rows += [_row(f"{before}{each}", helps[argument]) for each in found if each != value]
    return rows[:MOST_ROWS]


def _row(whole: str, help: str) -> CompletionRow:
    # The end of a longer text would not be seen beside its help.
    return whole, help if len(whole) <= MAX_NAME_CELLS else ""


def argument_help(text: str, commands: Mapping[str, PromptCommand]) -> Sequence[str]:
    """Describe the arguments of the command that is being written, the longest description first; empty if there are
    none."""
    word, _ = split_command(text)
    command = commands.get(word) if " " in text else None
    if command is None or not command.prompt.arguments:
        return ()
    needed = command.missing_names({})
    names = " ".join(f"{name}=" if name in needed else f"[{name}=]" for name in command.arguments)
    return [f"{names} · {_help(command)}", names]


def argument_values(command: PromptCommand, typed: str) -> dict[str, str]:
    """Return the values of a prompt's arguments, by the server's names of them. Raises `CommandError`."""
    values = _typed_values(command, typed)
    known = " ".join(f"{name}=…" for name in command.arguments)
    if unknown := [name for name in values if name not in command.arguments]:
        raise CommandError(
            f"/{command.word} has no argument `{shorten(unknown[0], 40)}`; nothing was inserted.", f"It has: {known}"
        )
    if missing := command.missing_names(values):
        raise CommandError(f"/{command.word} needs {', '.join(missing)}.", f"Type /{command.word} {known}")
    return {command.arguments[name]: value.strip() for name, value in values.items() if value.strip()}


def _typed_values(command: PromptCommand, typed: str) -> dict[str, str]:
    """Return what was typed, as `parse_values` reads it. Raises `CommandError` if there are words but no argument."""
    if not typed.strip():
        return {}
    if not command.arguments:
        raise CommandError(f"/{command.word} takes no arguments.", f"Type just /{command.word}")
    preset = Preset(command.word, variables={name: Variable() for name in command.arguments})
    return parse_values(preset, typed, _ASSIGNMENT)[0]


def draft_text(messages: Sequence[PromptMessage]) -> str:
    """Return the messages as one text for the prompt: with their roles, unless all are the user's. It is never a
    command."""
    has_roles = any(message.role != "user" for message in messages)
    texts = [f"{_ROLES[each.role]}:\n{each.text.strip()}" if has_roles else each.text.strip() for each in messages]
    text = "\n\n".join(filter(None, texts)).strip()
    return f"/{text}" if text.startswith("/") else text
