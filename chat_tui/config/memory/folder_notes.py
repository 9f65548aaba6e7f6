"""The notes of a folder, `.chat-tui.md` or `AGENTS.md`, and what the user has decided about them.

Anybody may have written them, so they are used only after the user has allowed just this content.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec

from chat_tui.config.memory.memory_file import read_memory, sent_text
from chat_tui.core.errors import ConfigError
from chat_tui.core.files.file_lock import hold_folder
from chat_tui.core.files.state_files import StateFile, Tell, ignore

FOLDER_BYTES = 32 * 1024
"""The largest file that is used: about 8,000 tokens."""
NAMES = (".chat-tui.md", "AGENTS.md")
"""The names that are looked for in each folder, in this order."""
_HINT = "It is not sent with questions."
_STATE_BYTES = 1_000_000
_MOST = 1_000
"""How many decisions are remembered."""
_LOST = "Notes of folders are offered again."

Decision = Literal["on", "off", "offered"]
"""`offered`: the user was told about the notes and has not decided."""


class FolderNotes(msgspec.Struct, frozen=True):
    """The notes as they are now."""

    file: Path
    text: str
    """As it is sent."""
    digest: str
    """SHA-256 of the text, in hex."""


class _StoredDecision(msgspec.Struct, frozen=True):
    digest: str
    decision: Decision


class FolderMemory:
    """The notes of one folder, or of the git project that it is in. All methods block."""

    def __init__(self, folder: Path, state_file: Path, tell: Tell = ignore) -> None:
        """`state_file` remembers the decisions for all folders."""
        self._folder, self._state_file = folder, state_file
        self._state = StateFile(state_file, dict[str, _StoredDecision], _STATE_BYTES, _LOST, tell)

    def read(self) -> FolderNotes | None:
        """Return the notes; None if there are none. Raises `ConfigError` if they cannot be used."""
        file = self._find()
        if file is None:
            return None
        text = sent_text(read_memory(file, FOLDER_BYTES, _HINT))
        return FolderNotes(file, text, sha256(text.encode()).hexdigest()) if text else None

    def read_allowed(self, when_changed: Callable[[FolderNotes], None] = lambda notes: None) -> FolderNotes | None:
        """Return the notes if the user has allowed them as they are; `when_changed` gets those that were allowed with
        another content. Raises `ConfigError` as `read` does, but not for a file that was never allowed."""
        stored = self._state.read() or {}
        if not any(each.decision == "on" for each in stored.values()):
            return None
        file = self._find(check=False)
        if file is None or (known := stored.get(str(file))) is None or known.decision != "on":
            return None
        notes = self.read()
        if notes is not None and notes.digest != known.digest:
            when_changed(notes)
            return None
        return notes

    def was_decided(self, notes: FolderNotes) -> bool:
        """Whether something was decided about the notes, or about an earlier content of them."""
        known = (self._state.read() or {}).get(str(notes.file))
        return known is not None and known.decision != "offered"

    def decision(self, notes: FolderNotes) -> Decision | None:
        """Return what was decided about the notes as they are; None: nothing, or their content was another one."""
        known = (self._state.read() or {}).get(str(notes.file))
        return known.decision if known is not None and known.digest == notes.digest else None

    def decide(self, notes: FolderNotes, decision: Decision) -> None:
        """Remember a decision. Raises `OSError`."""
        with hold_folder(self._state_file.parent):
            stored = self._state.read() or {}
            stored.pop(str(notes.file), None)
            stored[str(notes.file)] = _StoredDecision(notes.digest, decision)
            self._state.write(dict(list(stored.items())[-_MOST:]))

    def _find(self, *, check: bool = True) -> Path | None:
        among = (folder / name for folder in _up_to_root(self._folder) for name in NAMES)
        file = next(filter(os.path.lexists, among), None)
        if check and file is not None:
            self._check_inside(file)
        return file

    def _check_inside(self, file: Path) -> None:
        """Raise `ConfigError` for a link that leads out of the project."""
        *_, root = _up_to_root(self._folder)
        if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(root)):
            raise ConfigError(f"{file} cannot be used: it is a link to a file outside of {root}.", _HINT)


def current_folder() -> Path | None:
    """Return the folder that the program was started in; None if it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return None


def _up_to_root(folder: Path) -> Iterator[Path]:
    """Yield the folder and those above it, up to the root of its git project; without git, only the folder."""
    above = (folder, *folder.parents)
    root = next((each for each in above if os.path.lexists(each / ".git")), folder)
    for each in above:
        yield each
        if each == root:
            return
