"""`chat-tui auth`: checks and saves API keys, and shows where each comes from. No key is shown in full."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

import msgspec

from chat_tui.bootstrap.provider_setup import ProviderSetup
from chat_tui.config import load, paths
from chat_tui.core.errors import KeyMissing, KeyRefused, ProviderError
from chat_tui.core.models import KeyPlace, KeySource
from chat_tui.core.processes import console
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.core.text.api_keys import cleaned_key, is_sendable
from chat_tui.core.text.control_characters import clean_line, escaped_json
from chat_tui.core.text.excerpts import shorten
from chat_tui.providers.credentials import keyring_library
from chat_tui.providers.credentials.keys import mask


def run(options: argparse.Namespace) -> int:
    """Run the action; returns the exit code."""
    setup = ProviderSetup(load.load(paths.config_file()), tell=report_error)
    if options.action == "list":
        return _list(setup.key_sources(), as_json=options.json)
    if options.action == "remove":
        return asyncio.run(_remove(setup, options.name))
    if options.name not in setup.names():
        write_error(f"chat-tui: unknown provider {options.name[:60]!r}.\n")
        write_error(f"          Known: {', '.join(sorted(setup.names()))}.\n")
        write_error("          `chat-tui models add ADDRESS` adds a server of your own.\n")
        return 2
    if options.typed:
        write_error("chat-tui: a key is not read from the command line, where other programs can see it.\n")
        write_error(f"          Run `chat-tui auth add {options.name}` and paste it there, or pipe it to stdin.\n")
        return 2
    if (page := setup.key_page(options.name)) and sys.stdin is not None and sys.stdin.isatty():
        write_error(f"A key is created at {page}\n")
    key = read_key(f"Key for {options.name}")
    if not is_sendable(key):
        write_error("chat-tui: not a valid key: it is empty or contains invalid characters. Nothing was saved.\n")
        return 2
    place: KeyPlace | None = "keyring" if options.keyring else "file" if options.file else None
    return asyncio.run(_add(setup, options.name, key, place, check=options.check))


def read_key(prompt: str) -> str:
    """Return a key that is typed into the terminal, where it is not shown, or the first line of stdin."""
    if sys.stdin is not None and sys.stdin.isatty():
        import getpass

        return cleaned_key(getpass.getpass(f"{clean_line(prompt, 80)} (it is not shown): "))
    return cleaned_key(sys.stdin.readline() if sys.stdin is not None else "")


async def keep_key(setup: ProviderSetup, name: str, key: str, place: KeyPlace | None) -> str:
    """Save a key, in the keyring if there is one and no place is given; returns the place for people.

    Raises `KeyMissing`.
    """
    why = ""
    if place is None:
        why = await setup.keyring_problem()
        place = "file" if why else "keyring"
        if not keyring_library.is_installed():
            why = keyring_library.missing_library()
    await setup.save_key(name, key, place)
    if place == "keyring":
        return "the system's keyring"
    return f"{setup.key_file}, which only you can read" + (f" (no keyring: {why})" if why else "")


def _list(sources: list[KeySource], *, as_json: bool) -> int:
    if as_json:
        console.write_data(escaped_json(json.dumps([msgspec.to_builtins(source) for source in sources])) + "\n")
        return 0
    if not sources:
        console.write_output("No key was found. `chat-tui auth add NAME` saves one.\n")
    for source in sources:
        console.write_output(
            f"{shorten(source.provider, 40):<14} {shorten(source.place, 60)} {source.key}".rstrip() + "\n"
        )
    return 0


async def _add(setup: ProviderSetup, name: str, key: str, place: KeyPlace | None, *, check: bool) -> int:
    told = ""
    if check:
        try:
            found = await setup.check_key(name, key)
        except KeyRefused as error:
            report_error(error)
            write_error("          Nothing was saved.\n")
            return 1
        except ProviderError as error:
            write_error(f"chat-tui: the key could not be checked: {error.title}\n")
        else:
            told = (
                f" {name} accepts it and lists {found.models} model{'s' * (found.models != 1)}."
                if found.is_certain
                else ""
            )
    where = await keep_key(setup, name, key, place)
    console.write_output(f"The key for {name} ({mask(key)}) was saved in {where}.{told}\n")
    shadow = next((each for each in setup.key_sources() if each.provider == name), None)
    if shadow is not None and shadow.place not in {"keyring", "file"}:
        write_error(f"chat-tui: the key from {_describe(shadow.place)} takes precedence over it.\n")
    return 0


async def _remove(setup: ProviderSetup, name: str) -> int:
    shown = shorten(name, 60)
    try:
        places = await setup.forget_key(name)
    except KeyMissing as error:
        report_error(error)
        return 1
    if not places:
        other = next((each for each in setup.key_sources() if each.provider == name), None)
        write_error(f"chat-tui: there is no saved key for {shown}.\n")
        if other is not None:
            write_error(f"          It comes from {_describe(other.place)}: remove it there.\n")
        return 1
    where = " and ".join("the system's keyring" if place == "keyring" else str(setup.key_file) for place in places)
    console.write_output(f"The key for {shown} was removed from {where}.\n")
    return 0


def _describe(place: str) -> str:
    return {"command": "`api_key_cmd` in the config", "config": "`api_key` in the config"}.get(place, place)
