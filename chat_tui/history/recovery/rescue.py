"""Brings the rows of a damaged file into a fresh store: each once, the newest copy that can be found.

Rows of pages that a table's tree leads to come first; then those of pages that nobody leads to, of free pages, and of
the log behind its last commit, which are only taken where the row is not there yet. Each page is read a bounded number
of times.
"""

from __future__ import annotations

import sqlite3
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

import msgspec

from chat_tui.history.lane import transaction
from chat_tui.history.recovery import links
from chat_tui.history.recovery.cells import LEAF, cell_offsets, column_count
from chat_tui.history.recovery.database_file import HEADER_BYTES, DatabaseFile
from chat_tui.history.recovery.page_owners import FREE, NOBODY, OTHER, PageOwners
from chat_tui.history.recovery.records import Reader, RecoveredRow
from chat_tui.history.recovery.report import RecoveryReport
from chat_tui.history.recovery.tables import KEPT, Record, Table, table_of, tables

_BATCH_ROWS = 2000
"""In one transaction."""
_BATCH_BYTES = 20_000_000
_PROGRESS_SECONDS = 2.0
"""Between two reports, and before the first."""

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
"""When a second copy of a row takes the place of the first one, where neither is known to be the current one."""


def bring_over(source: DatabaseFile, fresh: sqlite3.Connection, progress: Callable[[float], None]) -> RecoveryReport:
    """Fills a fresh store, whose schema is there, from a damaged file; its texts are indexed later.

    `progress` is called now and then with the part that is done, from 0 to 1. Raises `OSError`, `sqlite3.Error`.
    """
    rescue = Rescue(source, fresh, progress)
    rescue.run()
    with transaction(fresh):
        loose = links.mend_links(fresh)
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
"""Rows of these tables come and go: in a free page they are what was removed, such as the draft of a question that was
sent."""


class Damage(msgspec.Struct):
    """What of the rows could not be brought over whole."""

    unreadable_rows: int = 0
    cut_turns: set[int] = msgspec.field(default_factory=set)
    """By their keys: the end of their text is lost."""
    garbled_turns: set[int] = msgspec.field(default_factory=set)
    """Their texts hold U+FFFD where bytes were wrong."""


class Rescue:
    """One damaged file and one fresh store, whose schema is there and which is empty."""

    def __init__(self, source: DatabaseFile, fresh: sqlite3.Connection, progress: Callable[[float], None]) -> None:
        """`progress` is called now and then with the part that is done, from 0 to 1."""
        self._source, self._fresh, self._progress = source, fresh, progress
        self._tables = tables(fresh)
        self._known = list(self._tables.values())
        self._lasting = [table for table in self._known if table.name not in _PASSING]
        self._reader = Reader(source)
        self._inserts = {table.name: _insert(table) for table in self._known}
        self._waiting_rows = self._waiting_bytes = 0
        self._told_at = time.monotonic()
        self.damage = Damage()

    def run(self) -> None:
        """Bring everything over; the links between the rows are left as they were."""
        self._fresh.execute("CREATE TEMP TABLE secondhand (name TEXT, key, PRIMARY KEY (name, key)) WITHOUT ROWID")
        self._fresh.execute("BEGIN")
        for known, row, firsthand in self._rows():
            self._bring(known, row, firsthand=firsthand)
            if self._waiting_rows >= _BATCH_ROWS or self._waiting_bytes >= _BATCH_BYTES:
                self._fresh.execute("COMMIT")
                self._fresh.execute("BEGIN")
                self._waiting_rows = self._waiting_bytes = 0
        self._fresh.execute("COMMIT")
        self._fresh.execute("DROP TABLE temp.secondhand")
        self.damage.unreadable_rows += self._reader.unreadable

    # -- pages ----------------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[tuple[Sequence[Table], RecoveredRow, bool]]:
        """Each row with the tables that it may be of, and whether a tree leads to it: that copy is the current one."""
        owners = PageOwners(self._source, list(KEPT))
        nobodys, free = array("L"), array("L")
        for number in range(1, self._source.page_count + 1):
            self._tell(0.8 * number / self._source.page_count)
            owner = owners[number]
            if owner == FREE:
                free.append(number)
                continue
            page = self._leaf(number)
            if owner in (NOBODY, OTHER):
                if page and (owner == NOBODY or _has_wide_rows(page)):
                    nobodys.append(number)
                continue
            for row in self._reader.rows(page, number):
                yield (self._known[owner - 1],), row, True
        for place, number in enumerate((*nobodys, *free)):
            self._tell(0.8 + 0.2 * place / (len(nobodys) + len(free)))
            known = self._known if place < len(nobodys) else self._lasting
            for row in self._reader.rows(self._leaf(number), number):
                yield known, row, False
        for frame in self._source.stray_frames:
            page = self._source.frame(frame)
            if page and page[0] == LEAF:
                for row in self._reader.rows(page, 0):
                    yield self._lasting, row, False

    def _leaf(self, number: int) -> bytes:
        """The page, if it is a leaf of a table that may be ours; else nothing."""
        page = self._source.page(number)
        start = HEADER_BYTES if number == 1 else 0
        return page if len(page) > start and page[start] == LEAF else b""

    def _tell(self, part: float) -> None:
        now = time.monotonic()
        if now - self._told_at >= _PROGRESS_SECONDS:
            self._told_at = now
            self._progress(part)

    # -- rows -----------------------------------------------------------------------------------------------------

    def _bring(self, known: Sequence[Table], row: RecoveredRow, *, firsthand: bool) -> None:
        found = self._placed(known[0], row) if firsthand else table_of(row, known)
        if found is None:
            self.damage.unreadable_rows += firsthand
            return
        table, record = found
        if table.name == "content" and not _is_whole(record):
            # The files of that content are counted when their links are tied.
            return
        # What is not whole gives way to a copy that is.
        kept = self._keep(table, record, firsthand=firsthand and not row.cut)
        if kept and table.name == "turn":
            for turns, marked in ((self.damage.cut_turns, row.cut), (self.damage.garbled_turns, row.garbled)):
                (turns.add if marked else turns.discard)(row.key)
        self._waiting_rows += 1
        self._waiting_bytes += sum(len(value) for value in row.values if isinstance(value, str | bytes))

    def _placed(self, owner: Table, row: RecoveredRow) -> tuple[Table, Record] | None:
        if (record := owner.record(row)) is not None:
            return owner, record
        # A damaged tree may lead to another table's page.
        if (found := table_of(row, self._known)) is not None:
            return found
        record = owner.record(row, leniently=True)
        return None if record is None else (owner, record)

    def _keep(self, table: Table, record: Record, *, firsthand: bool) -> bool:
        """Keeps the row unless it is there; whether this copy is the one that was kept."""
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
    """Rows of the indexes have two columns: where there are more, a damaged tree leads to another table's page."""
    return any(column_count(page, offset) > 2 for offset in cell_offsets(page, 0)[:1])


def _is_whole(record: Record) -> bool:
    """The content of a file is what its id says: the beginning of its SHA-256."""
    content, id = record["bytes"], record["id"]
    return isinstance(content, bytes) and isinstance(id, str) and sha256(content).hexdigest().startswith(id)


def _insert(table: Table) -> str:
    names = [column.name for column in table.columns]
    return f"INSERT OR IGNORE INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"


def _update(table: Table) -> str:
    key = table.key or table.columns[0].name
    changes = ", ".join(f"{column.name} = :{column.name}" for column in table.columns if column.name != key)
    return f"UPDATE OR IGNORE {table.name} SET {changes} WHERE {key} = :{key}"
