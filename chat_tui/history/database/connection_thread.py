"""One thread with one SQLite connection: work goes through it in order, and its errors come out as ours."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Concatenate, ParamSpec, TypeVar

from chat_tui.core.errors import HistoryError, StoreDamaged
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.database.error_mapping import told

P = ParamSpec("P")
R = TypeVar("R")


class ConnectionThread:
    """Runs functions of a connection in its own thread. What was asked is done, even when the asker is cancelled."""

    def __init__(
        self,
        connect: Callable[[], StoreConnection],
        place: str,
        damaged: Callable[[StoreDamaged], HistoryError],
        *,
        renew: Callable[[StoreConnection], StoreConnection] = lambda db: db,
        close: Callable[[StoreConnection], None] = sqlite3.Connection.close,
    ) -> None:
        """`damaged` gives the error to raise for damage that was met. `renew` is called before each work: it gives the
        connection to use, another one where the file was displaced. `close` closes one."""
        self._connect, self._renew, self._close = connect, renew, close
        self._place = place
        self._damaged = damaged
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chat-tui-history")
        self._db: StoreConnection | None = None
        self._closed = False

    async def run(self, work: Callable[Concatenate[StoreConnection, P], R], *args: P.args, **named: P.kwargs) -> R:
        """The result of `work(connection, ...)`; raises `HistoryError`."""
        if self._closed:
            raise HistoryError("The history is closed.")
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, lambda: self._call(work, *args, **named))
        # Without the shield a cancel takes work that has not begun out of the queue: an answer's last save, say.
        return await asyncio.shield(future)

    def _call(self, work: Callable[Concatenate[StoreConnection, P], R], *args: P.args, **named: P.kwargs) -> R:
        try:
            self._db = self._connect() if self._db is None else self._renew(self._db)
            return work(self._db, *args, **named)
        except (sqlite3.Error, OSError) as error:
            mapped = told(error, self._place)
            raise (self._damaged(mapped) if isinstance(mapped, StoreDamaged) else mapped) from error

    def shut(self, last: Callable[[StoreConnection | None], None]) -> asyncio.Future[None]:
        """Refuses further work; `last` runs after what was asked before, then the connection is closed."""
        self._closed = True
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._end, last)
        self._thread.shutdown(wait=False)
        return future

    def _end(self, last: Callable[[StoreConnection | None], None]) -> None:
        db, self._db = self._db, None
        try:
            last(db)
        except (sqlite3.Error, OSError) as error:
            raise told(error, self._place) from error
        finally:
            if db is not None:
                self._close(db)


@contextmanager
def transaction(db: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """All or nothing. Immediate ones wait for other writers at the beginning, where waiting is safe."""
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # After a full disk SQLite may have rolled back by itself.
        if db.in_transaction:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise
