"""Connects to the store's file: checks it, brings its schema up to date after a backup, mends what dead processes left.

WAL with `synchronous = NORMAL`: a commit is written to the log but not forced to the disk. What is written is the
system's, so `kill -9` loses nothing that was committed; a power cut may lose the last commits, never the store.
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
from chat_tui.history.database.error_mapping import told
from chat_tui.history.database.process_locks import ProcessLock, door
from chat_tui.history.migrations import MIGRATIONS, Migration
from chat_tui.history.queries import writes
from chat_tui.history.search import search
from chat_tui.history.stored_text import decoded

log = logging.getLogger(__name__)

_LOG_BYTES = 8_000_000
_MOST_COPIES = 3
"""That are named where the history is empty."""
_HEADER = struct.Struct(">16sH6xII60xI")
"""Of a SQLite file: magic, page size, number of changes, pages, and at which change that was their number."""


class StoreSettings(msgspec.Struct, frozen=True):
    """How a store is opened; tests make it small."""

    busy_seconds: float = 5.0
    """How long to wait for another process's write."""
    max_pages: int | None = None
    """Limit of the file in pages of 4 KB; None: none."""
    migrations: Sequence[Migration] = MIGRATIONS
    when_slow: Callable[[], None] = lambda: None
    """Called once, in another thread, when bringing an older store up to date takes longer than `slow_seconds`."""
    slow_seconds: float = 1.0
    when_garbled: Callable[[], None] = lambda: None
    """Called once, in another thread, when a text with wrong bytes is read."""
    decode: Callable[[bytes], str] = decoded
    """Makes texts of the bytes that the store holds for them."""
    when_recovering: Callable[[float], None] = lambda part: None
    """Called now and then in another thread while a damaged store is recovered, with the part that is done (0 to 1)."""
    recovers: bool = False
    """Whether a store that is found damaged while it is open is recovered at once, and not by the next start."""
    recovery_seconds: float = 5.0
    """So long the closing of a store waits for that."""
    search: search.SearchBounds = search.USUAL_BOUNDS
    """How much one step of a search does."""


def owners_folder(file: Path) -> Path:
    """Holds a locked file for each open store."""
    return file.with_name(f"{file.name}.owners")


def damage_mark(file: Path) -> Path:
    """Its presence says that SQLite found damage; the next opening recovers."""
    return file.with_name(f"{file.name}.damaged")


def mark_damage(file: Path) -> None:
    """Leave the mark, as far as that is possible."""
    with suppress(OSError):
        damage_mark(file).touch(0o600)


def connect(file: Path | None, settings: StoreSettings, *, create: bool = False) -> StoreConnection:
    """A connection of the calling thread; transactions are ours to begin."""
    if file is None:
        target = ":memory:"
    else:
        if create:
            # SQLite would make it readable for all; its -wal and -shm files take over the mode.
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
            # A private conversation never touches the disk, not even for a large sort.
            db.execute("PRAGMA temp_store = MEMORY")
        if settings.max_pages is not None:
            db.execute(f"PRAGMA max_page_count = {settings.max_pages:d}")
    except BaseException:
        db.close()
        raise
    return db


def reader(file: Path, settings: StoreSettings) -> StoreConnection:
    """A connection that cannot write."""
    db = connect(file, settings)
    db.execute("PRAGMA query_only = ON")
    return db


@contextmanager
def reading(file: Path, settings: StoreSettings) -> Iterator[StoreConnection]:
    """A `reader` for a moment."""
    with closing(reader(file, settings)) as db:
        yield db


