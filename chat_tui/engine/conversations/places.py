"""Short texts that are stored between sessions, such as which conversation was open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.history.queries import reads, writes
from chat_tui.history.store import Store


class Places:
    """Texts by key. Errors of the store are reported, not raised."""

    def __init__(self, store: Store, errors: ErrorReports) -> None:
        self._store, self._errors = store, errors

    async def get(self, key: str) -> str:
        """The text with this key; empty if there is none."""
        return await self._errors.guard(self._store.read(reads.place, key), "")

    async def all(self, prefix: str) -> Mapping[str, str]:
        """The texts whose keys begin so, by their whole key."""
        return await self._errors.guard(self._store.read(reads.places, prefix), {})

    async def set(self, key: str, value: str) -> None:
        """Store a text; an empty one removes the key."""
        await self._errors.guard(self._store.write(writes.set_place, key, value), None)

    async def change(self, key: str, edit: Callable[[str], str]) -> str:
        """Change a text in one step, of which other processes see nothing half done, and return it.

        Raises `HistoryError`.
        """
        return await self._store.write(writes.change_place, key, edit)
