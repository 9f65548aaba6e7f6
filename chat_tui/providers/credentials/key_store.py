"""Keeps keys that the user has entered: in the system's keyring, in a private file, or for this process only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from chat_tui.core.errors import ChatTuiError, KeyMissing
from chat_tui.core.models import KeyPlace
from chat_tui.core.processes import child_process
from chat_tui.core.processes.child_process import PIPE, ChildResult
from chat_tui.core.text.excerpts import shorten
from chat_tui.providers.credentials import keyring_library
from chat_tui.providers.credentials.keyring_worker import NOT_THERE
from chat_tui.providers.credentials.keys import SERVICE, KeyFile, SessionKeys, StoredKeyNames, keyring_command

KEYRING_SECONDS = 120.0
"""Time limit; the keyring may ask the user for a password."""
PROBE_SECONDS = 10.0
"""Time limit for finding out whether there is a keyring."""


class KeyStore:
    """Saves and removes keys. A provider has one kept key: a new one replaces it wherever it was."""

    def __init__(
        self,
        in_keyring: StoredKeyNames,
        file: KeyFile,
        session: SessionKeys,
        *,
        has_library: Callable[[], bool] = keyring_library.is_installed,
    ) -> None:
        """`has_library` says whether the library for the keyring, an extra, is installed."""
        self._in_keyring, self._file, self._session = in_keyring, file, session
        self._has_library = has_library

    @property
    def file(self) -> Path:
        """The private file."""
        return self._file.path

    def places(self) -> dict[str, KeyPlace]:
        """Return where the key of each provider is kept, in the order in which they are looked up. Blocks."""
        in_file: dict[str, KeyPlace] = dict.fromkeys(self._file.keys(), "file")
        in_keyring: dict[str, KeyPlace] = dict.fromkeys(self._in_keyring.names(), "keyring")
        in_session: dict[str, KeyPlace] = dict.fromkeys(self._session, "session")
        return in_file | in_keyring | in_session

    async def keyring_problem(self) -> str:
        """Return why there is no keyring to save a key in; empty if there is one."""
        if not self._has_library():
            # The command that does it is longer than a line of a small screen.
            return "`chat-tui doctor` says what adds it"
        try:
            done = await _run_keyring("probe", SERVICE, seconds=PROBE_SECONDS)
        except TimeoutError:
            return "it did not answer"
        return _reason(done, "") if done.code else ""

    async def save(self, provider: str, key: str, place: KeyPlace) -> None:
        """Keep a key. Raises `KeyMissing` if that place cannot be used; then nothing has changed."""
        if place == "session":
            self._session[provider] = key
            return
        if place == "keyring":
            await self._run("set", provider, key)
        try:
            if place == "keyring":
                await asyncio.to_thread(self._in_keyring.add, provider)
                await asyncio.to_thread(self._file.discard, provider)
            else:
                await asyncio.to_thread(self._file.set, provider, key)
        except OSError as error:
            raise _file_error(error, self._file.path, provider) from error
        if place == "file" and provider in await asyncio.to_thread(self._in_keyring.names):
            # The keyring precedes the file. One that cannot be opened now is at least not asked any more.
            with contextlib.suppress(KeyMissing):
                await self._run("remove", provider)
            await asyncio.to_thread(self._in_keyring.remove, provider)
        self._session.pop(provider, None)

    async def remove(self, provider: str) -> list[KeyPlace]:
        """Remove a provider's key from everywhere; returns where it was. Raises `KeyMissing`."""
        found: list[KeyPlace] = []
        if self._session.pop(provider, None) is not None:
            found.append("session")
        try:
            if await asyncio.to_thread(self._file.discard, provider):
                found.append("file")
            if provider in await asyncio.to_thread(self._in_keyring.names):
                await self._run("remove", provider)
                await asyncio.to_thread(self._in_keyring.remove, provider)
                found.append("keyring")
        except OSError as error:
            raise _file_error(error, self._file.path, provider) from error
        return found

    async def _run(self, action: str, provider: str, key: str = "") -> None:
        if not self._has_library():
            raise _keyring_error("its library is not installed", provider, f"{keyring_library.missing_library()}.")
        try:
            done = await _run_keyring(action, provider, key)
        except TimeoutError:
            raise _keyring_error("it did not answer", provider) from None
        if done.code not in {0, NOT_THERE}:
            raise _keyring_error(_reason(done, key), provider)


async def _run_keyring(action: str, provider: str, key: str = "", seconds: float = KEYRING_SECONDS) -> ChildResult:
    """Run the keyring's child process. Raises `TimeoutError`."""
    process = await child_process.start(
        keyring_command(action, provider), stdin=PIPE, stdout=PIPE, stderr=PIPE, new_session=True
    )
    try:
        async with asyncio.timeout(seconds):
            output, said = await process.communicate(key.encode())
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return ChildResult(process.returncode or 0, output, said)


def _reason(done: ChildResult, key: str) -> str:
    last = done.errors.decode("utf-8", "replace").strip().rpartition("\n")[2].replace(key or "\0", "[key]")
    return shorten(last, 200).rstrip(".") or f"code {done.code}"


def _keyring_error(why: str, provider: str, first: str = "Unlock it or install one.") -> ChatTuiError:
    return KeyMissing(
        f"The system's keyring cannot be used for `{SERVICE}`: {why}.",
        f"{first} Or keep the key in a file instead: `chat-tui auth add NAME --file`.",
        provider=provider,
    )


def _file_error(error: OSError, file: Path, provider: str) -> ChatTuiError:
    return KeyMissing(
        f"{error.filename or file} cannot be written: {error.strerror or type(error).__name__}.",
        "Check its permissions, or use the key only for this run.",
        provider=provider,
    )
