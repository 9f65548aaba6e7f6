"""The browsers that are signed in.

A sign-in has an id, which the browser keeps in a cookie, and a proof, which the page keeps in the storage of its origin
and sends in a header. A cookie goes to all ports of a host, and the storage belongs to one origin: only a page of this
server has both. The server keeps hashes of them, keyed with the token, so a new token ends all sign-ins.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.files.file_lock import hold_lock
from chat_tui.core.files.state_files import StateFile, Tell, ignore

EXPIRY_DAYS = 30
"""A browser that has sent no request for so many days has to sign in again."""
SIGN_INS = 1000
"""Maximum number of sign-ins to remember; the one that was used least recently is forgotten first."""
REFRESH_SECONDS = 1.0
"""Time after which another worker's changes are looked for."""
LOCK_SECONDS = 5.0
_SECRET_BYTES = 32
_FILE_BYTES = 4 * 1024 * 1024
_CONSEQUENCE = "Browsers have to sign in again."


class SignInSecrets(NamedTuple):
    """What a browser keeps of its sign-in."""

    id: str
    proof: str


class SignInRecord(msgspec.Struct, frozen=True):
    """What the server keeps of a sign-in, besides the hash of its id."""

    server: str
    """Hash that all sign-ins of one token share."""
    proof: str
    """Hash of the proof."""
    used: int
    """Day of the last use, counted from 1970-01-01."""


Records = dict[str, SignInRecord]
"""By the hash of the id."""


def current_day() -> int:
    """Return the days since 1970-01-01."""
    return int(time.time() // 86_400)


class SignIns:
    """The sign-ins with one token, in a file that several workers share; without a file, in memory."""

    def __init__(
        self, token: str, file: Path | None = None, *, today: Callable[[], int] = current_day, tell: Tell = ignore
    ) -> None:
        self._key, self._file, self._today, self._tell = token.encode(), file, today, tell
        self._server = self._hash("server")
        self._stored = None if file is None else StateFile(file, Records, _FILE_BYTES, _CONSEQUENCE, tell)
        self._records: Records = {}
        self._version: tuple[int, ...] = ()
        self._looked = float("-inf")
        self._changing = asyncio.Lock()
        self._is_reported = False
        self.edition = 0
        """Another number after each change of what this worker knows."""

    async def begin(self) -> SignInSecrets:
        """Sign in a browser."""
        made = SignInSecrets(secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES))
        record = SignInRecord(self._server, self._hash(made.proof), self._today())
        await self._change(lambda records: {**records, self._hash(made.id): record})
        return made

    async def is_valid(self, id: str, proof: str) -> bool:
        """Return whether a browser with this id and proof is signed in, and note that it was used."""
        key = self._hash(id)
        await self._refresh(at_once=key not in self._records)
        record = self._records.get(key)
        if record is None or not hmac.compare_digest(record.proof, self._hash(proof)) or self._is_expired(record):
            return False
        if record.used != self._today():
            used = msgspec.structs.replace(record, used=self._today())
            await self._change(lambda records: {**records, key: used} if key in records else records)
        return True

    async def look(self) -> None:
        """Read what other workers have changed."""
        await self._refresh(at_once=True)

    def is_known(self, id: str) -> bool:
        """Return whether this id has a sign-in, as far as this worker knows; it says nothing without the proof."""
        return self._hash(id) in self._records

    async def end(self, id: str) -> None:
        """Sign out one browser."""
        key = self._hash(id)
        await self._change(lambda records: {each: record for each, record in records.items() if each != key})

    async def end_all(self) -> None:
        """Sign out all browsers that have signed in with this token."""
        await self._change(
            lambda records: {key: record for key, record in records.items() if record.server != self._server}
        )

    def _hash(self, secret: str) -> str:
        return hmac.digest(self._key, secret.encode("utf-8", "replace"), "sha256").hex()

    def _is_expired(self, record: SignInRecord) -> bool:
        return self._today() - record.used > EXPIRY_DAYS

    # -- the file -------------------------------------------------------------------------------------------------

    async def _refresh(self, *, at_once: bool) -> None:
        """Read what other workers have changed."""
        if self._file is not None and (at_once or time.monotonic() - self._looked > REFRESH_SECONDS):
            self._looked = time.monotonic()
            async with self._changing:
                await asyncio.to_thread(self._read)

    async def _change(self, edit: Callable[[Records], Records]) -> None:
        async with self._changing:
            if self._file is None:
                self._keep(self._pruned(edit(self._records)))
                return
            # A cancelled request does not leave the file changed and the records as they were.
            await asyncio.shield(asyncio.ensure_future(asyncio.to_thread(self._edit_file, self._file, edit)))

    def _edit_file(self, file: Path, edit: Callable[[Records], Records]) -> None:
        """Change the records in the file; if it cannot be written, those of this worker. Blocks."""
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with hold_lock(file.with_name(f"{file.name}.lock"), LOCK_SECONDS):
                self._read()
                self._keep(self._pruned(edit(self._records)))
                assert self._stored is not None
                self._stored.write(self._records)
                self._version = _version_of(file)
        except OSError as error:
            self._keep(self._pruned(edit(self._records)))
            if not self._is_reported:
                self._is_reported = True
                why = error.strerror or str(error)
                self._tell(ChatTuiError(f"{file} cannot be written: {why}.", "Sign-ins end when the server does."))

    def _read(self) -> None:
        """Read the file if it has changed. Blocks."""
        assert self._file is not None
        assert self._stored is not None
        version = _version_of(self._file)
        if version != self._version:
            self._keep(self._stored.read() or {})
            self._version = version

    def _keep(self, records: Records) -> None:
        self._records = records
        self.edition += 1

    def _pruned(self, records: Mapping[str, SignInRecord]) -> Records:
        """Return the records that have not expired, the latest last."""
        fresh = [(key, record) for key, record in records.items() if not self._is_expired(record)]
        fresh.sort(key=lambda each: each[1].used)
        return dict(fresh[-SIGN_INS:])


def _version_of(file: Path) -> tuple[int, ...]:
    """Return what differs between two versions of a file; empty if there is none."""
    try:
        status = os.stat(file)
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size
