"""Knows which stores are open, in any process: each holds a locked file, and the lock ends with its process.

A growing answer belongs to the store that writes it. When that store is gone, the answer is broken.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from chat_tui.core.errors import StoreBusy
from chat_tui.core.files.file_lock import create_locked, hold_lock, is_locked

_OPENING_LOCK = "opening"


class ProcessLock:
    """The lock that shows that a store is open."""

    def __init__(self, folder: Path | None) -> None:
        """Without a folder, the store is in memory and no other process can see it."""
        self.id = secrets.token_hex(8)
        self._folder = folder
        self._lock: int | None = None

    def announce(self) -> None:
        """Take the lock. Called inside `hold_opening_lock`, so that no other process removes the new file."""
        if self._folder is None or self._lock is not None:
            return
        self._lock = create_locked(self._folder / self.id)

    def renew(self) -> None:
        """Let `announce` take the lock again if its file was deleted."""
        if self._folder is not None and self._lock is not None and not (self._folder / self.id).exists():
            os.close(self._lock)
            self._lock = None

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._folder is None or self._lock is None:
            return
        with suppress(OSError):
            (self._folder / self.id).unlink()
        os.close(self._lock)
        self._lock = None

    def is_alive(self, owner: str) -> bool:
        """Whether the store with this id is open, here or in another process."""
        if owner == self.id:
            return True
        return self._folder is not None and _is_locked(self._folder, owner)

    def others(self) -> int:
        """How many other stores are open; removes the files of dead ones. Called inside `hold_opening_lock`."""
        if self._folder is None:
            return 0
        count = 0
        for file in self._folder.iterdir():
            if file.name in (_OPENING_LOCK, self.id):
                continue
            if _is_locked(self._folder, file.name):
                count += 1
            else:
                file.unlink(missing_ok=True)
        return count


def _is_locked(folder: Path, owner: str) -> bool:
    return owner.isalnum() and is_locked(folder / owner)


@contextmanager
def hold_opening_lock(folder: Path, wait_seconds: float) -> Iterator[None]:
    """Let one process at a time open, migrate or recover a store. Raises `StoreBusy` after `wait_seconds`."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_lock(folder / _OPENING_LOCK, wait_seconds))
        except TimeoutError:
            raise StoreBusy(
                "Another chat-tui is opening the history and has not finished.",
                "It may be updating an older history: wait a little, then try again.",
            ) from None
        yield
