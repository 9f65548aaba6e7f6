"""Recovers a store that is found damaged while it is open. Meanwhile it can only be read."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from chat_tui.core.errors import HistoryError
from chat_tui.history.connections import Connections
from chat_tui.history.database.connection_thread import ConnectionThread

RETRY_SECONDS = 5.0
"""The pause after a recovery that failed, for example because another process has the file open."""


class LiveRecovery:
    """Runs at most one recovery at a time, when damage is found. Belongs to the event loop of its store."""

    def __init__(self, writer: ConnectionThread, connections: Connections) -> None:
        self._writer, self._connections = writer, connections
        self._task: asyncio.Task[None] | None = None
        self._not_before = 0.0
        """When to try again after a failure, by the loop's clock; otherwise 0."""

    def watch(self) -> None:
        """Begin a recovery whenever damage is found."""
        loop = asyncio.get_running_loop()

        def on_damage() -> None:
            # The loop may have ended.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._begin)

        self._connections.when_damaged = on_damage

    def _begin(self) -> None:
        if self._connections.when_damaged is None or asyncio.get_running_loop().time() < self._not_before:
            return
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        # If the writer cannot write for another reason, the next write raises that.
        with suppress(HistoryError):
            # In the writer's thread: what it has begun to write is in the file by then.
            await self._writer.run(lambda db: self._connections.suspend())
            why = await self._recover_in_thread()
            self._not_before = 0.0
            if why is not None:
                self._not_before = asyncio.get_running_loop().time() + RETRY_SECONDS
                self._connections.when_displaced(why, False)
            await self._writer.run(lambda db: None)

    async def _recover_in_thread(self) -> HistoryError | None:
        """Recover in a thread that the end of the program does not wait for; the next start recovers then."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[HistoryError | None] = loop.create_future()

        def tell(why: HistoryError | None) -> None:
            if not ended.done():
                ended.set_result(why)

        def recover() -> None:
            why = self._connections.recover()
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(tell, why)

        threading.Thread(target=recover, name="chat-tui-recovery", daemon=True).start()
        return await ended

    async def wait(self, seconds: float) -> None:
        """Wait for a running recovery, for this many seconds at most; try once more if the last one failed."""
        if self._not_before:
            self._not_before = 0.0
            self._begin()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)

    def abandon(self) -> None:
        """Begin no other recovery, and do not follow the running one."""
        self._connections.when_damaged = None
        if self._task is not None:
            self._task.cancel()
