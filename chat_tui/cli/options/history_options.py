"""The options of `chat-tui history`, apart from it: reading the command line must not load the history."""

from __future__ import annotations

import argparse

from chat_tui.cli.options import option_types

_ID = "the conversation's id, the first characters of it, or `last`"


def add(history: argparse.ArgumentParser) -> None:
    """Give the parser what can be done with the history."""
    actions = history.add_subparsers(dest="action", metavar="action", required=True)
    listing = actions.add_parser("list", help="list conversations: pinned ones first, then the newest")
    listing.add_argument("--limit", type=_count, metavar="N", help="show at most N")
    show = actions.add_parser("show", help="show a conversation")
    show.add_argument("id", metavar="ID", help=_ID)
    show.add_argument("--all", action="store_true", help="show all branches, not only the current one")
    search = actions.add_parser(
        "search",
        help="search messages",
        description='Search messages: words, "phrases in quotes", model:, role:, before: and after: (2026-01-31, 7d).'
        " The best matches come first. All messages are searched unless --limit is reached; Ctrl-C prints the results"
        " so far.",
    )
    search.add_argument("query", nargs="+", metavar="QUERY")
    search.add_argument("--limit", type=_count, default=50, metavar="N", help="at most N hits (default: 50)")
    export = actions.add_parser(
        "export",
        help="export a conversation as Markdown or JSON",
        description="Export a conversation. JSON is complete and can be imported again; Markdown has the current"
        " branch. With --all, unreadable conversations are skipped and named on stderr, and the exit code is 1.",
    )
    export.add_argument("id", nargs="?", metavar="ID", help=_ID)
    export.add_argument("--format", choices=["markdown", "json"], help="default: markdown; with --all: json")
    export.add_argument(
        "--out", metavar="FILE", help="file to write, instead of stdout (-); existing files are not overwritten"
    )
    export.add_argument("--all", action="store_true", help="all conversations, as JSON, one per line")
    bring = actions.add_parser(
        "import",
        help="import conversations from chat-tui, ChatGPT, llm or elia",
        description="Import ChatGPT's export (zip or conversations.json), llm's logs.db, elia's database, or chat-tui's"
        " own JSON. Conversations that exist already are not duplicated; unreadable records are reported and skipped.",
    )
    bring.add_argument("file", metavar="FILE")
    delete = actions.add_parser(
        "delete",
        help="permanently delete a conversation",
        description="Permanently delete a conversation with all its branches and files. Unlike on the screen, this"
        " cannot be undone. Asks for confirmation in a terminal, but not in a script.",
    )
    delete.add_argument("id", metavar="ID", help=_ID)
    delete.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    check = actions.add_parser("check", help="check the history for damage; exit code 1 if any is found")
    backup = actions.add_parser("backup", help="copy the history to a file, even while it is in use")
    backup.add_argument(
        "file", nargs="?", metavar="FILE", help="default: next to the history, with the date in its name"
    )
    for action in (listing, show, search, export, bring, delete, check, backup):
        action.add_argument("--json", action="store_true", help="as JSON")
    for parser in (history, listing, show, search, export, bring, delete, check, backup):
        option_types.add_private(parser)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1_000_000_000:
        raise argparse.ArgumentTypeError("must be a whole number greater than 0")
    return int(text)
