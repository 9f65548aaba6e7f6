"""Deletes conversations, which can be restored until they are erased."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from chat_tui.core.conversation import now
from chat_tui.engine.conversations.cache import ConversationCache
from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.engine.conversations.stores import ConversationStores
from chat_tui.history.queries import deletion

ERASING_SECONDS = 0.5
"""How long erasing may delay the end of the program."""


class ConversationDeletion:
    """Deletes, restores and erases conversations."""

    def __init__(self, stores: ConversationStores, cache: ConversationCache, errors: ErrorReports) -> None:
        self._stores, self._cache, self._errors = stores, cache, errors
        self._deleted: set[str] = set()
        """By this process, and not restored."""

    def is_deleted(self, conversation_id: str) -> bool:
        """Whether this process has deleted the conversation."""
        return conversation_id in self._deleted

    async def delete(self, conversation_id: str) -> None:
        """Remove a conversation from the list. Raises `HistoryError`."""
        await self._cache.ensure_saved(conversation_id)
        await self._stores.store_of(conversation_id).write(deletion.delete, conversation_id)
        self._deleted.add(conversation_id)
        self._cache.drop(conversation_id)

    async def restore(self, conversation_id: str) -> None:
        """Restore a deleted conversation. Raises `HistoryError`, also if it was erased."""
        await self._stores.store_of(conversation_id).write(deletion.restore, conversation_id)
        self._deleted.discard(conversation_id)

    async def erase(self, older_seconds: float) -> None:
        """Erase for good what any process deleted this many seconds ago or earlier."""
        for store in self._stores.all():
            await self._errors.guard(store.purge(now() - timedelta(seconds=older_seconds)), None)

    async def erase_own(self) -> None:
        """Erase what this process has deleted, for `ERASING_SECONDS` at most; the next start erases the rest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ERASING_SECONDS):
                for conversation_id in self._deleted:
                    if not self._stores.is_private(conversation_id):
                        await self._errors.guard(self._stores.saved.erase(conversation_id), None)
