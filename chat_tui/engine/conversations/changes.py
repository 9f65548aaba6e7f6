"""Notices what changes in the saved history, also by other processes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from chat_tui.core.conversation import HistoryState
from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.history.queries import changes
from chat_tui.history.store import Store


class HistoryChanges:
    """Looks at the store. Errors of the store are reported, not raised."""

    def __init__(self, store: Store, errors: ErrorReports) -> None:
        self._store, self._errors = store, errors

    async def look(
        self, before: HistoryState, conversations: Collection[str], *, notes_prefixes: Sequence[str] = ()
    ) -> HistoryState:
        """The state of the history with the marks of these conversations, and the places whose keys begin with
        one of the prefixes; `before` if nothing has changed, or the store cannot be read."""
        reading = self._store.read(changes.look, before, sorted(conversations), notes_prefixes)
        return await self._errors.guard(reading, before)
