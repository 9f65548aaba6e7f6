"""The file that a person's own editor works on: in a folder that nobody else reads, and found again after a kill.

Words of a private conversation lie in the user's runtime folder, where there is one (it is in memory, and gone with the
session), and are deleted at the next start. Others lie in the state folder, and come back into the prompt then. A lock
that is held as long as the process lives tells the files in use from those that were left. All calls block, and raise
`OSError`.
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

from chat_tui import paths
from chat_tui.core import files
from chat_tui.core.file_lock import create_locked, hold_lock, is_locked
from chat_tui.core.input_files import read_regular

LIMIT_BYTES = 16_000_000
"""Of what comes back."""
_WORDS, _RESCUED, _ORIGIN, _LOCK = "prompt.md", "prompt.md.save", "origin.json", "lock"
"""`_RESCUED` is nano's: it saves there what was not saved when it is ended by a signal."""


class Origin(msgspec.Struct, frozen=True):
    """Where the words come from."""

    conversation: str | None
    """Its id; None: of the one that would begin."""
    draft: str
    """They were this before the editor had them."""


class Leftover(msgspec.Struct, frozen=True):
    """Words that an editor had saved when the program was killed."""

    folder: Path
    origin: Origin
    text: str


class EditorFolders(msgspec.Struct, frozen=True):
    """Where the files lie, each in a folder of its own."""

    kept: Path
    private: Path

    @classmethod
    def of_user(cls) -> EditorFolders:
        """The user's own; the runtime folder only where it is the user's alone."""
        kept = paths.state_folder() / "editor"
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "nowhere")
        with suppress(OSError):
            found = runtime.stat()
            if runtime.is_absolute() and found.st_uid == os.getuid() and not found.st_mode & 0o077:
                return cls(kept, runtime / f"{paths.NAME}-editor")
        return cls(kept, paths.state_folder() / "editor-private")


class EditorFile:
    """A draft while an editor works on it. Made by `create`; ended by `remove`, or by `leave` for the next start."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.path = folder / _WORDS
        self._folder, self._lock = folder, lock

    @classmethod
    def create(cls, draft: str, origin: Origin | None, folders: EditorFolders) -> EditorFile:
        """A fresh file with this draft; without an origin it is private."""
        parent = folders.kept if origin is not None else folders.private
        with _alone(parent):
            folder = Path(tempfile.mkdtemp(dir=parent))
            lock = create_locked(folder / _LOCK)
        file = cls(folder, lock)
        try:
            if origin is not None:
                files.write(folder / _ORIGIN, msgspec.json.encode(origin))
            files.write(file.path, draft)
        except BaseException:
            file.remove()
            raise
        return file

    def read(self) -> str:
        """What the editor has saved. Raises `TooLargeError` among others."""
        return _read(self._folder)

    def put_aside(self) -> Path:
        """Keep what was saved, which is too large to come back, under a name with the time; gives its file."""
        kept = self._folder.parent / f"{datetime.now():%Y-%m-%d-%H%M%S}-{self._folder.name}.md"
        files.move(self.path, kept)
        return kept

    def remove(self) -> None:
        """Delete it with all that the editor has put beside it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.leave()

    def leave(self) -> None:
        """Let it lie for the next start."""
        os.close(self._lock)


def leftovers(folders: EditorFolders, *, bring: bool = True) -> Sequence[Leftover]:
    """What killed processes have left: private files are deleted, others given back where `bring`, until `discard`."""
    for folder in _abandoned(folders.private):
        shutil.rmtree(folder, ignore_errors=True)
    found = []
    for folder in _abandoned(folders.kept) if bring else ():
        with suppress(OSError, ValueError, RecursionError):
            origin = msgspec.json.decode(read_regular(folder / _ORIGIN, 2 * LIMIT_BYTES), type=Origin)
            text = _read(folder)
            if text.strip() and text != origin.draft:
                found.append(Leftover(folder, origin, text))
                continue
        shutil.rmtree(folder, ignore_errors=True)
    return found


def discard(leftover: Leftover) -> None:
    """Its words are kept elsewhere now."""
    shutil.rmtree(leftover.folder, ignore_errors=True)


def _abandoned(parent: Path) -> Iterator[Path]:
    """The folders whose process is gone."""
    if not parent.is_dir():
        return
    with _alone(parent):
        for folder in sorted(entry for entry in parent.iterdir() if entry.is_dir() and not entry.is_symlink()):
            if not _in_use(folder):
                yield folder


def _in_use(folder: Path) -> bool:
    try:
        return is_locked(folder / _LOCK)
    except OSError:
        return False


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """No other process makes or looks for files meanwhile."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with hold_lock(parent / _LOCK):
        yield


def _read(folder: Path) -> str:
    """The newest of what was saved there. Editors end the last line; the prompt does not."""
    saved = [file for file in (folder / _WORDS, folder / _RESCUED) if file.is_file()]
    newest = max(saved, key=lambda file: file.stat().st_mtime_ns, default=folder / _WORDS)
    return read_regular(newest, LIMIT_BYTES).decode("utf-8", "replace").removesuffix("\n")
