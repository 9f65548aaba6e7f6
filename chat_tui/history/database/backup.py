"""A whole copy of the store while it is in use. Its file appears only when nothing is missing in it."""

from __future__ import annotations

import glob
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
"""10 MB: between two steps the copying can be stopped."""


class _Stopped(Exception):
    pass


def copy(source: sqlite3.Connection, target: Path, stop: Event | None = None, *, replace: bool = False) -> None:
    """Copies one moment of the store to a file that only its owner may read; `stop` ends it, and none is made.

    Raises `FileExistsError` unless `replace`, and other errors of the system or of SQLite.
    """
    with _unfinished(target) as file:
        with closing(sqlite3.connect(file, isolation_level=None)) as into:
            with suppress(_Stopped), transaction(source, "DEFERRED"):
                # Reading begins the transaction. Without one, each write of another process would begin the copy anew.
                source.execute("SELECT count(*) FROM sqlite_master").fetchone()
                source.backup(into, pages=_STEP_PAGES, progress=lambda *_: _halt(stop))
            if stop is not None and stop.is_set():
                return
            # Else it could not be read from a folder that may not be written.
            into.execute("PRAGMA journal_mode = DELETE")
        writing.force_to_disk(file)
        writing.move(file, target, replace=replace)


def back_up(source: sqlite3.Connection, stop: Event, target: Path) -> None:
    """`copy` for people: raises `HistoryError`, or the SQLite error of a damaged store."""
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
def _unfinished(target: Path) -> Iterator[Path]:
    remove_unfinished(target.parent, target.name)
    file = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    # SQLite's own locks are of another kind: the two do not meet.
    handle = create_locked(file)
    try:
        yield file
    finally:
        _remove(file)
        os.close(handle)


def remove_unfinished(folder: Path, name: str = "") -> None:
    """Removes parts of copies whose processes are gone; the names of their targets begin with `name`."""
    pattern = re.compile(rf"\.{re.escape(name)}.*\.\d+\.unfinished")
    for file in folder.glob(f".{glob.escape(name)}*.unfinished"):
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
    """A name beside a store that no file has, with why it is kept and when: `history.damaged-20260131-120000.db`."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    aside = file.with_name(f"{file.stem}.{word}-{stamp}{file.suffix}")
    number = 1
    while aside.exists():
        number += 1
        aside = file.with_name(f"{file.stem}.{word}-{stamp}-{number}{file.suffix}")
    return aside
