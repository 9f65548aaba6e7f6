"""The options of the commands that ask models, and of the web server."""

from __future__ import annotations

import argparse

from chat_tui.cli.options import value_types
from chat_tui.cli.options.command_parser import CommandParser

THINKING = ("off", "low", "medium", "high")
"""The values of `core.request.Thinking`, whose module would load too much here."""


def add_model_choice(to: CommandParser, default: str | None = argparse.SUPPRESS) -> None:
    to.add_argument(
        "-m", "--model", type=value_types.models, metavar="PROVIDER/MODEL", default=default, help="the model to use"
    )
    to.add_argument(
        "-t", "--strategy", metavar="NAME", default=default, help="how to choose the model (default: balanced)"
    )


def add_preset(to: CommandParser, default: str | None = argparse.SUPPRESS) -> None:
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


def add_conversation(to: CommandParser) -> None:
    """Add what says where a question belongs: to a new conversation, or to an earlier one."""
    place = to.add_mutually_exclusive_group()
    place.add_argument(
        "-c",
        "--continue",
        dest="conversation",
        action="store_const",
        const="last",
        help="go on with the conversation that was used last, with its model, preset and settings",
    )
    place.add_argument(
        "--in",
        dest="conversation",
        metavar="ID|TITLE",
        help="go on with this conversation: its id, the beginning of it, its title or words of it",
    )
    to.add_argument("-s", "--system", metavar="TEXT", help="the system prompt of the conversation")


def add_files(to: CommandParser) -> None:
    """Add the files of a question."""
    to.add_argument(
        "-a",
        "--attach",
        "--file",
        action="append",
        default=[],
        metavar="FILE|URL",
        help="attach an image, PDF, text file, lines of it (FILE#10-40), FOLDER/ or web page; - is standard input",
    )


def _add_question(to: CommandParser) -> None:
    """Add what one question takes, whether one model answers it or several."""
    to.add_argument("question", nargs="*", help="the question; quotes are optional")
    _add_temperature(to)
    to.add_argument("--seed", type=int, metavar="N", help="sampling seed, for repeatable answers where supported")
    to.add_argument("--thinking", choices=THINKING, help="reasoning effort, if supported")
    add_files(to)
    to.add_argument("-n", "--no-save", action="store_true", help="do not save the conversation")
    to.add_argument("--no-memory", action="store_true", help="do not send what you have asked to remember")
    to.add_private("same as --no-save")


def _add_temperature(to: CommandParser) -> None:
    to.add_argument(
        "--temperature", type=value_types.not_negative, metavar="T", help="0 = deterministic; higher = more varied"
    )


def _add_max_tokens(to: CommandParser, what: str) -> None:
    to.add_argument("--max-tokens", type=value_types.positive_int, metavar="N", help=f"limit {what} to N tokens")


def _add_schema(to: CommandParser) -> None:
    to.add_argument(
        "--schema",
        metavar="FILE|FIELDS",
        help="answer with JSON that matches this JSON Schema, or these fields, such as 'name, age int'",
    )


def _add_timeout(to: CommandParser, what: str) -> None:
    to.add_argument("--timeout", type=value_types.positive, metavar="SECONDS", help=f"time limit for {what}")


def _add_max_price(to: CommandParser, what: str) -> None:
    to.add_argument("--max-price", type=value_types.not_negative, metavar="DOLLARS", help=f"maximum price of {what}")


def add_route_options(route: CommandParser) -> None:
    route.add_argument("question", nargs="*", metavar="prompt", help="the prompt; quotes are optional")
    add_model_choice(route)
    add_preset(route)
    _add_max_tokens(route, "the answer")
    _add_max_price(route, "the answer")
    add_files(route)
    route.add_argument(
        "--models",
        metavar="MODEL,…",
        help="choose among these models (PROVIDER/MODEL, separated by commas), whether they can be asked from here"
        " or not",
    )
    route.add_argument("--json", action="store_true", help="write the model and the route as JSON")
    route.add_private()


def add_chat_options(to: CommandParser) -> None:
    to.add_argument("question", nargs="*", help="the first message; quotes are optional")
    add_conversation(to)
    add_model_choice(to)
    add_preset(to)
    add_files(to)
    to.add_argument("-n", "--no-save", dest="private", action="store_true", help="do not save the conversation")
    to.add_private("same as --no-save")


