"""Copies a store while it is in use. The file of the copy appears only when it is complete."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Event

from chat_tui.core.errors import HistoryError
from chat_tui.core.files import writing
from chat_tui.core.files.file_lock import create_locked, try_lock
from chat_tui.history.database.connection_thread import transaction
from chat_tui.history.database.error_mapping import is_unreadable

_STEP_PAGES = 2_500
"""10 MB; copying can be stopped between two steps."""


class _Stopped(Exception):
    pass


def copy(source: sqlite3.Connection, target: Path, stop: Event | None = None, *, replace: bool = False) -> None:
    """Copy one moment of the store to a file that only its owner can read; after `stop` there is no copy.

    Raises `FileExistsError` unless `replace`, `OSError` and `sqlite3.Error`.
    """
    with _hold_unfinished(target) as file:
        with closing(sqlite3.connect(file, isolation_level=None)) as into:
            with suppress(_Stopped), transaction(source, "DEFERRED"):
                # Reading begins the transaction. Without one, each write of another process would restart the copy.
                source.execute("SELECT count(*) FROM sqlite_master").fetchone()
                source.backup(into, pages=_STEP_PAGES, progress=lambda *_: _halt(stop))
            if stop is not None and stop.is_set():
                return
            # Otherwise it could not be read in a read-only folder.
            into.execute("PRAGMA journal_mode = DELETE")
        writing.force_to_disk(file)
        writing.move(file, target, replace=replace)


def back_up(source: sqlite3.Connection, stop: Event, target: Path) -> None:
    """Copy with errors for users: raises `HistoryError`, or the `sqlite3.Error` of a damaged store."""
    if target.exists():
        raise _in_the_way(target)
    try:
        copy(source, target, stop)
    except FileExistsError:
        raise _in_the_way(target) from None
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, sqlite3.Error) and is_unreadable(error):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise HistoryError(
            f"The backup could not be written to {target}: {reason}.",
            "Choose an existing, writable folder with enough space. The history itself is unchanged.",
        ) from error


def _in_the_way(target: Path) -> HistoryError:
    return HistoryError(f"{target} already exists.", "Backups never overwrite a file: choose another name.")


@contextmanager
def _hold_unfinished(target: Path) -> Iterator[Path]:
    remove_unfinished(target.parent, target.name)
    file = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    # SQLite uses another kind of locks, so the two do not conflict.
    handle = create_locked(file)
    try:
        yield file
    finally:
        _remove(file)
        os.close(handle)


def remove_unfinished(folder: Path, name: str = "") -> None:
    """Remove unfinished copies of dead processes, for targets whose names begin with `name`."""
    pattern = re.compile(rf"\.{re.escape(name)}.*\.\d+\.unfinished")
    for file in folder.glob("*.unfinished"):
        if not pattern.fullmatch(file.name):
            continue
        with suppress(OSError):
            handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if try_lock(handle):
                    _remove(file)
            finally:
                os.close(handle)


def _remove(file: Path) -> None:
    for left in (file, file.with_name(f"{file.name}-journal")):
        left.unlink(missing_ok=True)


def _halt(stop: Event | None) -> None:
    if stop is not None and stop.is_set():
        raise _Stopped


def free_name(file: Path, word: str) -> Path:
    """A free name beside a store, with a reason and the local time: `history.damaged-20260131-120000.db`."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    aside = file.with_name(f"{file.stem}.{word}-{stamp}{file.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = file.with_name(f"{file.stem}.{word}-{stamp}-{number}{file.suffix}")
    return aside
