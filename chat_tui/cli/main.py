"""The command line: reads it, loads the one command that is asked for, and hands it over. One file a command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from chat_tui import __version__
from chat_tui.cli.options import batch_options, compare_options, history_options, option_types, serve_options
from chat_tui.cli.output.console import say, told
from chat_tui.core.errors import ChatTuiError
from chat_tui.core.processes import console


def main(arguments: Sequence[str] | None = None, *, platform: str = sys.platform) -> int:
    """Run a command; gives the exit code: 0 done, 1 failed, 2 wrong usage or platform, 130 cancelled."""
    # Nothing that is imported above may need a module that Windows does not have.
    if platform == "win32":
        say("chat-tui: Windows is not supported yet. Run chat-tui inside WSL (`wsl --install` sets it up).\n")
        return 2
    try:
        return _run(arguments)
    except ChatTuiError as error:
        return told(error)
    except KeyboardInterrupt:
        return 130
    except console.OutputError as error:
        return _unwritten(error)
    except Exception as error:
        if arguments is not None:
            raise
        # The last resort: the interpreter's own report would repeat foreign text to the terminal as it is.
        from chat_tui.cli.output.crash_notice import report

        report(error, "Your conversations are saved.")
        return 1


def _unwritten(error: console.OutputError) -> int:
    """The exit code where standard output takes no more: whoever reads only the beginning has what was wanted."""
    console.discard_output()
    if isinstance(error, console.OutputClosed):
        return 0
    say(f"chat-tui: standard output cannot be written: {error.strerror}.\n")
    say("          Write to another place, and run the command again.\n")
    return 1


def _run(arguments: Sequence[str] | None) -> int:
    options = parser().parse_args(arguments)
    if arguments is None:
        console.clean_interpreter_reports()
    options.log_file = None
    if not (options.debug or os.environ.get("CHAT_TUI_LOG")):
        return _run_command(options, arguments)
    from chat_tui.cli import debug_log

    with debug_log.written(os.environ.get("CHAT_TUI_LOG", "")) as options.log_file:
        if options.debug and options.command and options.log_file:
            say(f"chat-tui: Writing a debug log to {options.log_file}\n")
        return _run_command(options, arguments)


def _run_command(options: argparse.Namespace, arguments: Sequence[str] | None) -> int:
    if options.private and options.command in _NEVER_PRIVATE:
        return _not_private(options.command)
    if options.command == "ask":
        from chat_tui.cli.commands import ask

        return _answered(ask.run(options), alone=arguments is None)
    if options.command == "batch":
        from chat_tui.cli.commands import batch

        return _answered(batch.run(options), alone=arguments is None)
    if options.command == "compare":
        from chat_tui.cli.commands import compare

        return _answered(compare.run(options), alone=arguments is None)
    if options.command == "auth":
        from chat_tui.cli.commands import auth

        return auth.run(options)
    if options.command == "models":
        from chat_tui.cli.commands import models

        return models.run(options)
    if options.command == "settings":
        from chat_tui.cli.commands import settings

        return settings.run()
    if options.command == "history":
        from chat_tui.cli.commands import history

        return history.run(options)
    if options.command == "serve":
        from chat_tui.cli.commands import serve

        return serve.run(options)
    from chat_tui.cli.commands import tui

    return tui.run(options)


_NEVER_PRIVATE = {
    "serve": "its conversations are saved in the history",
    "history": "it works on saved conversations",
    "models": "it sends no questions",
    "auth": "it sends no questions",
    "settings": "it sends no questions",
}
"""Commands that cannot be private, and why."""


def _not_private(command: str) -> int:
    say(f"chat-tui: --private cannot be used with `{command}`: {_NEVER_PRIVATE[command]}. Nothing was done.\n")
    say("          Use it with the screen, ask, compare or batch.\n")
    return 2


def _answered(code: int, *, alone: bool) -> int:
    """The exit code; whoever presses Ctrl-C twice is not to see the interpreter stumble on its way out."""
    if alone:
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


class _Parser(argparse.ArgumentParser):
    """The command line or one of its commands; `--debug` may be written before and after a command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Only the topmost has a default: a command's own one would undo what was written before the command.
        is_command = " " in self.prog
        self.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS if is_command else False,
            help=argparse.SUPPRESS
            if is_command
            else "write a debug log without keys and texts (CHAT_TUI_LOG=FILE names the file)",
        )

    def error(self, message: str) -> NoReturn:
        """Errors repeat what was typed."""
        console.write_error(f"{self.format_usage()}{self.prog}: error: {message}\n")
        raise SystemExit(2)

    def _print_message(self, message: str, file: object = None) -> None:
        """Help and version."""
        console.write_output(message)


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = _Parser(
        prog="chat-tui",
        description="Talk to language models in the terminal. Without a command, the screen opens.",
    )
    top.add_argument("--version", action="version", version=f"chat-tui {__version__}")
    _choice(top)
    _preset(top)
    option_types.add_private(top, help="save nothing (on the screen, or with ask, compare and batch)")
    commands = top.add_subparsers(dest="command", metavar="command")
    ask = commands.add_parser(
        "ask",
        help="answer one question (for scripts and pipes)",
        description="Answer one question. The answer goes to stdout, notes go to stderr. Standard input is added to the"
        " question.",
    )
    _ask(ask)
    several = commands.add_parser(
        "compare", help="ask several models the same question", description=compare_options.DESCRIPTION
    )
    _preset(several, argparse.SUPPRESS)
    compare_options.add(several)
    many = commands.add_parser("batch", help="answer many prompts from a file", description=batch_options.DESCRIPTION)
    _choice(many, argparse.SUPPRESS)
    _preset(many, argparse.SUPPRESS)
    batch_options.add(many)
    serve = commands.add_parser(
        "serve", help="start the web page and the HTTP APIs", description=serve_options.DESCRIPTION
    )
    _choice(serve, argparse.SUPPRESS)
    serve_options.add(serve)
    option_types.add_private(serve)
    _auth(commands.add_parser("auth", help="manage API keys in the system's keyring"))
    _models(commands.add_parser("models", help="manage models that run on this machine"))
    option_types.add_private(commands.add_parser("settings", help="list all settings with their defaults"))
    history_options.add(commands.add_parser("history", help="list, search, export and import conversations"))
    return top


