"""The conversations in memory: those used last, those that are not completely saved, and those with running answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from chat_tui.core.conversation import Conversation, Turn, put_turn
from chat_tui.core.errors import ConversationNotFound, HistoryError
from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.engine.conversations.pending_writes import PendingWrites, deleted_elsewhere
from chat_tui.engine.conversations.stores import ConversationStores

OPEN_CONVERSATIONS = 8
"""How many conversations are kept in memory, besides those that must be."""


class ConversationCache:
    """Conversations in memory as they are now. `is_busy` says whether an answer of a conversation runs."""

    def __init__(self, stores: ConversationStores, errors: ErrorReports, is_busy: Callable[[str], bool]) -> None:
        self.pending = PendingWrites(stores, errors, self._path_of)
        """Their changes that could not be saved yet."""
        self._stores, self._is_busy = stores, is_busy
        self._open: dict[str, Conversation] = {}
        """By id, the one that was used last at the end."""
        self._versions: dict[str, int] = {}
        """By id: the version of the store in which a conversation was read last."""
        self._deleted_elsewhere: set[str] = set()
        """Were open here when another program deleted them, which it may undo."""

    def __len__(self) -> int:
        """How many are in memory."""
        return len(self._open)

    def get(self, conversation_id: str) -> Conversation | None:
        """The conversation, if it is in memory."""
        return self._open.get(conversation_id)

    def current(self, conversation: Conversation) -> Conversation:
        """The conversation as it is now."""
        return self._open.get(conversation.id, conversation)

    def is_newest(self, conversation_id: str) -> bool:
        """Whether memory has a newer state than the store can have."""
        return (
            conversation_id in self.pending.unsaved
            or self._stores.is_private(conversation_id)
            or self._is_busy(conversation_id)
        )

    def version(self, conversation_id: str) -> int | None:
        """The version of the store in which the conversation was read; None if it was not read."""
        return self._versions.get(conversation_id)

    def remember(self, conversation: Conversation, version: int | None = None) -> None:
        """Keep the new state of a conversation; `version` is that of the store, if it was read there."""
        if version is not None:
            self._versions[conversation.id] = version
        self._open.pop(conversation.id, None)
        self._open[conversation.id] = conversation
        self.pending.note(conversation.id, conversation.path)
        for other in list(self._open):
            if len(self._open) <= OPEN_CONVERSATIONS:
                break
            if other not in self.pending.unsaved and other != conversation.id and not self._is_busy(other):
                self.drop(other)

    def extend(self, conversation_id: str, turn: Turn) -> None:
        """Add a turn behind its parent: to the current path if that ends there, otherwise beside it."""
        known = self._open.get(conversation_id)
        if known is not None and known.path and known.path[-1].id == turn.parent:
            self.remember(put_turn(known, len(known.path), turn))
        else:
            self.pending.note(conversation_id, [turn])

    def drop(self, conversation_id: str) -> None:
        """Forget a conversation."""
        self._open.pop(conversation_id, None)
        self._versions.pop(conversation_id, None)

    # -- turns ----------------------------------------------------------------------------------------------------

    def turn(self, turn: Turn) -> Turn:
        """The turn as it is now, if its conversation is in memory; otherwise as it is given."""
        return self._turns().get(turn.id, turn)

    def question_of(self, answer: Turn) -> str:
        """The text of an answer's question; empty if the conversation is not in memory."""
        question = self._turns().get(answer.parent or "")
        return question.text if question is not None else ""

    def conversation_of(self, turn_id: str) -> str:
        """The id of the conversation whose current path has this turn; empty if none in memory has it."""
        return next((each.id for each in self._open.values() if any(turn.id == turn_id for turn in each.path)), "")

    def amend(self, conversation_id: str, turn_id: str, **fields: bool | None) -> Conversation:
        """The conversation with these fields of one turn replaced."""
        conversation = self._open[conversation_id]
        path = [msgspec.structs.replace(turn, **fields) if turn.id == turn_id else turn for turn in conversation.path]
        conversation = msgspec.structs.replace(conversation, path=tuple(path))
        self.remember(conversation)
        return conversation

    def _turns(self) -> dict[str, Turn]:
        return {turn.id: turn for conversation in self._open.values() for turn in conversation.path}

    def _path_of(self, conversation_id: str) -> Sequence[Turn]:
        known = self._open.get(conversation_id)
        return known.path if known is not None else ()

    # -- what the store lacks -------------------------------------------------------------------------------------

    def unsaved_conversations(self) -> list[Conversation]:
        """The conversations in memory that are not completely saved."""
        return [self._open[id] for id in self.pending.unsaved & self._open.keys()]

    async def ensure_saved(self, conversation_id: str) -> None:
        """Save what waits of a conversation. Raises `HistoryError` if some of it cannot be saved."""
        if conversation_id in self.pending.unsaved and conversation_id in self._open:
            await self.pending.retry(self._open[conversation_id])
        if conversation_id in self.pending.unsaved:
            # Turns that are only in memory would vanish from view when the conversation is read from the disk.
            raise HistoryError(
                "Part of this conversation is not saved yet and would be lost.",
                "Free some disk space, or make the history's folder writable, then try again.",
            )

    async def save_waiting(self, *, idle_only: bool = False) -> None:
        """Try to save what waits; `idle_only` skips conversations with running answers, whose ends save them."""
        for conversation_id in self.pending.unsaved & self._open.keys():
            if idle_only and self._is_busy(conversation_id):
                continue
            if conversation_id in self.pending.unsaved:
                await self.pending.retry(self._open[conversation_id])

    def begin_anew(self) -> None:
        """Another store is in use from now on: save there all conversations in memory that are not private."""
        self.pending.begin_anew([each for id, each in self._open.items() if not self._stores.is_private(id)])

    def mark_deleted(self, conversation_id: str) -> ConversationNotFound:
        """Forget a conversation that another program has deleted; returns the error to raise."""
        self.drop(conversation_id)
        self.pending.deleted.discard(conversation_id)
        self._deleted_elsewhere.add(conversation_id)
        return deleted_elsewhere()

    def was_deleted(self, conversation_id: str) -> bool:
        """Whether another program was seen to delete the conversation while it was open here."""
        return conversation_id in self._deleted_elsewhere
