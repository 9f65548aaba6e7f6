"""Saving conversations as they grow, over a history that may fail: on a full disk, or in a folder that is only read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence, Set
from typing import TypeVar

from chat_tui.core.conversation import Conversation, Turn, TurnDelta
from chat_tui.core.errors import ChatTuiError, ConversationNotFound, HistoryError
from chat_tui.engine.protocols import ConversationStore

T = TypeVar("T")


def deleted_elsewhere() -> ConversationNotFound:
    """The error for a conversation that was open here when somebody else deleted it."""
    return ConversationNotFound(
        "Another program deleted this conversation.",
        "It can no longer be saved. Your next question starts a new conversation.",
    )


class PendingWrites:
    """What cannot be saved is told once, is noted here, and is saved as soon as it can be.

    A conversation that was there and is not any more was deleted, by another program say: nothing of it is saved again.

    `history_of` tells which history keeps a conversation, `path_of` the turns in view of one that is open.
    """

    def __init__(
        self,
        history_of: Callable[[str], ConversationStore],
        path_of: Callable[[str], Sequence[Turn]],
        tell: Callable[[ChatTuiError], None],
    ) -> None:
        self._history_of, self._path_of, self._tell = history_of, path_of, tell
        self._told: set[str] = set()
        self._unsaved: dict[str, dict[str, Turn]] = {}
        """All turns since, a parent before its children, by the conversation's id."""
        self._not_begun: set[str] = set()
        """Conversations that were never saved: what is missing of them was not deleted."""
        self.deleted: set[str] = set()
        """Conversations that somebody else has deleted, while they were open here."""

    async def begin(self, conversation: Conversation) -> None:
        """Save a conversation that begins."""
        self._not_begun.add(conversation.id)
        await self.save(conversation.id, self._history_of(conversation.id).add_conversation(conversation))
        if conversation.id not in self._unsaved:
            self._not_begun.discard(conversation.id)

    @property
    def unsaved(self) -> Set[str]:
        """The conversations of which something is not on the disk, by their ids."""
        return self._unsaved.keys()

    def note(self, conversation_id: str, turns: Iterable[Turn]) -> None:
        """These turns of a conversation are as they are now; they wait with what of it could not be saved."""
        if (waiting := self._unsaved.get(conversation_id)) is not None:
            waiting.update({turn.id: turn for turn in turns})

    async def save(self, conversation_id: str, work: Awaitable[None], turn: Turn | None = None) -> None:
        """Save a part of a conversation, such as this turn; where that fails, the whole is saved as soon as it can."""
        try:
            await work
        except HistoryError as error:
            self._fail(conversation_id, error, *([turn] if turn else ()))

    async def grow(self, history: ConversationStore, pieces: Sequence[tuple[str, TurnDelta]]) -> None:
        """Save the next pieces of answers that this history keeps, each with the id of its conversation."""
        pieces = [(id, piece) for id, piece in pieces if id not in self._unsaved and id not in self.deleted]
        faults = await history.grow([piece for _, piece in pieces]) if pieces else ()
        for (conversation_id, _), fault in zip(pieces, faults, strict=True):
            if fault is not None:
                self._fail(conversation_id, fault)

    def _fail(self, conversation_id: str, why: HistoryError, *turns: Turn) -> None:
        """Note that of this conversation something waits to be saved: its path and these turns."""
        if isinstance(why, ConversationNotFound) and conversation_id not in self._not_begun:
            self._note_deleted(conversation_id)
            return
        turns = (*self._path_of(conversation_id), *turns)
        self._unsaved.setdefault(conversation_id, {turn.id: turn for turn in turns})
        self.tell_once(why)

    async def mend(self, conversation: Conversation) -> None:
        """Save what of a conversation could not be saved when it came."""
        begins = conversation.id in self._not_begun
        on_path = {turn.id for turn in conversation.path}
        waiting = self._unsaved[conversation.id].copy()
        others = [turn for turn in waiting.values() if turn.id not in on_path]
        try:
            await self._history_of(conversation.id).mend(conversation, others, begins=begins)
        except ConversationNotFound:
            # Another store may be in use since: there it begins.
            if conversation.id not in self._not_begun:
                self._note_deleted(conversation.id)
        except HistoryError as error:
            self.tell_once(error)
        else:
            # Turns that came meanwhile still wait.
            if self._unsaved.get(conversation.id) == waiting:
                del self._unsaved[conversation.id]
            self._not_begun.discard(conversation.id)
            self._told.clear()

    def begin_anew(self, conversations: Iterable[Conversation]) -> None:
        """Another store is in use from now on: these conversations are to be saved in it as a whole."""
        self.deleted.clear()
        for conversation in conversations:
            self._not_begun.add(conversation.id)
            self._unsaved.setdefault(conversation.id, {turn.id: turn for turn in conversation.path})

    def _note_deleted(self, conversation_id: str) -> None:
        self._unsaved.pop(conversation_id, None)
        if conversation_id not in self.deleted:
            self.deleted.add(conversation_id)
            self._tell(deleted_elsewhere())

    async def kept(self, work: Awaitable[T], otherwise: T) -> T:
        """What the history gives; where it fails, the error is told once and the conversation goes on."""
        try:
            return await work
        except ConversationNotFound:
            return otherwise
        except HistoryError as error:
            self.tell_once(error)
            return otherwise

    def tell_once(self, error: HistoryError) -> None:
        """Tell it, unless the same was told since something could last be saved."""
        if error.title not in self._told:
            self._told.add(error.title)
            self._tell(error)