def add_open_options(to: CommandParser) -> None:
    to.add_argument(
        "name",
        nargs="+",
        metavar="ID|WORDS",
        help="the conversation's id, the beginning of it, `last`, its title or words of it",
    )
    add_model_choice(to)
    to.add_argument("--line", action="store_true", help="go on line by line, without the full screen")
    to.add_private()


def add_ask_options(ask: CommandParser) -> None:
    _add_question(ask)
    add_model_choice(ask)
    add_preset(ask)
    _add_max_tokens(ask, "the answer")
    add_conversation(ask)
    ask.add_argument("--top-p", type=value_types.fraction, metavar="P", help="nucleus sampling, 0 to 1")
    ask.add_argument(
        "--stop",
        type=value_types.some_text,
        action="append",
        default=[],
        metavar="TEXT",
        help="stop at this text; may be repeated",
    )
    _add_timeout(ask, "the whole answer")
    _add_max_price(ask, "the answer")
    ask.add_argument("--json", action="store_true", help="one JSON object per line")
    ask.add_argument("--raw", action="store_true", help="write the text as it is, also to a terminal")
    ask.add_argument("-q", "--quiet", action="store_true", help="write errors only, and no notes, to stderr")
    ask.add_argument("-v", "--verbose", action="store_true", help="write the conversation's id to stderr at the end")
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
        action=argparse.BooleanOptionalAction,
        help="let the model use its provider's own web search; only models that can are asked",
    )
    _add_named_tools(ask)
    _add_schema(ask)


def _add_named_tools(command: CommandParser, limit: str = "") -> None:
    """Add the options that name tools; `limit` says which of them may be named."""
    command.add_argument(
        "--tool",
        action="append",
        default=[],
        metavar="SERVER[.TOOL]",
        help=f"let the model use and run the tools of this server, or this tool{limit}; may be repeated",
    )
    command.add_argument(
        "--tools-allow",
        action="append",
        default=[],
        metavar="PATTERN",
        help=f"let the model use and run tools that match, such as 'files.read*'{limit}; may be repeated",
    )


def add_compare_options(compare: CommandParser) -> None:
    add_preset(compare)
    _add_question(compare)
    compare.add_argument(
        "--models",
        type=value_types.models,
        metavar="A,B",
        help="2 to 4 models, each as provider/model (default: the strategy's best two of different families)",
    )
    compare.add_argument(
        "-t", "--strategy", metavar="NAME", default=argparse.SUPPRESS, help="how to choose models when none are named"
    )
    _add_max_tokens(compare, "each answer")
    _add_timeout(compare, "each whole answer")
    _add_max_price(compare, "each answer")
    compare.add_argument(
        "--json", action="store_true", help="one JSON object per line, each with its `model`, and a summary at the end"
    )


def add_batch_options(batch: CommandParser) -> None:
    add_model_choice(batch)
    add_preset(batch)
    batch.add_argument("prompts", metavar="PROMPTS", help="a .txt or .jsonl file, or - for standard input")
    batch.add_argument("--out", metavar="FILE", default="-", help="where to write results (default: - for stdout)")
    batch.add_argument(
        "--concurrency",
        type=value_types.concurrency,
        default=3,
        metavar="N",
        help="number of concurrent requests (default: 3), within each provider's limit",
    )
    _add_max_tokens(batch, "each answer")
    _add_temperature(batch)
    _add_named_tools(batch, ", if `[tool_use] allow` in the config allows it")
    _add_schema(batch)
    batch.add_argument("-s", "--system", metavar="TEXT", help="the system prompt for prompts that do not set their own")
    _add_max_price(batch, "each answer")
    batch.add_argument("--no-fallback", action="store_true", help="do not fall back to other models")
    batch.add_argument(
        "--retry-failed", action="store_true", help="send only failed prompts again; you may edit their lines first"
    )
    batch.add_private("save only the results, not even their cost")
    batch.add_argument("--json", action="store_true", help="end with a one-line JSON summary on stdout")


def add_serve_options(serve: CommandParser) -> None:
    add_model_choice(serve)
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: 127.0.0.1); any other than loopback needs CHAT_TUI_TOKEN or --token-file",
    )
    serve.add_argument(
        "--port",
        type=value_types.port,
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
    serve.add_argument(
        "--token-file",
        metavar="FILE",
        help="file that keeps the token over restarts, so that browsers stay signed in; created if it is missing",
    )
    serve.add_argument(
        "--root-path",
        metavar="/PATH",
        help="path under which a reverse proxy serves the page and the APIs",
    )
    serve.add_private()
