"""What the engine remembers: the conversations that are open, over the history that keeps them all.

What the history cannot keep is told once, stays in memory, and is saved as soon as it can be. Private conversations
have a history of their own, which is never on a disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from chat_tui.core.conversation import (
    Conversation,
    ConversationSummary,
    SearchHit,
    SearchStep,
    Turn,
    TurnDelta,
    new_id,
    now,
    title_of,
)
from chat_tui.core.errors import ChatTuiError, ConversationNotFound, HistoryError, StoreDamaged
from chat_tui.core.route import Route
from chat_tui.core.usage.usage import UsageReport
from chat_tui.engine.conversations.listing import listing
from chat_tui.engine.conversations.pending_writes import PendingWrites, deleted_elsewhere
from chat_tui.engine.protocols import ConversationStore

OPEN_CONVERSATIONS = 8
"""How many conversations are kept in memory."""
ERASING_SECONDS = 0.5
"""So long quitting may be held up by erasing what was deleted."""
PRIVATE_TITLE = "Private conversation"
NO_CONVERSATION = ""
"""The place of the draft of a conversation that has not begun."""


class Conversations:
    """Conversations, drafts and places. `is_busy` tells a conversation in which an answer runs."""

    def __init__(
        self,
        history: ConversationStore,
        open_private: Callable[[], Awaitable[ConversationStore]],
        *,
        is_busy: Callable[[str], bool],
        tell: Callable[[ChatTuiError], None],
    ) -> None:
        self._history, self._is_busy = history, is_busy
        self._open_private = open_private
        self._private: ConversationStore | None = None
        self._deleted: set[str] = set()
        """By this process, and not brought back."""
        self._deleted_elsewhere: set[str] = set()
        """They were open here; somebody may still bring one back."""
        self._background: set[asyncio.Task[None]] = set()
        self._open: dict[str, Conversation] = {}
        self._version, self._old = 0, set[str]()
        self._private_ids: set[str] = set()
        self._saving = PendingWrites(self._of, self._path_of, tell)

    # -- conversations --------------------------------------------------------------------------------------------

    def _of(self, conversation_id: str) -> ConversationStore:
        private = self._private if conversation_id in self._private_ids else None
        return private or self._history

    async def conversations(self, limit: int = 200, offset: int = 0) -> list[ConversationSummary]:
        """The conversations, pinned ones first, then the newest; before them private and unsaved ones."""
        private = await self._private.conversations(limit=limit, offset=0) if self._private and not offset else []
        saved = await self._saving.kept(self._history.conversations(limit=limit, offset=offset), [])
        unsaved = (self._saving.unsaved & self._open.keys()) - self._private_ids - self._deleted
        return listing(private, [self._open[id] for id in unsaved], saved, first=not offset)

    async def search(self, query: str, limit: int = 50) -> list[SearchHit]:
        """Turns that hold these words, best first; private ones before all. Raises `ChatTuiError` for a wrong query."""
        async with aclosing(self.search_steps(query, limit)) as steps:
            return [hit async for step in steps for hit in step.hits]

    async def search_steps(
        self, query: str, limit: int = 50, start: int | None = None, *, private: bool = True
    ) -> AsyncGenerator[SearchStep, None]:
        """`search` as it goes on; `start`: where an earlier one left off (`SearchStep.rest`). Not `private`: without
        the private conversations."""
        hits: list[SearchHit] = []
        if private and self._private is not None and start is None:
            hits = await self._private.search(query, limit)
        if len(hits) >= limit:
            yield SearchStep(tuple(hits), searched=0.0)
            return
        async with aclosing(self._history.search_steps(query, limit - len(hits), start)) as steps:
            async for step in steps:
                yield msgspec.structs.replace(step, hits=(*hits, *step.hits))
                hits = []

    async def conversation(self, conversation_id: str) -> Conversation:
        """A conversation with its current path; a running answer's turn is the last. Raises `HistoryError`."""
        known = self._open.get(conversation_id)
        if known is not None and not await self._is_old(conversation_id):
            return self._open.get(conversation_id, known)  # It may have grown meanwhile.
        if conversation_id in self._saving.deleted:
            raise self._gone(conversation_id)
        try:
            read = await self._of(conversation_id).conversation(conversation_id)
        except ConversationNotFound as error:
            if known is None and conversation_id not in self._deleted_elsewhere:
                raise
            raise self._gone(conversation_id) from error
        except StoreDamaged as error:
            if known is None:
                raise
            # What is in memory is whole, and goes on.
            self.tell_once(error)
            return self._open.get(conversation_id, known)
        # The same here.
        if self._open.get(conversation_id) is known:
            self._old.discard(conversation_id)
            self.remember(read)
        return self._open.get(conversation_id, read)

    async def _is_old(self, conversation_id: str) -> bool:
        """Somebody may have written to it since it was read, such as another process; what runs here is known best."""
        version = await self._saving.kept(self._history.version(), self._version)
        if version != self._version:
            self._version, self._old = version, set(self._open) - self._private_ids
        return conversation_id in self._old - self._saving.unsaved and not self._is_busy(conversation_id)

    async def set_system_prompt(self, conversation_id: str, text: str | None) -> None:
        """Set a conversation's system turn; None goes back to the config's."""
        conversation = await self.conversation(conversation_id)
        self.remember(msgspec.structs.replace(conversation, system_prompt=text))
        await self._saving.kept(self._of(conversation_id).set_system_prompt(conversation_id, text), None)

    async def set_preset(self, conversation_id: str, preset: str) -> None:
        """Set a conversation's preset, as JSON; an empty one takes it away."""
        conversation = await self.conversation(conversation_id)
        self.remember(msgspec.structs.replace(conversation, preset=preset))
        await self._saving.kept(self._of(conversation_id).set_preset(conversation_id, preset), None)

    async def route(self, turn_id: str) -> Route | None:
        """How an answer came about."""
        if self._private is not None and (route := await self._private.route(turn_id)):
            return route
        return await self._saving.kept(self._history.route(turn_id), None)

    async def with_contents(self, conversation: Conversation, turns: Sequence[Turn]) -> list[Turn]:
        """The same turns with what their attachments hold. Raises `HistoryError`."""
        bare = [turn.id for turn in turns if any(file.size_bytes and not file.content for file in turn.attachments)]
        if not bare:
            return list(turns)
        full = await self._of(conversation.id).contents(bare)
        return [msgspec.structs.replace(turn, attachments=full.get(turn.id, turn.attachments)) for turn in turns]

    async def spent(self, since: datetime) -> float:
        """US dollars for all answers since then, private ones too."""
        return sum([await self._saving.kept(each.spent(since), 0.0) for each in (self._private, self._history) if each])

    async def cost(self, conversation_id: str) -> float | None:
        """US dollars for all answers of a conversation, on all its branches; None where none is known."""
        return await self._saving.kept(self._of(conversation_id).cost(conversation_id), None)

    async def statistics(self, since: datetime) -> UsageReport:
        """Sums over the answers since this beginning of a day; private ones are not counted. Raises `HistoryError`."""
        return await self._history.statistics(since)

    def turn(self, turn: Turn) -> Turn:
        """The turn as it is by now, as far as its conversation is open."""
        return self._turns().get(turn.id, turn)

    def question_of(self, answer: Turn) -> str:
        """The text that was asked, as far as the conversation is open."""
        question = self._turns().get(answer.parent or "")
        return question.text if question is not None else ""

    def _turns(self) -> dict[str, Turn]:
        return {turn.id: turn for conversation in self._open.values() for turn in conversation.path}

    def as_it_is(self, conversation: Conversation) -> Conversation:
        """The conversation as it stands by now."""
        return self._open.get(conversation.id, conversation)

    def remember(self, conversation: Conversation) -> None:
        """This is how it stands now."""
        self._open.pop(conversation.id, None)
        self._open[conversation.id] = conversation
        self._saving.note(conversation.id, conversation.path)
        for other in list(self._open):
            if len(self._open) <= OPEN_CONVERSATIONS:
                break
            if other not in self._saving.unsaved and other != conversation.id and not self._is_busy(other):
                del self._open[other]

    # -- branches -------------------------------------------------------------------------------------------------

    async def select(self, conversation_id: str, turn_id: str) -> Conversation:
        """Make the branch through this turn the current one. Raises `HistoryError`."""
        history = await self._whole(conversation_id)
        await history.select(conversation_id, turn_id)
        return await self._read_again(history, conversation_id)

    async def end_at(self, conversation_id: str, turn_id: str | None) -> Conversation:
        """Let the path end at this turn (None: before the first), to branch off there. Raises `HistoryError`."""
        history = await self._whole(conversation_id)
        await history.end_at(conversation_id, turn_id)
        return await self._read_again(history, conversation_id)

    async def _whole(self, conversation_id: str) -> ConversationStore:
        """The history that holds all of a conversation; raises `HistoryError` where it cannot be brought there."""
        if conversation_id in self._saving.unsaved and conversation_id in self._open:
            await self._saving.mend(self._open[conversation_id])
        if conversation_id in self._saving.unsaved:
            # What is read from the disk would stand in view without the turns that are only in memory.
            raise HistoryError(
                "Part of this conversation is not saved yet and would be lost.",
                "Free some disk space, or make the history's folder writable, then try again.",
            )
        return self._of(conversation_id)

    async def _read_again(self, history: ConversationStore, conversation_id: str) -> Conversation:
        self.remember(await history.conversation(conversation_id))
        return self._open[conversation_id]

    async def siblings(self, conversation_id: str, turn_id: str) -> list[Turn]:
        """The turn and those beside it, oldest first. Raises `HistoryError`."""
        return await self._of(conversation_id).siblings(turn_id)

    async def keep(self, conversation_id: str, turn_id: str, kept: bool | None) -> Conversation:
        """Keep a question and its answer in what is sent, or out of it; None: as it fits. Raises `HistoryError`."""
        await self._of(conversation_id).keep(turn_id, kept)
        return self._amend(conversation_id, turn_id, kept=kept)

    async def judge(self, answer: Turn, good: bool | None) -> None:
        """Keep a verdict; None: there is none any more."""
        owner = next((c.id for c in self._open.values() if any(turn.id == answer.id for turn in c.path)), "")
        if owner:
            self._amend(owner, answer.id, verdict=good)
        await self._saving.kept(self._of(owner).judge(answer.id, good), None)

    def _amend(self, conversation_id: str, turn_id: str, **fields: bool | None) -> Conversation:
        conversation = self._open[conversation_id]
        path = [msgspec.structs.replace(turn, **fields) if turn.id == turn_id else turn for turn in conversation.path]
        conversation = msgspec.structs.replace(conversation, path=tuple(path))
        self.remember(conversation)
        return conversation

    # -- the list -------------------------------------------------------------------------------------------------

    async def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title. Raises `HistoryError`."""
        title = title_of(title)
        await self._of(conversation_id).retitle(conversation_id, title)
        if (known := self._open.get(conversation_id)) is not None:
            self.remember(msgspec.structs.replace(known, title=title))

    async def pin(self, conversation_id: str, pinned: bool) -> None:
        """Let a conversation stand before the others, or not. Raises `HistoryError`."""
        await self._of(conversation_id).pin(conversation_id, pinned)
        if (known := self._open.get(conversation_id)) is not None:
            self.remember(msgspec.structs.replace(known, pinned=pinned))

    async def set_unseen(self, conversation_id: str, unseen: bool) -> None:
        """Note that an answer has ended while nobody looked, or that somebody has seen it."""
        await self._saving.kept(self._of(conversation_id).set_unseen(conversation_id, unseen), None)

    async def delete(self, conversation_id: str) -> None:
        """Take a conversation out of the list. Raises `HistoryError`."""
        await (await self._whole(conversation_id)).delete(conversation_id)
        self._deleted.add(conversation_id)
        self._open.pop(conversation_id, None)

    async def restore(self, conversation_id: str) -> None:
        """Bring a deleted one back, as long as it was not erased. Raises `HistoryError`."""
        await self._of(conversation_id).restore(conversation_id)
        self._deleted.discard(conversation_id)

    async def erase(self, older_seconds: float) -> None:
        """Erase for good what was deleted so long ago, by whatever process."""
        for history in filter(None, (self._private, self._history)):
            await self._saving.kept(history.purge(now() - timedelta(seconds=older_seconds)), None)

    def begin_to_erase(self, older_seconds: float) -> None:
        """`erase`, in a task that `close` does not wait for to its end."""
        self._in_background(self.erase(older_seconds))

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _erase_own(self) -> None:
        """What this process has deleted, in bounded time; the next start goes on where it was not enough."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ERASING_SECONDS):
                for conversation_id in self._deleted:
                    if not self.is_private(conversation_id):
                        await self._saving.kept(self._history.erase(conversation_id), None)

    async def export(self, conversation_id: str, form: Literal["markdown", "json"]) -> str:
        """A conversation as Markdown or as JSON that an import brings back. Raises `HistoryError`."""
        from chat_tui.history.transfer.exporting import exported

        history = self._of(conversation_id)
        return await exported(history, await history.tree(conversation_id), form)

    async def begin_private(self) -> Conversation:
        """Begin a conversation that is never saved, and is gone when the program ends."""
        if self._private is None:
            self._private = await self._open_private()
        conversation = Conversation(new_id(), PRIVATE_TITLE, created=now(), updated=now())
        self._private_ids.add(conversation.id)
        await self.begin(conversation)
        self.remember(conversation)
        return conversation

    def is_private(self, conversation_id: str | None) -> bool:
        """It is never saved."""
        return conversation_id in self._private_ids

    # -- what comes back at the next start ------------------------------------------------------------------------

    async def prompts(self) -> list[str]:
        """The user's last prompts, newest first."""
        return await self._saving.kept(self._history.prompts(), [])

    async def save_draft(self, conversation_id: str | None, text: str) -> None:
        """Keep the unsent words of a conversation (None: of one that has not begun)."""
        place = conversation_id or NO_CONVERSATION
        await self._saving.kept(self._of(place).save_draft(place, text), None)

    async def draft(self, conversation_id: str | None) -> str:
        """The unsent words of a conversation."""
        place = conversation_id or NO_CONVERSATION
        return await self._saving.kept(self._of(place).draft(place), "")

    async def set_place(self, key: str, value: str) -> None:
        """Keep a small fact of a face, such as which conversation was open."""
        await self._saving.kept(self._history.set_place(key, value), None)

    async def place(self, key: str) -> str:
        """A small fact that a face has kept, empty when there is none."""
        return await self._saving.kept(self._history.place(key), "")

    # -- growing --------------------------------------------------------------------------------------------------

    async def begin(self, conversation: Conversation) -> None:
        """Keep a conversation that begins."""
        await self._saving.begin(conversation)

    async def add_question(self, asked: Conversation) -> None:
        """Keep the question with which the path ends."""
        question = asked.path[-1]
        if asked.id in self._saving.deleted:
            raise self._gone(asked.id)
        if asked.id in self._saving.unsaved:
            await self._saving.mend(asked)
        else:
            await self._saving.save(asked.id, self._of(asked.id).add_turn(asked.id, question))
        if len(asked.path) == 1 and asked.title == PRIVATE_TITLE and self.is_private(asked.id):
            await self.rename(asked.id, question.text)

    async def add_answer(self, conversation_id: str, turn: Turn) -> None:
        """Keep an answer that begins."""
        if self._is_saved(conversation_id):
            await self._saving.save(conversation_id, self._of(conversation_id).add_turn(conversation_id, turn))

    async def grow(self, pieces: Sequence[tuple[str, TurnDelta]]) -> None:
        """Keep the next pieces of growing answers, each with the id of its conversation."""
        for history in filter(None, (self._private, self._history)):
            await self._saving.grow(history, [(id, piece) for id, piece in pieces if self._of(id) is history])

    def settle(self, conversation_id: str, turn: Turn) -> None:
        """Put the ended turn into its conversation, before anybody sees the ending and asks on."""
        conversation = self._open.get(conversation_id)
        if conversation is not None:
            path = tuple(turn if known.id == turn.id else known for known in conversation.path)
            self.remember(msgspec.structs.replace(conversation, path=path))
        self._saving.note(conversation_id, [turn])

    async def finish(self, conversation_id: str, turn: Turn, route: Route | None) -> None:
        """Keep the answer as it ended."""
        if self._is_saved(conversation_id):
            await self._saving.save(conversation_id, self._of(conversation_id).finish(turn, route), turn)
        if conversation_id in self._saving.unsaved and conversation_id in self._open:
            await self._saving.mend(self._open[conversation_id])

    def _is_saved(self, conversation_id: str) -> bool:
        """Nothing of it waits to be saved, and it was not deleted elsewhere."""
        return conversation_id not in self._saving.unsaved and conversation_id not in self._saving.deleted

    def _gone(self, conversation_id: str) -> ConversationNotFound:
        """The error for a conversation that was open here, and that somebody else has deleted."""
        self._open.pop(conversation_id, None)
        self._saving.deleted.discard(conversation_id)
        self._deleted_elsewhere.add(conversation_id)
        return deleted_elsewhere()

    async def close(self) -> None:
        """Try once more to save what could not be saved, and let go of the history."""
        await self._history.settled()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for conversation_id in self._saving.unsaved & self._open.keys():
            await self._saving.mend(self._open[conversation_id])
        await self._erase_own()
        if self._private is not None:
            await self._private.close()
        await self._saving.kept(self._history.close(), None)

    def _path_of(self, conversation_id: str) -> Sequence[Turn]:
        known = self._open.get(conversation_id)
        return known.path if known is not None else ()

    def note_displaced(self, warning: HistoryError, replaced: bool) -> None:
        """The history's file was deleted, moved or replaced; in another store what is open is saved once more."""
        if replaced:
            self._saving.begin_anew([each for id, each in self._open.items() if not self.is_private(id)])
            self._in_background(self._mend_idle())
        self.tell_once(warning)

    async def _mend_idle(self) -> None:
        """Save what waits, but for conversations in which an answer runs: its end does that."""
        for conversation_id in self._saving.unsaved & self._open.keys():
            if not self._is_busy(conversation_id) and conversation_id in self._saving.unsaved:
                await self._saving.mend(self._open[conversation_id])

    def tell_once(self, error: HistoryError) -> None:
        """Tell it, unless the same was told since something could last be saved."""
        self._saving.tell_once(error)
