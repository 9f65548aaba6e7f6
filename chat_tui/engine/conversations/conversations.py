"""The conversations of an engine: those in memory, those in the store, and private ones, which are never saved.

What the store cannot save is reported once, stays in memory, and is saved as soon as possible.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Literal

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import (
    Conversation,
    ConversationSummary,
    ConversationWindow,
    SearchHit,
    SearchStep,
    Turn,
    WindowRange,
    cut_window,
    new_id,
    now,
    title_of,
)
from chat_tui.core.errors import ConversationNotFound, HistoryError
from chat_tui.core.route import Route
from chat_tui.core.settings.conversation_settings import ConversationSettings, encode_settings
from chat_tui.core.text.control_characters import clean
from chat_tui.engine.background_tasks import BackgroundTasks
from chat_tui.engine.conversations.cache import ConversationCache
from chat_tui.engine.conversations.changes import HistoryChanges
from chat_tui.engine.conversations.deletion import ConversationDeletion
from chat_tui.engine.conversations.error_reports import ErrorReports
from chat_tui.engine.conversations.listing import follow_step, join_steps, list_page, mark_private
from chat_tui.engine.conversations.stores import ConversationStores
from chat_tui.engine.conversations.turn_writer import PRIVATE_TITLE, TurnWriter
from chat_tui.history.queries import attachments, branches, naming, reads, windows, writes


class Conversations:
    """Reads and changes conversations. `is_busy` says whether an answer of a conversation runs."""

    def __init__(self, stores: ConversationStores, errors: ErrorReports, *, is_busy: Callable[[str], bool]) -> None:
        self._stores, self._errors = stores, errors
        self.cache = ConversationCache(stores, errors, is_busy)
        """Those in memory."""
        self.turns = TurnWriter(stores, self.cache, self.rename)
        """Stores questions and answers."""
        self.deletion = ConversationDeletion(stores, self.cache, errors)
        """Deletes, restores and erases conversations."""
        self.changes = HistoryChanges(stores.saved, errors)
        """Notices what changes, also by other processes."""
        self._tasks = BackgroundTasks()

    # -- reading --------------------------------------------------------------------------------------------------

    async def summaries(self, limit: int = 200, offset: int = 0) -> list[ConversationSummary]:
        """A page of the history list: first private and unsaved conversations, then pinned ones, then the newest."""
        private: list[ConversationSummary] = []
        if self._stores.private is not None and not offset:
            private = await self._errors.guard(self._stores.private.read(reads.summaries, limit), [])
        saved = await self._errors.guard(self._stores.saved.read(reads.summaries, limit, offset), [])
        unsaved = [
            each
            for each in self.cache.unsaved_conversations()
            if not self._stores.is_private(each.id) and not self.deletion.is_deleted(each.id)
        ]
        return list_page(private, unsaved, saved, first=not offset)

    async def search(self, query: str, limit: int = 50) -> list[SearchHit]:
        """Turns that contain these words, private ones first, then the best. Raises `QueryError` for a wrong filter."""
        async with aclosing(self.search_steps(query, limit)) as steps:
            return [hit async for step in steps for hit in step.hits]

    async def search_steps(
        self, query: str, limit: int = 50, start: int | None = None, *, private: bool = True, counts: bool = False
    ) -> AsyncGenerator[SearchStep, None]:
        """Search step by step; `start` is where an earlier search stopped (`SearchStep.rest`). With `counts`, all
        messages are counted, also beyond the limit.

        Private conversations are searched if `private`, and not again from a `start`.
        """
        before = SearchStep()
        if private and self._stores.private is not None and start is None:
            async with aclosing(self._stores.private.search_steps(query, limit, counts=counts)) as steps:
                before = mark_private(join_steps([step async for step in steps]))
        room = max(0, limit - len(before.hits))
        if not room and not counts:
            yield msgspec.structs.replace(before, complete=False, searched=0.0)
            return
        async with aclosing(self._stores.saved.search_steps(query, room, start, counts=counts)) as steps:
            async for step in steps:
                yield follow_step(before, step)
                before = msgspec.structs.replace(before, hits=(), titles=())

    async def conversation(self, conversation_id: str) -> Conversation:
        """A conversation with its current path; a running answer is its last turn. Raises `HistoryError`.

        If another process may have changed it since it was read, it is read again.
        """
        known = self.cache.get(conversation_id)
        if known is not None and self._is_newest(known):
            return known
        if conversation_id in self.cache.pending.deleted:
            raise self.cache.mark_deleted(conversation_id)
        store, seen = self._stores.store_of(conversation_id), self.cache.version(conversation_id)
        try:
            version, read = await store.read(reads.changed_conversation, conversation_id, seen if known else None)
        except HistoryError as error:
            return self._without_store(conversation_id, known, error)
        # What has changed in memory meanwhile is newer.
        if read is not None and self.cache.get(conversation_id) is known and not self._is_newest(known):
            self.cache.remember(read, version)
        found = read or known
        assert found is not None
        return self.cache.current(found)

    async def window(self, conversation_id: str, asked: WindowRange) -> ConversationWindow:
        """A part of a conversation's path; only this part is read, unless the conversation is in memory.

        Raises `HistoryError`.
        """
        if self.cache.get(conversation_id) is None and conversation_id not in self.cache.pending.deleted:
            with suppress(ConversationNotFound):
                return await self._stores.store_of(conversation_id).read(windows.window, conversation_id, asked)
        return cut_window(await self.conversation(conversation_id), asked)

    async def find(self, name: str) -> str:
        """The id of the saved conversation that a person names by its id, the beginning of it, `last`, or its title.

        Raises `HistoryError` if the name means none, or several.
        """
        return await self._stores.saved.read(naming.resolve_name, name)

    def _is_newest(self, known: Conversation | None) -> bool:
        return known is not None and self.cache.is_newest(known.id)

    def _without_store(self, conversation_id: str, known: Conversation | None, error: HistoryError) -> Conversation:
        """The conversation in memory, after the store failed; raises the error if there is none to continue."""
        if known is not None and self._is_newest(known):
            # Another store is in use since, where it will be saved.
            return self.cache.current(known)
        if isinstance(error, ConversationNotFound):
            if known is not None or self.cache.was_deleted(conversation_id):
                raise self.cache.mark_deleted(conversation_id) from error
            raise error
        if known is None:
            raise error
        self._errors.report_once(error)
        return self.cache.current(known)

    async def route(self, turn_id: str) -> Route | None:
        """How an answer came about; None if that is not known."""
        private = self._stores.private
        if private is not None and (route := await private.read(reads.route, turn_id)):
            return route
        return await self._errors.guard(self._stores.saved.read(reads.route, turn_id), None)

    async def with_contents(self, conversation: Conversation, turns: Sequence[Turn]) -> list[Turn]:
        """The turns with the content of their attachments. Raises `HistoryError`."""
        bare = [turn.id for turn in turns if any(file.size_bytes and not file.content for file in turn.attachments)]
        if not bare:
            return list(turns)
        full = await self._stores.store_of(conversation.id).read(attachments.contents, bare)
        return [msgspec.structs.replace(turn, attachments=full.get(turn.id, turn.attachments)) for turn in turns]

    async def attachment(self, conversation_id: str, turn_id: str, number: int) -> Attachment | None:
        """A file of a turn with its content, by its position from 0; None if there is none. Raises `HistoryError`."""
        known = self.cache.get(conversation_id)
        turn = next((turn for turn in known.path if turn.id == turn_id), None) if known is not None else None
        if turn is not None and number < len(turn.attachments) and turn.attachments[number].content:
            # It may not be saved yet.
            return turn.attachments[number]
        store = self._stores.store_of(conversation_id)
        return await store.read(attachments.attachment, conversation_id, turn_id, number)

    async def export(self, conversation_id: str, form: Literal["markdown", "html", "json"]) -> str:
        """A conversation as Markdown, as one HTML file, or as JSON that an import restores. Raises `HistoryError`."""
        from chat_tui.history.transfer.exporting import export_text

        store = self._stores.store_of(conversation_id)
        return await export_text(store, await store.read(reads.tree, conversation_id), form)

    # -- branches -------------------------------------------------------------------------------------------------

    async def select(self, conversation_id: str, turn_id: str) -> Conversation:
        """Make the branch with this turn the current one. Raises `HistoryError`."""
        await self.cache.ensure_saved(conversation_id)
        await self._stores.store_of(conversation_id).write(branches.select, conversation_id, turn_id)
        return await self._read_again(conversation_id)

    async def end_at(self, conversation_id: str, turn_id: str | None, *, takes_back: bool = False) -> Conversation:
        """End the path at this turn, or before the first one if None, so that the next turn branches off there.

        With `takes_back`, choosing the branch again does not lead back to where it ended. Raises `HistoryError`.
        """
        await self.cache.ensure_saved(conversation_id)
        store = self._stores.store_of(conversation_id)
        await store.write(branches.end_at, conversation_id, turn_id, takes_back=takes_back)
        return await self._read_again(conversation_id)

    async def _read_again(self, conversation_id: str) -> Conversation:
        store = self._stores.store_of(conversation_id)
        version, conversation = await store.read(reads.changed_conversation, conversation_id, None)
        assert conversation is not None
        self.cache.remember(conversation, version)
        return conversation

    async def siblings(self, conversation_id: str, turn_id: str) -> list[Turn]:
        """The turn and those beside it, oldest first. Raises `HistoryError`."""
        return await self._stores.store_of(conversation_id).read(reads.siblings, turn_id)

    async def keep(self, conversation_id: str, turn_id: str, kept: bool | None) -> Conversation:
        """Set whether a question and its answer are always sent, never, or if they fit (None).

        Raises `HistoryError`.
        """
        await self._stores.store_of(conversation_id).write(writes.keep, turn_id, kept)
        return self.cache.amend(conversation_id, turn_id, kept=kept)

    async def judge(self, answer: Turn, good: bool | None) -> None:
        """Store a verdict on an answer; None removes it."""
        owner = self.cache.conversation_of(answer.id)
        if owner:
            self.cache.amend(owner, answer.id, verdict=good)
        await self._errors.guard(self._stores.store_of(owner).write(writes.judge, answer.id, good), None)

    # -- a conversation's own settings ----------------------------------------------------------------------------

    async def set_system_prompt(self, conversation_id: str, text: str | None) -> None:
        """Set a conversation's system prompt; None uses the config's. Raises `HistoryError` if it cannot be read."""
        conversation = await self.conversation(conversation_id)
        self.cache.remember(msgspec.structs.replace(conversation, system_prompt=text))
        store = self._stores.store_of(conversation_id)
        await self._errors.guard(store.write(writes.set_system_prompt, conversation_id, text), None)

    async def set_preset(self, conversation_id: str, preset: str) -> None:
        """Set a conversation's preset, as JSON; empty for none. Raises `HistoryError` if it cannot be read."""
        conversation = await self.conversation(conversation_id)
        self.cache.remember(msgspec.structs.replace(conversation, preset=preset))
        store = self._stores.store_of(conversation_id)
        await self._errors.guard(store.write(writes.set_preset, conversation_id, preset), None)

    async def set_settings(self, conversation_id: str, settings: ConversationSettings) -> None:
        """Set a conversation's own settings of requests. Raises `HistoryError` if it cannot be read."""
        conversation, stored = await self.conversation(conversation_id), encode_settings(settings)
        self.cache.remember(msgspec.structs.replace(conversation, settings=stored))
        store = self._stores.store_of(conversation_id)
        await self._errors.guard(store.write(writes.set_settings, conversation_id, stored), None)

    async def rename(self, conversation_id: str, title: str, *, whole: bool = False) -> str:
        """Change a conversation's title, which is shortened unless it is to stay `whole`; returns it as it is now.

        Raises `HistoryError`.
        """
        title = clean(title) if whole else title_of(clean(title))
        await self._stores.store_of(conversation_id).write(writes.retitle, conversation_id, title)
        if (known := self.cache.get(conversation_id)) is not None:
            self.cache.remember(msgspec.structs.replace(known, title=title))
        return title

    async def pin(self, conversation_id: str, pinned: bool) -> None:
        """Pin or unpin a conversation. Raises `HistoryError`."""
        await self._stores.store_of(conversation_id).write(writes.pin, conversation_id, pinned)
        if (known := self.cache.get(conversation_id)) is not None:
            self.cache.remember(msgspec.structs.replace(known, pinned=pinned))

    async def set_unseen(self, conversation_id: str, unseen: bool) -> None:
        """Set whether an answer has ended that nobody has seen."""
        store = self._stores.store_of(conversation_id)
        await self._errors.guard(store.write(writes.set_unseen, conversation_id, unseen), None)

    async def begin_private(self) -> Conversation:
        """Begin a conversation that is never saved, and is gone when the program ends. Raises `HistoryError`."""
        conversation = Conversation(new_id(), PRIVATE_TITLE, created=now(), updated=now())
        await self._stores.add_private(conversation.id)
        await self.turns.begin(conversation)
        self.cache.remember(conversation)
        return conversation

    def is_private(self, conversation_id: str | None) -> bool:
        """Whether the conversation is never saved."""
        return self._stores.is_private(conversation_id)

    # -- the life of the store ------------------------------------------------------------------------------------

    def note_displaced(self, warning: HistoryError, replaced: bool) -> None:
        """Handle that the store's file was deleted, moved or replaced; in another store, save again what is open."""
        if replaced:
            self.cache.begin_anew()
            self._tasks.start(self.cache.save_waiting(idle_only=True))
        self._errors.report_once(warning)

    async def close(self) -> None:
        """Try once more to save what waits, and close the stores."""
        await self._stores.saved.settle()
        await self._tasks.cancel()
        await self.cache.save_waiting()
        await self.deletion.close()
        if self._stores.private is not None:
            await self._stores.private.close()
        await self._errors.guard(self._stores.saved.close(), None)
