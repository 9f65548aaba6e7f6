"""Saves conversations as they grow, in a store that may fail: on a full disk, or in a folder that cannot be written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence, Set

from chat_tui.core.conversation import Conversation, Turn, TurnDelta
from chat_tui.core.errors import ConversationNotFound, HistoryError
from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.engine.conversations.stores import ConversationStores
from chat_tui.history.queries import reconciliation, turn_deltas, writes
from chat_tui.history.store import Store


def deleted_elsewhere() -> ConversationNotFound:
    """The error for a conversation that was open here when another program deleted it."""
    return ConversationNotFound(
        "Another program deleted this conversation.",
        "It can no longer be saved. Your next question starts a new conversation.",
    )


class PendingWrites:
    """What could not be saved is reported once, remembered here, and saved as soon as possible.

    A conversation that was saved and is missing now was deleted by another program: nothing of it is saved again.
    """

    def __init__(
        self, stores: ConversationStores, errors: ErrorReports, path_of: Callable[[str], Sequence[Turn]]
    ) -> None:
        """`path_of` gives the current path of a conversation that is in memory, by its id."""
        self._stores, self._errors, self._path_of = stores, errors, path_of
        self._unsaved: dict[str, dict[str, Turn]] = {}
        """By the conversation's id: all its turns since, parents before their children."""
        self._never_saved: set[str] = set()
        """Conversations that were never saved: if they are missing in the store, they were not deleted."""
        self.deleted: set[str] = set()
        """Conversations that another program has deleted while they were open here."""

    @property
    def unsaved(self) -> Set[str]:
        """The ids of the conversations that are not completely saved."""
        return self._unsaved.keys()

    def is_saved(self, conversation_id: str) -> bool:
        """Whether the conversation is completely saved, and was not deleted by another program."""
        return conversation_id not in self._unsaved and conversation_id not in self.deleted

    async def begin(self, conversation: Conversation) -> None:
        """Save a new conversation."""
        self._never_saved.add(conversation.id)
        store = self._stores.store_of(conversation.id)
        await self.save(conversation.id, store.write(writes.add_conversation, conversation))
        if conversation.id not in self._unsaved:
            self._never_saved.discard(conversation.id)

    def note(self, conversation_id: str, turns: Iterable[Turn]) -> None:
        """Remember the newest state of these turns if their conversation waits to be saved."""
        if (waiting := self._unsaved.get(conversation_id)) is not None:
            waiting.update({turn.id: turn for turn in turns})

    async def save(self, conversation_id: str, work: Awaitable[None], turn: Turn | None = None) -> None:
        """Save a part of a conversation, such as this turn; if that fails, all of it is saved as soon as possible."""
        try:
            await work
        except HistoryError as error:
            self._fail(conversation_id, error, *([turn] if turn else ()))

    async def grow(self, store: Store, deltas: Sequence[tuple[str, TurnDelta]]) -> None:
        """Save what was added to growing answers in this store, each with the id of its conversation."""
        deltas = [(id, delta) for id, delta in deltas if self.is_saved(id)]
        if not deltas:
            return
        faults: Sequence[HistoryError | None]
        try:
            faults = await store.write(turn_deltas.append_deltas, [delta for _, delta in deltas])
        except HistoryError as error:
            faults = [error] * len(deltas)
        for (conversation_id, _), fault in zip(deltas, faults, strict=True):
            if fault is not None:
                self._fail(conversation_id, fault)

    def _fail(self, conversation_id: str, why: HistoryError, *turns: Turn) -> None:
        """Remember that a conversation waits to be saved, with the turns of its path and these."""
        if isinstance(why, ConversationNotFound) and conversation_id not in self._never_saved:
            self._note_deleted(conversation_id)
            return
        turns = (*self._path_of(conversation_id), *turns)
        self._unsaved.setdefault(conversation_id, {turn.id: turn for turn in turns})
        self._errors.report_once(why)

    async def retry(self, conversation: Conversation) -> None:
        """Try to save what of a conversation could not be saved before."""
        begins = conversation.id in self._never_saved
        on_path = {turn.id for turn in conversation.path}
        waiting = self._unsaved[conversation.id].copy()
        others = [turn for turn in waiting.values() if turn.id not in on_path]
        store = self._stores.store_of(conversation.id)
        try:
            await store.write(reconciliation.reconcile, conversation, others, begins=begins)
        except ConversationNotFound:
            # Another store may be in use by now, in which it begins.
            if conversation.id not in self._never_saved:
                self._note_deleted(conversation.id)
        except HistoryError as error:
            self._errors.report_once(error)
        else:
            # Turns that were added meanwhile still wait.
            if self._unsaved.get(conversation.id) == waiting:
                del self._unsaved[conversation.id]
            self._never_saved.discard(conversation.id)
            self._errors.reset()

    def begin_anew(self, conversations: Iterable[Conversation]) -> None:
        """Another store is in use from now on: these conversations are to be saved there completely."""
        self.deleted.clear()
        for conversation in conversations:
            self._never_saved.add(conversation.id)
            self._unsaved.setdefault(conversation.id, {turn.id: turn for turn in conversation.path})

    def _note_deleted(self, conversation_id: str) -> None:
        self._unsaved.pop(conversation_id, None)
        if conversation_id not in self.deleted:
            self.deleted.add(conversation_id)
            self._errors.report(deleted_elsewhere())
