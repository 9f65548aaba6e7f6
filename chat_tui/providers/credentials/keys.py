"""Looks up keys, which are never shown.

The first of these that has a key counts: what was entered for this run only, the config's command, the config itself,
the environment, the system's keyring, the private file.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import stat
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeAlias

from chat_tui.core import errors
from chat_tui.core.files.state_files import StateFile, Tell, ignore
from chat_tui.core.models import Provider
from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import ChildCommand
from chat_tui.core.text.api_keys import cleaned_key, is_sendable
from chat_tui.core.text.excerpts import shorten
from chat_tui.core.text.log_filter import hide_in_log
from chat_tui.providers.credentials import keyring_library
from chat_tui.providers.credentials.config_credentials import credentials_of

SERVICE = "chat-tui"
"""Our name in the keyring."""
COMMAND_SECONDS = 30.0
"""For a command that prints a key: it may ask for a fingerprint or a password."""
KEYRING_SECONDS = 30.0
_MOST_OUTPUT = 65_536
_NAMES_BYTES = 100_000


class StoredKeyNames:
    """The names of the providers whose keys are in the keyring, which cannot list them."""

    def __init__(self, file: Path, tell: Tell = ignore) -> None:
        lost = (
            "The list of keys in the system's keyring was lost, but the keys are still there. "
            "Use `chat-tui auth add NAME` to list one again."
        )
        self._names = StateFile(file, set[str], _NAMES_BYTES, lost, tell)

    def names(self) -> tuple[str, ...]:
        """Return the names in alphabetical order; reads a small file."""
        return tuple(sorted(self._names.read() or ()))

    def add(self, name: str) -> None:
        """Note that a provider's key is in the keyring. Raises OSError."""
        self._write({*self.names(), name})

    def remove(self, name: str) -> None:
        """Note that a provider's key is not in the keyring any more. Raises OSError."""
        self._write({*self.names()} - {name})

    def _write(self, names: set[str]) -> None:
        self._names.write(names)


SessionKeys: TypeAlias = dict[str, str]
"""Keys for this process only, by provider."""


class KeyFile:
    """Keys in a JSON file that only its owner can read, by provider. Everything blocks."""

    def __init__(self, file: Path, tell: Tell = ignore) -> None:
        lost = "The API keys in it were lost. Use `chat-tui auth add NAME` to enter them again."
        self.path = file
        self._keys = StateFile(file, dict[str, str], _NAMES_BYTES, lost, tell)

    def keys(self) -> dict[str, str]:
        """Return all keys; reads a small file."""
        return self._keys.read() or {}

    def set(self, provider: str, key: str) -> None:
        """Keep a key. Raises OSError."""
        self._keys.write({**self.keys(), provider: key})

    def discard(self, provider: str) -> bool:
        """Remove a provider's key; returns whether there was one. Raises OSError."""
        keys = self.keys()
        if keys.pop(provider, None) is None:
            return False
        self._keys.write(keys)
        return True


class KeyLookup:
    """Looks up the key of a provider, wherever the user has put it."""

    def __init__(
        self,
        kept: StoredKeyNames,
        *,
        file: KeyFile | None = None,
        session: SessionKeys | None = None,
        in_config: Mapping[str, str] | None = None,
        environ: Mapping[str, str] = os.environ,
        seconds: float = COMMAND_SECONDS,
        has_library: Callable[[], bool] = keyring_library.is_installed,
    ) -> None:
        """`has_library` says whether the library for the keyring, an extra, is installed."""
        self._kept, self._in_config, self._environ = kept, dict(in_config or {}), environ
        self._file, self._session = file, session if session is not None else {}
        self._seconds, self._has_library = seconds, has_library
        self._fetched: dict[str, str] = {}
        self._fetching = asyncio.Lock()

    def take_config(self, in_config: Mapping[str, str]) -> None:
        """Use these keys of the config from now on."""
        self._in_config = dict(in_config)

    async def of(self, provider: Provider) -> str:
        """Return the key; empty if none is needed. Raises `KeyMissing`, `KeyRefused`."""
        key = await self._find(provider)
        hide_in_log(credentials_of(provider, key))
        if not key and (provider.api_key_env or provider.api_key_cmd) and not provider.key_optional:
            raise missing_key(provider)
        if key and not is_sendable(key):
            raise errors.KeyRefused(
                f"The key for {provider.name} contains invalid characters.",
                f"Check ${provider.api_key_env}." if provider.api_key_env else "Check where it comes from.",
                provider=provider.name,
            )
        return key

    async def is_missing(self, provider: Provider) -> bool:
        """Return whether a provider needs a key and has none, without running a command or opening the keyring."""
        if not provider.api_key_env or provider.api_key_cmd or provider.key_optional:
            return False
        if provider.name in await asyncio.to_thread(self._kept.names):
            return False
        return not await self._find(provider)

    async def _find(self, provider: Provider) -> str:
        name = provider.name
        if name in self._session:
            return self._session[name]
        if provider.api_key_cmd:
            return await self._once(provider, self._own_command(provider), self._seconds)
        if cleaned_key(self._in_config.get(name, "")):
            return cleaned_key(self._in_config[name])
        if provider.api_key_env and (key := cleaned_key(self._environ.get(provider.api_key_env, ""))):
            return key
        if name in await asyncio.to_thread(self._kept.names):
            if not self._has_library():
                raise _unreadable_key(provider)
            return await self._once(provider, keyring_command("get", name), KEYRING_SECONDS)
        if self._file is not None:
            return cleaned_key((await asyncio.to_thread(self._file.keys)).get(name, ""))
        return ""

    def _own_command(self, provider: Provider) -> ChildCommand:
        """Return the user's command with the user's environment; it is not searched in the working folder."""
        try:
            return child_process.program_command(provider.api_key_cmd, self._environ)
        except FileNotFoundError:
            raise _no_output(provider, "cannot be run: no such program on $PATH or at that path") from None

    async def _once(self, provider: Provider, command: ChildCommand, seconds: float) -> str:
        """Return the key of a command, which is run once, since it may ask the user."""
        async with self._fetching:
            if provider.name not in self._fetched:
                self._fetched[provider.name] = await _output(provider, command, seconds)
            return self._fetched[provider.name]

    def forget(self, name: str) -> None:
        """Drop a key that was refused; the next question looks it up again."""
        self._fetched.pop(name, None)


