"""The options of `chat-tui tools`."""

from __future__ import annotations

from typing import Any


def add_tool_options(tools: Any) -> None:
    """Add the actions of `chat-tui tools` with their options to its parser, a `CommandParser`."""
    actions = tools.add_subparsers(dest="action", metavar="action", required=True)
    listing = actions.add_parser("list", help="list the tool servers of the config, and the program's own tools")
    add = actions.add_parser(
        "add",
        help="add a tool server: NAME -- COMMAND ARGUMENTS, or NAME --url ADDRESS",
        description="Write a tool server into the config. It is started when a question needs it. Write options before"
        " the command, and `--` before a command with options of its own: `chat-tui tools add files -- npx -y"
        " @modelcontextprotocol/server-filesystem ~/notes`. In single quotes, '$NAME' stays in the config and is read"
        " from the environment when the server starts.",
    )
    add.add_argument("name", metavar="NAME", help="a name of your own: letters, digits, _ and -")
    add.add_argument("words", nargs="*", metavar="COMMAND", help="the program that is the server, and its arguments")
    add.add_argument("--url", metavar="ADDRESS", default="", help="address of a server that is reached over HTTP")
    add.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="environment variable for the program; NAME alone passes on your own; may be repeated",
    )
    add.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="HTTP header for the server; may be repeated",
    )
    remove = actions.add_parser("remove", help="remove a tool server from the config")
    remove.add_argument("name", metavar="NAME")
    test = actions.add_parser(
        "test",
        help="start a tool server and list its tools",
        description="Start a tool server and list its tools with their descriptions, and the tokens that offering them"
        " to a model takes. If it cannot be used, what it writes is shown.",
    )
    test.add_argument("name", metavar="NAME")
    login = actions.add_parser(
        "login",
        help="sign in to a tool server that is reached over HTTP",
        description="Sign in to a tool server that is reached over HTTP, by OAuth: open the address that is shown in a"
        " browser on this machine. The tokens are kept in a file that only you can read.",
    )
    login.add_argument("name", metavar="NAME")
    read = actions.add_parser(
        "import",
        help="add the tool servers of another program's config",
        description="Add the tool servers of a JSON file of Claude Desktop, Claude Code, VS Code, Cursor and others,"
        " such as ~/.cursor/mcp.json. Names that are in the config already are left out.",
    )
    read.add_argument("file", metavar="FILE")
    for action in (listing, test):
        action.add_argument("--json", action="store_true", help="as JSON")
    for parser in (tools, listing, add, remove, test, login, read):
        parser.add_private()
