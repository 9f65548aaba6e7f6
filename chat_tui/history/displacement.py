"""Handles a store whose file was deleted, moved away or replaced while it is open.

The open connection can still read all of it, since the system keeps a deleted file for as long as it is open. So it is
written to a new file at the same path; if another file is there now, that one is used.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from chat_tui.core.errors import HistoryError
from chat_tui.history import opening
from chat_tui.history.database import backup
from chat_tui.history.database.connection import StoreConnection
from chat_tui.history.database.error_mapping import map_error
from chat_tui.history.database.process_locks import ProcessLock, hold_opening_lock
from chat_tui.history.opening import StoreSettings


class StoreIdentity(NamedTuple):
    """Device and inode of a store's file and of its log; None if there is none."""

    file: tuple[int, int] | None
    log: tuple[int, int] | None


class Renewal(NamedTuple):
    """A connection to the file that is at the path now."""

    db: StoreConnection
    warning: HistoryError
    """What happened, for the user."""
    replaced: bool
    """Whether it is another store, which lacks the open conversations."""


def identity_of(file: Path) -> StoreIdentity:
    """The identity of the file at the store's path now."""
    return StoreIdentity(_identity(file), _identity(_beside(file, "-wal")))


def is_displaced(file: Path, known: StoreIdentity) -> bool:
    """Whether the file at the path is not the `known` one, or the log of an opened store is gone."""
    now = identity_of(file)
    return now.file != known.file or (known.log is not None and now.log != known.log)


class NotRenewed(HistoryError):
    """The store cannot be written to its path. Nothing is lost while its connection is open."""

    aside: Path | None = None
    """The copy of the store that was saved beside its path."""


def renew(
    db: sqlite3.Connection,
    file: Path,
    owner: ProcessLock,
    settings: StoreSettings,
    known: StoreIdentity,
    aside: Path | None,
) -> Renewal:
    """Save what `db` still has and open the store at the path; `db` stays open.

    `aside` is the copy that an earlier attempt saved beside it. Raises `NotRenewed`.
    """
    try:
        warning, aside = _save(db, file, owner, settings, known, aside)
    except (sqlite3.Error, OSError) as error:
        raise _not_renewed(error, file, aside) from error
    try:
        fresh, recovered = opening.writer(file, owner, settings)
    except (sqlite3.Error, OSError, HistoryError) as error:
        raise _not_renewed(error, file, aside) from error
    if recovered is not None:
        warning = HistoryError(f"{warning.title} {recovered.title}", f"{warning.hint} {recovered.hint}")
    return Renewal(fresh, warning, aside is not None)


def _not_renewed(error: sqlite3.Error | OSError | HistoryError, file: Path, aside: Path | None) -> NotRenewed:
    why = error if isinstance(error, HistoryError) else map_error(error, str(file))
    kept = f"A copy of the former history is kept as {aside}. " if aside else ""
    failed = NotRenewed(
        f"The history file is gone, and a new one could not be written. {why.title}",
        f"Open conversations stay in memory and are saved as soon as possible. {kept}{why.hint}".strip(),
    )
    failed.aside = aside
    return failed


def _save(
    db: sqlite3.Connection,
    file: Path,
    owner: ProcessLock,
    settings: StoreSettings,
    known: StoreIdentity,
    aside: Path | None,
) -> tuple[HistoryError, Path | None]:
    """Save what `db` has; returns what happened, and the copy beside a file that replaced the store."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with hold_opening_lock(opening.owners_folder(file), settings.busy_seconds):
        owner.renew()
        # If the file was only moved, this makes it complete without its log.
        with suppress(sqlite3.Error):
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        now = identity_of(file)
        if now.file == known.file:
            return HistoryError(
                "The history's write-ahead log was deleted while chat-tui was running.",
                f"Nothing was lost: {file} is complete. Do not touch the files beside it while chat-tui runs.",
            ), None
        _drop_log(file, known)
        if now.file is None:
            # A link stays a link, even if its target is gone.
            backup.copy(db, file.resolve())
            return HistoryError(
                "The history file was deleted or moved away while chat-tui was running.",
                f"Nothing was lost: everything was written to a new file, {file}.",
            ), None
        # Nothing is written to `db` between two attempts: one copy is enough.
        aside = aside if aside is not None and aside.exists() else _put_aside(db, file)
        kept = f" The former history is kept as {aside}." if aside else ""
        return HistoryError(
            "The history file was replaced by another one while chat-tui was running.",
            f"The new file is used from now on, and open conversations are saved in it.{kept}",
        ), aside


def _drop_log(file: Path, known: StoreIdentity) -> None:
    """Remove the former file's log: SQLite would take it for the log of the new file."""
    log = _beside(file, "-wal")
    if known.log is not None and _identity(log) == known.log:
        for left in (log, _beside(file, "-shm")):
            left.unlink(missing_ok=True)


def _put_aside(db: sqlite3.Connection, file: Path) -> Path | None:
    """Save the store beside the file that replaced it; None if that file has all of it."""
    if _has_all_of(db, file):
        return None
    aside = backup.free_name(file, "replaced")
    backup.copy(db, aside)
    return aside


def _has_all_of(db: sqlite3.Connection, file: Path) -> bool:
    """Whether the file is a copy of this store, such as one that another process wrote first."""
    rows = [db.execute(select).fetchall() for select in _CONTENT]
    try:
        with opening.reading(file, StoreSettings()) as other:
            there = [other.execute(select).fetchall() for select in _CONTENT]
    except (sqlite3.Error, OSError, HistoryError):
        return False
    return set(rows[0]) <= set(there[0]) and rows[1] <= there[1]


_CONTENT = ("SELECT key, id FROM conversation", "SELECT count(*), max(key) FROM turn")


def close(db: sqlite3.Connection, file: Path, wait_seconds: float) -> None:
    """Close a connection to a file that is no longer at its path.

    When the last connection to a file closes, SQLite deletes the log at its path, which may belong to another store by
    now: it is put back. No other process opens the store meanwhile.
    """
    log, index = _beside(file, "-wal"), _beside(file, "-shm")
    with (
        suppress(HistoryError, OSError),
        hold_opening_lock(opening.owners_folder(file), wait_seconds),
        _keep(log),
        _keep(index),
    ):
        db.close()


@contextmanager
def _keep(file: Path) -> Iterator[None]:
    held = file.with_name(f".{file.name}.{os.getpid()}.held")
    try:
        os.link(file, held)
    except FileNotFoundError:
        yield
        return
    try:
        yield
    finally:
        with suppress(FileExistsError):
            os.link(held, file)
        held.unlink()


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(f"{file.name}{ending}")


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
