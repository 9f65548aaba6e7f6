"""Pieces of growing answers, written together: where many answers grow, a transaction for each would cost more than
the text."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from chat_tui.conversation import Quick
from chat_tui.errors import HistoryError
from chat_tui.history import writes

GATHER_SECONDS = 0.02
"""What comes within so long is written together."""


class Piece(NamedTuple):
    """What has been said since the piece before."""

    turn_id: str
    text: str
    thinking: str
    quick: Quick | None
    """The short answer so far, where that has grown."""


Fault = HistoryError | None
"""Why a piece could not be kept."""


def append(db: sqlite3.Connection, pieces: Sequence[Piece]) -> list[Fault]:
    """Adds these pieces; gives for each why that could not be."""
    faults: list[Fault] = []
    for piece in pieces:
        try:
            writes.append(db, *piece)
            faults.append(None)
        except HistoryError as error:
            faults.append(error)
    return faults


class Pieces:
    """Gathers them. `write` keeps them all in one transaction, or raises `HistoryError` for all."""

    def __init__(self, write: Callable[[Sequence[Piece]], Awaitable[Sequence[Fault]]]) -> None:
        self._write = write
        self._waiting: list[tuple[Piece, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def add(self, piece: Piece) -> None:
        """Keep a piece; returns when that was done. Raises `HistoryError`."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((piece, kept))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.ensure_future(self._write_soon())
        await kept

    async def quiet(self) -> None:
        """Wait until none is gathered or written any more."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def _write_soon(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            waiting, self._waiting = self._waiting, []
            # Nobody waits any more for that of an answer that has ended: its whole text is written then.
            waiting = [(piece, kept) for piece, kept in waiting if not kept.done()]
            if waiting:
                await self._write_all(waiting)

    async def _write_all(self, waiting: Sequence[tuple[Piece, asyncio.Future[None]]]) -> None:
        try:
            faults = await self._write([piece for piece, _ in waiting])
        except HistoryError as error:
            faults = [error] * len(waiting)
        for (_, kept), fault in zip(waiting, faults, strict=True):
            if kept.done():
                continue
            if fault is None:
                kept.set_result(None)
            else:
                kept.set_exception(fault)
