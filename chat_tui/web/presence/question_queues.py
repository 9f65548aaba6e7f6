"""Questions that wait for the end of an answer.

They are in the store, so that all pages and workers see them and nothing is lost; those of private conversations are in
memory.

One worker asks the questions of a queue: the one in which it has begun.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from chat_tui.core.conversation import new_id
from chat_tui.engine.background_tasks import BackgroundTasks
from chat_tui.engine.conversations.places import Places
from chat_tui.web.presence.private_conversations import PrivateConversations
from chat_tui.web.presence.uploads import UploadedFile

QUEUE_PREFIX = "web queue "
"""Begins the place key of a conversation's queue."""
_BODY_PREFIX = "web queued question "
"""Begins the place key of a question's body, which may be long."""
ITEMS_LIMIT = 20
"""Maximum number of questions in a queue."""
EXCERPT_CHARACTERS = 500
"""Characters of a question in the queue; the whole of it is in its body."""
LIFE_SECONDS = 10.0
"""For how long a queue counts as served: its worker may be gone."""
RENEWAL_SECONDS = 3.0


class QueuedQuestion(msgspec.Struct, frozen=True):
    """A question in a queue."""

    id: str
    prompt: str
    """Its beginning."""
    client: str
    """Who has asked it: answers are limited by client."""
    files: tuple[UploadedFile, ...] = ()
    """Its files, which wait with it."""


class QuestionQueue(msgspec.Struct, frozen=True):
    """The questions that wait in a conversation, the next one first."""

    items: tuple[QueuedQuestion, ...] = ()
    owner: str = ""
    """The worker that asks them."""
    until: float = 0.0
    """When it is taken to be gone, in seconds since 1970."""
    steers: bool = False
    """Whether they are to be sent now, as one, in place of the rest of the answer."""
    problem: str = ""
    """Why they are not asked any more; empty if they are."""

    @property
    def is_held(self) -> bool:
        """Whether nobody asks them: they go back to a prompt."""
        return bool(self.items) and (self.problem != "" or self.until < time.time())


Edit = Callable[[QuestionQueue], QuestionQueue]


class QueuePlaces(Protocol):
    """Where queues are stored."""

    async def get(self, key: str) -> str:
        """Return the text with this key; empty if there is none."""
        ...

    async def set(self, key: str, value: str) -> None:
        """Store a text; an empty one removes the key."""
        ...

    async def change(self, key: str, edit: Callable[[str], str]) -> str:
        """Change a text in one step, and return it. Raises `HistoryError`."""
        ...


