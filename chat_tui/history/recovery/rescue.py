"""Copies the rows of a damaged file into a new store: the newest copy of each that can be found, once.

Rows of pages that a table's tree reaches come first; then those of unreachable pages, of free pages, and of the log
behind its last commit, which only fill gaps. Each page is read a bounded number of times.
"""

from __future__ import annotations

import sqlite3
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

import msgspec

from chat_tui.history.database.connection_thread import transaction
from chat_tui.history.recovery import links
from chat_tui.history.recovery.cells import LEAF, cell_offsets, column_count
from chat_tui.history.recovery.database_file import HEADER_BYTES, DatabaseFile
from chat_tui.history.recovery.page_owners import FREE, NOBODY, OTHER, PageOwners
from chat_tui.history.recovery.records import LeafReader, RecoveredRow
from chat_tui.history.recovery.report import RecoveryReport
from chat_tui.history.recovery.tables import KEPT, Record, TableSchema, table_of, tables

_BATCH_ROWS = 2000
"""Rows in one transaction."""
_BATCH_BYTES = 20_000_000
_PROGRESS_SECONDS = 2.0
"""Seconds between two progress reports, and before the first."""

_COUNTS = (
    "SELECT count(*) FROM conversation",
    "SELECT count(*) FROM turn",
    "SELECT count(*) FROM attachment",
    "SELECT count(*) FROM conversation WHERE preset <> ''",
)

_IS_OLDER = {
    "conversation": "updated < :updated",
    "turn": "(state = 'streaming') > (:state = 'streaming')"
    " OR (state = 'streaming') = (:state = 'streaming') AND length(text) < length(:text)",
    "draft": "updated < :updated",
}
"""When a second copy of a row replaces the first, if neither is known to be the current one."""


def recover_rows(source: DatabaseFile, fresh: sqlite3.Connection, progress: Callable[[float], None]) -> RecoveryReport:
    """Fill a new store, which has its schema, from a damaged file; its texts are indexed later.

    `progress` is called every few seconds with the fraction done, from 0 to 1. Raises `OSError`, `sqlite3.Error`.
    """
    rescue = RecoveryRun(source, fresh, progress)
    rescue.run()
    with transaction(fresh):
        loose = links.repair_links(fresh)
        links.mark_cut(fresh, rescue.damage.cut_turns)
        conversations, turns, files, presets = (int(fresh.execute(select).fetchone()[0]) for select in _COUNTS)
    damage = rescue.damage
    return RecoveryReport(
        conversations,
        turns,
        files,
        presets,
        cut_turns=len(damage.cut_turns),
        garbled_turns=len(damage.garbled_turns - damage.cut_turns),
        lost_turns=loose.lost_turns,
        moved_turns=loose.moved_turns,
        lost_files=loose.lost_files,
        loose_conversations=loose.conversations,
        unreadable_rows=damage.unreadable_rows,
    )


_PASSING = {"draft", "place", "ending", "erased_cost"}
"""Tables with short-lived rows: a row in a free page was deleted, such as the draft of a question that was sent."""


class Damage(msgspec.Struct):
    """The rows that could not be recovered completely."""

    unreadable_rows: int = 0
    cut_turns: set[int] = msgspec.field(default_factory=set)
    """Keys of turns whose text is truncated."""
    garbled_turns: set[int] = msgspec.field(default_factory=set)
    """Keys of turns whose text holds U+FFFD for invalid bytes."""


