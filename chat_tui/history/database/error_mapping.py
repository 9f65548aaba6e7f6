"""Maps errors of SQLite and the file system to errors that tell users what to do."""

from __future__ import annotations

import errno
import sqlite3

from chat_tui.core.errors import HistoryError, StoreBusy, StoreDamaged

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.EISDIR, errno.ELOOP}


_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def is_unreadable(error: sqlite3.Error) -> bool:
    """Whether the file itself could not be read, as opposed to a lock or a full disk."""
    return (getattr(error, "sqlite_errorname", None) or "").startswith((*_DAMAGE, "SQLITE_IOERR"))


def map_error(error: sqlite3.Error | OSError, place: str) -> HistoryError:
    """The `HistoryError` for an error; `place` is the path of the store's file."""
    if isinstance(error, OSError):
        return _of_system(error, place)
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        return StoreBusy(
            "Another program has locked the history.",
            f"Close other programs that have {place} open (a backup, a database browser), then try again.",
        )
    if name.startswith(_DAMAGE):
        return StoreDamaged(
            "The history file is damaged.",
            f"Start chat-tui again: it keeps {place} under another name and recovers what can still be read.",
        )
    if name == "SQLITE_FULL" or name == "SQLITE_IOERR_WRITE":
        return _full(place)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return _forbidden(place)
    if name == "SQLITE_TOOBIG" or isinstance(error, sqlite3.DataError):
        return HistoryError("This text is too long for the history.", "Split it into parts.")
    return HistoryError(f"The history at {place} could not be used: {error}.", "The conversation continues unsaved.")


def _of_system(error: OSError, place: str) -> HistoryError:
    if error.errno in _FULL:
        return _full(place)
    if error.errno in _FORBIDDEN:
        return _forbidden(place)
    if error.errno in _NO_FOLDER:
        return HistoryError(
            f"The history's folder cannot be created: {error.strerror} ({error.filename or place}).",
            "Move the file that is in the way, or set XDG_DATA_HOME to another folder.",
        )
    return HistoryError(f"The history at {place} could not be used: {error.strerror or error}.", "")


def _full(place: str) -> HistoryError:
    return HistoryError(
        "The disk is full: the history could not be saved.", f"Free some disk space for {place}, then continue."
    )


def _forbidden(place: str) -> HistoryError:
    return HistoryError(
        f"The history at {place} cannot be written.",
        "Make its folder writable, or set XDG_DATA_HOME to another one. Until then nothing is saved.",
    )
