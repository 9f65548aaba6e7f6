"""What users have typed and not sent, and what they have sent."""

from __future__ import annotations

from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.engine.conversations.stores import ConversationStores
from chat_tui.history.queries import reads, writes

NO_CONVERSATION = ""
"""The id under which the draft of a conversation is stored that has not begun."""


class Drafts:
    """Unsent text by conversation, where None is a conversation that has not begun. Errors are reported, not raised."""

    def __init__(self, stores: ConversationStores, errors: ErrorReports) -> None:
        self._stores, self._errors = stores, errors

    async def load(self, conversation_id: str | None) -> str:
        """The unsent text of a conversation; empty if there is none."""
        id = conversation_id or NO_CONVERSATION
        return await self._errors.guard(self._stores.store_of(id).read(reads.draft, id), "")

    async def save(self, conversation_id: str | None, text: str) -> None:
        """Store the unsent text of a conversation; an empty text removes it."""
        id = conversation_id or NO_CONVERSATION
        await self._errors.guard(self._stores.store_of(id).write(writes.save_draft, id, text), None)

    async def prompts(self) -> list[str]:
        """The last prompts that were sent, without those of private conversations, newest first."""
        return await self._errors.guard(self._stores.saved.read(reads.prompts), [])