class RecoveryRun:
    """Copies one damaged file into one new store, which has its schema and is empty."""

    def __init__(self, source: DatabaseFile, fresh: sqlite3.Connection, progress: Callable[[float], None]) -> None:
        """`progress` is called every few seconds with the fraction done, from 0 to 1."""
        self._source, self._fresh, self._progress = source, fresh, progress
        self._tables = tables(fresh)
        self._known = list(self._tables.values())
        self._lasting = [table for table in self._known if table.name not in _PASSING]
        self._reader = LeafReader(source)
        self._inserts = {table.name: _insert(table) for table in self._known}
        self._waiting_rows = self._waiting_bytes = 0
        self._reported_at = time.monotonic()
        self.damage = Damage()

    def run(self) -> None:
        """Copy all rows; the links between them are not repaired yet."""
        self._fresh.execute("CREATE TEMP TABLE secondhand (name TEXT, key, PRIMARY KEY (name, key)) WITHOUT ROWID")
        self._fresh.execute("BEGIN")
        for known, row, firsthand in self._rows():
            self._copy(known, row, firsthand=firsthand)
            if self._waiting_rows >= _BATCH_ROWS or self._waiting_bytes >= _BATCH_BYTES:
                self._fresh.execute("COMMIT")
                self._fresh.execute("BEGIN")
                self._waiting_rows = self._waiting_bytes = 0
        self._fresh.execute("COMMIT")
        self._fresh.execute("DROP TABLE temp.secondhand")
        self.damage.unreadable_rows += self._reader.unreadable

    # -- pages ----------------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[tuple[Sequence[TableSchema], RecoveredRow, bool]]:
        """Each row with its possible tables, and whether a tree reaches it, which makes it the current copy."""
        owners = PageOwners(self._source, list(KEPT))
        unowned, free = array("L"), array("L")
        for number in range(1, self._source.page_count + 1):
            self._report(0.8 * number / self._source.page_count)
            owner = owners[number]
            if owner == FREE:
                free.append(number)
                continue
            page = self._leaf(number)
            if owner in (NOBODY, OTHER):
                if page and (owner == NOBODY or _has_wide_rows(page)):
                    unowned.append(number)
                continue
            for row in self._reader.rows(page, number):
                yield (self._known[owner - 1],), row, True
        for place, number in enumerate((*unowned, *free)):
            self._report(0.8 + 0.2 * place / (len(unowned) + len(free)))
            known = self._known if place < len(unowned) else self._lasting
            for row in self._reader.rows(self._leaf(number), number):
                yield known, row, False
        for frame in self._source.stray_frames:
            page = self._source.frame(frame)
            if page and page[0] == LEAF:
                for row in self._reader.rows(page, 0):
                    yield self._lasting, row, False

    def _leaf(self, number: int) -> bytes:
        """The page, if it is a leaf page of a table; otherwise empty."""
        page = self._source.page(number)
        start = HEADER_BYTES if number == 1 else 0
        return page if len(page) > start and page[start] == LEAF else b""

    def _report(self, part: float) -> None:
        now = time.monotonic()
        if now - self._reported_at >= _PROGRESS_SECONDS:
            self._reported_at = now
            self._progress(part)

    # -- rows -----------------------------------------------------------------------------------------------------

    def _copy(self, known: Sequence[TableSchema], row: RecoveredRow, *, firsthand: bool) -> None:
        found = self._assign(known[0], row) if firsthand else table_of(row, known)
        if found is None:
            self.damage.unreadable_rows += firsthand
            return
        table, record = found
        if table.name == "content" and not _is_whole(record):
            # Files without content are counted when the links are repaired.
            return
        # An incomplete row is replaced by a complete copy.
        kept = self._keep(table, record, firsthand=firsthand and not row.cut)
        if kept and table.name == "turn":
            for turns, marked in ((self.damage.cut_turns, row.cut), (self.damage.garbled_turns, row.garbled)):
                (turns.add if marked else turns.discard)(row.key)
        self._waiting_rows += 1
        self._waiting_bytes += sum(len(value) for value in row.values if isinstance(value, str | bytes))

    def _assign(self, owner: TableSchema, row: RecoveredRow) -> tuple[TableSchema, Record] | None:
        if (record := owner.record(row)) is not None:
            return owner, record
        # A damaged tree may reach another table's page.
        if (found := table_of(row, self._known)) is not None:
            return found
        record = owner.record(row, leniently=True)
        return None if record is None else (owner, record)

    def _keep(self, table: TableSchema, record: Record, *, firsthand: bool) -> bool:
        """Store the row unless a better copy is there; returns whether this copy was stored."""
        db, name = self._fresh, table.name
        key = record[table.key or table.columns[0].name]
        if db.execute(self._inserts[name], record).rowcount:
            if not firsthand and name in _IS_OLDER:
                db.execute("INSERT OR IGNORE INTO secondhand VALUES (?, ?)", (name, key))
            return True
        if name not in _IS_OLDER:
            return False
        secondhand = "SELECT 1 FROM secondhand WHERE name = ? AND key = ?"
        if db.execute(secondhand, (name, key)).fetchone() is None:
            return False
        change = _update(table) + ("" if firsthand else f" AND ({_IS_OLDER[name]})")
        if not db.execute(change, record).rowcount:
            return False
        if firsthand:
            db.execute("DELETE FROM secondhand WHERE name = ? AND key = ?", (name, key))
        return True


def _has_wide_rows(page: bytes) -> bool:
    """Whether rows have more than two columns, unlike index tables: a damaged tree reaches another table's page."""
    return any(column_count(page, offset) > 2 for offset in cell_offsets(page, 0)[:1])


def _is_whole(record: Record) -> bool:
    """Whether a file's content matches its id, which is the beginning of its SHA-256."""
    content, id = record["bytes"], record["id"]
    return isinstance(content, bytes) and isinstance(id, str) and sha256(content).hexdigest().startswith(id)


def _insert(table: TableSchema) -> str:
    names = [column.name for column in table.columns]
    return f"INSERT OR IGNORE INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"


def _update(table: TableSchema) -> str:
    key = table.key or table.columns[0].name
    changes = ", ".join(f"{column.name} = :{column.name}" for column in table.columns if column.name != key)
    return f"UPDATE OR IGNORE {table.name} SET {changes} WHERE {key} = :{key}"
