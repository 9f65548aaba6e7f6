"""The file that the user's external editor works on: in a private folder, and recoverable after a kill.

Text of a private conversation is kept in the user's runtime folder, if there is one (it is in memory, and removed at
logout), and deleted at the next start. Other text is kept in the state folder, and returns to the prompt at the next
start. A lock held by the process tells files in use from abandoned ones. All calls block, and raise `OSError`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import msgspec

from chat_tui.config import paths
from chat_tui.core.files import writing
from chat_tui.core.files.file_lock import create_locked, hold_lock, is_locked
from chat_tui.core.files.reading import read_regular

LIMIT_BYTES = 16_000_000
"""The largest text that is read back."""
_WORDS, _RESCUED, _ORIGIN, _LOCK = "prompt.md", "prompt.md.save", "origin.json", "lock"
"""nano writes unsaved text to `_RESCUED` when a signal ends it."""


class DraftOrigin(msgspec.Struct, frozen=True):
    """The source of the text."""

    conversation: str | None
    """Its id; None for a new conversation."""
    draft: str
    """The text before the editor was opened."""


class LeftoverDraft(msgspec.Struct, frozen=True):
    """Text that an editor had saved when the program was killed."""

    folder: Path
    origin: DraftOrigin
    text: str


class EditorFolders(msgspec.Struct, frozen=True):
    """The folders that hold the files, each in its own subfolder."""

    kept: Path
    private: Path

    @classmethod
    def of_user(cls) -> EditorFolders:
        """The user's folders; the runtime folder is used only if nobody else can access it."""
        kept = paths.state_folder() / "editor"
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "nowhere")
        with suppress(OSError):
            found = runtime.stat()
            if runtime.is_absolute() and found.st_uid == os.getuid() and not found.st_mode & 0o077:
                return cls(kept, runtime / f"{paths.NAME}-editor")
        return cls(kept, paths.state_folder() / "editor-private")


class EditorFile:
    """A draft that is open in an editor. Made by `create`; ended by `remove`, or by `leave` to keep it."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.path = folder / _WORDS
        self._folder, self._lock = folder, lock

    @classmethod
    def create(cls, draft: str, origin: DraftOrigin | None, folders: EditorFolders) -> EditorFile:
        """A new file with this draft; private if it has no origin."""
        parent = folders.kept if origin is not None else folders.private
        with _lock_folder(parent):
            folder = Path(tempfile.mkdtemp(dir=parent))
            lock = create_locked(folder / _LOCK)
        file = cls(folder, lock)
        try:
            if origin is not None:
                writing.write(folder / _ORIGIN, msgspec.json.encode(origin))
            writing.write(file.path, draft)
        except BaseException:
            file.remove()
            raise
        return file

    def read(self) -> str:
        """The text that the editor saved. Raises `TooLargeError`, among others."""
        return _read(self._folder)

    def put_aside(self) -> Path:
        """Keep a text that is too large to read back, under a name with the time; returns the file."""
        kept = self._folder.parent / f"{datetime.now():%Y-%m-%d-%H%M%S}-{self._folder.name}.md"
        writing.move(self.path, kept)
        return kept

    def remove(self) -> None:
        """Delete the file and everything that the editor put beside it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.leave()

    def leave(self) -> None:
        """Keep the file for the next start."""
        os.close(self._lock)


def leftovers(folders: EditorFolders, *, bring: bool = True) -> Sequence[LeftoverDraft]:
    """Text left by killed processes. Private files are deleted; others are returned if `bring`, until `discard`."""
    for folder in _abandoned_folders(folders.private):
        shutil.rmtree(folder, ignore_errors=True)
    found = []
    for folder in _abandoned_folders(folders.kept) if bring else ():
        with suppress(OSError, ValueError, RecursionError):
            origin = msgspec.json.decode(read_regular(folder / _ORIGIN, 2 * LIMIT_BYTES), type=DraftOrigin)
            text = _read(folder)
            if text.strip() and text != origin.draft:
                found.append(LeftoverDraft(folder, origin, text))
                continue
        shutil.rmtree(folder, ignore_errors=True)
    return found


def discard(leftover: LeftoverDraft) -> None:
    """Delete a leftover whose text is kept elsewhere now."""
    shutil.rmtree(leftover.folder, ignore_errors=True)


def _abandoned_folders(parent: Path) -> Iterator[Path]:
    """The folders whose process has ended."""
    if not parent.is_dir():
        return
    with _lock_folder(parent):
        for folder in sorted(entry for entry in parent.iterdir() if entry.is_dir() and not entry.is_symlink()):
            if not _in_use(folder):
                yield folder


def _in_use(folder: Path) -> bool:
    try:
        return is_locked(folder / _LOCK)
    except OSError:
        return False


@contextmanager
def _lock_folder(parent: Path) -> Iterator[None]:
    """Keep other processes from creating or looking for files meanwhile."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with hold_lock(parent / _LOCK):
        yield


def _read(folder: Path) -> str:
    """The newest saved text, without the final newline that editors add."""
    saved = [file for file in (folder / _WORDS, folder / _RESCUED) if file.is_file()]
    newest = max(saved, key=lambda file: file.stat().st_mtime_ns, default=folder / _WORDS)
    return read_regular(newest, LIMIT_BYTES).decode("utf-8", "replace").removesuffix("\n")