def onlooker(file: Path, settings: StoreSettings) -> StoreConnection:
    """A connection that leaves no trace, for a folder that cannot be written; raises `HistoryError` for another schema.

    Nobody may be writing in such a folder.
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
    """A store that is gone when it is closed."""
    db = connect(None, settings)
    _prepare(db, None, settings)
    return db


def writer(file: Path, owner: ProcessLock, settings: StoreSettings) -> tuple[StoreConnection, HistoryError | None]:
    """The connection that writes, and what to tell the user when the store had to be recovered."""
    _refuse_special(file)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with door(owners_folder(file), settings.busy_seconds):
        others = owner.others()
        copying.remove_unfinished(file.parent, file.stem)
        warning = _emptied(file)
        if damage_mark(file).exists() or _is_cut(file):
            warning = _recover(file, others, settings)
        try:
            db = _usable(file, owner, settings)
        except sqlite3.DatabaseError as error:
            if not isinstance(told(error, str(file)), StoreDamaged):
                raise
            warning = _recover(file, others, settings)
            db = _usable(file, owner, settings)
    return db, warning


def _usable(file: Path, owner: ProcessLock, settings: StoreSettings) -> StoreConnection:
    db = connect(file, settings, create=True)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        _prepare(db, file, settings)
        owner.announce()
        with transaction(db):
            writes.settle_orphans(db, owner)
            # A small store is whole at once; of a large one the rest follows in pieces.
            search.catch_up(db)
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
            with _told_when_slow(settings):
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
def _told_when_slow(settings: StoreSettings) -> Iterator[None]:
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
    """A whole copy beside the store, or none."""
    if file is None:
        return
    backup = file.with_name(f"{file.stem}.schema-{schema}{file.suffix}")
    copying.copy(db, backup, replace=True)


def recover(file: Path, owner: ProcessLock, settings: StoreSettings) -> HistoryError:
    """Recovers a store that this process has open, and to which it does not write meanwhile; what to tell the user.

    Connections to it stay with the damaged file. Raises `HistoryError`, `sqlite3.Error`, `OSError`.
    """
    with door(owners_folder(file), settings.busy_seconds):
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
    # Start-up does without it.
    from chat_tui.history.recovery import kept_files, rescue
    from chat_tui.history.recovery.database_file import DatabaseFile

    with kept_files.fresh_beside(file) as fresh:
        with _undisturbed(file, settings), DatabaseFile(file) as source:
            _refuse_newer(source.schema(), len(settings.migrations))
            with closing(connect(fresh, settings, create=True)) as db:
                _prepare(db, fresh, settings)
                # Until it takes the damaged file's place it is worth nothing: a crash begins anew.
                db.execute("PRAGMA journal_mode = MEMORY")
                db.execute("PRAGMA synchronous = OFF")
                db.execute("PRAGMA foreign_keys = OFF")
                report = rescue.recover_rows(source, db, settings.when_recovering)
        writing.force_to_disk(fresh)
        aside = kept_files.put_aside(file)
        fresh.replace(file)
    damage_mark(file).unlink(missing_ok=True)
    return HistoryError(
        f"The history was damaged. {report.recovered()}", f"{report.lost()} The damaged file is kept as {aside}."
    )


@contextmanager
def _undisturbed(file: Path, settings: StoreSettings) -> Iterator[None]:
    """While a damaged file is read no other program may change it; raises the SQLite error of one that does."""
    target = f"{file.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(target, timeout=settings.busy_seconds, isolation_level=None, uri=True)) as db:
        try:
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            if isinstance(told(error, str(file)), StoreBusy):
                raise
        yield


def _emptied(file: Path) -> HistoryError | None:
    """What to tell where the file is there and nothing is in it."""
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
    """Raises `HistoryError` for a pipe, a device or a folder in the store's place: reading it could block for ever."""
    if file.exists() and not file.is_file():
        raise HistoryError(f"{file} is not a regular file.", "Nothing is saved until you move it away.")


def _is_cut(file: Path) -> bool:
    """The file is shorter than its header says, and no log has the rest: SQLite would meet that much later."""
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
    is_told = magic.startswith(b"SQLite format 3") and changes == valid_for
    return bool(is_told and pages * page_size > size)
