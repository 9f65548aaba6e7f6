"""Keeps a damaged file, together with the files that SQLite keeps beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chat_tui.history.database import backup


def with_logs(file: Path) -> list[Path]:
    """The file, its write-ahead log, shared memory and journal; not all of them need exist."""
    return [file, *(file.with_name(file.name + ending) for ending in ("-wal", "-shm", "-journal"))]


@contextmanager
def fresh_beside(file: Path) -> Iterator[Path]:
    """The path of a new file that is to replace the damaged one; whatever is left of it at the end is removed."""
    fresh = file.with_name(f"{file.name}.recovering")
    _remove(fresh)
    try:
        yield fresh
    finally:
        _remove(fresh)


def _remove(file: Path) -> None:
    for left in with_logs(file):
        left.unlink(missing_ok=True)


def put_aside(file: Path) -> Path:
    """Keep a damaged store under a name with the time. Its logs go with it, or SQLite would apply them to the next."""
    aside = backup.free_name(file, "damaged")
    try:
        # Linked, not moved: if the process is killed here, the next start finds the damaged store and starts over.
        os.link(file, aside)
    except OSError:
        shutil.copy2(file, aside)
    for log, kept in zip(with_logs(file)[1:], with_logs(aside)[1:], strict=True):
        if log.name.endswith("-shm") or (log.exists() and not log.stat().st_size):
            # It holds nothing that the file does not have.
            log.unlink(missing_ok=True)
        elif log.exists():
            log.replace(kept)
    return aside
