"""The stores of an engine: one that saves conversations, and one in memory for private ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from chat_tui.history.store import Store


class ConversationStores:
    """Knows which store has a conversation. The private store is opened when it is first needed."""

    def __init__(self, saved: Store, open_private: Callable[[], Awaitable[Store]]) -> None:
        self.saved = saved
        self.private: Store | None = None
        self._open_private = open_private
        self._private_ids: set[str] = set()

    def store_of(self, conversation_id: str) -> Store:
        """The store that has the conversation."""
        private = self.private if conversation_id in self._private_ids else None
        return private or self.saved

    def all(self) -> Sequence[Store]:
        """The private store, if there is one, and the saved one."""
        return [self.saved] if self.private is None else [self.private, self.saved]

    async def add_private(self, conversation_id: str) -> None:
        """Let the private store have this conversation. Raises `HistoryError`."""
        if self.private is None:
            self.private = await self._open_private()
        self._private_ids.add(conversation_id)

    def is_private(self, conversation_id: str | None) -> bool:
        """Whether the conversation is never saved."""
        return conversation_id in self._private_ids
