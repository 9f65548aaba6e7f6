"""Reads the command line and runs the command, whose module is imported only then."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from chat_tui.cli.command_line import read_command_line
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes import console
from chat_tui.core.processes.console import report_error, write_error

SCREEN = "chat_tui.cli.commands.tui"
"""The module of the screen, which opens without a command."""
COMMANDS = {
    "ask": "chat_tui.cli.commands.ask",
    "chat": "chat_tui.cli.commands.chat",
    "open": "chat_tui.cli.commands.tui",
    "compare": "chat_tui.cli.commands.compare",
    "batch": "chat_tui.cli.commands.batch",
    "route": "chat_tui.cli.commands.route",
    "serve": "chat_tui.cli.commands.serve",
    "auth": "chat_tui.cli.commands.auth",
    "models": "chat_tui.cli.commands.models",
    "tools": "chat_tui.cli.commands.tools",
    "doctor": "chat_tui.cli.commands.doctor",
    "config": "chat_tui.cli.commands.config.command",
    "memory": "chat_tui.cli.commands.memory",
    "paths": "chat_tui.cli.commands.config.paths",
    "completion": "chat_tui.cli.commands.completion",
    "settings": "chat_tui.cli.commands.config.settings",
    "history": "chat_tui.cli.commands.history.command",
}
"""The module of each command; its `run(options)` returns the exit code."""
_NEVER_PRIVATE = {
    "serve": "its conversations are saved in the history",
    "history": "it works on saved conversations",
    "open": "the conversation is saved",
    "route": "it sends no questions",
    "models": "it sends no questions",
    "auth": "it sends no questions",
    "tools": "it sends no questions",
    "doctor": "it sends no questions",
    "config": "it sends no questions",
    "memory": "it sends no questions",
    "paths": "it sends no questions",
    "completion": "it sends no questions",
    "settings": "it sends no questions",
}
"""Commands that cannot be private, and why."""
_CANCELLED_BY_CTRL_C = {"ask", "compare", "batch"}
"""Commands that handle the first Ctrl-C themselves."""


def main(arguments: Sequence[str] | None = None, *, platform: str = sys.platform) -> int:
    """Run a command and return the exit code: 0 done, 1 failed, 2 wrong usage or platform, 130 cancelled."""
    # No import above may need a module that Windows does not have.
    if platform == "win32":
        write_error("chat-tui: Windows is not supported yet. Run chat-tui inside WSL (`wsl --install` sets it up).\n")
        return 2
    try:
        return _run(arguments)
    except ChatTuiError as error:
        report_error(error)
        return 1
    except KeyboardInterrupt:
        return 130
    except console.OutputError as error:
        return _report_output_error(error)
    except Exception as error:
        if arguments is not None:
            raise
        # The last resort: the interpreter's own report would write foreign text to the terminal unfiltered.
        from chat_tui.cli.output.crash_notice import report_crash

        report_crash(error, "Your conversations are saved.")
        return 1


def _report_output_error(error: console.OutputError) -> int:
    """Return 0 if the reader of stdout has closed it, such as `head`; else report the error and return 1."""
    console.discard_output()
    if isinstance(error, console.OutputClosed):
        return 0
    write_error(f"chat-tui: standard output cannot be written: {error.strerror}.\n")
    write_error("          Redirect it to another place and run the command again.\n")
    return 1


def _run(arguments: Sequence[str] | None) -> int:
    typed = sys.argv[1:] if arguments is None else arguments
    is_interactive = sys.stdin is not None and sys.stdin.isatty() and console.output_is_terminal()
    options = read_command_line(typed, is_interactive=is_interactive)
    if arguments is None:
        console.clean_interpreter_reports()
    options.log_file = None
    if not (options.debug or os.environ.get("CHAT_TUI_LOG")):
        return _run_command(options, arguments)
    from chat_tui.cli import debug_log

    with debug_log.open_debug_log(os.environ.get("CHAT_TUI_LOG", "")) as options.log_file:
        if options.debug and options.command and options.log_file:
            write_error(f"chat-tui: Writing a debug log to {options.log_file}\n")
        return _run_command(options, arguments)


def _run_command(options: argparse.Namespace, arguments: Sequence[str] | None) -> int:
    if options.private and options.command in _NEVER_PRIVATE:
        return _refuse_private(options.command)
    if not options.command:
        screen: int = importlib.import_module(SCREEN).run(options)
        return screen
    code: int = importlib.import_module(COMMANDS[options.command]).run(options)
    if options.command in _CANCELLED_BY_CTRL_C and arguments is None:
        # A second Ctrl-C must not interrupt the interpreter while it exits.
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


def _refuse_private(command: str) -> int:
    write_error(f"chat-tui: --private cannot be used with `{command}`: {_NEVER_PRIVATE[command]}. Nothing was done.\n")
    write_error("          Use it with the screen, ask, compare or batch.\n")
    return 2
