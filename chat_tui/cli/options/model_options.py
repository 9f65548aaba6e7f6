"""The options of `chat-tui auth` and `chat-tui models`."""

from __future__ import annotations

import argparse

from chat_tui.cli.options.command_parser import CommandParser


def add_auth_options(auth: CommandParser) -> None:
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


def add_model_options(models: CommandParser) -> None:
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
