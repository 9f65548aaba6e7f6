"""The only place that writes to standard output and standard error. No control character gets through to a terminal.

Text for people is cleaned here, wherever it came from. Data for machines (`write_data`) keeps its bytes; JSON among it
goes through `escaped_json` first. Child processes, whose standard output is a protocol, are another matter.
"""

from __future__ import annotations

import errno
import os
import sys

from chat_tui.text_safety import clean, clean_line


class OutputError(OSError):
    """Standard output does not take what was written: the disk is full, or nobody reads."""


class OutputClosed(OutputError, BrokenPipeError):
    """Nobody reads standard output any more."""


_CLEAR_LINE = "\r\x1b[K"
_LINE_CHARACTERS = 1000


def error_is_terminal() -> bool:
    """Standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def output_is_terminal() -> bool:
    """Standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def output_descriptor() -> int | None:
    """The file descriptor of standard output; None where it is closed."""
    return None if sys.stdout is None else sys.stdout.fileno()


def write_error(text: str) -> None:
    """Write to standard error, cleaned. Where nobody can read it, nothing happens."""
    _write_error(clean(text))


def write_output(text: str) -> None:
    """Write to standard output, cleaned, in UTF-8 whatever the locale. Raises `OutputError`."""
    write_data(clean(text))


def write_data(text: str) -> None:
    """Write to standard output as it is: for machines. Raises `OutputError`."""
    if sys.stdout is None:
        raise OutputClosed(errno.EPIPE, os.strerror(errno.EPIPE))
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
    except (BrokenPipeError, ConnectionResetError) as error:
        raise OutputClosed(error.errno, error.strerror) from error
    except OSError as error:
        raise OutputError(error.errno, error.strerror) from error


def discard_output() -> None:
    """Nobody reads standard output any more: keep the interpreter from complaining at its exit."""
    if sys.stdout is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def clean_interpreter_reports() -> None:
    """Have what Python itself reports (a fault in a thread, in a finaliser, of a library's log) written cleaned, too.

    Such reports quote the values that were at hand, which may be anybody's.
    """
    import logging
    import threading

    sys.excepthook = lambda _, error, __: _report(error)
    sys.unraisablehook = lambda fault: _report(fault.exc_value)
    threading.excepthook = lambda fault: _report(fault.exc_value)
    handler = logging.StreamHandler(_ErrorStream())
    handler.setLevel(logging.WARNING)
    logging.lastResort = handler


class _ErrorStream:
    """Standard error as something to write to."""

    def write(self, text: str) -> None:
        write_error(text)


def _report(error: BaseException | None) -> None:
    import traceback

    if error is not None and not isinstance(error, SystemExit):
        write_error("".join(traceback.format_exception(error)))


class StatusLine:
    """One line on standard error that is repainted in place; nothing where that is no terminal."""

    def __init__(self) -> None:
        self.is_shown = False

    def show(self, text: str) -> None:
        """Paint it anew. A line that is too long is cut: a second one would stay."""
        if error_is_terminal():
            self.is_shown = True
            _write_error(f"{_CLEAR_LINE}\x1b[?7l{clean_line(text, _LINE_CHARACTERS)}\x1b[?7h")

    def clear(self) -> None:
        """Take it away."""
        if self.is_shown:
            self.is_shown = False
            _write_error(_CLEAR_LINE)


def _write_error(text: str) -> None:
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        # Nobody can be told; without this the interpreter would try once more at its exit.
        sys.stderr = None
