"""The results of an answer's calls, stored below it one after the other."""

from __future__ import annotations

import msgspec

from chat_tui.core.chunks import State
from chat_tui.core.conversation import Conversation, Turn, new_id, now
from chat_tui.core.tools import OfferedTool, ToolCall, ToolOutput, ToolResult
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.conversations.conversations import Conversations


class ResultBranch:
    """The branch of an answer with calls, which grows below it whichever branch a person chooses meanwhile. That of an
    answer that is not stored is only in memory."""

    def __init__(self, conversations: Conversations, answer: Answer) -> None:
        self.conversation_id = answer.conversation_id
        self._conversations = conversations
        self._apart = answer.offer.apart if answer.offer is not None else None
        """The conversation, if nothing of it is stored."""
        self._turns = [*answer.before, answer.turn]

    async def begin(self, call: ToolCall, tool: OfferedTool | None, edited: str = "") -> Turn:
        """Store a result that has not come: after a kill the history shows that the call had begun."""
        result = ToolResult(call.id, call.name, tool.server if tool else "", edited)
        parent = self._turns[-1].id
        turn = Turn("tool", "", id=new_id(), parent=parent, created=now(), state="streaming", result=result)
        self._turns.append(turn)
        if self._apart is None:
            self._conversations.cache.extend(self.conversation_id, turn)
            await self._conversations.turns.add_next(self.conversation_id, turn)
        return turn

    async def end(self, turn: Turn, state: State, output: ToolOutput) -> Turn:
        """Store the last result with what the call came to."""
        assert turn.result is not None
        result = msgspec.structs.replace(turn.result, structured=output.structured)
        turn = msgspec.structs.replace(turn, text=output.text, state=state, result=result, attachments=output.images)
        self._turns[-1] = turn
        if self._apart is None:
            self._conversations.turns.settle(self.conversation_id, turn)
            await self._conversations.turns.finish(self.conversation_id, turn, None)
        return turn

    async def conversation(self) -> Conversation:
        """Return the conversation as it is now, with this branch as its path. Raises `HistoryError`."""
        conversation = self._apart or await self._conversations.conversation(self.conversation_id)
        newest = {turn.id: turn for turn in conversation.path}
        path = tuple(newest.get(turn.id, turn) for turn in self._turns)
        return msgspec.structs.replace(conversation, path=path, below=())
