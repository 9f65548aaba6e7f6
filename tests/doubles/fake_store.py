"""A store in memory that notes what the engine asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from chat_tui.core.conversation import Conversation, ConversationSummary, Turn, TurnDelta
from chat_tui.core.errors import ConversationNotFound, HistoryError
from chat_tui.core.route import Route
from chat_tui.history.transfer.ingest import ImportOutcome
from chat_tui.history.transfer.records import ConversationHeader, ImportedTurn


class FakeStore:
    """A store that keeps conversations in memory and notes each call in order; `fails` names the calls that fail.

    It has only those methods of a store that the tests need.
    """

    def __init__(self, *fails: str, error: Exception | None = None) -> None:
        self.calls: list[tuple[str, str]] = []
        self.finished: list[tuple[Turn, Route | None]] = []
        self.pieces: list[tuple[float, str, str]] = []
        self.kept: dict[str, Conversation] = {}
        self.dollars = 0.0
        self.seconds = 0.0
        """How long each call takes."""
        self._fails, self._error = fails, error or HistoryError("The disk is full.")

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    async def _note(self, name: str, what: str = "") -> None:
        self.calls.append((name, what))
        await asyncio.sleep(self.seconds)
        if name in self._fails or "all" in self._fails:
            raise self._error

    async def add_conversation(self, conversation: Conversation) -> None:
        await self._note("add_conversation", conversation.id)
        self.kept[conversation.id] = conversation

    async def add_turn(self, conversation_id: str, turn: Turn) -> None:
        await self._note(f"add_{turn.role}", turn.text)

    async def mend(self, conversation: Conversation, others: Sequence[Turn] = (), *, begins: bool = True) -> None:
        await self._note("mend", conversation.title)

    async def grow(self, pieces: Sequence[TurnDelta]) -> Sequence[HistoryError | None]:
        try:
            for piece in pieces:
                self.pieces.append((asyncio.get_running_loop().time(), piece.text, piece.thinking))
                await self._note("append", piece.text)
        except HistoryError as error:
            return [error] * len(pieces)
        return [None] * len(pieces)

    async def finish(self, turn: Turn, route: Route | None) -> None:
        self.finished.append((turn, route))
        await self._note("finish", turn.state)

    async def conversations(self, *, limit: int = 200, offset: int = 0) -> list[ConversationSummary]:
        await self._note("conversations")
        return []

    async def version(self) -> int:
        return 0

    async def conversation(self, conversation_id: str) -> Conversation:
        await self._note("conversation", conversation_id)
        if conversation_id not in self.kept:
            raise ConversationNotFound("There is no such conversation.")
        return self.kept[conversation_id]

    async def route(self, turn_id: str) -> Route | None:
        await self._note("route")
        return None

    async def set_system_prompt(self, conversation_id: str, text: str | None) -> None:
        await self._note("set_system_prompt")

    async def prompts(self, limit: int = 200) -> list[str]:
        await self._note("prompts")
        return ["old"]

    async def save_draft(self, conversation_id: str, text: str) -> None:
        await self._note("save_draft", conversation_id)

    async def draft(self, conversation_id: str) -> str:
        await self._note("draft", conversation_id)
        return "kept"

    async def set_place(self, key: str, value: str) -> None:
        await self._note("set_place", key)

    async def place(self, key: str) -> str:
        await self._note("place", key)
        return "there"

    async def judge(self, turn_id: str, verdict: bool | None) -> None:
        await self._note("judge", turn_id)

    async def purge(self, before: datetime) -> None:
        await self._note("purge")

    async def spent(self, since: datetime) -> float:
        await self._note("spent")
        return self.dollars

    async def cost(self, conversation_id: str) -> float | None:
        await self._note("cost", conversation_id)
        return self.dollars

    async def take_in(self, head: ConversationHeader, arrivals: Sequence[ImportedTurn]) -> ImportOutcome:
        await self._note("take_in", head.title)
        return ImportOutcome(True, len(arrivals))

    async def settled(self) -> None:
        pass

    async def close(self) -> None:
        await self._note("close")
