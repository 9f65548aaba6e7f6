"""Checks the API keys: where each comes from and, if that is wanted, whether its provider accepts it. No part of a key
is shown."""

from __future__ import annotations

import asyncio
import os
import shlex
import stat
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from chat_tui.bootstrap.provider_setup import ProviderSetup
from chat_tui.cli.doctor.finding import Finding
from chat_tui.config import paths
from chat_tui.config.known_providers import known_providers
from chat_tui.config.schema import Config
from chat_tui.core.errors import ChatTuiError, KeyMissing, KeyRefused, TooSlow
from chat_tui.core.files.reading import read_regular
from chat_tui.core.models import KeyCheck
from chat_tui.core.processes.install_command import install_command
from chat_tui.core.text.counts import count_of
from chat_tui.providers.credentials import keyring_library
from chat_tui.providers.credentials.keys import missing_key
from chat_tui.providers.registry import provider_of_row

CHECK_SECONDS = 40.0
"""For one provider: a command or a keyring may ask for a password, and then the provider is asked."""
_SECTION = "keys"
_FILE_BYTES = 100_000


class KeyFacts(msgspec.Struct, frozen=True):
    """Where the keys are."""

    places: Mapping[str, str] = {}
    """By provider, as in `KeySource.place`."""
    missing: tuple[KeyMissing, ...] = ()
    """Of configured providers that need a key and have none."""
    damaged_file: Path | None = None
    """A file with keys, or with their names, that cannot be read."""
    readable_file: Path | None = None
    """A file with keys that others can read."""
    has_keyring: bool = True
    """Whether the library for the keyring is installed."""
    answers: Mapping[str, KeyCheck | ChatTuiError] = {}
    """What the providers that were asked have answered."""
    is_online: bool = False
    """Whether they were asked."""


def read_keys(config: Config, environ: Mapping[str, str] = os.environ) -> KeyFacts:
    """Find out where the keys are, without running a command or opening the keyring. Blocks."""
    kept, file = paths.kept_keys_file(), paths.key_file()
    # Else the lookup would move a damaged file aside.
    if damaged := next(
        (each for each, kind in ((kept, set[str]), (file, dict[str, str])) if _is_bad(each, kind)), None
    ):
        return KeyFacts(damaged_file=damaged)
    places = {each.provider: each.place for each in ProviderSetup(config, environ=environ).key_sources()}
    missing = []
    for row in config.providers:
        provider = provider_of_row(row, known_providers().get(row.name), environ)
        if provider.api_key_env and not provider.key_optional and row.name not in places:
            missing.append(missing_key(provider))
    is_readable = file.exists() and bool(stat.S_IMODE(file.stat().st_mode) & 0o077)
    return KeyFacts(
        places,
        tuple(missing),
        readable_file=file if is_readable else None,
        has_keyring=keyring_library.is_installed(),
    )


def _is_bad(file: Path, kind: type[set[str]] | type[dict[str, str]]) -> bool:
    try:
        msgspec.json.decode(read_regular(file, _FILE_BYTES), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return True
    return False


async def ask_providers(
    check: Callable[[str], Awaitable[KeyCheck]], names: Iterable[str], seconds: float = CHECK_SECONDS
) -> dict[str, KeyCheck | ChatTuiError]:
    """Ask each provider for its list of models with its key (`check`); returns what each has answered."""

    async def ask(name: str) -> KeyCheck | ChatTuiError:
        try:
            async with asyncio.timeout(seconds):
                return await check(name)
        except TimeoutError:
            return TooSlow(f"{name} did not answer within {seconds:g} s.", "Try again.", provider=name)
        except ChatTuiError as error:
            return error

    wanted = list(names)
    return dict(zip(wanted, await asyncio.gather(*map(ask, wanted)), strict=True))


def check_keys(facts: KeyFacts) -> Iterator[Finding]:
    """Yield the findings about the keys."""
    if facts.damaged_file is not None:
        hint = "Remove or repair it, and enter the keys again with `chat-tui auth add NAME`."
        yield Finding(_SECTION, "file", "problem", f"{facts.damaged_file} cannot be read", hint)
        return
    if facts.readable_file is not None:
        hint = f"Run: chmod 600 {shlex.quote(str(facts.readable_file))}"
        text = f"other users of this machine can read {facts.readable_file}"
        yield Finding(_SECTION, "file", "problem", text, hint)
    for error in facts.missing:
        yield Finding(_SECTION, error.provider, "problem", "configured, but no key was found", error.hint)
    for name, place in facts.places.items():
        if place == "keyring" and not facts.has_keyring:
            text = "from the system's keyring, for which a library is missing"
            yield Finding(_SECTION, name, "problem", text, f"Run: {install_command(keyring_library.REQUIREMENT)}")
            continue
        yield _key(name, f"from {_shown_place(place)}", facts.answers.get(name))
    if not facts.places and not facts.missing:
        hint = "`chat-tui auth add NAME` saves one; `chat-tui auth add --help` shows how."
        yield Finding(_SECTION, "none", "note", "there is no key: only models on this machine can answer", hint)
    elif facts.places and not facts.is_online:
        text = "providers were not asked whether they accept the keys"
        yield Finding(_SECTION, "check", "note", text, "`chat-tui doctor --online` asks each provider for its models.")


def _key(name: str, source: str, answer: KeyCheck | ChatTuiError | None) -> Finding:
    if answer is None:
        return Finding(_SECTION, name, "ok", source)
    if isinstance(answer, KeyCheck):
        listed = f"lists {count_of(answer.models, 'model')}"
        if answer.is_certain:
            return Finding(_SECTION, name, "ok", f"{source}; accepted, {listed}")
        return Finding(_SECTION, name, "ok", f"{source}; {listed}, but to everybody: only a question tests the key")
    what = "refused" if isinstance(answer, KeyRefused) else "could not be checked"
    hint = answer.hint or "Check the connection and try again."
    return Finding(_SECTION, name, "problem", f"{source}; {what}: {answer.title}", hint)


def _shown_place(place: str) -> str:
    return {
        "command": "the command in `api_key_cmd`",
        "config": "`api_key` in the config",
        "keyring": "the system's keyring",
        "file": "the private file",
    }.get(place, place)
