"""Writes the debug log of one command: `chat-tui --debug`, or `CHAT_TUI_LOG=FILE`.

`core/text/log_filter.py` decides what it may contain.
"""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from chat_tui import __version__
from chat_tui.config import paths
from chat_tui.core.files import writing
from chat_tui.core.processes.console import write_error
from chat_tui.core.text.log_filter import LOGGER, LogFilter

MOST_BYTES = 5_000_000
"""Maximum size of the log in the state folder, which then starts anew; a file that the user names only grows."""


class LogFileHandler(logging.Handler):
    """Appends one line for each record; stops at the first line that cannot be written."""

    def __init__(self, opened: BinaryIO) -> None:
        super().__init__(logging.INFO)
        self._opened = opened
        self.failure: OSError | None = None
        """Why writing has stopped."""
        self.addFilter(LogFilter())
        self.setFormatter(_LineFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line. An error is stored, because the screen may be open."""
        if self.failure is None:
            try:
                self._opened.write((self.format(record) + "\n").encode("utf-8", "replace"))
            except OSError as error:
                self.failure = error

    def close(self) -> None:
        """Close the file."""
        self._opened.close()
        super().close()


class _LineFormatter(logging.Formatter):
    """Time in UTC with milliseconds, process, module, message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(process)d %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """The time in UTC."""
        return time.strftime(datefmt or "", time.gmtime(record.created))


@contextmanager
def open_debug_log(named: str) -> Iterator[Path | None]:
    """Write the log to the file of this name, or to the state folder; yields the file, None if it cannot be written.

    That is reported on stderr once: at the start, or at the end when the screen is closed.
    """
    file = (paths.expand(named) or paths.log_file()).absolute()
    try:
        opened = writing.open_log(file, most_bytes=None if named else MOST_BYTES)
    except OSError as error:
        _report_unwritten(file, error)
        yield None
        return
    handler, logger = LogFileHandler(opened), logging.getLogger(LOGGER)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # Handlers of libraries have no filter of ours.
    logger.propagate = False
    try:
        _log_versions()
        yield file
    finally:
        logger.info("closed")
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
        handler.close()
        if handler.failure is not None:
            _report_unwritten(file, handler.failure)


def _log_versions() -> None:
    logging.getLogger(__name__).info(
        "chat-tui %s, Python %s, %s %s %s, TERM=%s",
        __version__,
        platform.python_version(),
        platform.system(),
        platform.release(),
        platform.machine(),
        os.environ.get("TERM", "-"),
    )


def _report_unwritten(file: Path, error: OSError) -> None:
    write_error(f"chat-tui: The debug log {file} cannot be written: {error.strerror or error}.\n")
    write_error("          chat-tui works without it. Set CHAT_TUI_LOG to a file that can be written.\n")
