"""Access to the conversations on disk. SQLite runs in threads of the store: one writes, one reads, one searches."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Concatenate, Literal, ParamSpec, Self, TypeVar

import msgspec

from chat_tui.core.conversation import SearchHit, SearchStep
from chat_tui.core.errors import HistoryError
from chat_tui.history import opening, records
from chat_tui.history.connections import Connections, Displaced
from chat_tui.history.database import backup as copying
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.database.connection_thread import ConnectionThread, transaction
from chat_tui.history.database.process_locks import ProcessLock
from chat_tui.history.live_recovery import LiveRecovery
from chat_tui.history.opening import StoreSettings
from chat_tui.history.queries import deletion, integrity, reads, writes
from chat_tui.history.queries.integrity import CheckReport
from chat_tui.history.queries.titles import FoundTitle, find_titles
from chat_tui.history.search import index, stepped_search
from chat_tui.history.stored_text import TextDecoder

P = ParamSpec("P")
R = TypeVar("R")

_DEFAULT = StoreSettings()

CATCH_UP_SECONDS = 0.1
"""The pause between two steps of indexing turns."""
LOOK_SECONDS = 60
"""The pause before looking again whether there is something to index."""


class Store:
    """Conversations on disk, or in memory. What a call has written is committed when it returns.

    What can be read and written are the functions of `history.queries`: `read` and `write` run them in a transaction.
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
        """Called in another thread when the file was deleted, moved or `replaced` while it was open, also by a
        recovered one. By then, what could be saved is saved. The warning is for the user."""
        connections.when_displaced = lambda warning, replaced: self.when_displaced(warning, replaced)
        self._writer = connections.writer_thread()
        # A database in memory belongs to one connection.
        self._reader = self._searcher = self._writer
        if file is not None:
            self._reader, self._searcher = (connections.reader_thread(file) for _ in range(2))
        self._recovery = LiveRecovery(self._writer, connections)
        self._catching_up: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    # -- opening and closing --------------------------------------------------------------------------------------

    @classmethod
    async def open_or_read(cls, file: Path | None, settings: StoreSettings = _DEFAULT) -> Self:
        """Open the store; on a full disk, or in a folder that cannot be written, open it read-only.

        A read-only store has a `notice`, and each write raises `HistoryError`. Raises the errors of `open` if the store
        cannot be read either.
        """
        try:
            return await cls.open(file, settings)
        except HistoryError as why:
            # A damaged, newer or locked store is left alone.
            if file is None or type(why) is not HistoryError:
                raise
            try:
                return await cls._open_to_read(file, settings, why)
            except HistoryError:
                raise why from None

    @classmethod
    async def _open_to_read(cls, file: Path, settings: StoreSettings, why: HistoryError) -> Self:
        store = cls(file, settings)
        # Also when there is room again: a file that is read in this way may not change.
        store._connections.make_read_only(
            HistoryError(
                f"{why.title} The history is open read-only.",
                "Nothing is saved. Free some disk space or make the folder writable, then start chat-tui again.",
            )
        )
        try:
            await store.read(reads.summaries, 1)
        except BaseException:
            await asyncio.shield(store._end())
            raise
        return store

    @classmethod
    async def open(cls, file: Path | None, settings: StoreSettings = _DEFAULT) -> Self:
        """Open the store, or create it; without a file it is in memory.

        A damaged store is recovered, which `notice` says. Raises `SchemaTooNew`, `StoreBusy`, `StoreDamaged` if another
        process has a damaged store open, and `HistoryError` if the folder cannot be written.
        """
        store = cls(file, settings)
        try:
            await store._writer.run(_connect_only)
        except BaseException:
            await asyncio.shield(store._end())
            raise
        store._catching_up = asyncio.create_task(store._catch_up())
        if settings.recovers:
            store._recovery.watch()
        return store

    @property
    def read_only(self) -> HistoryError | None:
        """The error that each write raises if the store is read-only; otherwise None."""
        return self._connections.read_only

    @property
    def warning(self) -> HistoryError | None:
        """A warning for the user if the store was damaged and had to be recovered."""
        return self._connections.warning

    @property
    def notice(self) -> str:
        """Text for the user if the store was recovered or is read-only; otherwise empty."""
        if self.read_only is not None:
            return self.read_only.title
        return str(self.warning or "")

    @property
    def garbled_texts(self) -> int:
        """How many texts with invalid bytes were read so far; these bytes are read as U+FFFD."""
        return self._texts.garbled

    async def settle(self) -> None:
        """Wait for the recovery of a store that was found damaged while open, for `recovery_seconds` at most."""
        await self._recovery.wait(self._settings.recovery_seconds)

    async def close(self) -> None:
        """Finish what is being written, and close; answers that still grow become broken. Can be called again."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._end())
        await asyncio.shield(self._closing)

    async def _end(self) -> None:
        self._recovery.abandon()
        if self._catching_up is not None:
            self._catching_up.cancel()
        for thread in {self._reader, self._searcher} - {self._writer}:
            await thread.close(lambda db: None)
        await self._writer.close(self._leave)

    def _leave(self, db: StoreConnection | None) -> None:
        opened = db
        try:
            if db is not None and not self._connections.suspended:
                db = self._connections.renew(db)
                with transaction(db):
                    writes.end_orphans(db, self._owner, own=True)
                # Without waiting for others: the log is as safe as the file.
                db.execute("PRAGMA busy_timeout = 0")
                with suppress(sqlite3.Error):
                    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            if db is not None and db is not opened:
                db.close()
            self._owner.release()

    async def _catch_up(self) -> None:
        """Index what an older schema left, newest turns first, and what searches for phrases need of new turns.

        There are pauses in which others can write. Until this has ended searches are slower; after an error the next
        start continues.
        """
        with suppress(HistoryError):
            behind = True
            while True:
                await asyncio.sleep(CATCH_UP_SECONDS if behind else LOOK_SECONDS)
                behind = await self._writer.run(_in_transaction("IMMEDIATE", index.catch_up, self._settings.catch_up))

    # -- queries and commands -------------------------------------------------------------------------------------

    async def read(self, query: Callable[Concatenate[StoreConnection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of a query of `history.queries`, from one moment of the store. Raises `HistoryError`."""
        return await self._run_reader(self._reader, _in_transaction("DEFERRED", query, *args, **kwargs))

    async def write(
        self, command: Callable[Concatenate[StoreConnection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The result of a command of `history.queries`, committed completely or not at all. Raises `HistoryError`."""
        return await self._writer.run(_in_transaction("IMMEDIATE", command, *args, **kwargs))

    async def purge(self, before: datetime) -> None:
        """Erase for good what was deleted before this time, in short transactions between which others can write."""
        eraser = deletion.Eraser(records.microseconds(before))
        more = True
        while more:
            more = await self._writer.run(eraser.erase_some)
            if more:
                await asyncio.sleep(deletion.GAP_SECONDS)
        await self._writer.run(deletion.empty_log)

    async def erase(self, conversation_id: str) -> None:
        """Erase a conversation for good at once. Raises `ConversationNotFound`."""
        await self.write(deletion.condemn, conversation_id)
        await self.purge(records.moment(deletion.BEING_ERASED))

    async def _run_reader(self, thread: ConnectionThread, work: Callable[[StoreConnection], R]) -> R:
        """Run work in a thread that reads; if the file was displaced, after the writer has handled that."""
        try:
            return await thread.run(work)
        except Displaced:
            await self._writer.run(_connect_only)
            return await thread.run(work)

    # -- the whole store ------------------------------------------------------------------------------------------

    async def check(self) -> CheckReport:
        """Read the whole store and report problems; takes seconds for a large one, without blocking others."""
        report = await self._run_aside(integrity.check)
        if report.damaged:
            self._connections.mark_damage()
        return report

    async def backup(self, target: Path) -> None:
        """Copy the store as it is now to a new file, without blocking others. An existing file is not replaced."""
        await self._run_aside(copying.back_up, target)

    async def _run_aside(
        self, work: Callable[Concatenate[StoreConnection, Event, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run long work in a thread of its own, so that nothing waits for it; a cancel stops it."""
        if self.file is None:
            raise HistoryError("This history is only in memory: it has no file.")
        # If the file was displaced, the writer handles that first.
        await self._run_reader(self._reader, _connect_only)
        stop = Event()
        thread = self._connections.extra_thread(self.file)
        try:
            return await thread.run(work, stop, *args, **kwargs)
        finally:
            stop.set()
            await asyncio.shield(thread.close(lambda db: None))

    async def search(self, query: str, limit: int = 50) -> list[SearchHit]:
        """Turns that contain every word and quoted phrase of the query and pass its filters, best first.

        This takes seconds in a large history; `search_steps` yields hits as they are found. A cancel stops the work at
        once. Raises `QueryError` for a filter that cannot be understood.
        """
        async with aclosing(self.search_steps(query, limit)) as steps:
            return [hit async for step in steps for hit in step.hits]

    async def search_steps(
        self, query: str, limit: int = 50, start: int | None = None, *, counts: bool = False
    ) -> AsyncGenerator[SearchStep, None]:
        """Search step by step: first titles and the best hits that are quick to find, then older hits, newest first.

        Ends when all turns were searched, or with `limit` hits; with `counts` it goes on, so that the number of
        messages is exact when `complete` is true. `start` is the `rest` of an earlier search for the same query, which
        continues there without titles; its first hits may come again.
        """
        steps = stepped_search.SteppedSearch(query, limit, self._settings.search, start, counts=counts)
        titles: list[FoundTitle] = []
        if start is None:
            titles = await self._run_reader(self._searcher, _in_transaction("DEFERRED", find_titles, query))
        titled = {title.key for title in titles}
        while not steps.ended:
            stopped = Event()
            try:
                # Short transactions: a long one would keep the log from being written back to the file.
                found = await self._run_reader(self._searcher, _in_transaction("DEFERRED", steps.step, stopped))
            except asyncio.CancelledError:
                stopped.set()
                raise
            # A title is often the beginning of a message, which is the better hit.
            known = {hit.conversation for hit in found.hits}
            listed = tuple(title.hit for title in titles if title.hit.summary.id not in known)
            titles = []
            yield msgspec.structs.replace(found, titles=listed, conversations=len(titled | steps.conversations))


def _connect_only(db: StoreConnection) -> None:
    """Nothing: running it opens or renews the connection."""


def _in_transaction(
    kind: Literal["IMMEDIATE", "DEFERRED"],
    work: Callable[Concatenate[StoreConnection, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Callable[[StoreConnection], R]:
    def run(db: StoreConnection) -> R:
        with transaction(db, kind):
            return work(db, *args, **kwargs)

    return run
