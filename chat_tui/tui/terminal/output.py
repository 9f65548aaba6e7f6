"""The file that Textual's writer thread writes to; it outlives its terminal."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import TextIO

_AT_ONCE = 4096
"""Bytes: so that one can see whether a slow terminal takes anything."""


class TerminalOutput:
    """The file that Textual's writer thread writes to. It outlives the terminal: a writer thread that died of a
    closed one would leave the event loop waiting for room in its queue for ever. `on_taken`: the terminal has taken
    what was written."""

    def __init__(self, file: TextIO, on_gone: Callable[[], None], on_taken: Callable[[], None]) -> None:
        self._descriptor = file.fileno()
        self._on_gone, self._on_taken = on_gone, on_taken
        self._gone = False
        self.taken = 0
        """Bytes."""

    def write(self, text: str) -> None:
        """Write all of it, however slowly the terminal takes it."""
        # Whatever the locale says: what the terminal sends is read as UTF-8, too.
        rest = memoryview(b"" if self._gone else text.encode("utf-8", "replace"))
        while rest:
            try:
                written = os.write(self._descriptor, rest[:_AT_ONCE])
                rest, self.taken = rest[written:], self.taken + written
            except BlockingIOError:
                # A child made the shared terminal non-blocking.
                select.select([], [self._descriptor], [], 1.0)
            except OSError:
                self._gone = True
                self._on_gone()
                return
        self._on_taken()

    def flush(self) -> None:
        """Do nothing: no output is buffered."""

    def fileno(self) -> int:
        """Its number."""
        return self._descriptor
