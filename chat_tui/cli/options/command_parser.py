"""The parser of a command line that suggests what a mistyped option or command may have meant."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from chat_tui.core.processes import console


class CommandParser(argparse.ArgumentParser):
    """The parser of the command line, of a command or of an action; `add_arguments` adds its arguments on first use.

    `--debug` may be written before and after a command.
    """

    def __init__(self, *, add_arguments: Callable[[CommandParser], None] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._add_arguments = add_arguments
        is_top = self._is_top = " " not in self.prog
        # Only the top parser has a default: the default of a command would overwrite what is written before it.
        self.add_argument(
            "--debug",
            action="store_true",
            default=False if is_top else argparse.SUPPRESS,
            help="write a debug log without keys and texts (CHAT_TUI_LOG=FILE names the file)"
            if is_top
            else argparse.SUPPRESS,
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse the arguments; unknown ones end the program with an error that suggests similar options."""
        self.complete()
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            option = next((word.partition("=")[0] for word in unknown if word.startswith("--")), "")
            hint = _suggestion(option, self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return known, unknown

    def format_help(self) -> str:
        """Return the help with two examples."""
        from chat_tui.cli.options.examples import EXAMPLES

        examples = "".join(f"  {line}\n" for line in EXAMPLES.get(self.prog, ()))
        return super().format_help() + (f"\nexamples:\n{examples}" if examples else "")

    def complete(self) -> None:
        """Add the arguments that are not there yet."""
        add, self._add_arguments = self._add_arguments, None
        if add is not None:
            add(self)

    def options(self) -> Mapping[str, argparse.Action]:
        """Return the options by all their names."""
        self.complete()
        return self._option_string_actions

    def commands(self) -> Mapping[str, CommandParser]:
        """Return the parsers of the commands, or of the actions, by all their names; none if there are none."""
        self.complete()
        choices = [each.choices for each in self._actions if isinstance(each, argparse._SubParsersAction)]
        return choices[0] if choices else {}

    def add_private(self, help: str = argparse.SUPPRESS, *names: str) -> None:
        """Accept `--private`, and these names for it; without a help text it is accepted only to be refused."""
        default = False if self._is_top else argparse.SUPPRESS
        self.add_argument(*names, "--private", dest="private", action="store_true", default=default, help=help)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise an error that suggests similar commands if `value` is not a choice."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += _suggestion(str(value), list(action.choices or ()))
            raise

    def error(self, message: str) -> NoReturn:
        """Write usage and error to stderr, cleaned: errors repeat what was typed. Exits with code 2."""
        console.write_error(f"{self.format_usage()}{self.prog}: error: {message}\n")
        raise SystemExit(2)

    def _print_message(self, message: str, file: object = None) -> None:
        """Write help and version to stdout."""
        console.write_output(message)


def _suggestion(word: str, known: Any) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return f". Did you mean {close[0]}?" if close else ""