def _ask(ask: argparse.ArgumentParser) -> None:
    option_types.add_what_each_question_takes(ask)
    _choice(ask, argparse.SUPPRESS)
    _preset(ask, argparse.SUPPRESS)
    ask.add_argument("--max-tokens", type=option_types.positive_int, metavar="N", help="limit the answer to N tokens")
    ask.add_argument("--top-p", type=option_types.fraction, metavar="P", help="nucleus sampling, 0 to 1")
    ask.add_argument(
        "--stop",
        type=option_types.some_text,
        action="append",
        default=[],
        metavar="TEXT",
        help="stop at this text; may be repeated",
    )
    ask.add_argument("--timeout", type=option_types.positive, metavar="SECONDS", help="time limit for the whole answer")
    ask.add_argument(
        "--max-price", type=option_types.not_negative, metavar="DOLLARS", help="maximum price of the answer"
    )
    ask.add_argument("--json", action="store_true", help="one JSON object per line")
    ask.add_argument(
        "--insights",
        action=argparse.BooleanOptionalAction,
        help="show sentiment, keywords and reading time: on stderr at the end, or in the output of --json",
    )
    ask.add_argument(
        "--adaptive",
        action="store_true",
        help="first a fast model's short answer, then the best model's detailed one (see [adaptive] in the config)",
    )
    ask.add_argument("--no-stream", action="store_true", help="print the answer when it is complete")
    ask.add_argument("--no-fallback", action="store_true", help="do not fall back to other models")


def _models(models: argparse.ArgumentParser) -> None:
    actions = models.add_subparsers(dest="action", metavar="action", required=True)
    listing = actions.add_parser("list", help="list the built-in model and your own")
    add = actions.add_parser("add", help="add a GGUF file; it stays where it is")
    add.add_argument("file", metavar="FILE")
    pull = actions.add_parser("pull", help="download a GGUF file from Hugging Face (HF_ENDPOINT, HF_TOKEN)")
    pull.add_argument("model", metavar="ORG/REPO[:FILE]", help="FILE can be part of the file's name, such as Q4_K_M")
    remove = actions.add_parser("remove", help="remove a model; its file is deleted if it was pulled")
    remove.add_argument("name", metavar="NAME")
    for action in (add, pull):
        action.add_argument("--name", metavar="NAME", help="its name after local/ (default: the file's)")
    for action in (listing, add, pull, remove):
        action.add_argument("--json", action="store_true", help="as JSON")
    for parser in (models, listing, add, pull, remove):
        option_types.add_private(parser)


def _auth(auth: argparse.ArgumentParser) -> None:
    actions = auth.add_subparsers(dest="action", metavar="action", required=True)
    keep = actions.add_parser("set", help="save a provider's key, read from the terminal or stdin, in the keyring")
    keep.add_argument("name", help="the provider, such as openai")
    remove = actions.add_parser("remove", help="remove a provider's key from the keyring")
    remove.add_argument("name", help="the provider")
    listing = actions.add_parser("list", help="show where each provider's key comes from")
    listing.add_argument("--json", action="store_true", help="as one JSON list")
    for parser in (auth, keep, remove, listing):
        option_types.add_private(parser)


def _choice(to: argparse.ArgumentParser, default: str | None = None) -> None:
    to.add_argument("--model", metavar="PROVIDER/MODEL", default=default, help="the model to use")
    to.add_argument("--strategy", metavar="NAME", default=default, help="how to choose the model (default: balanced)")


def _preset(to: argparse.ArgumentParser, default: str | None = None) -> None:
    to.add_argument("--preset", metavar="NAME", default=default, help="use a preset, such as translate or analyse")
    to.add_argument(
        "--set",
        action="append",
        default=default,
        metavar="NAME=VALUE",
        help="set a variable of the preset; may be repeated",
    )
