"""Reads the command line: a command with its options, or a question without a command.

`chat-tui QUESTION` opens the screen with this question, or is `chat-tui ask QUESTION` where no terminal is on both
sides. A single word that is nearly a command is a mistake, not a question; what follows `--` is always a question.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from chat_tui.cli.options.command_parser import CommandParser
from chat_tui.cli.parser import build_parser, build_screen_parser

_TOP_ONLY = {"-h", "--help", "--version"}
_LETTERS = 2
"""So many letters may differ between a command and a word that was meant as one."""
_SHORT = 5
"""Letters; in a line of several words, a first word that is no longer must be nearer to a command."""


class _Words(NamedTuple):
    before: list[str]
    """The options before the first word, with their values."""
    word: str | None
    """The first word that is no option and no value of one; None: there is none before `--`, if that is there."""
    after: list[str]
    """What follows the word; without one, `--` and what follows that."""


def read_command_line(arguments: Sequence[str], *, is_interactive: bool) -> argparse.Namespace:
    """Return the options. `command` is None for the screen; `question` then holds the words of the question.

    `is_interactive`: a terminal is on both sides. A mistake ends the program with code 2, as `argparse` does.
    """
    if not arguments and is_interactive:
        return build_screen_parser().parse_args(arguments)
    top_parser = build_parser()
    commands = top_parser.commands()
    ask = {name: action.nargs != 0 for name, action in commands["ask"].options().items()}
    words = _split(arguments, ask)
    if words.word is not None and words.word in commands:
        top = [each for each in words.before if each == "--version"]
        options = [each for each in words.before if each != "--version"]
        return top_parser.parse_args([*top, words.word, *options, *words.after])
    if _TOP_ONLY.intersection(words.before):
        return top_parser.parse_args(words.before)
    if words.word:
        _refuse_mistake(words.word, commands, is_alone=not words.after)
    screen = build_screen_parser()
    if is_interactive and not any(option in ask for option in _options(words, ask) - {*screen.options()}):
        return screen.parse_args(arguments)
    return top_parser.parse_args(["ask", *arguments])


def _split(arguments: Sequence[str], options: Mapping[str, bool]) -> _Words:
    """Split the arguments at the first word; `options` says of each option whether it takes a value."""
    waits = False
    for at, argument in enumerate(arguments):
        if waits:
            waits = False
        elif argument == "--":
            return _Words(list(arguments[:at]), None, list(arguments[at:]))
        elif argument.startswith("-") and argument != "-":
            waits = "=" not in argument and options.get(_full_name(argument, options), False)
        else:
            return _Words(list(arguments[:at]), argument, list(arguments[at + 1 :]))
    return _Words(list(arguments), None, [])


def _full_name(argument: str, options: Collection[str]) -> str:
    """Return the option that an argument names, perhaps by its beginning."""
    name = argument.partition("=")[0]
    begun = [option for option in options if option.startswith(name)] if name.startswith("--") else []
    return begun[0] if name not in options and len(begun) == 1 else name


def _options(words: _Words, known: Collection[str]) -> set[str]:
    """Return the options among the arguments, by their full names."""

    def named() -> Iterator[str]:
        for argument in (*words.before, *words.after):
            if argument == "--":
                return
            if argument.startswith("-"):
                yield _full_name(argument, known)

    return set(named())


def _refuse_mistake(word: str, commands: Mapping[str, CommandParser], *, is_alone: bool) -> None:
    """End the program if a word was meant as a command."""
    if len(word.split()) != 1:
        return
    near = [name for name in commands if _is_near(word.casefold(), name, is_alone=is_alone)]
    if not near:
        return
    near.sort(key=lambda name: _distance(word.casefold(), name))
    meant = " or ".join(near[:3])
    commands[near[0]].complete()
    commands[near[0]].error(
        f"unknown command {word!r}. Did you mean {meant}? To ask it as a question: chat-tui -- {word}"
    )


def _is_near(word: str, command: str, *, is_alone: bool) -> bool:
    """Return whether a word was meant as a command. The first one of several must begin like it, so that `what now?`
    and `is it raining?` are questions."""
    distance = _distance(word, command)
    if is_alone:
        return distance <= _LETTERS
    begins = word[0] == command[0] or word[:2] == command[1::-1]
    return begins and distance <= (_LETTERS if len(word) > _SHORT else 1)


def _distance(one: str, other: str) -> int:
    """Return how many letters must be changed, added, removed or swapped with the next to get the other word."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one):
        last, before, row = before, row, [i + 1]
        for j, wanted in enumerate(other):
            best = min(before[j + 1] + 1, row[j] + 1, before[j] + (letter != wanted))
            if i and j and letter == other[j - 1] and one[i - 1] == wanted:
                best = min(best, last[j - 1] + 1)
            row.append(best)
    return row[-1]
