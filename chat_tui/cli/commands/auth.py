"""`chat-tui auth`: saves keys in the system's keyring, and shows where each key comes from. No key is shown in full."""

from __future__ import annotations

import argparse
import json
import os
import sys

import msgspec

from chat_tui.config import load, paths
from chat_tui.config.known_providers import known_providers
from chat_tui.core.errors import ChatTuiError, KeyMissing
from chat_tui.core.processes import child_process, console
from chat_tui.core.processes.console import report_error, write_error
from chat_tui.core.text.api_keys import cleaned_key
from chat_tui.core.text.control_characters import clean_line, escaped_json
from chat_tui.providers.credentials.keyring_worker import NOT_THERE
from chat_tui.providers.credentials.keys import SERVICE, StoredKeyNames, keyring_command, mask
from chat_tui.providers.registry import provider_of_known, provider_of_row

KEYRING_SECONDS = 120.0
"""Time limit; the keyring may ask the user for a password."""


class KeySource(msgspec.Struct, frozen=True):
    """Where a provider's key comes from."""

    provider: str
    place: str
    """`keyring`, `config`, `command`, or `$` and the name of a variable."""
    key: str = ""
    """Its last characters, if they are known without asking anybody."""


def run(options: argparse.Namespace) -> int:
    """Run the action; returns the exit code."""
    settings = load.load(paths.config_file())
    kept = StoredKeyNames(paths.kept_keys_file(), report_error)
    if options.action == "list":
        return _list(key_places(settings, kept), as_json=options.json)
    known = {*known_providers(), *(row.name for row in settings.providers)}
    if options.action == "set" and options.name not in known:
        write_error(f"chat-tui: unknown provider {options.name[:60]!r}.\n")
        write_error(f"          Known: {', '.join(sorted(known))}; add others under [[providers]] first.\n")
        return 2
    return _set(options.name, kept) if options.action == "set" else _remove(options.name, kept)


def key_places(settings: load.Config, kept: StoredKeyNames) -> list[KeySource]:
    """Return where the keys of all providers come from, in the order in which a request looks."""
    known, names = known_providers(), kept.names()
    rows = {row.name: row for row in settings.providers}
    places = []
    for name in sorted({*known, *rows, *names}):
        row = rows.get(name)
        usual = known.get(name)
        provider = (
            provider_of_row(row, usual, os.environ) if row else provider_of_known(usual, os.environ) if usual else None
        )
        variable = provider.api_key_env if provider else ""
        if provider and provider.api_key_cmd:
            places.append(KeySource(name, "command"))
        elif row and row.api_key:
            places.append(KeySource(name, "config", mask(cleaned_key(row.api_key))))
        elif variable and (key := cleaned_key(os.environ.get(variable, ""))):
            places.append(KeySource(name, f"${variable}", mask(key)))
        elif name in names:
            places.append(KeySource(name, "keyring"))
    return places


def _list(places: list[KeySource], *, as_json: bool) -> int:
    if as_json:
        console.write_data(escaped_json(json.dumps([msgspec.to_builtins(place) for place in places])) + "\n")
        return 0
    if not places:
        console.write_output("No key was found. `chat-tui auth set NAME` saves one in the system's keyring.\n")
    for place in places:
        console.write_output(
            f"{clean_line(place.provider, 40):<14} {clean_line(place.place, 60)} {place.key}".rstrip() + "\n"
        )
    return 0


def _set(name: str, kept: StoredKeyNames) -> int:
    if sys.stdin is not None and sys.stdin.isatty():
        import getpass

        key = cleaned_key(getpass.getpass(f"Key for {clean_line(name, 60)} (it is not shown): "))
    else:
        key = cleaned_key(sys.stdin.readline() if sys.stdin is not None else "")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        write_error("chat-tui: not a valid key: it is empty or contains invalid characters. Nothing was saved.\n")
        return 2
    _run_keyring("set", name, key)
    kept.add(name)
    console.write_output(f"The key for {name} ({mask(key)}) was saved in the system's keyring.\n")
    return 0


def _remove(name: str, kept: StoredKeyNames) -> int:
    was_kept = name in kept.names()
    found = _run_keyring("remove", name) != NOT_THERE
    kept.remove(name)
    shown_name = clean_line(name, 60)
    if not found and not was_kept:
        write_error(f"chat-tui: there is no key for {shown_name} in the system's keyring.\n")
        return 1
    console.write_output(f"The key for {shown_name} was removed from the system's keyring.\n")
    return 0


def _run_keyring(what: str, name: str, key: str = "") -> int:
    """Run the keyring's child process; returns its exit code. Raises `KeyMissing` if there is no keyring."""
    try:
        done = child_process.run(keyring_command(what, name), key.encode(), seconds=KEYRING_SECONDS)
    except TimeoutError:
        raise _keyring_error("it did not answer", name) from None
    if done.code not in {0, NOT_THERE}:
        last = done.errors.decode("utf-8", "replace").strip().rpartition("\n")[2].replace(key or "\0", "[key]")
        raise _keyring_error(clean_line(last, 200) or f"code {done.code}", name)
    return done.code


def _keyring_error(why: str, name: str) -> ChatTuiError:
    return KeyMissing(
        f"The system's keyring cannot be used for `{SERVICE}`: {why.rstrip('.')}.",
        "Unlock it or install one; or use `api_key_env` or `api_key_cmd` in the config.",
        provider=name,
    )
