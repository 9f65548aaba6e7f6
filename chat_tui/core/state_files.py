"""Small JSON files in which chat-tui keeps its own state. One that makes no sense is put aside, which is said once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from chat_tui.core import files
from chat_tui.core.input_files import NotRegularError, TooLargeError, read_regular
from chat_tui.errors import ChatTuiError

_MOST_ASIDE = 100

Kind = TypeVar("Kind")
Tell = Callable[[ChatTuiError], object]


def ignore(_: ChatTuiError) -> None:
    """For whoever has nobody to tell."""


class StateFile(Generic[Kind]):
    """A file of this type and at most so many bytes; `consequence` is a sentence about what is missing without it."""

    def __init__(self, file: Path, kind: type[Kind], most_bytes: int, consequence: str, tell: Tell = ignore) -> None:
        self._file, self._kind, self._most_bytes = file, kind, most_bytes
        self._consequence, self._tell = consequence, tell
        self._is_told = False

    def read(self) -> Kind | None:
        """Its content; None where there is no file, or none that can be used, which is told. A blocking call."""
        try:
            return msgspec.json.decode(read_regular(self._file, self._most_bytes), type=self._kind)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (NotRegularError, TooLargeError) as error:
            what_next = self._put_aside()
            self._say(error.strerror or "", what_next)
        except OSError as error:
            # It may be sound: it stays where it is.
            self._say(error.strerror or str(error), "Check its permissions.")
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._say("it is damaged", self._put_aside())
        return None

    def write(self, content: Kind) -> None:
        """Replace the file as a whole. Raises OSError."""
        files.write_state(self._file, msgspec.json.encode(content))

    def _say(self, why: str, what_next: str) -> None:
        if not self._is_told:
            self._is_told = True
            title = f"{self._file} cannot be read: {why}."
            self._tell(ChatTuiError(title, f"{self._consequence} {what_next}"))

    def _put_aside(self) -> str:
        """Rename it; gives a sentence about where it is now."""
        aside = _free_name(self._file)
        try:
            files.move(self._file, aside, replace=True)
        except OSError as error:
            return f"It could not be moved aside ({error.strerror}): please remove it."
        return f"The file is kept as {aside.name}."


def _free_name(file: Path) -> Path:
    names = [file.with_name(f"{file.name}.damaged{f'-{number}' if number else ''}") for number in range(_MOST_ASIDE)]
    return next((name for name in names if not os.path.lexists(name)), names[-1])
