"""Opens the store's file: checks it, migrates it after a backup, and ends answers that dead processes left.

WAL with `synchronous = NORMAL`: a commit is written to the log, but not flushed to disk. `kill -9` loses nothing that
was committed; a power cut may lose the last commits, but never the store.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Timer

import msgspec

from chat_tui.core.errors import HistoryError, SchemaTooNew, StoreBusy, StoreDamaged
from chat_tui.core.files import writing
from chat_tui.history.database import backup as copying
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.database.connection_thread import transaction
from chat_tui.history.database.error_mapping import map_error
from chat_tui.history.database.process_locks import ProcessLock, hold_opening_lock
from chat_tui.history.migrations import MIGRATIONS, Migration
from chat_tui.history.queries import writes
from chat_tui.history.search import index, stepped_search
from chat_tui.history.stored_text import decode_leniently

log = logging.getLogger(__name__)

_LOG_BYTES = 8_000_000
_MOST_COPIES = 3
"""How many copies are named if the history is empty."""
_HEADER = struct.Struct(">16sH6xII60xI")
"""Of a SQLite file: magic, page size, change counter, pages, and the change counter when the pages were counted."""


class StoreSettings(msgspec.Struct, frozen=True):
    """How a store is opened."""

    busy_seconds: float = 5.0
    """How long to wait for a write of another process."""
    max_pages: int | None = None
    """The largest file in pages of 4 KB; None for no limit."""
    migrations: Sequence[Migration] = MIGRATIONS
    when_slow: Callable[[], None] = lambda: None
    """Called once, in another thread, if migrating an older store takes longer than `slow_seconds`."""
    slow_seconds: float = 1.0
    when_garbled: Callable[[], None] = lambda: None
    """Called once, in another thread, when a text with invalid bytes is read."""
    decode: Callable[[bytes], str] = decode_leniently
    """Decodes the bytes of stored texts."""
    when_recovering: Callable[[float], None] = lambda part: None
    """Called every few seconds, in another thread, while a store is recovered, with the fraction done (0 to 1)."""
    recovers: bool = False
    """Whether a store that is found damaged while it is open is recovered at once, or at the next start."""
    recovery_seconds: float = 5.0
    """How long closing waits for a recovery."""
    catch_up: index.CatchUpBounds = index.USUAL_CATCH_UP
    """How much work one step of indexing does, and of which histories."""
    search: stepped_search.SearchBounds = stepped_search.USUAL_BOUNDS
    """How much work one step of a search does."""


def owners_folder(file: Path) -> Path:
    """The folder with a locked file for each open store."""
    return file.with_name(f"{file.name}.owners")


def damage_mark(file: Path) -> Path:
    """A file that marks the store as damaged: it is recovered when it is opened next."""
    return file.with_name(f"{file.name}.damaged")


def mark_damage(file: Path) -> None:
    """Mark the store as damaged, if possible."""
    with suppress(OSError):
        damage_mark(file).touch(0o600)


def connect(file: Path | None, settings: StoreSettings, *, create: bool = False) -> StoreConnection:
    """A connection for the calling thread, which begins transactions itself."""
    if file is None:
        target = ":memory:"
    else:
        if create:
            # SQLite would make it readable for all. Its -wal and -shm files get the same mode.
            os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        target = f"{file.absolute().as_uri()}?mode=rw"
    db = sqlite3.connect(
        target, timeout=settings.busy_seconds, isolation_level=None, factory=StoreConnection, uri=file is not None
    )
    db.text_factory = settings.decode
    try:
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        if file is None:
            # Private conversations never touch the disk, not even for a large sort.
            db.execute("PRAGMA temp_store = MEMORY")
        if settings.max_pages is not None:
            db.execute(f"PRAGMA max_page_count = {settings.max_pages:d}")
    except BaseException:
        db.close()
        raise
    return db


def reader(file: Path, settings: StoreSettings) -> StoreConnection:
    """A connection that cannot write to an opened store."""
    db = connect(file, settings)
    db.execute("PRAGMA query_only = ON")
    return db


@contextmanager
def reading(file: Path, settings: StoreSettings) -> Iterator[StoreConnection]:
    """A `reader` inside the block."""
    with closing(reader(file, settings)) as db:
        yield db


def open_read_only(file: Path, settings: StoreSettings) -> StoreConnection:
    """A connection that creates no files, for a folder that cannot be written, so that no other process writes there.

    Raises `HistoryError` for another schema.
    """
    _refuse_special(file)
    log = file.with_name(f"{file.name}-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    target = f"{file.absolute().as_uri()}?{how}"
    db = sqlite3.connect(target, isolation_level=None, factory=StoreConnection, uri=True)
    db.text_factory = settings.decode
    try:
        db.execute("PRAGMA query_only = ON")
        schema, newest = db.execute("PRAGMA user_version").fetchone()[0], len(settings.migrations)
        _refuse_newer(schema, newest)
        if schema < newest:
            raise HistoryError(
                "The history is from an older chat-tui and cannot be updated in its folder.",
                "Make the folder writable, or copy the history to another one and set XDG_DATA_HOME to that.",
            )
    except BaseException:
        db.close()
        raise
    return db


def in_memory(settings: StoreSettings) -> StoreConnection:
    """A connection to a new store in memory."""
    db = connect(None, settings)
    _prepare(db, None, settings)
    return db


def writer(file: Path, owner: ProcessLock, settings: StoreSettings) -> tuple[StoreConnection, HistoryError | None]:
    """The connection that writes, and a warning for the user if the store had to be recovered."""
    _refuse_special(file)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with hold_opening_lock(owners_folder(file), settings.busy_seconds):
        others = owner.others()
        copying.remove_unfinished(file.parent, file.stem)
        warning = _warn_if_empty(file)
        if damage_mark(file).exists() or _is_cut(file):
            warning = _recover(file, others, settings)
        try:
            db = _open_writer(file, owner, settings)
        except sqlite3.DatabaseError as error:
            if not isinstance(map_error(error, str(file)), StoreDamaged):
                raise
            warning = _recover(file, others, settings)
            db = _open_writer(file, owner, settings)
    return db, warning


def _open_writer(file: Path, owner: ProcessLock, settings: StoreSettings) -> StoreConnection:
    db = connect(file, settings, create=True)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        _prepare(db, file, settings)
        owner.announce()
        with transaction(db):
            writes.end_orphans(db, owner)
            # A small store is indexed at once; the rest of a large one follows in steps. What only speeds searches up
            # can wait.
            if index.gap(db).words:
                index.catch_up(db, settings.catch_up)
    except BaseException:
        owner.release()
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, file: Path | None, settings: StoreSettings) -> None:
    newest = len(settings.migrations)
    schema = db.execute("PRAGMA user_version").fetchone()[0]
    _refuse_newer(schema, newest)
    if schema < newest:
        if schema:
            with _tell_if_slow(settings):
                _back_up(db, file, schema)
                _migrate(db, schema, settings.migrations)
        elif db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise HistoryError(
                f"{file} is a database that belongs to another program.",
                "Move it away, or set XDG_DATA_HOME to another folder.",
            )
        else:
            _migrate(db, schema, settings.migrations)
    db.execute("PRAGMA foreign_keys = ON")


@contextmanager
def _tell_if_slow(settings: StoreSettings) -> Iterator[None]:
    timer = Timer(settings.slow_seconds, settings.when_slow)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _refuse_newer(schema: int, newest: int) -> None:
    if schema > newest:
        raise SchemaTooNew(
            f"The history was written by a newer chat-tui (schema {schema}, this one knows {newest}).",
            "Update chat-tui. Until then nothing is saved, and the history is not changed.",
        )


def _migrate(db: sqlite3.Connection, schema: int, migrations: Sequence[Migration]) -> None:
    with transaction(db):
        for number, migration in enumerate(migrations[schema:], schema + 1):
            started = time.monotonic()
            migration(db)
            db.execute(f"PRAGMA user_version = {number}")
            if schema:
                log.info("store: migrated to schema %d in %.3f seconds", number, time.monotonic() - started)
    if not schema:
        log.info("store: created with schema %d", len(migrations))


def _back_up(db: sqlite3.Connection, file: Path | None, schema: int) -> None:
    """Copy the store before a migration to `history.schema-N.db`."""
    if file is None:
        return
    backup = file.with_name(f"{file.stem}.schema-{schema}{file.suffix}")
    copying.copy(db, backup, replace=True)


def recover(file: Path, owner: ProcessLock, settings: StoreSettings) -> HistoryError:
    """Recover a store that this process has open and does not write to meanwhile; returns a warning for the user.

    Its connections stay with the damaged file. Raises `HistoryError`, `sqlite3.Error`, `OSError`.
    """
    with hold_opening_lock(owners_folder(file), settings.busy_seconds):
        if owner.others():
            raise StoreDamaged(
                "The history file is damaged, and another chat-tui has it open.",
                "Close the other one: this one then recovers what can still be read.",
            )
        return _recover(file, 0, settings)


def _recover(file: Path, others: int, settings: StoreSettings) -> HistoryError:
    if others:
        raise StoreDamaged(
            "The history file is damaged, and another chat-tui has it open.",
            "Close the other one, then start again: what can still be read is recovered.",
        )
    # Not needed to start.
    from chat_tui.history.recovery import kept_files, rescue
    from chat_tui.history.recovery.database_file import DatabaseFile

    with kept_files.fresh_beside(file) as fresh:
        with _hold_unchanged(file, settings), DatabaseFile(file) as source:
            _refuse_newer(source.schema(), len(settings.migrations))
            with closing(connect(fresh, settings, create=True)) as db:
                _prepare(db, fresh, settings)
                # After a crash, recovery starts again: until it replaces the damaged file, nothing must survive.
                db.execute("PRAGMA journal_mode = MEMORY")
                db.execute("PRAGMA synchronous = OFF")
                db.execute("PRAGMA foreign_keys = OFF")
                report = rescue.recover_rows(source, db, settings.when_recovering)
        writing.force_to_disk(fresh)
        aside = kept_files.put_aside(file)
        fresh.replace(file)
    damage_mark(file).unlink(missing_ok=True)
    return HistoryError(
        f"The history was damaged. {report.recovered_text()}",
        f"{report.lost_text()} The damaged file is kept as {aside}.",
    )


@contextmanager
def _hold_unchanged(file: Path, settings: StoreSettings) -> Iterator[None]:
    """Keep other programs from changing a damaged file. Raises `sqlite3.Error` if one of them has locked it."""
    target = f"{file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(target, timeout=settings.busy_seconds, isolation_level=None, uri=True)) as db:
        try:
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            if isinstance(map_error(error, str(file)), StoreBusy):
                raise
        yield


def _warn_if_empty(file: Path) -> HistoryError | None:
    """A warning for the user if the file exists and is empty."""
    log = file.with_name(f"{file.name}-wal")
    if not file.exists() or file.stat().st_size or (log.exists() and log.stat().st_size):
        return None
    copies = [copy for copy in file.parent.glob(f"{file.stem}.*{file.suffix}") if copy.stat().st_size]
    newest = sorted(copies, key=lambda copy: copy.stat().st_mtime, reverse=True)[:_MOST_COPIES]
    told_copies = (
        f"Copies found next to it: {', '.join(copy.name for copy in newest)}."
        if newest
        else "There are no copies next to it."
    )
    return HistoryError(
        "The history file was empty; a new history was started.",
        f"Another program emptied {file}, or chat-tui was stopped during its first start. {told_copies}",
    )


def _refuse_special(file: Path) -> None:
    """Raise `HistoryError` for a pipe, a device or a folder at the path: reading it could block for ever."""
    if file.exists() and not file.is_file():
        raise HistoryError(f"{file} is not a regular file.", "Nothing is saved until you move it away.")


def _is_cut(file: Path) -> bool:
    """Whether the file is shorter than its header says and no log has the rest, which SQLite would notice too late."""
    try:
        log = file.with_name(f"{file.name}-wal")
        with file.open("rb") as handle:
            header = handle.read(_HEADER.size)
            size = os.fstat(handle.fileno()).st_size
        if len(header) < _HEADER.size or (log.exists() and log.stat().st_size):
            return False
    except OSError:
        return False
    magic, page_size, changes, pages, valid_for = _HEADER.unpack(header)
    page_size = 65536 if page_size == 1 else page_size
    is_current = magic.startswith(b"SQLite format 3") and changes == valid_for
    return bool(is_current and pages * page_size > size)
