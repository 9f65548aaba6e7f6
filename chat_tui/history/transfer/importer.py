"""Brings a file's conversations into the store, reading and writing in turn.

Each transaction is short, and after `BURST_SECONDS` of them comes a pause. A process that waits for the store asks at
least every 25 ms at first (SQLite's own way), so it falls into that pause and waits less than 0.1 s. A kill at any
moment leaves a good store, and the same import completes it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.text.counts import count_of
from chat_tui.history.store import Store
from chat_tui.history.transfer import detection, ingest
from chat_tui.history.transfer.ingest import ImportOutcome
from chat_tui.history.transfer.records import ConversationHeader, ImportedConversation, ImportedTurn, SkippedRecord

BATCH_TURNS = 16
BATCH_BYTES = 20_000
"""Of text and files in one transaction; a turn may have more."""
BURST_SECONDS = 0.05
PAUSE_SECONDS = 0.026
SKIPPED_KEPT = 1000
"""Of which the report tells; the others are counted."""

R = TypeVar("R")


class ImportProgress(msgspec.Struct, frozen=True):
    """How far an import is."""

    done: int
    total: int
    """In bytes of a JSON file or conversations of a database."""
    turns: int
    seconds: float

    @property
    def part(self) -> float:
        """0 to 1."""
        return min(1.0, self.done / max(1, self.total))


class ImportReport(msgspec.Struct, frozen=True):
    """What an import has done."""

    kind: str
    """`chat-tui`, `ChatGPT`, `llm` or `elia`."""
    conversations: int = 0
    """New ones."""
    grown: int = 0
    """That were there already and have got turns."""
    known: int = 0
    """That were there already, as they are."""
    turns: int = 0
    """New ones."""
    skipped_count: int = 0
    skipped: tuple[SkippedRecord, ...] = ()
    """The first `SKIPPED_KEPT` of them."""
    seconds: float = 0.0
    turns_per_second: float = 0.0

    def words(self) -> str:
        """What has come of it, in a sentence or two."""
        there = f", {self.grown} have grown" if self.grown else ""
        there += f", {self.known} were there already" if self.known else ""
        left = f" {count_of(self.skipped_count, 'record')} skipped." if self.skipped_count else ""
        came = f"{count_of(self.turns, 'turn')} came in ({self.turns_per_second:,.0f} turns/s)."
        return f"{self.kind}: {count_of(self.conversations, 'new conversation')}{there}; {came}{left}"


async def recognise(file: Path) -> None:
    """Looks whether the file can be imported at all; raises `ImportRefused`."""
    steps = detection.walked(file)
    try:
        await _in_thread(lambda: next(steps))
    except detection.TROUBLE as error:
        raise detection.unreadable(file, error) from error
    finally:
        await _in_thread(steps.close)


async def bring_in(store: Store, file: Path, tell: Callable[[ImportProgress], None]) -> ImportReport:
    """Imports a file; raises `ImportRefused`, or `HistoryError` when the store fails. `tell` is called in between."""
    return await _Run(store, file, tell).whole()


class _Run:
    def __init__(self, store: Store, file: Path, tell: Callable[[ImportProgress], None]) -> None:
        self._store = store
        self._file = file
        self._tell = tell
        self._begun = time.monotonic()
        self._conversations = self._grown = self._known = self._turns = 0
        self._skipped: list[SkippedRecord] = []
        self._skipped_count = 0
        self._burst_begun = self._wrote = self._begun

    async def whole(self) -> ImportReport:
        steps = detection.walked(self._file)
        try:
            source = await _in_thread(lambda: next(steps))
            assert isinstance(source, detection.ImportSource)
            while (item := await _in_thread(lambda: next(steps, None))) is not None:
                if isinstance(item, SkippedRecord):
                    self._skip(item)
                elif isinstance(item, ImportedConversation):
                    await self._parcel(item, source)
                self._tell(self._progress(source))
        except detection.TROUBLE as error:
            raise detection.unreadable(self._file, error) from error
        finally:
            await _in_thread(steps.close)
        seconds = time.monotonic() - self._begun
        return ImportReport(
            source.kind,
            self._conversations,
            self._grown,
            self._known,
            self._turns,
            self._skipped_count,
            tuple(self._skipped),
            round(seconds, 3),
            round(self._turns / max(seconds, 0.001), 1),
        )

    async def _parcel(self, parcel: ImportedConversation, source: detection.ImportSource) -> None:
        is_new = False
        before = self._turns
        while True:
            batch, is_last = await _in_thread(lambda: _batch(parcel))
            for skipped in batch.skipped:
                self._skip(skipped)
            landed = await self._write(parcel.head, batch.arrivals)
            is_new = is_new or landed.is_new
            self._turns += landed.added
            for skipped in landed.skipped:
                self._skip(skipped)
            if is_last:
                break
            self._tell(self._progress(source))
        if is_new:
            self._conversations += 1
        elif self._turns > before:
            self._grown += 1
        else:
            self._known += 1

    async def _write(self, head: ConversationHeader, arrivals: Sequence[ImportedTurn]) -> ImportOutcome:
        now = time.monotonic()
        # What is read between two transactions is a pause for others too.
        paused = now - self._wrote
        if now - self._burst_begun > BURST_SECONDS:
            await asyncio.sleep(max(0.0, PAUSE_SECONDS - paused))
            self._burst_begun = time.monotonic()
        try:
            return await self._store.write(ingest.add_imported, head, arrivals)
        finally:
            self._wrote = time.monotonic()

    def _skip(self, skipped: SkippedRecord) -> None:
        self._skipped_count += 1
        if len(self._skipped) < SKIPPED_KEPT:
            self._skipped.append(SkippedRecord(clean_line(skipped.record), clean_line(skipped.reason)))

    def _progress(self, source: detection.ImportSource) -> ImportProgress:
        return ImportProgress(source.done(), source.total, self._turns, time.monotonic() - self._begun)


class _Batch:
    def __init__(self) -> None:
        self.arrivals: list[ImportedTurn] = []
        self.skipped: list[SkippedRecord] = []


def _batch(parcel: ImportedConversation) -> tuple[_Batch, bool]:
    """The next turns, and whether they are the last."""
    batch = _Batch()
    size = 0
    for item in parcel.turns:
        if isinstance(item, SkippedRecord):
            batch.skipped.append(item)
            continue
        batch.arrivals.append(item)
        turn = item.turn
        size += len(turn.text) + len(turn.thinking) + sum(len(file.content) for file in turn.attachments)
        if size > BATCH_BYTES or len(batch.arrivals) >= BATCH_TURNS:
            return batch, False
    return batch, True


async def _in_thread(work: Callable[[], R]) -> R:
    """Like `asyncio.to_thread`, but a cancel waits until the thread has let go of the file."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
