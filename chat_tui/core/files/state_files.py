"""Small JSON files that hold chat-tui's own state. A damaged file is moved aside, and the user is notified once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.files.reading import NotRegularError, TooLargeError, read_regular

_MOST_ASIDE = 100

Kind = TypeVar("Kind")
Tell = Callable[[ChatTuiError], object]


def ignore(_: ChatTuiError) -> None:
    """A `Tell` that discards the error."""


class StateFile(Generic[Kind]):
    """A JSON file with a value of type `kind`, up to `most_bytes`; `consequence` says what is missing without it."""

    def __init__(self, file: Path, kind: type[Kind], most_bytes: int, consequence: str, tell: Tell = ignore) -> None:
        self._file, self._kind, self._most_bytes = file, kind, most_bytes
        self._consequence, self._tell = consequence, tell
        self._is_reported = False

    def read(self) -> Kind | None:
        """The content; None if the file is missing or unusable, and the latter is reported. Blocks."""
        try:
            return msgspec.json.decode(read_regular(self._file, self._most_bytes), type=self._kind)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (NotRegularError, TooLargeError) as error:
            what_next = self._put_aside()
            self._report(error.strerror or "", what_next)
        except OSError as error:
            # The file may be intact, so it stays.
            self._report(error.strerror or str(error), "Check its permissions.")
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._report("it is damaged", self._put_aside())
        return None

    def write(self, content: Kind) -> None:
        """Replace the file atomically. Raises `OSError`."""
        from chat_tui.core.files import writing

        writing.write_state(self._file, msgspec.json.encode(content))

    def _report(self, why: str, what_next: str) -> None:
        if not self._is_reported:
            self._is_reported = True
            title = f"{self._file} cannot be read: {why}."
            self._tell(ChatTuiError(title, f"{self._consequence} {what_next}"))

    def _put_aside(self) -> str:
        """Rename the file; returns a sentence that says where it is now."""
        aside = _free_name(self._file)
        try:
            from chat_tui.core.files import writing

            writing.move(self._file, aside, replace=True)
        except OSError as error:
            return f"It could not be moved aside ({error.strerror}): please remove it."
        return f"The file is kept as {aside.name}."


def _free_name(file: Path) -> Path:
    names = [file.with_name(f"{file.name}.damaged{f'-{number}' if number else ''}") for number in range(_MOST_ASIDE)]
    return next((name for name in names if not os.path.lexists(name)), names[-1])
