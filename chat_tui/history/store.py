"""The one door to the history. SQLite runs in threads of the store's own: one writes, one reads, one searches."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.conversation import Conversation, ConversationSummary, SearchHit, SearchStep, Tree, Turn, TurnDelta
from chat_tui.core.errors import HistoryError
from chat_tui.core.route import Route
from chat_tui.core.usage.usage import UsageReport
from chat_tui.history import opening, records
from chat_tui.history.connections import Connections, Displaced
from chat_tui.history.database import backup as copying
from chat_tui.history.database.connection_thread import ConnectionThread, transaction
from chat_tui.history.database.process_locks import ProcessLock
from chat_tui.history.live_recovery import LiveRecovery
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import (
    attachments,
    branches,
    costs,
    deletion,
    integrity,
    naming,
    reads,
    reconciliation,
    usage,
    writes,
)
from chat_tui.history.queries.integrity import CheckReport
from chat_tui.history.queries.turn_deltas import Fault, append
from chat_tui.history.search import search
from chat_tui.history.stored_text import TextDecoder
from chat_tui.history.transfer import ingest
from chat_tui.history.transfer.ingest import ImportOutcome
from chat_tui.history.transfer.records import ConversationHeader, ImportedTurn

P = ParamSpec("P")
R = TypeVar("R")

_DEFAULT = StoreSettings()

CATCH_UP_SECONDS = 0.1
"""Between two pieces of the indexing of old turns."""


class Store:
    """Conversations on disk. Each call raises `HistoryError`; what a call has written is committed when it returns.

    Several stores, in one process or many, may use one file.
    """

    def __init__(self, file: Path | None, settings: StoreSettings) -> None:
        """Use `open`."""
        self.file = file
        self._texts = TextDecoder(settings.when_garbled)
        self._settings = settings = msgspec.structs.replace(settings, decode=self._texts)
        self._owner = ProcessLock(None if file is None else opening.owners_folder(file))
        self._connections = connections = Connections(file, self._owner, settings)
        self.when_displaced: Callable[[HistoryError, bool], None] = lambda warning, replaced: None
        """Called in another thread, with words for the user, after the file was deleted, moved or `replaced` while it
        was open, by one that was recovered too; what could be saved is saved by then."""
        connections.when_displaced = lambda warning, replaced: self.when_displaced(warning, replaced)
        self._writer = connections.writing_lane()
        # What is in memory belongs to one connection.
        self._reader = self._searcher = self._writer
        if file is not None:
            self._reader, self._searcher = (connections.reading_lane(file) for _ in range(2))
        self._recovery = LiveRecovery(self._writer, connections)
        self._catching_up: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open_or_read(cls, file: Path | None, settings: StoreSettings = _DEFAULT) -> Store:
        """`open`; on a full disk, or in a folder that cannot be written, one that is only read: `notice` tells.

        What writes raises `HistoryError` then, the rest works. Raises what `open` does where it cannot be read either.
        """
        try:
            return await cls.open(file, settings)
        except HistoryError as why:
            # One that is damaged, newer or in use is left alone.
            if file is None or type(why) is not HistoryError:
                raise
            try:
                return await cls._open_to_read(file, settings, why)
            except HistoryError:
                raise why from None

    @classmethod
    async def _open_to_read(cls, file: Path, settings: StoreSettings, why: HistoryError) -> Store:
        store = cls(file, settings)
        # Even when there is room again: what is read in this way may not change meanwhile.
        store._connections.only_read(
            HistoryError(
                f"{why.title} The history is open read-only.",
                "Nothing is saved. Free some disk space or make the folder writable, then start chat-tui again.",
            )
        )
        try:
            await store.conversations(limit=1)
        except BaseException:
            await asyncio.shield(store._end())
            raise
        return store

    @classmethod
    async def open(cls, file: Path | None, settings: StoreSettings = _DEFAULT) -> Store:
        """Opens or makes the store; None keeps it in memory.

        Raises `SchemaTooNew`, `StoreBusy`, or `HistoryError` for a folder that cannot be written. A damaged store is
        put aside and `notice` tells; `StoreDamaged` only when another process has it open.
        """
        store = cls(file, settings)
        try:
            await store._writer.run(lambda db: None)
        except BaseException:
            await asyncio.shield(store._end())
            raise
        store._catching_up = asyncio.create_task(store._catch_up())
        if settings.recovers:
            store._recovery.watch()
        return store

    @property
    def read_only(self) -> HistoryError | None:
        """What each write raises where the store is only read; None: it can be written."""
        return self._connections.read_only

    @property
    def warning(self) -> HistoryError | None:
        """What to tell the user when the store was damaged and had to be recovered."""
        return self._connections.warning

    @property
    def notice(self) -> str:
        """Words for the user when the store was damaged and had to be recovered, or is only read; else empty."""
        if self.read_only is not None:
            return self.read_only.title
        return str(self.warning or "")

    @property
    def garbled_texts(self) -> int:
        """How many texts with wrong bytes were read so far; they hold U+FFFD in their place."""
        return self._texts.garbled

    async def _asked(
        self,
        lane: ConnectionThread,
        work: Callable[Concatenate[sqlite3.Connection, P], R],
        *args: P.args,
        **named: P.kwargs,
    ) -> R:
        """What a lane that reads gives; where the file was displaced, after the writer has seen to that."""
        try:
            return await lane.run(work, *args, **named)
        except Displaced:
            await self._writer.run(lambda db: None)
            return await lane.run(work, *args, **named)

    async def settled(self) -> None:
        """Waits for the recovery of a store that was found damaged, but not for long."""
        await self._recovery.wait(self._settings.recovery_seconds)

    async def close(self) -> None:
        """Waits for what is being written; answers that still grow become broken ones. Again does no harm."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._end())
        await asyncio.shield(self._closing)

    async def _end(self) -> None:
        self._recovery.abandon()
        if self._catching_up is not None:
            self._catching_up.cancel()
        for lane in {self._reader, self._searcher} - {self._writer}:
            await lane.shut(lambda db: None)
        await self._writer.shut(self._leave)

    def _leave(self, db: sqlite3.Connection | None) -> None:
        opened = db
        try:
            if db is not None and not self._connections.suspended:
                db = self._connections.renewed(db)
                with transaction(db):
                    writes.settle_orphans(db, self._owner, own=True)
                # Only where nobody is in the way: the log is as safe as the file.
                db.execute("PRAGMA busy_timeout = 0")
                with suppress(sqlite3.Error):
                    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            if db is not None and db is not opened:
                db.close()
            self._owner.release()

    async def _catch_up(self) -> None:
        """Indexes what an older schema left, with pauses in which others write; after an error the next start goes on.

        Until it has ended old turns are not found; the newest are indexed first.
        """
        with suppress(HistoryError):
            behind = True
            while behind:
                await asyncio.sleep(CATCH_UP_SECONDS)
                behind = await self._write(search.catch_up)

    async def _write(
        self, work: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **named: P.kwargs
    ) -> R:
        def whole(db: sqlite3.Connection) -> R:
            with transaction(db):
                return work(db, *args, **named)

        return await self._writer.run(whole)

    async def _read(self, work: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **named: P.kwargs) -> R:
        def whole(db: sqlite3.Connection) -> R:
            # One moment for all that is read.
            with transaction(db, "DEFERRED"):
                return work(db, *args, **named)

        return await self._asked(self._reader, whole)

    async def add_conversation(self, conversation: Conversation) -> None:
        """Adds it, with the turns of its path."""
        await self._write(writes.add_conversation, conversation, self._owner.id)

    async def add_turn(self, conversation_id: str, turn: Turn) -> None:
        """Adds it below `turn.parent`; it becomes the end of the current path. One with the state `streaming` grows."""
        await self._write(writes.add_turn, conversation_id, turn, self._owner.id)

    async def mend(self, conversation: Conversation, others: Sequence[Turn] = (), *, begins: bool = True) -> None:
        """Adds what of this conversation could not be saved when it came; `others` stand beside its path.

        Unless it `begins` it must be there: raises `ConversationNotFound` for one that was deleted meanwhile.
        """
        await self._write(reconciliation.mend, conversation, others, self._owner.id, begins=begins)

    async def grow(self, pieces: Sequence[TurnDelta]) -> Sequence[Fault]:
        """The next pieces of growing answers, which cost the same however long these are; why one was not kept."""
        try:
            return await self._write(append, pieces)
        except HistoryError as error:
            return [error] * len(pieces)

    async def finish(self, turn: Turn, route: Route | None) -> None:
        """The answer as it ended: its text takes the place of the pieces, and it can be found from now on."""
        await self._write(writes.finish, turn, route)

    async def retitle(self, conversation_id: str, title: str) -> None:
        """Gives a conversation another title; raises `ConversationNotFound`."""
        await self._write(writes.retitle, conversation_id, title)

    async def set_system_prompt(self, conversation_id: str, text: str | None) -> None:
        """None: the config's; raises `ConversationNotFound`."""
        await self._write(writes.set_system_prompt, conversation_id, text)

    async def set_preset(self, conversation_id: str, text: str) -> None:
        """The preset in use, as JSON that the store does not read; empty: none. Raises `ConversationNotFound`."""
        await self._write(writes.set_preset, conversation_id, text)

    async def pin(self, conversation_id: str, pinned: bool) -> None:
        """Pinned conversations stand first in the list; raises `ConversationNotFound`."""
        await self._write(writes.pin, conversation_id, pinned)

    async def set_unseen(self, conversation_id: str, unseen: bool) -> None:
        """Whether an answer has ended in it while nobody looked; raises `ConversationNotFound`."""
        await self._write(writes.set_unseen, conversation_id, unseen)

    async def select(self, conversation_id: str, turn_id: str) -> None:
        """Makes the branch through this turn the current one, down to where the user last was in it."""
        await self._write(branches.select, conversation_id, turn_id)

    async def end_at(self, conversation_id: str, turn_id: str | None) -> None:
        """Makes this turn the last of the current path (None: the path is empty), so that the next one branches."""
        await self._write(branches.end_at, conversation_id, turn_id)

    async def judge(self, turn_id: str, verdict: bool | None) -> None:
        """A person's verdict on an answer; None takes it back."""
        await self._write(writes.judge, turn_id, verdict)

    async def keep(self, turn_id: str, kept: bool | None) -> None:
        """Whether an exchange is always sent (True), never (False), or as it fits (None)."""
        await self._write(writes.keep, turn_id, kept)

    async def delete(self, conversation_id: str) -> None:
        """Puts it out of sight of lists and searches until `restore` or `purge`; raises `ConversationNotFound`."""
        await self._write(deletion.delete, conversation_id)

    async def restore(self, conversation_id: str) -> None:
        """Brings a deleted conversation back; raises `ConversationNotFound` when it has been erased."""
        await self._write(deletion.restore, conversation_id)

    async def purge(self, before: datetime) -> None:
        """Erases what was deleted before this time for good, in short pieces: others can write meanwhile."""
        await self._erase(before)

    async def erase(self, conversation_id: str) -> None:
        """Erases a conversation for good at once; raises `ConversationNotFound`."""
        await self._write(deletion.condemn, conversation_id)
        await self._erase(records.moment(deletion.BEING_ERASED))

    async def _erase(self, before: datetime) -> None:
        eraser = deletion.Eraser(records.microseconds(before))
        more = True
        while more:
            more = await self._writer.run(eraser.piece)
            if more:
                await asyncio.sleep(deletion.GAP_SECONDS)
        await self._writer.run(deletion.empty_log)

    async def save_draft(self, conversation_id: str, text: str) -> None:
        """The unsent text of a conversation, `""` for the one not yet begun; an empty text removes it."""
        await self._write(writes.save_draft, conversation_id, text)

    async def set_place(self, key: str, value: str) -> None:
        """Keeps where the user was (the open conversation, how far it is scrolled); an empty value removes it."""
        await self._write(writes.set_place, key, value)

    async def conversations(self, *, limit: int = 200, offset: int = 0) -> list[ConversationSummary]:
        """The history list: pinned ones first, then the newest."""
        return await self._read(reads.conversations, limit, offset)

    async def version(self) -> int:
        """Another number than before as soon as somebody has written, be it another process."""
        return await self._asked(self._reader, lambda db: int(db.execute("PRAGMA data_version").fetchone()[0]))

    async def conversation(self, conversation_id: str) -> Conversation:
        """A conversation with its current path; raises `ConversationNotFound`. Attachments come without content."""
        return await self._read(reads.conversation, conversation_id, self._owner)

    async def named(self, name: str) -> str:
        """The id that a person means by it, by its beginning or by `last`; raises `ConversationNotFound`."""
        return await self._read(naming.named, name)

    async def tree(self, conversation_id: str) -> Tree:
        """A conversation with all its branches and routes; raises `ConversationNotFound`."""
        return await self._read(reads.tree, conversation_id, self._owner)

    async def siblings(self, turn_id: str) -> list[Turn]:
        """The turns of the same parent and role, itself among them, oldest first."""
        return await self._read(reads.siblings, turn_id, self._owner)

    async def contents(self, turn_ids: Sequence[str]) -> dict[str, tuple[Attachment, ...]]:
        """The attachments of these turns with their content, by the turn's id."""
        return await self._read(attachments.contents, turn_ids)

    async def route(self, turn_id: str) -> Route | None:
        """How an answer came about; None when it is not known."""
        return await self._read(reads.route, turn_id)

    async def prompts(self, limit: int = 200) -> list[str]:
        """The user's last distinct prompts, newest first."""
        return await self._read(reads.prompts, limit)

    async def draft(self, conversation_id: str) -> str:
        """The unsent text of a conversation; empty when there is none."""
        return await self._read(reads.draft, conversation_id)

    async def place(self, key: str) -> str:
        """What `set_place` kept; empty when nothing was."""
        return await self._read(reads.place, key)

    async def spent(self, since: datetime) -> float:
        """US dollars for all answers since then, erased ones too, as far as their cost is known."""
        return await self._read(costs.spent, since)

    async def cost(self, conversation_id: str) -> float | None:
        """US dollars for all answers of a conversation, as far as their cost is known; None when none is."""
        return await self._read(costs.of_conversation, conversation_id)

    async def statistics(self, since: datetime) -> UsageReport:
        """Sums over the answers since this beginning of a day, by day, model and strategy."""
        return await self._read(usage.statistics, since)

    async def check(self) -> CheckReport:
        """Reads the whole store for what may be wrong in it; seconds for a large one, while others go on."""
        report = await self._aside(integrity.check)
        if report.damaged:
            self._connections.mark_damage()
        return report

    async def backup(self, target: Path) -> None:
        """Copies the store as it is now to a new file, while others go on; takes no file's place."""
        await self._aside(copying.back_up, target)

    async def _aside(
        self, work: Callable[Concatenate[sqlite3.Connection, Event, P], R], *args: P.args, **named: P.kwargs
    ) -> R:
        """Long work has a lane of its own, so that nobody waits for it; a cancel stops it."""
        if self.file is None:
            raise HistoryError("This history is only in memory: it has no file.")
        # Where the file was displaced, the writer sees to that first.
        await self._asked(self._reader, lambda db: None)
        stop = Event()
        lane = self._connections.lane_aside(self.file)
        try:
            return await lane.run(work, stop, *args, **named)
        finally:
            stop.set()
            await asyncio.shield(lane.shut(lambda db: None))

    async def search(self, query: str, limit: int = 50) -> list[SearchHit]:
        """Turns that hold every word and quoted phrase of the query and pass its filters, best first.

        In a large history it may take seconds until all have been looked at; `search_steps` tells what is found by
        then. A cancel stops the work at once. Raises `QueryError` for a filter that cannot be understood.
        """
        async with aclosing(self.search_steps(query, limit)) as steps:
            return [hit async for step in steps for hit in step.hits]

    async def search_steps(
        self, query: str, limit: int = 50, start: int | None = None
    ) -> AsyncGenerator[SearchStep, None]:
        """`search` as it goes on: the best of what is found at once, then older ones, newest first.

        It ends when every turn has been looked at, or with `limit` hits. `start`: go on where an earlier one for the
        same query left off (its `rest`); what that one has found first may come once more.
        """
        steps = search.SteppedSearch(query, limit, self._settings.search, start)
        while not steps.ended:
            stopped = Event()

            def step(db: sqlite3.Connection, stopped: Event = stopped) -> SearchStep:
                # Short transactions: a long one would keep the log from being written back to the file.
                with transaction(db, "DEFERRED"):
                    return steps.step(db, stopped)

            try:
                found = await self._asked(self._searcher, step)
            except asyncio.CancelledError:
                stopped.set()
                raise
            yield found

    async def take_in(self, head: ConversationHeader, arrivals: Sequence[ImportedTurn]) -> ImportOutcome:
        """A part of a conversation that is imported: what of it is not there yet is added."""
        return await self._write(ingest.take_in, head, arrivals)
