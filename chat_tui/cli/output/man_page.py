"""Makes the man page from the parser of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from chat_tui.cli.options.command_parser import CommandParser
from chat_tui.cli.options.examples import EXAMPLES
from chat_tui.cli.parser import build_parser

_HEADER = '.TH CHAT-TUI 1 "" "chat-tui" "User Commands"\n'
_FILES = """\
.SH FILES
.B chat-tui paths
prints where the config file, the history and everything else is kept.
.SH EXIT STATUS
0 on success, 1 if something failed, 2 if the command line is wrong, 130 after Ctrl-C.
"""


def man_page() -> str:
    """Return the page in the format of man(7)."""
    parser = build_parser()
    parts = [_HEADER, ".SH NAME\nchat\\-tui \\- talk to language models in the terminal\n", ".SH SYNOPSIS\n"]
    parts += [".B chat\\-tui\n[options] [question ...]\n.br\n.B chat\\-tui\n.I command\n[options] ...\n"]
    parts += [".SH DESCRIPTION\n", _text(parser.description or ""), "\n"]
    parts += [".SH OPTIONS\n", *_arguments(parser), *_examples(parser), ".SH COMMANDS\n"]
    for command, about in _commands(parser, ""):
        parts += [f".SS {_text(_usage(command))}\n", _text(command.description or about), "\n"]
        parts += [*_arguments(command), *_examples(command)]
    return "".join([*parts, _FILES])


def _commands(parser: CommandParser, about: str) -> Iterator[tuple[CommandParser, str]]:
    """Yield the commands and their actions, each once, with its line in the list of commands."""
    for name, each in parser.commands().items():
        if not each.prog.endswith(f" {name}"):
            # Another name of an action.
            continue
        told = next((choice.help or "" for choice in _choices(parser) if choice.dest == name), about)
        yield each, f"{told[:1].upper()}{told[1:]}."
        yield from _commands(each, told)


def _choices(parser: CommandParser) -> Sequence[argparse.Action]:
    found = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    return [choice for each in found for choice in each._choices_actions]


def _usage(parser: CommandParser) -> str:
    """Return a command with its positional arguments, such as `chat-tui history show ID|TITLE`."""
    words = [parser.prog]
    for each in parser._actions:
        if not each.option_strings and each.help != argparse.SUPPRESS and each.dest != "command":
            name = each.metavar if isinstance(each.metavar, str) else each.dest
            is_optional = each.nargs in ("*", "?")
            many = " ..." if each.nargs in ("*", "+") else ""
            words.append(f"[{name}{many}]" if is_optional else f"{name}{many}")
    return " ".join(words)


def _arguments(parser: CommandParser) -> Iterator[str]:
    parser.complete()
    for each in parser._actions:
        if each.help in (None, argparse.SUPPRESS) or isinstance(
            each, (argparse._SubParsersAction, argparse._HelpAction)
        ):
            continue
        names = ", ".join(each.option_strings) or (each.metavar if isinstance(each.metavar, str) else each.dest)
        value = "" if not each.option_strings or each.nargs == 0 else f" {_value(each)}"
        yield f".TP\n.B {_text(names + value)}\n{_text((each.help or '').replace('%%', '%'))}\n"


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()


def _examples(parser: CommandParser) -> Iterator[str]:
    lines = EXAMPLES.get(parser.prog, ())
    if lines:
        shown = "".join(f"    {_text(line)}\n" for line in lines)
        yield f".PP\nExamples:\n.PP\n.nf\n{shown}.fi\n"


def _text(text: str) -> str:
    """Escape what man(7) would take as a command."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
