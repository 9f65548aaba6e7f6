"""The commands and their options. Reading the command line imports no command: that would load the engine.

The arguments of a command are added when the command is used, so that the start of the screen does not wait for them.
"""

from __future__ import annotations

from typing import Any

from chat_tui import __version__
from chat_tui.cli.options.command_parser import CommandParser
from chat_tui.cli.options.config_options import (
    add_completion_options,
    add_config_options,
    add_doctor_options,
    add_memory_options,
    add_paths_options,
)
from chat_tui.cli.options.history_options import add_history_options
from chat_tui.cli.options.model_options import add_auth_options, add_model_options
from chat_tui.cli.options.question_options import (
    add_ask_options,
    add_batch_options,
    add_chat_options,
    add_compare_options,
    add_conversation,
    add_files,
    add_model_choice,
    add_open_options,
    add_preset,
    add_route_options,
    add_serve_options,
)
from chat_tui.cli.options.tool_options import add_tool_options

_DESCRIPTION = (
    "Talk to language models in the terminal. Without a command, the screen opens, and asks the question if there is"
    " one. In a pipe, the question is answered as by `chat-tui ask`."
)


def build_screen_parser() -> CommandParser:
    """Build the parser of a command line without a command."""
    screen = CommandParser(prog="chat-tui", usage="chat-tui [options] [question ...]")
    _add_screen_options(screen)
    screen.add_argument("question", nargs="*")
    screen.set_defaults(command=None)
    return screen


def _add_screen_options(to: CommandParser) -> None:
    add_conversation(to)
    add_model_choice(to, default=None)
    add_preset(to, default=None)
    add_files(to)
    to.add_argument("--line", action="store_true", help="chat line by line, without the full screen")
    to.add_private("save nothing (on the screen, or with ask, compare and batch)", "-n", "--no-save")


def build_parser() -> CommandParser:
    """Build the parser of a command line with a command, or of one that asks for help."""
    top = CommandParser(
        prog="chat-tui",
        usage="chat-tui [options] [question ...]\n       chat-tui command [options] ...",
        description=_DESCRIPTION,
    )
    top.add_argument("--version", action="version", version=f"chat-tui {__version__}")
    top.set_defaults(question=[])
    _add_screen_options(top)
    commands = top.add_subparsers(dest="command", metavar="command", prog="chat-tui")
    _add_asking_commands(commands)
    _add_managing_commands(commands)
    return top


def _add_asking_commands(commands: Any) -> None:
    """Add the commands that ask models, or serve those who do."""
    commands.add_parser(
        "ask",
        add_arguments=add_ask_options,
        help="answer one question (for scripts and pipes)",
        description="Answer one question. The answer goes to stdout, notes go to stderr. Standard input is added to the"
        " question.",
    )
    commands.add_parser(
        "chat",
        add_arguments=add_chat_options,
        help="chat line by line, without the full screen",
        description="Chat in the terminal's own scrollback, for screen readers, slow lines and pipes: nothing that was"
        " written is drawn again. Answers go to stdout, everything else to stderr. Ctrl-C stops an answer and keeps"
        " what arrived.",
    )
    commands.add_parser(
        "open",
        add_arguments=add_open_options,
        help="open the screen with an earlier conversation",
        description="Open the screen with an earlier conversation. If no id and no title fits, all messages are"
        " searched for the words.",
    )
    commands.add_parser(
        "compare",
        add_arguments=add_compare_options,
        help="ask several models the same question",
        description="Ask 2 to 4 models the same question at once. Each answer is printed when it is complete, followed"
        " by a table of time, speed and cost. All answers are saved in one conversation. Standard input is added to the"
        " question.",
    )
    commands.add_parser(
        "batch",
        add_arguments=add_batch_options,
        help="answer many prompts from a file",
        description="Answer many prompts from a file. A .txt file has one prompt per line. A .jsonl file has a string"
        " or an object per line, with `prompt` and optionally `id`, `model`, `strategy`, `system`, `max_tokens` and"
        " `temperature`; other fields are copied to the result. Results are written in the order of the prompts, one"
        " JSON object per line. Run the same command again to resume after a stop or a crash. Nothing is saved in the"
        " history; the daily budget applies.",
    )
    commands.add_parser(
        "route",
        add_arguments=add_route_options,
        help="tell which model would answer a prompt, and why",
        description="Tell which model would answer a prompt, and why: how hard the prompt is, how likely each model's"
        " answer is good, what it would cost and how long it would take, and what the other strategies would choose."
        " No model is asked. Standard input is added to the prompt.",
    )
    commands.add_parser(
        "serve",
        add_arguments=add_serve_options,
        help="start the web page and the HTTP APIs",
        description="Serve the web page, the /stream, /generate and /ws endpoints, and APIs like those of OpenAI and"
        " Anthropic at /v1, all with the same history. The first line on stdout is the page's address with the token"
        " that every request needs. Ctrl-C stops the server once running answers have ended; a second Ctrl-C stops"
        " it at once.",
    )


def _add_managing_commands(commands: Any) -> None:
    """Add the commands that manage keys, models, tools, settings and conversations."""
    commands.add_parser("auth", add_arguments=add_auth_options, help="manage API keys")
    commands.add_parser(
        "models", add_arguments=add_model_options, help="manage models on this machine, and add servers"
    )
    commands.add_parser("tools", add_arguments=add_tool_options, help="manage the servers whose tools models may use")
    commands.add_parser(
        "doctor",
        add_arguments=add_doctor_options,
        help="check the installation, and say what to do about problems",
        description="Check Python and packages, the terminal, the config, keys, servers, the network, the built-in"
        " model, the history and tool servers. Nothing is changed. The exit code is 1 if there is a problem. Providers"
        " are asked whether they accept their keys only with --online, or if you agree on the terminal; commands and"
        " keyrings that hold keys are then opened.",
    )
    commands.add_parser("config", add_arguments=add_config_options, help="show, edit and check the config file")
    commands.add_parser("memory", add_arguments=add_memory_options, help="show and edit what is remembered")
    commands.add_parser("paths", add_arguments=add_paths_options, help="show where everything is kept")
    commands.add_parser(
        "completion",
        add_arguments=add_completion_options,
        help="print a completion script for bash, zsh, fish or PowerShell",
        description="Print the script by which a shell completes commands, options, models, presets and conversations"
        " with Tab.",
    )
    settings = commands.add_parser("settings", help="list all settings with their defaults")
    settings.add_private()
    commands.add_parser(
        "history", add_arguments=add_history_options, help="list, search, export and import conversations"
    )
