"""The commands and their options. Reading the command line imports no command: that would load the engine.

The arguments of a command are added when the command is used, so that the start of the screen does not wait for them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from chat_tui import __version__
from chat_tui.cli import option_types
from chat_tui.cli.tool_options import add_tool_options
from chat_tui.core.processes import console

THINKING = ("off", "low", "medium", "high")
"""The values of `core.request.Thinking`, whose module would load too much here."""
_CONVERSATION_ID = "the conversation's id, the first characters of it, or `last`"


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
        add, self._add_arguments = self._add_arguments, None
        if add is not None:
            add(self)
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            option = next((word.partition("=")[0] for word in unknown if word.startswith("--")), "")
            hint = _suggestion(option, self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return known, unknown

    def add_private(self, help: str = argparse.SUPPRESS) -> None:
        """Accept `--private` here as before the command; without a help text it is accepted only to be refused."""
        default = False if self._is_top else argparse.SUPPRESS
        self.add_argument("--private", action="store_true", default=default, help=help)

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


def build_parser() -> CommandParser:
    """Build the parser of the whole command line."""
    top = CommandParser(
        prog="chat-tui",
        description="Talk to language models in the terminal. Without a command, the screen opens.",
    )
    top.add_argument("--version", action="version", version=f"chat-tui {__version__}")
    _add_model_choice(top, default=None)
    _add_preset(top, default=None)
    top.add_private("save nothing (on the screen, or with ask, compare and batch)")
    commands = top.add_subparsers(dest="command", metavar="command")
    commands.add_parser(
        "ask",
        add_arguments=_add_ask,
        help="answer one question (for scripts and pipes)",
        description="Answer one question. The answer goes to stdout, notes go to stderr. Standard input is added to the"
        " question.",
    )
    commands.add_parser(
        "compare",
        add_arguments=_add_compare,
        help="ask several models the same question",
        description="Ask 2 to 4 models the same question at once. Each answer is printed when it is complete, followed"
        " by a table of time, speed and cost. All answers are saved in one conversation. Standard input is added to the"
        " question.",
    )
    commands.add_parser(
        "batch",
        add_arguments=_add_batch,
        help="answer many prompts from a file",
        description="Answer many prompts from a file. A .txt file has one prompt per line. A .jsonl file has a string"
        " or an object per line, with `prompt` and optionally `id`, `model`, `strategy`, `system`, `max_tokens` and"
        " `temperature`; other fields are copied to the result. Results are written in the order of the prompts, one"
        " JSON object per line. Run the same command again to resume after a stop or a crash. Nothing is saved in the"
        " history; the daily budget applies.",
    )
    commands.add_parser(
        "route",
        add_arguments=_add_route,
        help="tell which model would answer a prompt, and why",
        description="Tell which model would answer a prompt, and why: how hard the prompt is, how likely each model's"
        " answer is good, what it would cost and how long it would take, and what the other strategies would choose."
        " No model is asked. Standard input is added to the prompt.",
    )
    commands.add_parser(
        "serve",
        add_arguments=_add_serve,
        help="start the web page and the HTTP APIs",
        description="Serve the web page, the /stream, /generate and /ws endpoints, and APIs like those of OpenAI and"
        " Anthropic at /v1, all with the same history. The first line on stdout is the page's address with the token"
        " that every request needs. Ctrl-C stops the server once running answers have ended; a second Ctrl-C stops"
        " it at once.",
    )
    commands.add_parser("auth", add_arguments=_add_auth, help="manage API keys")
    commands.add_parser("models", add_arguments=_add_models, help="manage models on this machine, and add servers")
    commands.add_parser("tools", add_arguments=add_tool_options, help="manage the servers whose tools models may use")
    settings = commands.add_parser("settings", help="list all settings with their defaults")
    settings.add_private()
    commands.add_parser("history", add_arguments=_add_history, help="list, search, export and import conversations")
    return top


def _add_model_choice(to: CommandParser, default: str | None = argparse.SUPPRESS) -> None:
    to.add_argument(
        "--model", type=option_types.models, metavar="PROVIDER/MODEL", default=default, help="the model to use"
    )
    to.add_argument("--strategy", metavar="NAME", default=default, help="how to choose the model (default: balanced)")


def _add_preset(to: CommandParser, default: str | None = argparse.SUPPRESS) -> None:
    to.add_argument(
        "-p", "--preset", metavar="NAME", default=default, help="use a preset, such as translate or analyse"
    )
    to.add_argument(
        "--set",
        action="append",
        default=default,
        metavar="NAME=VALUE",
        help="set a variable of the preset; may be repeated",
    )


def _add_question(to: CommandParser) -> None:
    """Add what one question takes, whether one model answers it or several."""
    to.add_argument("question", nargs="*", help="the question; quotes are optional")
    _add_temperature(to)
    to.add_argument("--seed", type=int, metavar="N", help="sampling seed, for repeatable answers where supported")
    to.add_argument("--thinking", choices=THINKING, help="reasoning effort, if supported")
    to.add_argument(
        "--attach",
        "--file",
        action="append",
        default=[],
        metavar="FILE",
        help="attach an image, PDF or text file; may be repeated",
    )
    to.add_argument("--no-save", action="store_true", help="do not save the conversation")
    to.add_private("same as --no-save")


def _add_temperature(to: CommandParser) -> None:
    to.add_argument(
        "--temperature", type=option_types.not_negative, metavar="T", help="0 = deterministic; higher = more varied"
    )


def _add_max_tokens(to: CommandParser, what: str) -> None:
    to.add_argument("--max-tokens", type=option_types.positive_int, metavar="N", help=f"limit {what} to N tokens")


def _add_schema(to: CommandParser) -> None:
    to.add_argument(
        "--schema",
        metavar="FILE|FIELDS",
        help="answer with JSON that matches this JSON Schema, or these fields, such as 'name, age int'",
    )


def _add_timeout(to: CommandParser, what: str) -> None:
    to.add_argument("--timeout", type=option_types.positive, metavar="SECONDS", help=f"time limit for {what}")


def _add_max_price(to: CommandParser, what: str) -> None:
    to.add_argument("--max-price", type=option_types.not_negative, metavar="DOLLARS", help=f"maximum price of {what}")


def _add_route(route: CommandParser) -> None:
    route.add_argument("question", nargs="*", metavar="prompt", help="the prompt; quotes are optional")
    _add_model_choice(route)
    _add_preset(route)
    _add_max_tokens(route, "the answer")
    _add_max_price(route, "the answer")
    route.add_argument(
        "--attach", "--file", action="append", default=[], metavar="FILE", help="attach a file; may be repeated"
    )
    route.add_argument(
        "--models",
        metavar="MODEL,…",
        help="choose among these models (PROVIDER/MODEL, separated by commas), whether they can be asked from here"
        " or not",
    )
    route.add_argument("--json", action="store_true", help="write the model and the route as JSON")
    route.add_private()


def _add_ask(ask: CommandParser) -> None:
    _add_question(ask)
    _add_model_choice(ask)
    _add_preset(ask)
    _add_max_tokens(ask, "the answer")
    ask.add_argument("--top-p", type=option_types.fraction, metavar="P", help="nucleus sampling, 0 to 1")
    ask.add_argument(
        "--stop",
        type=option_types.some_text,
        action="append",
        default=[],
        metavar="TEXT",
        help="stop at this text; may be repeated",
    )
    _add_timeout(ask, "the whole answer")
    _add_max_price(ask, "the answer")
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
    ask.add_argument(
        "--web-search",
        action="store_true",
        help="let the model use its provider's own web search; only models that can are asked",
    )
    ask.add_argument(
        "--tool",
        action="append",
        default=[],
        metavar="SERVER[.TOOL]",
        help="let the model use and run the tools of this server, or this tool; may be repeated",
    )
    ask.add_argument(
        "--tools-allow",
        action="append",
        default=[],
        metavar="PATTERN",
        help="let the model use and run tools that match, such as 'files.read*'; may be repeated",
    )
    _add_schema(ask)


def _add_compare(compare: CommandParser) -> None:
    _add_preset(compare)
    _add_question(compare)
    compare.add_argument(
        "--models",
        type=option_types.models,
        metavar="A,B",
        help="2 to 4 models, each as provider/model (default: the strategy's best two of different families)",
    )
    compare.add_argument(
        "--strategy", metavar="NAME", default=argparse.SUPPRESS, help="how to choose models when none are named"
    )
    _add_max_tokens(compare, "each answer")
    _add_timeout(compare, "each whole answer")
    _add_max_price(compare, "each answer")
    compare.add_argument(
        "--json", action="store_true", help="one JSON object per line, each with its `model`, and a summary at the end"
    )


def _add_batch(batch: CommandParser) -> None:
    _add_model_choice(batch)
    _add_preset(batch)
    batch.add_argument("prompts", metavar="PROMPTS", help="a .txt or .jsonl file, or - for standard input")
    batch.add_argument("--out", metavar="FILE", default="-", help="where to write results (default: - for stdout)")
    batch.add_argument(
        "--concurrency",
        type=option_types.concurrency,
        default=3,
        metavar="N",
        help="number of concurrent requests (default: 3), within each provider's limit",
    )
    _add_max_tokens(batch, "each answer")
    _add_temperature(batch)
    _add_schema(batch)
    batch.add_argument("--system", metavar="TEXT", help="the system prompt for prompts that do not set their own")
    _add_max_price(batch, "each answer")
    batch.add_argument("--no-fallback", action="store_true", help="do not fall back to other models")
    batch.add_argument(
        "--retry-failed", action="store_true", help="send only failed prompts again; you may edit their lines first"
    )
    batch.add_private("save only the results, not even their cost")
    batch.add_argument("--json", action="store_true", help="end with a one-line JSON summary on stdout")


def _add_serve(serve: CommandParser) -> None:
    _add_model_choice(serve)
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: 127.0.0.1); any other than loopback needs CHAT_TUI_TOKEN",
    )
    serve.add_argument(
        "--port",
        type=option_types.port,
        default=3000,
        metavar="N",
        help="port to listen on (default: 3000); 0 picks a free one",
    )
    serve.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="https://HOST",
        help="also accept requests from pages of this origin; may be repeated (default: only its own page)",
    )
    serve.add_private()


def _add_auth(auth: CommandParser) -> None:
    actions = auth.add_subparsers(dest="action", metavar="action", required=True)
    store = actions.add_parser(
        "add",
        aliases=["set"],
        help="check and save a provider's key",
        description="Read a provider's key from the terminal, where it is not shown, or from stdin; ask the provider"
        " whether it accepts the key; and save it in the system's keyring, or in a private file if there is no keyring."
        " Nothing is saved if the provider refuses the key.",
    )
    store.add_argument("name", metavar="PROVIDER", help="the provider, such as openai")
    # Accepted only to be refused without being repeated: it would be a key.
    store.add_argument("typed", nargs="*", help=argparse.SUPPRESS)
    place = store.add_mutually_exclusive_group()
    place.add_argument("--keyring", action="store_true", help="save it in the system's keyring or nowhere")
    place.add_argument("--file", action="store_true", help="save it in a file that only you can read")
    store.add_argument("--no-check", dest="check", action="store_false", help="do not ask the provider")
    remove = actions.add_parser("remove", help="remove a provider's saved key")
    remove.add_argument("name", help="the provider")
    listing = actions.add_parser("list", help="show where each provider's key comes from")
    listing.add_argument("--json", action="store_true", help="as one JSON list")
    for parser in (auth, store, remove, listing):
        parser.add_private()


def _add_models(models: CommandParser) -> None:
    actions = models.add_subparsers(dest="action", metavar="action", required=True)
    listing = actions.add_parser("list", help="list the built-in model and your own")
    add = actions.add_parser(
        "add",
        help="add a server by its address, or a GGUF file",
        description="Add a server by its address, such as 192.168.1.20:8000 or https://host/v1: it is asked for its"
        " models and written into the config. Or add a GGUF file, which stays where it is.",
    )
    add.add_argument("file", metavar="ADDRESS|FILE")
    add.add_argument("--key", action="store_true", help="read a key for the server from the terminal or from stdin")
    pull = actions.add_parser(
        "get",
        aliases=["pull"],
        help="list better local models, or download one from Hugging Face",
        description="Without a model, list better local models with their size and the memory they need. With one,"
        " download it from Hugging Face (HF_ENDPOINT, HF_TOKEN); an interrupted download is resumed.",
    )
    pull.add_argument(
        "model",
        nargs="?",
        default="",
        metavar="NAME|ORG/REPO[:FILE]",
        help="a name from the list, or a repository; FILE can be part of the file's name, such as Q4_K_M",
    )
    remove = actions.add_parser("remove", help="remove a model; its file is deleted if it was downloaded")
    remove.add_argument("name", metavar="NAME")
    for action in (add, pull):
        action.add_argument("--name", metavar="NAME", help="its name after local/ (default: the file's)")
    for action in (listing, add, pull, remove):
        action.add_argument("--json", action="store_true", help="as JSON")
    for parser in (models, listing, add, pull, remove):
        parser.add_private()


def _add_history(history: CommandParser) -> None:
    actions = history.add_subparsers(dest="action", metavar="action", required=True)
    reading = _add_history_reading(actions)
    writing = _add_history_writing(actions)
    for action in (*reading, *writing):
        action.add_argument("--json", action="store_true", help="as JSON")
    for parser in (history, *reading, *writing):
        parser.add_private()


def _add_history_reading(actions: Any) -> tuple[CommandParser, ...]:
    listing = actions.add_parser("list", help="list conversations: pinned ones first, then the newest")
    listing.add_argument("--limit", type=option_types.count, metavar="N", help="show at most N")
    listing.add_argument("--deleted", action="store_true", help="list the deleted ones that can be restored")
    show = actions.add_parser("show", help="show a conversation")
    show.add_argument("id", metavar="ID", help=_CONVERSATION_ID)
    show.add_argument("--all", action="store_true", help="show all branches, not only the current one")
    search = actions.add_parser(
        "search",
        help="search messages",
        description='Search messages: words, "phrases in quotes", model:, role:, before: and after: (2026-01-31, 7d).'
        " The best matches come first. All messages are searched unless --limit is reached; Ctrl-C prints the results"
        " so far.",
    )
    search.add_argument("query", nargs="+", metavar="QUERY")
    search.add_argument(
        "--limit", type=option_types.count, default=50, metavar="N", help="at most N hits (default: 50)"
    )
    export = actions.add_parser(
        "export",
        help="export a conversation as Markdown or JSON",
        description="Export a conversation. JSON is complete and can be imported again; Markdown has the current"
        " branch. With --all, unreadable conversations are skipped and named on stderr, and the exit code is 1.",
    )
    export.add_argument("id", nargs="?", metavar="ID", help=_CONVERSATION_ID)
    export.add_argument("--format", choices=["markdown", "json"], help="default: markdown; with --all: json")
    export.add_argument(
        "--out", metavar="FILE", help="file to write, instead of stdout (-); existing files are not overwritten"
    )
    export.add_argument("--all", action="store_true", help="all conversations, as JSON, one per line")
    return listing, show, search, export


def _add_history_writing(actions: Any) -> tuple[CommandParser, ...]:
    add = actions.add_parser(
        "import",
        help="import conversations from chat-tui, ChatGPT, llm or elia",
        description="Import ChatGPT's export (zip or conversations.json), llm's logs.db, elia's database, or chat-tui's"
        " own JSON. Conversations that exist already are not duplicated; unreadable records are reported and skipped.",
    )
    add.add_argument("file", metavar="FILE")
    delete = actions.add_parser(
        "delete",
        help="permanently delete a conversation",
        description="Permanently delete a conversation with all its branches and files. Unlike on the screen, this"
        " cannot be undone. Asks for confirmation in a terminal, but not in a script. Finds deleted conversations,"
        " too.",
    )
    delete.add_argument("id", metavar="ID", help=_CONVERSATION_ID)
    delete.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    restore = actions.add_parser(
        "restore",
        help="restore a deleted conversation",
        description="Restore a conversation that was deleted on the screen or the page; it is kept for 30 days."
        " `chat-tui history list --deleted` lists them.",
    )
    restore.add_argument("id", metavar="ID", help="id, its beginning, or `last` for the one deleted last")
    check = actions.add_parser("check", help="check the history for damage; exit code 1 if any is found")
    backup = actions.add_parser("backup", help="copy the history to a file, even while it is in use")
    backup.add_argument(
        "file", nargs="?", metavar="FILE", help="default: next to the history, with the date in its name"
    )
    return add, delete, restore, check, backup
