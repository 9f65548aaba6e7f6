"""Deletes conversations, which can be restored for `RESTORABLE_DAYS`, unless they are erased before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from msgspec.structs import replace

from chat_tui.core.conversation import RESTORABLE_DAYS, DeletedConversation, now
from chat_tui.engine.background_tasks import BackgroundTasks
from chat_tui.engine.conversations.cache import ConversationCache
from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.engine.conversations.stores import ConversationStores
from chat_tui.history import records
from chat_tui.history.queries import deletion, reads
from chat_tui.history.store import Store

ERASING_SECONDS = 0.5
"""How long erasing may delay the end of the program."""
DAY_SECONDS = 24 * 3600.0
"""The pause before looking again for what was deleted long enough ago."""


class ConversationDeletion:
    """Deletes, restores and erases conversations."""

    def __init__(self, stores: ConversationStores, cache: ConversationCache, errors: ErrorReports) -> None:
        self._stores, self._cache, self._errors = stores, cache, errors
        self._deleted: set[str] = set()
        """By this process, and not restored."""
        self._erased: set[str] = set()
        """Of these, those that this process erases for good."""
        self._tasks = BackgroundTasks()
        self._erasing = False
        """Whether this process was asked to erase something that may not be erased yet."""

    def is_deleted(self, conversation_id: str) -> bool:
        """Whether this process has deleted the conversation."""
        return conversation_id in self._deleted

    def can_restore(self, conversation_id: str) -> bool:
        """Whether this process has deleted the conversation, and neither restored nor erased it."""
        return conversation_id in self._deleted - self._erased

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

    def _of(self, private: bool) -> Sequence[Store]:
        return self._stores.all() if private else [self._stores.saved]

    async def list_deleted(self, limit: int = 200, *, private: bool = True) -> list[DeletedConversation]:
        """The conversations that can be restored, private ones (unless not `private`) first, the last deleted ones
        before others.

        Raises `HistoryError`.
        """
        found: list[DeletedConversation] = []
        for store in self._of(private):
            for each in await store.read(reads.deleted_conversations, limit):
                private = self._stores.is_private(each.summary.id)
                found.append(replace(each, summary=replace(each.summary, private=private)))
        return found[:limit]

    async def count(self, *, private: bool = True) -> int:
        """How many conversations can be restored. Errors of the store are reported, not raised."""
        return sum([await self._errors.guard(each.read(reads.count_deleted), 0) for each in self._of(private)])

    async def erase(self, older_seconds: float) -> None:
        """Erase for good what any process deleted this many seconds ago or earlier."""
        for store in self._stores.all():
            await self._errors.guard(store.purge(now() - timedelta(seconds=older_seconds)), None)

    async def erase_one(self, conversation_id: str) -> None:
        """Let a deleted conversation be erased for good, in the background. Raises `HistoryError`."""
        store = self._stores.store_of(conversation_id)
        await store.write(deletion.condemn, conversation_id)
        self._erased.add(conversation_id)
        self._begin_to_erase(store)

    async def erase_all(self, *, private: bool = True) -> None:
        """Let all deleted conversations be erased for good, in the background. Raises `HistoryError`."""
        for store in self._of(private):
            await store.write(deletion.condemn_all)
            self._erased.update(id for id in self._deleted if self._stores.store_of(id) is store)
            self._begin_to_erase(store)

    def begin_to_erase_expired(self) -> None:
        """From now on, erase in the background what was deleted `RESTORABLE_DAYS` ago; `close` ends this."""
        self._tasks.start(self._erase_expired())

    async def _erase_expired(self) -> None:
        while True:
            await self.erase(RESTORABLE_DAYS * DAY_SECONDS)
            await asyncio.sleep(DAY_SECONDS)

    def _begin_to_erase(self, store: Store) -> None:
        self._erasing = True
        self._tasks.start(self._erase_condemned(store))

    async def _erase_condemned(self, store: Store) -> None:
        await self._errors.guard(store.purge(records.moment(deletion.BEING_ERASED)), None)

    async def close(self) -> None:
        """Stop, but erase what is to be erased at once for `ERASING_SECONDS` more; the next start erases the rest."""
        await self._tasks.cancel()
        if self._erasing:
            with suppress(TimeoutError):
                async with asyncio.timeout(ERASING_SECONDS):
                    await self._erase_condemned(self._stores.saved)