class _MemoryPlaces:
    """The places of one private conversation."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    async def get(self, key: str) -> str:
        return self._texts.get(key, "")

    async def set(self, key: str, value: str) -> None:
        self._texts[key] = value

    async def change(self, key: str, edit: Callable[[str], str]) -> str:
        self._texts[key] = edit(self._texts.get(key, ""))
        return self._texts[key]


class ConversationQueue:
    """Changes the queue of one conversation. Methods raise `HistoryError`."""

    def __init__(self, places: QueuePlaces, conversation_id: str, owner: str) -> None:
        self._places, self._key, self._owner = places, QUEUE_PREFIX + conversation_id, owner

    async def read(self) -> QuestionQueue:
        """Return the queue as it is."""
        return decode_queue(await self._places.get(self._key))

    async def bodies(self, items: Sequence[QueuedQuestion]) -> list[str]:
        """Return the bodies of these questions."""
        return [await self._places.get(_BODY_PREFIX + item.id) for item in items]

    async def _change(self, edit: Edit) -> tuple[QuestionQueue, QuestionQueue]:
        """Change a queue, and return how it was and how it is."""
        seen: list[QuestionQueue] = []

        def edited(text: str) -> str:
            seen[:] = [decode_queue(text)]
            after = edit(seen[0])
            return msgspec.json.encode(after).decode() if after.items else ""

        after = decode_queue(await self._places.change(self._key, edited))
        kept = {item.id for item in after.items}
        for item in seen[0].items:
            if item.id not in kept:
                await self._places.set(_BODY_PREFIX + item.id, "")
        return seen[0], after

    async def add(self, prompt: str, body: str, client: str, files: Sequence[UploadedFile] = ()) -> bool:
        """Add a question. Returns whether this worker has to ask it. Raises `OverflowError` if too many wait."""
        item = QueuedQuestion(new_id(), prompt[:EXCERPT_CHARACTERS], client, tuple(files))
        await self._places.set(_BODY_PREFIX + item.id, body)
        until = time.time() + LIFE_SECONDS

        def add(queue: QuestionQueue) -> QuestionQueue:
            if len(queue.items) >= ITEMS_LIMIT:
                return queue
            items = (*queue.items, item)
            if queue.items and not queue.is_held:
                return msgspec.structs.replace(queue, items=items)
            return QuestionQueue(items, self._owner, until)

        _, after = await self._change(add)
        if item not in after.items:
            await self._places.set(_BODY_PREFIX + item.id, "")
            raise OverflowError
        return after.owner == self._owner

    async def edit(self, item_id: str, prompt: str, body: str) -> bool:
        """Change the text of a question; False if it does not wait any more."""

        def edit(queue: QuestionQueue) -> QuestionQueue:
            items = [
                msgspec.structs.replace(item, prompt=prompt[:EXCERPT_CHARACTERS]) if item.id == item_id else item
                for item in queue.items
            ]
            return msgspec.structs.replace(queue, items=tuple(items))

        _, after = await self._change(edit)
        if not any(item.id == item_id for item in after.items):
            return False
        await self._places.set(_BODY_PREFIX + item_id, body)
        return True

    async def sort(self, order: Sequence[str]) -> None:
        """Put these questions first, in this order."""
        place = {id: number for number, id in enumerate(order)}

        def sort(queue: QuestionQueue) -> QuestionQueue:
            items = sorted(queue.items, key=lambda item: place.get(item.id, len(place)))
            return msgspec.structs.replace(queue, items=tuple(items))

        await self._change(sort)

    async def steer(self) -> bool:
        """Let the questions be sent now; False if none waits."""

        def steer(queue: QuestionQueue) -> QuestionQueue:
            return msgspec.structs.replace(queue, steers=True)

        _, after = await self._change(steer)
        return bool(after.items) and not after.is_held

    async def hold(self, problem: str) -> None:
        """Ask none of the questions any more."""

        def hold(queue: QuestionQueue) -> QuestionQueue:
            return msgspec.structs.replace(queue, problem=problem, steers=False)

        await self._change(hold)

    async def remove(self, ids: Sequence[str] | None = None) -> Sequence[QueuedQuestion]:
        """Remove these questions, or all; returns those that this call has removed. Their bodies go, too."""

        def remove(queue: QuestionQueue) -> QuestionQueue:
            left = [] if ids is None else [item for item in queue.items if item.id not in ids]
            return msgspec.structs.replace(queue, items=tuple(left), steers=False)

        before, after = await self._change(remove)
        return [item for item in before.items if item not in after.items]

    async def renew(self) -> QuestionQueue | None:
        """Return the queue that this worker asks, and say that it still does; None if there is nothing to ask."""
        queue = await self.read()
        if queue.owner == self._owner and queue.items and queue.until < time.time() + LIFE_SECONDS - RENEWAL_SECONDS:
            until = time.time() + LIFE_SECONDS
            _, queue = await self._change(lambda queue: msgspec.structs.replace(queue, until=until))
        return queue if queue.owner == self._owner and queue.items and not queue.problem else None


class QuestionQueues:
    """The queues of all conversations; used within one event loop."""

    def __init__(self, private: PrivateConversations) -> None:
        self._private, self._owner = private, new_id()
        self._memory: dict[str, _MemoryPlaces] = {}
        """By private conversation."""
        self._tasks = BackgroundTasks()
        self.served: dict[str, bool] = {}
        """The conversations whose questions a task asks, and whether one was added meanwhile."""

    def queue_of(self, stored: Places, conversation_id: str) -> ConversationQueue:
        """Return the queue of a conversation, which is stored here unless the conversation is private."""
        self._memory = {id: each for id, each in self._memory.items() if id in self._private}
        places: QueuePlaces = stored
        if conversation_id in self._private:
            places = self._memory.setdefault(conversation_id, _MemoryPlaces())
        return ConversationQueue(places, conversation_id, self._owner)

    def is_held(self, conversation_id: str, queue: QuestionQueue) -> bool:
        """Return whether nobody asks the questions of this queue. This worker does even if it could not say so for a
        while, as after a sleep of the machine."""
        return queue.is_held and (queue.problem != "" or conversation_id not in self.served)

    def serve(self, conversation_id: str, work: Callable[[], Awaitable[None]]) -> None:
        """Ask the questions of a conversation in the background. `work` returns when there is nothing to ask, and is
        called again if something was added meanwhile."""
        if conversation_id in self.served:
            self.served[conversation_id] = True
        else:
            self.served[conversation_id] = True
            self._tasks.start(self._serve(conversation_id, work))

    async def _serve(self, conversation_id: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            while self.served[conversation_id]:
                self.served[conversation_id] = False
                await work()
        finally:
            del self.served[conversation_id]

    async def close(self) -> None:
        """Ask nothing any more. What waits goes back to a prompt."""
        await self._tasks.cancel()


def decode_queue(text: str) -> QuestionQueue:
    """Return the queue in the text of a place."""
    try:
        return msgspec.json.decode(text, type=QuestionQueue) if text else QuestionQueue()
    except msgspec.MsgspecError:
        return QuestionQueue()