def keyring_command(action: str, name: str) -> ChildCommand:
    """Return the command line that runs `get`, `set`, `remove` or `probe` for a provider's key in the keyring."""
    return child_process.python_command(
        "chat_tui.providers.credentials.keyring_worker", action, name, allowed=child_process.KEYRING
    )


def _unreadable_key(provider: Provider) -> errors.KeyMissing:
    """Return the error for a key in the keyring, if the library for it is not installed."""
    return errors.KeyMissing(
        f"The API key of {provider.name} is in the system's keyring, which needs a library that is not installed.",
        f"{keyring_library.missing_library()}, and the key is there again. "
        f"Or enter the key anew: `chat-tui auth add {provider.name}`.",
        provider=provider.name,
    )


def missing_key(provider: Provider) -> errors.KeyMissing:
    """Return the error for a provider without a key."""
    variable = f"Set ${provider.api_key_env}, or " if provider.api_key_env else ""
    return errors.KeyMissing(
        f"No API key for {provider.name}.",
        f"{variable}run `chat-tui auth add {provider.name}`, or choose another model with Ctrl+O or --model.",
        provider=provider.name,
    )


async def _output(provider: Provider, command: ChildCommand, seconds: float) -> str:
    """Return the first line that the command prints. The rest may contain a secret and is not repeated."""
    try:
        result = await child_process.read_output(command, most_bytes=_MOST_OUTPUT, seconds=seconds)
    except TimeoutError:
        raise _no_output(provider, f"gave nothing within {seconds:g} s") from None
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or "it is not a valid command"
        raise _no_output(provider, f"cannot be run: {told}") from None
    if len(result.output) > _MOST_OUTPUT:
        raise _no_output(provider, "wrote far more than a key")
    code = result.code
    key = cleaned_key(result.output.decode("utf-8", "replace").strip().partition("\n")[0])
    if code != 0 or not key:
        raise _no_output(provider, f"ended with code {code}" if code else "wrote nothing")
    return key


def _no_output(provider: Provider, what: str) -> errors.KeyMissing:
    command = "`api_key_cmd`" if provider.api_key_cmd else "The system's keyring"
    return errors.KeyMissing(
        f"No API key for {provider.name}: {command} {what}.",
        f"Run it by hand, or choose another model with Ctrl+O or --model. It belongs to `{provider.name}`.",
        provider=provider.name,
    )


def key_warnings(in_config: Collection[str], file: Path) -> list[errors.ConfigError]:
    """Return the warnings about keys in the config; `in_config` names their providers."""
    if not in_config:
        return []
    named = ", ".join(f"`{shorten(name, 40)}`" for name in in_config)
    warnings = [
        errors.ConfigError(
            f"The config file contains the API key of {named}.",
            "This works, but `chat-tui auth add NAME`, `api_key_env` or `api_key_cmd` are safer.",
            file=str(file),
            key="providers.api_key",
        )
    ]
    try:
        readable = stat.S_IMODE(file.stat().st_mode) & 0o077
    except OSError:
        return warnings
    if readable:
        told = errors.ConfigError(
            f"{file} contains an API key, and other users of this machine can read it.",
            f"Make it private: chmod 600 {shlex.quote(str(file))}",
            file=str(file),
            key="providers.api_key",
        )
        warnings.append(told)
    return warnings


def mask(key: str) -> str:
    """Return the last four characters of a key, by which its owner can recognise it; nothing of a short key."""
    return f"…{key[-4:]}" if len(key) >= 16 else "…"
