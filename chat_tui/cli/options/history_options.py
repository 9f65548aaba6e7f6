"""The options of `chat-tui history`."""

from __future__ import annotations

from typing import Any

from chat_tui.cli.options import value_types
from chat_tui.cli.options.command_parser import CommandParser

_CONVERSATION_ID = "the conversation's id, the first characters of it, or `last`"
_CONVERSATION_NAME = f"{_CONVERSATION_ID}; or its title, or words of it"


def add_history_options(history: CommandParser) -> None:
    actions = history.add_subparsers(dest="action", metavar="action", required=True)
    reading = _add_history_reading(actions)
    writing = _add_history_writing(actions)
    for action in (*reading, *writing):
        action.add_argument("--json", action="store_true", help="as JSON")
    for parser in (history, *reading, *writing):
        parser.add_private()


def _add_history_reading(actions: Any) -> tuple[CommandParser, ...]:
    listing = actions.add_parser("list", help="list conversations: pinned ones first, then the newest")
    listing.add_argument("--limit", type=value_types.count, metavar="N", help="show at most N")
    listing.add_argument("--deleted", action="store_true", help="list the deleted ones that can be restored")
    show = actions.add_parser("show", help="show a conversation")
    show.add_argument("id", metavar="ID|TITLE", help=_CONVERSATION_NAME)
    show.add_argument("--all", action="store_true", help="show all branches, not only the current one")
    search = actions.add_parser(
        "search",
        help="search titles and messages",
        description='Search titles and messages: words, "phrases in quotes", model:, role:, before: and after:'
        " (2026-01-31, 7d). Titles come first, then the best matches. How many there are in all is told on stderr;"
        " Ctrl-C prints the results so far.",
    )
    search.add_argument("query", nargs="+", metavar="QUERY")
    search.add_argument(
        "--limit",
        type=value_types.count_or_all,
        default=50,
        metavar="N|all",
        help="at most N results, or all (default: 50)",
    )
    search.add_argument(
        "--offset", type=value_types.offset, default=0, metavar="N", help="leave out the first N results"
    )
    export = actions.add_parser(
        "export",
        help="export a conversation as Markdown, HTML or JSON",
        description="Export a conversation. JSON is complete and can be imported again; Markdown and HTML have the"
        " current branch. HTML is one file that loads nothing. With --all, unreadable conversations"
        " are skipped and named on stderr, and the exit code is 1.",
    )
    export.add_argument("id", nargs="?", metavar="ID|TITLE", help=_CONVERSATION_NAME)
    export.add_argument("--format", choices=["markdown", "html", "json"], help="default: markdown; with --all: json")
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
