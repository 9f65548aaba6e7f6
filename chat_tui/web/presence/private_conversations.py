"""The private conversations that pages have begun: in memory only, and lost when no page follows them any more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from time import monotonic

from chat_tui.core.errors import ConversationNotFound
from chat_tui.core.settings.conversation_settings import NewConversation
from chat_tui.core.settings.preset import encode_preset
from chat_tui.engine.engine import Engine
from chat_tui.web.errors import ApiError
from chat_tui.web.presence.page_answers import JOIN_SECONDS, LOOK_SECONDS


class PrivateConversations:
    """Knows them by id, and deletes each one for good when no page has followed it for `keep_seconds`; used within one
    event loop. `are_possible`: no other process serves the same pages."""

    def __init__(self, keep_seconds: float, *, are_possible: bool = True, join_seconds: float = JOIN_SECONDS) -> None:
        self.are_possible = are_possible
        self._keep_seconds, self._join_seconds = keep_seconds, join_seconds
        self._followed: Counter[str] = Counter()
        self._needed: dict[str, float] = {}
        """Until when each one is kept if no page follows it."""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __contains__(self, conversation_id: object) -> bool:
        return conversation_id in self._needed

    def ids(self) -> Collection[str]:
        """Return the ids of those that are there."""
        return tuple(self._needed)

    async def begin(self, engine: Engine, beginning: NewConversation) -> str:
        """Begin a private conversation with these settings, and return its id. Raises `ApiError`, `HistoryError`."""
        if not self.are_possible:
            words = "Private conversations are in the memory of one process, and this server may have several workers."
            raise ApiError(400, f"{words} `chat-tui serve` has one.", param="private")
        conversations = engine.conversations
        id = (await conversations.begin_private()).id
        self._keep(id)
        self._tasks[id] = asyncio.ensure_future(self._wait_until_left(engine, id))
        await conversations.set_preset(id, encode_preset(beginning.preset))
        await conversations.set_system_prompt(id, beginning.system_prompt)
        await conversations.set_settings(id, beginning.settings)
        return id

    @contextmanager
    def following(self, conversations: Collection[str]) -> Iterator[None]:
        """Keep these while a page follows them."""
        self._followed.update(conversations)
        try:
            yield
        finally:
            self._followed.subtract(conversations)
            self._followed = +self._followed
            for id in self._needed.keys() & set(conversations):
                self._keep(id)

    def _keep(self, id: str) -> None:
        # A page needs a moment to follow it, also after a lost line.
        self._needed[id] = monotonic() + max(self._keep_seconds, self._join_seconds)

    async def _wait_until_left(self, engine: Engine, id: str) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if id not in self._followed and monotonic() >= self._needed[id]:
                break
        await self._erase(engine, id)

    async def delete(self, engine: Engine, id: str) -> None:
        """Cancel what runs in a private conversation, and delete it for good. Raises `HistoryError`."""
        self._tasks[id].cancel()
        await self._erase(engine, id)

    async def _erase(self, engine: Engine, id: str) -> None:
        try:
            await engine.delete(id)
            await engine.conversations.deletion.erase_one(id)
        except ConversationNotFound:
            # Two requests have deleted it.
            pass
        finally:
            self._needed.pop(id, None)
            self._tasks.pop(id, None)

    async def close(self) -> None:
        """Stop waiting: all are gone with the engine."""
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))
