"""Stores questions and answers as they come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from chat_tui.core.conversation import Conversation, Turn, TurnDelta
from chat_tui.core.route import Route
from chat_tui.engine.conversations.cache import ConversationCache
from chat_tui.engine.conversations.stores import ConversationStores
from chat_tui.history.queries import writes

PRIVATE_TITLE = "Private conversation"
"""The title of a private conversation until its first question."""


class TurnWriter:
    """Stores turns. What the store refuses is reported, stays in memory, and is stored as soon as possible."""

    def __init__(
        self,
        stores: ConversationStores,
        cache: ConversationCache,
        rename: Callable[[str, str], Awaitable[object]],
    ) -> None:
        self._stores, self._cache, self._rename = stores, cache, rename
        self._pending = cache.pending

    async def begin(self, conversation: Conversation) -> None:
        """Store a new conversation."""
        await self._pending.begin(conversation)

    async def add_question(self, asked: Conversation) -> None:
        """Store the question with which the path ends.

        Raises `ConversationNotFound` if another program has deleted the conversation.
        """
        question = asked.path[-1]
        if asked.id in self._pending.deleted:
            raise self._cache.mark_deleted(asked.id)
        if asked.id in self._pending.unsaved:
            await self._pending.retry(asked)
        else:
            await self._add(asked.id, question)
        if len(asked.path) == 1 and asked.title == PRIVATE_TITLE and self._stores.is_private(asked.id):
            await self._rename(asked.id, question.text)

    async def add_answer(self, conversation_id: str, turn: Turn) -> None:
        """Store an answer that begins, or a summary, and make it the end of the current path."""
        if self._pending.is_saved(conversation_id):
            await self._add(conversation_id, turn)

    async def add_next(self, conversation_id: str, turn: Turn) -> None:
        """Store a turn that begins; the current path goes on with it only if it ends with its parent."""
        if self._pending.is_saved(conversation_id):
            await self._add(conversation_id, turn, moves_path=False)

    async def _add(self, conversation_id: str, turn: Turn, *, moves_path: bool = True) -> None:
        store = self._stores.store_of(conversation_id)
        work = store.write(writes.add_turn, conversation_id, turn, moves_path=moves_path)
        await self._pending.save(conversation_id, work, turn)

    async def grow(self, deltas: Sequence[tuple[str, TurnDelta]]) -> None:
        """Store what was added to growing answers, each with the id of its conversation."""
        for store in self._stores.all():
            await self._pending.grow(store, [(id, delta) for id, delta in deltas if self._stores.store_of(id) is store])

    def settle(self, conversation_id: str, turn: Turn) -> None:
        """Put an ended answer into its conversation in memory, before anyone sees the ending and continues."""
        conversation = self._cache.get(conversation_id)
        if conversation is not None:
            path = tuple(turn if known.id == turn.id else known for known in conversation.path)
            self._cache.remember(msgspec.structs.replace(conversation, path=path))
        self._pending.note(conversation_id, [turn])

    async def finish(self, conversation_id: str, turn: Turn, route: Route | None) -> None:
        """Store an ended answer."""
        if self._pending.is_saved(conversation_id):
            store = self._stores.store_of(conversation_id)
            await self._pending.save(conversation_id, store.write(writes.finish, turn, route), turn)
        conversation = self._cache.get(conversation_id)
        if conversation_id in self._pending.unsaved and conversation is not None:
            await self._pending.retry(conversation)
