"""What the engine remembers: the conversations that are open, over the history that keeps them all.

What the history cannot keep is told once, stays in memory, and is saved as soon as it can be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from chat_tui.conversation import Conversation, Summary, Turn
from chat_tui.errors import ChatTuiError, ConversationNotFound, HistoryError
from chat_tui.route import Route
from chat_tui.stage import History

T = TypeVar("T")

OPEN_CONVERSATIONS = 8
"""How many conversations are kept in memory."""
NO_CONVERSATION = ""
"""The place of the draft of a conversation that has not begun."""


class Memory:
    """Conversations, drafts and places. `is_busy` tells a conversation in which an answer runs."""

    def __init__(
        self, history: History, *, is_busy: Callable[[str], bool], tell: Callable[[ChatTuiError], None]
    ) -> None:
        self._history, self._is_busy, self._tell = history, is_busy, tell
        self._open: dict[str, Conversation] = {}
        self._told: set[str] = set()
        self._unsaved: set[str] = set()

    # -- conversations --------------------------------------------------------------------------------------------

    async def conversations(self, limit: int = 200, offset: int = 0) -> list[Summary]:
        """The saved conversations, newest first."""
        return await self._kept(self._history.conversations(limit=limit, offset=offset), [])

    async def conversation(self, conversation_id: str) -> Conversation:
        """A conversation with its current path; a running answer's turn is the last. Raises `HistoryError`."""
        conversation = self._open.get(conversation_id)
        if conversation is None:
            conversation = await self._history.conversation(conversation_id)
            # It may have been read, and have grown, meanwhile.
            conversation = self._open.get(conversation_id, conversation)
            self.remember(conversation)
        return conversation

    async def set_system_prompt(self, conversation_id: str, text: str | None) -> None:
        """Set a conversation's system turn; None goes back to the config's."""
        conversation = await self.conversation(conversation_id)
        self.remember(msgspec.structs.replace(conversation, system_prompt=text))
        await self._kept(self._history.set_system_prompt(conversation_id, text), None)

    async def route(self, turn_id: str) -> Route | None:
        """How an answer came about."""
        return await self._kept(self._history.route(turn_id), None)

    async def spent(self, since: datetime) -> float:
        """US dollars for all answers since then."""
        return await self._kept(self._history.spent(since), 0.0)

    def question_of(self, answer: Turn) -> str:
        """The text that was asked, as far as the conversation is open."""
        paths = (conversation.path for conversation in self._open.values())
        return next((turn.text for path in paths for turn in path if turn.id == answer.parent), "")

    def now(self, conversation: Conversation) -> Conversation:
        """The conversation as it is by now."""
        return self._open.get(conversation.id, conversation)

    def remember(self, conversation: Conversation) -> None:
        """This is how it stands now."""
        self._open.pop(conversation.id, None)
        self._open[conversation.id] = conversation
        for other in list(self._open):
            if len(self._open) <= OPEN_CONVERSATIONS:
                break
            if other not in self._unsaved and other != conversation.id and not self._is_busy(other):
                del self._open[other]

    # -- what comes back at the next start ------------------------------------------------------------------------

    async def prompts(self) -> list[str]:
        """The user's last prompts, newest first."""
        return await self._kept(self._history.prompts(), [])

    async def save_draft(self, conversation_id: str | None, text: str) -> None:
        """Keep the unsent words of a conversation (None: of one that has not begun)."""
        await self._kept(self._history.save_draft(conversation_id or NO_CONVERSATION, text), None)

    async def draft(self, conversation_id: str | None) -> str:
        """The unsent words of a conversation."""
        return await self._kept(self._history.draft(conversation_id or NO_CONVERSATION), "")

    async def set_place(self, key: str, value: str) -> None:
        """Keep a small fact of a face, such as which conversation was open."""
        await self._kept(self._history.set_place(key, value), None)

    async def place(self, key: str) -> str:
        """A small fact that a face has kept, empty when there is none."""
        return await self._kept(self._history.place(key), "")

    # -- growing --------------------------------------------------------------------------------------------------

    async def begin(self, conversation: Conversation) -> None:
        """Keep a conversation that begins."""
        await self._saved(conversation.id, self._history.add_conversation(conversation))

    async def add_question(self, conversation: Conversation, question: Turn) -> None:
        """Keep a question; `conversation` is what it follows."""
        if conversation.id in self._unsaved:
            asked = msgspec.structs.replace(conversation, path=(*conversation.path, question))
            await self._mend(asked)
        else:
            await self._saved(conversation.id, self._history.add_turn(conversation.id, question))

    async def add_answer(self, conversation_id: str, turn: Turn) -> None:
        """Keep an answer that begins."""
        if conversation_id not in self._unsaved:
            await self._saved(conversation_id, self._history.add_turn(conversation_id, turn))

    async def append(self, conversation_id: str, turn_id: str, text: str, thinking: str) -> None:
        """Keep the next piece of a growing answer."""
        if conversation_id not in self._unsaved:
            await self._saved(conversation_id, self._history.append(turn_id, text, thinking))

    def settle(self, conversation_id: str, turn: Turn) -> None:
        """Put the ended turn into its conversation, before anybody sees the ending and asks on."""
        conversation = self._open.get(conversation_id)
        if conversation is not None:
            path = tuple(turn if known.id == turn.id else known for known in conversation.path)
            self.remember(msgspec.structs.replace(conversation, path=path))

    async def finish(self, conversation_id: str, turn: Turn, route: Route | None) -> None:
        """Keep the answer as it ended."""
        if conversation_id not in self._unsaved:
            await self._saved(conversation_id, self._history.finish(turn, route))
        if conversation_id in self._unsaved and conversation_id in self._open:
            await self._mend(self._open[conversation_id])

    async def close(self) -> None:
        """Try once more to save what could not be saved, and let go of the history."""
        for conversation_id in self._unsaved & self._open.keys():
            await self._mend(self._open[conversation_id])
        await self._kept(self._history.close(), None)

    # -- saving ---------------------------------------------------------------------------------------------------

    async def _saved(self, conversation_id: str, work: Awaitable[None]) -> None:
        """Save a part of a conversation; where that fails, the whole is saved as soon as the store can."""
        try:
            await work
        except HistoryError as error:
            self._unsaved.add(conversation_id)
            self._tell_once(error)

    async def _mend(self, conversation: Conversation) -> None:
        """Save what of a conversation could not be saved when it came."""
        try:
            await self._history.mend(conversation)
        except HistoryError as error:
            self._tell_once(error)
        else:
            self._unsaved.discard(conversation.id)
            self._told.clear()

    async def _kept(self, work: Awaitable[T], otherwise: T) -> T:
        """What the store gives; where it fails, the error is told once and the conversation goes on."""
        try:
            return await work
        except ConversationNotFound:
            return otherwise
        except HistoryError as error:
            self._tell_once(error)
            return otherwise

    def _tell_once(self, error: HistoryError) -> None:
        if error.title not in self._told:
            self._told.add(error.title)
            self._tell(error)
