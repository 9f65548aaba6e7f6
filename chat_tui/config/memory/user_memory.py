"""The user's memory: a Markdown file with a line for each thing to remember, which `/remember` and `/forget` change."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from chat_tui.config.memory.memory_file import read_memory
from chat_tui.core.errors import ConfigError
from chat_tui.core.files.file_lock import hold_folder
from chat_tui.core.files.writing import new_file
from chat_tui.core.text.control_characters import clean

USER_BYTES = 16 * 1024
"""The largest file that is used: about 4,000 tokens, which are sent with every question."""
_HINT = "Nothing of it is sent. `chat-tui memory edit` opens it."
_BULLET = "- "


class MemoryLine(NamedTuple):
    """A line of the file."""

    place: int
    """Its number, from 0."""
    text: str

    @property
    def words(self) -> str:
        """The line as a person reads it in a list."""
        return clean(self.text).strip().removeprefix(_BULLET)


class UserMemory:
    """The file, which may be a link and need not exist. All methods block and raise `ConfigError`; the file is as it
    was then. Processes that change it wait for each other, so that nothing is lost."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> str:
        """Return the text of the file; empty if there is none."""
        return read_memory(self.file, USER_BYTES, _HINT)

    def add(self, words: str) -> bool:
        """Append a line with these words; False if there is such a line already."""
        line = _BULLET + " ".join(clean(words).split())
        added = False

        def change(text: str) -> str:
            nonlocal added
            added = line not in map(str.rstrip, text.split("\n"))
            end = "" if not text or text.endswith("\n") else "\n"
            return f"{text}{end}{line}\n" if added else text

        self._edit(change)
        return added

    def find(self, words: str) -> list[MemoryLine]:
        """Return the lines that contain these words, in upper or lower case."""
        wanted = " ".join(words.casefold().split())
        lines = enumerate(self.read().split("\n"))
        return [MemoryLine(place, text) for place, text in lines if wanted in " ".join(text.casefold().split())]

    def remove(self, lines: Sequence[MemoryLine]) -> list[MemoryLine]:
        """Remove these lines, wherever they are by now, and return those that were there."""
        removed: list[MemoryLine] = []

        def change(text: str) -> str:
            kept = text.split("\n")
            for line in lines:
                if line.text in kept:
                    near = [place for place, known in enumerate(kept) if known == line.text]
                    place = min(near, key=lambda place: abs(place - line.place))
                    del kept[place]
                    removed.append(MemoryLine(place, line.text))
            return "\n".join(kept)

        self._edit(change)
        return removed

    def restore(self, removed: Sequence[MemoryLine]) -> None:
        """Put back what `remove` has returned."""

        def change(text: str) -> str:
            lines = text.split("\n")
            for line in reversed(removed):
                # The last line is what follows the last line end.
                lines.insert(min(line.place, len(lines) - (not lines[-1])), line.text)
            return "\n".join(lines)

        self._edit(change)

    def _edit(self, change: Callable[[str], str]) -> None:
        # It may be a link into a folder of dotfiles: the file behind it is changed, and the link stays.
        target = Path(os.path.realpath(self.file))
        try:
            with hold_folder(target.parent):
                text = self.read()
                new = change(text)
                if new != text:
                    self._write(target, text, new)
        except OSError as error:
            raise self._unchanged(error.strerror or str(error)) from error

    def _write(self, target: Path, text: str, new: str) -> None:
        raw = new.encode()
        if len(raw) > USER_BYTES:
            raise self._unchanged(f"it would be larger than {USER_BYTES // 1024} KB")
        if target.exists() and not target.stat().st_mode & stat.S_IWUSR:
            # Renaming would replace it all the same.
            raise self._unchanged("it is read-only")
        with new_file(target, replace=True) as opened:
            opened.write(raw)
            opened.flush()
            # Editors take no lock.
            if self.read() != text:
                raise self._unchanged("another program has just changed it")

    def _unchanged(self, why: str) -> ConfigError:
        return ConfigError(f"{self.file} was not changed: {why}.", "It is as it was.", file=str(self.file))
