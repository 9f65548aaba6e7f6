"""Where a damaged file is kept, with what SQLite keeps beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chat_tui.history import copying


def with_logs(file: Path) -> list[Path]:
    """The file and what SQLite keeps beside it."""
    return [file, *(file.with_name(file.name + ending) for ending in ("-wal", "-shm", "-journal"))]


@contextmanager
def fresh_beside(file: Path) -> Iterator[Path]:
    """The name of a file to fill, which is to take the damaged one's place; nothing is left of it where that fails."""
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
    """Keeps a damaged store under a name with the time; its logs leave too, or SQLite would play them into the next."""
    aside = copying.free_name(file, "damaged")
    try:
        # Linked, not moved: killed here, the next start finds the damaged store and begins again.
        os.link(file, aside)
    except OSError:
        shutil.copy2(file, aside)
    for log, kept in zip(with_logs(file)[1:], with_logs(aside)[1:], strict=True):
        if log.name.endswith("-shm") or (log.exists() and not log.stat().st_size):
            # Nothing is in it that the file has not.
            log.unlink(missing_ok=True)
        elif log.exists():
            log.replace(kept)
    return aside
