"""Imports a file's conversations, reading and writing in turn.

Each transaction is short, and after `BURST_SECONDS` of them there is a pause. SQLite in another process that waits to
write tries at least every 25 ms at first, so it succeeds in that pause and waits less than 0.1 s. After a kill at any
moment the store is sound, and the same import completes it.
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
"""Bytes of text and files in one transaction; a single turn may have more."""
BURST_SECONDS = 0.05
PAUSE_SECONDS = 0.026
SKIPPED_KEPT = 1000
"""How many skipped records a report lists; the others are only counted."""

R = TypeVar("R")


class ImportProgress(msgspec.Struct, frozen=True):
    """The progress of an import."""

    done: int
    total: int
    """In bytes of a JSON file or conversations of a database."""
    turns: int
    seconds: float

    @property
    def part(self) -> float:
        """The fraction done, from 0 to 1."""
        return min(1.0, self.done / max(1, self.total))


class ImportReport(msgspec.Struct, frozen=True):
    """The result of an import."""

    kind: str
    """`chat-tui`, `ChatGPT`, `llm` or `elia`."""
    conversations: int = 0
    """New conversations."""
    grown: int = 0
    """Conversations that existed and have new turns."""
    known: int = 0
    """Conversations that existed and are unchanged."""
    turns: int = 0
    """New turns."""
    skipped_count: int = 0
    skipped: tuple[SkippedRecord, ...] = ()
    """The first `SKIPPED_KEPT` of them."""
    seconds: float = 0.0
    turns_per_second: float = 0.0

    def summary(self) -> str:
        """The result in one or two sentences."""
        there = f", {self.grown} have grown" if self.grown else ""
        there += f", {self.known} were there already" if self.known else ""
        left = f" {count_of(self.skipped_count, 'record')} skipped." if self.skipped_count else ""
        came = f"{count_of(self.turns, 'turn')} came in ({self.turns_per_second:,.0f} turns/s)."
        return f"{self.kind}: {count_of(self.conversations, 'new conversation')}{there}; {came}{left}"


async def check_importable(file: Path) -> None:
    """Raise `ImportRefused` if the file is in no known format, or cannot be read."""
    steps = detection.read_items(file)
    try:
        await _run_in_thread(lambda: next(steps))
    except detection.READ_ERRORS as error:
        raise detection.read_error(file, error) from error
    finally:
        await _run_in_thread(steps.close)


async def import_file(store: Store, file: Path, on_progress: Callable[[ImportProgress], None]) -> ImportReport:
    """Import a file, and report progress after each record. Raises `ImportRefused`, or `HistoryError` of the store."""
    return await _ImportRun(store, file, on_progress).run()


class _ImportRun:
    def __init__(self, store: Store, file: Path, on_progress: Callable[[ImportProgress], None]) -> None:
        self._store = store
        self._file = file
        self._on_progress = on_progress
        self._begun = time.monotonic()
        self._conversations = self._grown = self._known = self._turns = 0
        self._skipped: list[SkippedRecord] = []
        self._skipped_count = 0
        self._burst_begun = self._wrote = self._begun

    async def run(self) -> ImportReport:
        steps = detection.read_items(self._file)
        try:
            source = await _run_in_thread(lambda: next(steps))
            assert isinstance(source, detection.ImportSource)
            while (item := await _run_in_thread(lambda: next(steps, None))) is not None:
                if isinstance(item, SkippedRecord):
                    self._note_skipped(item)
                elif isinstance(item, ImportedConversation):
                    await self._import_conversation(item, source)
                self._on_progress(self._progress(source))
        except detection.READ_ERRORS as error:
            raise detection.read_error(self._file, error) from error
        finally:
            await _run_in_thread(steps.close)
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

    async def _import_conversation(self, conversation: ImportedConversation, source: detection.ImportSource) -> None:
        is_new = False
        before = self._turns
        while True:
            batch, is_last = await _run_in_thread(lambda: _batch(conversation))
            for skipped in batch.skipped:
                self._note_skipped(skipped)
            outcome = await self._write(conversation.head, batch.turns)
            is_new = is_new or outcome.is_new
            self._turns += outcome.added
            for skipped in outcome.skipped:
                self._note_skipped(skipped)
            if is_last:
                break
            self._on_progress(self._progress(source))
        if is_new:
            self._conversations += 1
        elif self._turns > before:
            self._grown += 1
        else:
            self._known += 1

    async def _write(self, head: ConversationHeader, turns: Sequence[ImportedTurn]) -> ImportOutcome:
        now = time.monotonic()
        # Reading between two transactions is a pause for others, too.
        paused = now - self._wrote
        if now - self._burst_begun > BURST_SECONDS:
            await asyncio.sleep(max(0.0, PAUSE_SECONDS - paused))
            self._burst_begun = time.monotonic()
        try:
            return await self._store.write(ingest.add_imported, head, turns)
        finally:
            self._wrote = time.monotonic()

    def _note_skipped(self, skipped: SkippedRecord) -> None:
        self._skipped_count += 1
        if len(self._skipped) < SKIPPED_KEPT:
            self._skipped.append(SkippedRecord(clean_line(skipped.record), clean_line(skipped.reason)))

    def _progress(self, source: detection.ImportSource) -> ImportProgress:
        return ImportProgress(source.done(), source.total, self._turns, time.monotonic() - self._begun)


class _Batch:
    def __init__(self) -> None:
        self.turns: list[ImportedTurn] = []
        self.skipped: list[SkippedRecord] = []


def _batch(conversation: ImportedConversation) -> tuple[_Batch, bool]:
    """The next turns, and whether they are the last ones."""
    batch = _Batch()
    size = 0
    for item in conversation.turns:
        if isinstance(item, SkippedRecord):
            batch.skipped.append(item)
            continue
        batch.turns.append(item)
        turn = item.turn
        size += len(turn.text) + len(turn.thinking) + sum(len(file.content) for file in turn.attachments)
        if size > BATCH_BYTES or len(batch.turns) >= BATCH_TURNS:
            return batch, False
    return batch, True


async def _run_in_thread(work: Callable[[], R]) -> R:
    """Like `asyncio.to_thread`, but a cancel waits until the thread no longer uses the file."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
