"""The options of `chat-tui doctor`, `config`, `memory`, `paths` and `completion`."""

from __future__ import annotations

import argparse

from chat_tui.cli.options.command_parser import CommandParser


def add_doctor_options(to: CommandParser) -> None:
    to.add_argument("--online", action="store_true", help="ask each provider that has a key for its list of models")
    to.add_argument("--json", action="store_true", help="as JSON")
    to.add_private()


def add_config_options(config: CommandParser) -> None:
    actions = config.add_subparsers(dest="action", metavar="action", required=True)
    path = actions.add_parser("path", help="print the path of the config file")
    show = actions.add_parser("show", help="show what is set, and where; values of secrets are hidden")
    show.add_argument("--all", action="store_true", help="also the settings that have their defaults")
    show.add_argument("--json", action="store_true", help="as JSON")
    edit = actions.add_parser("edit", help="open the config file in $VISUAL or $EDITOR, and check it afterwards")
    check = actions.add_parser("check", help="check the config file; exit code 1 if it cannot be used")
    for parser in (config, path, show, edit, check):
        parser.add_private()


def add_paths_options(to: CommandParser) -> None:
    to.add_argument("--json", action="store_true", help="as JSON")
    to.add_private()


def add_memory_options(memory: CommandParser) -> None:
    actions = memory.add_subparsers(dest="action", metavar="action", required=True)
    show = actions.add_parser("show", help="print what is remembered")
    edit = actions.add_parser("edit", help="open the file in $VISUAL or $EDITOR, and check it afterwards")
    for parser in (memory, show, edit):
        parser.add_private()


def add_completion_options(to: CommandParser) -> None:
    what = to.add_mutually_exclusive_group(required=True)
    what.add_argument("shell", nargs="?", choices=["bash", "zsh", "fish", "powershell"], help="the shell")
    values = ["models", "strategies", "presets", "conversations"]
    what.add_argument("--values", choices=values, help=argparse.SUPPRESS)
    to.add_private()
