"""One thread with one SQLite connection, which runs functions in order and maps errors to `HistoryError`."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Concatenate, ParamSpec, TypeVar

from chat_tui.core.errors import HistoryError, StoreDamaged
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.database.error_mapping import map_error

P = ParamSpec("P")
R = TypeVar("R")


class ConnectionThread:
    """Runs functions of a connection in its own thread, to their ends even if the caller is cancelled."""

    def __init__(
        self,
        connect: Callable[[], StoreConnection],
        place: str,
        damaged: Callable[[StoreDamaged], HistoryError],
        *,
        renew: Callable[[StoreConnection], StoreConnection] = lambda db: db,
        close: Callable[[StoreConnection], None] = sqlite3.Connection.close,
    ) -> None:
        """`damaged` returns the error to raise when the file is found damaged.

        `renew` is called before each function and returns the connection to use: another one after the file was
        displaced. `close` closes a connection.
        """
        self._connect, self._renew, self._close = connect, renew, close
        self._place = place
        self._damaged = damaged
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chat-tui-history")
        self._db: StoreConnection | None = None
        self._closed = False

    async def run(self, work: Callable[Concatenate[StoreConnection, P], R], *args: P.args, **named: P.kwargs) -> R:
        """The result of `work(connection, ...)`. Raises `HistoryError`."""
        if self._closed:
            raise HistoryError("The history is closed.")
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, lambda: self._call(work, *args, **named))
        # Without the shield, a cancel removes work from the queue, such as the last save of an answer.
        return await asyncio.shield(future)

    def _call(self, work: Callable[Concatenate[StoreConnection, P], R], *args: P.args, **named: P.kwargs) -> R:
        try:
            self._db = self._connect() if self._db is None else self._renew(self._db)
            return work(self._db, *args, **named)
        except (sqlite3.Error, OSError) as error:
            mapped = map_error(error, self._place)
            raise (self._damaged(mapped) if isinstance(mapped, StoreDamaged) else mapped) from error

    def close(self, last: Callable[[StoreConnection | None], None]) -> asyncio.Future[None]:
        """Refuse further work, run `last` after the work that waits, and close the connection."""
        self._closed = True
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._end, last)
        self._thread.shutdown(wait=False)
        return future

    def _end(self, last: Callable[[StoreConnection | None], None]) -> None:
        db, self._db = self._db, None
        try:
            last(db)
        except (sqlite3.Error, OSError) as error:
            raise map_error(error, self._place) from error
        finally:
            if db is not None:
                self._close(db)


@contextmanager
def transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """A transaction that is committed, or rolled back after an error.

    An immediate one waits for other writers at its beginning, where waiting is safe.
    """
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # On a full disk, SQLite may have rolled back already.
        if db.in_transaction:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise
