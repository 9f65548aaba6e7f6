"""The options of `chat-tui history`, apart from it: reading the command line must not load the history."""

from __future__ import annotations

import argparse

from chat_tui.cli.options import option_types

_ID = "the conversation's id, the beginning of it, or `last`"


def add(history: argparse.ArgumentParser) -> None:
    """Give the parser what can be done with the history."""
    actions = history.add_subparsers(dest="action", metavar="action", required=True)
    listing = actions.add_parser("list", help="list conversations: pinned ones first, then the newest")
    listing.add_argument("--limit", type=_count, metavar="N", help="at most N")
    show = actions.add_parser("show", help="show a conversation")
    show.add_argument("id", metavar="ID", help=_ID)
    show.add_argument("--all", action="store_true", help="all branches, not only the current path")
    search = actions.add_parser(
        "search",
        help="find turns by their words",
        description='Find turns: words and "phrases in quotes", model:, role:, before: and after: (2026-01-31, 7d).'
        " The best matches come first. All turns are searched, unless --limit is reached; Ctrl-C prints what was found"
        " so far.",
    )
    search.add_argument("query", nargs="+", metavar="QUERY")
    search.add_argument("--limit", type=_count, default=50, metavar="N", help="at most N hits (default: 50)")
    export = actions.add_parser(
        "export",
        help="write a conversation as Markdown or JSON",
        description="Write a conversation. JSON is complete and can be imported; Markdown has the current path. With"
        " --all, conversations that cannot be read are left out and named on stderr, and the exit code is 1.",
    )
    export.add_argument("id", nargs="?", metavar="ID", help=_ID)
    export.add_argument("--format", choices=["markdown", "json"], help="default: markdown; with --all: json")
    export.add_argument(
        "--out", metavar="FILE", help="write there, and not to stdout (-); a file that is there is not touched"
    )
    export.add_argument("--all", action="store_true", help="all conversations: as JSON, one a line")
    bring = actions.add_parser(
        "import",
        help="import conversations of chat-tui, ChatGPT, llm or elia",
        description="Import ChatGPT's export (zip or conversations.json), llm's logs.db, elia's database, or our JSON."
        " What is there already is not doubled; what cannot be read is told and left out.",
    )
    bring.add_argument("file", metavar="FILE")
    delete = actions.add_parser(
        "delete",
        help="erase a conversation for good",
        description="Erase a conversation with all its branches and files. There is no way back: on the screen there "
        "is, for a while. Asks first where there is a terminal to answer; a script is not asked.",
    )
    delete.add_argument("id", metavar="ID", help=_ID)
    delete.add_argument("--yes", action="store_true", help="do not ask")
    check = actions.add_parser("check", help="look for damage; exit code 1 where there is some")
    backup = actions.add_parser("backup", help="copy the history to a file, also while it is in use")
    backup.add_argument("file", nargs="?", metavar="FILE", help="default: beside the history, with the date")
    for action in (listing, show, search, export, bring, delete, check, backup):
        action.add_argument("--json", action="store_true", help="as JSON")
    for parser in (history, listing, show, search, export, bring, delete, check, backup):
        option_types.add_private(parser)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1_000_000_000:
        raise argparse.ArgumentTypeError("must be a whole number greater than 0")
    return int(text)
