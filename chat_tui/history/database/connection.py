"""The connections of a store, which know whose store they belong to."""

from __future__ import annotations

import sqlite3

from chat_tui.history.database.process_locks import ProcessLock


class StoreConnection(sqlite3.Connection):
    """A connection to a store, used by one thread at a time."""

    owner: ProcessLock | None = None
    """The lock of the store that uses the connection; None if no store does, as while a file is opened or copied."""

    @property
    def owner_id(self) -> str:
        """The id that growing answers are stored with; empty if no store uses the connection."""
        return "" if self.owner is None else self.owner.id

    def is_alive(self, owner_id: str) -> bool:
        """Whether the store with this id is open, here or in another process."""
        return self.owner is not None and self.owner.is_alive(owner_id)
