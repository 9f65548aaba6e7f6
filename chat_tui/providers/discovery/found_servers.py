"""Servers discovered on this machine without a config: their owners, and the notices about them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from chat_tui.core.errors import ChatTuiError, Notice
from chat_tui.core.files.state_files import StateFile
from chat_tui.core.models import Provider
from chat_tui.core.text.addresses import host_of
from chat_tui.core.text.excerpts import shorten
from chat_tui.providers.discovery.socket_owners import OwnerLookup, ServerOwner, listening_owner

_FILE_BYTES = 100_000
_MOST = 100
"""The number of notices that are remembered."""


class FoundServers:
    """Looks up the owners of found servers, and notifies the user once about each server that is used or offered."""

    def __init__(
        self,
        tell: Callable[[ChatTuiError], None],
        *,
        told_file: Path | None = None,
        owner_of: OwnerLookup = listening_owner,
    ) -> None:
        """`told_file` remembers past notices; without it they are repeated in each run."""
        self._tell, self._owner_of = tell, owner_of
        lost = "Notices about found servers are shown again."
        self._notices = StateFile(told_file, list[str], _FILE_BYTES, lost, tell) if told_file is not None else None
        self._shown: set[str] = set()

    async def owner(self, provider: Provider) -> ServerOwner:
        """The current owner of the server."""
        parts = urlsplit(provider.base_url)
        return await asyncio.to_thread(self._owner_of, parts.hostname or "", parts.port or 80)

    async def notify_use(self, provider: Provider, owner: ServerOwner) -> None:
        """Notify the user, once, that questions go to this server."""
        place = _place(provider, owner)
        await self._notify_once(
            f"use of {place}",
            f"Your questions go to {place}, a server found on this machine.",
            'Choose another model with Ctrl+O or --model; `discovered = "ignore"` turns discovery off.',
        )

    async def notify_offer(self, provider: Provider, owner: ServerOwner) -> None:
        """Notify the user, once, of a server that is not used by itself because its owner is not trusted."""
        place = _place(provider, owner)
        await self._notify_once(
            f"offer of {place}",
            f"Found {place}. No questions are sent to it unless you choose it.",
            f"Choose it with Ctrl+O to use it from now on, or use it once with `--model {provider.name}/NAME`.",
        )

    async def _notify_once(self, about: str, title: str, hint: str) -> None:
        if about in self._shown:
            return
        self._shown.add(about)
        if await asyncio.to_thread(self._remember, about):
            self._tell(Notice(title, hint))

    def _remember(self, about: str) -> bool:
        """Remember a notice; returns False if it was remembered already."""
        if self._notices is None:
            return True
        known = self._notices.read() or []
        if about in known:
            return False
        # If it cannot be saved, the notice is shown again next time.
        with suppress(OSError):
            self._notices.write([*known[1 - _MOST :], about])
        return True


def identity_of(provider: Provider, owner: ServerOwner | None) -> str:
    """What makes it this server and no other: its address and, where it was found on this machine, its owner."""
    host = shorten(host_of(provider.base_url), 200)
    if owner is None:
        return host
    return f"{host} run by {'an unknown account' if owner.uid is None else owner.uid}"


def place_of(provider: Provider, owner: ServerOwner) -> str:
    """The address and owner of a found server, for a route."""
    return f"{host_of(provider.base_url)} (found on this machine, run by {_account_name(owner)})"


def _place(provider: Provider, owner: ServerOwner) -> str:
    return f"{provider.name} at {host_of(provider.base_url)}, run by {_account_name(owner)}"


def _account_name(owner: ServerOwner) -> str:
    return shorten(owner.name, 40) or "an unknown account"
