"""The only module that writes to standard output and standard error. No control character reaches a terminal.

Text for people is cleaned here, wherever it came from. Data for programs (`write_data`) is written unchanged; JSON is
escaped with `escaped_json` first. Child processes, whose standard output carries a protocol, are exempt.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from typing import TypeAlias

from chat_tui.core.errors import ChatTuiError
from chat_tui.core.text.control_characters import clean, clean_line, single_line


class OutputError(OSError):
    """Standard output cannot be written: the disk is full, or its reader has closed it."""


class OutputClosed(OutputError, BrokenPipeError):
    """The reader of standard output has closed it."""


StyledText: TypeAlias = tuple[str, str]
"""The parameters of the escape sequence that sets colours and attributes, such as `1;31` (empty: none), and a text."""

_CLEAR_LINE = "\r\x1b[K"
_LINE_CHARACTERS = 1000
_PARAMETERS = re.compile(r"[0-9;]{1,60}")


def error_is_terminal() -> bool:
    """Whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def output_is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def output_descriptor() -> int | None:
    """The file descriptor of standard output; None if it is closed."""
    return None if sys.stdout is None else sys.stdout.fileno()


def write_error(text: str) -> None:
    """Write cleaned text to standard error; does nothing if it is closed."""
    _write_error(clean(text))


def report_error(error: ChatTuiError) -> None:
    """Write an error to standard error: what happened, and below it what to do next."""
    write_error(format_error(error))


def format_error(error: ChatTuiError) -> str:
    """Return the lines that `report_error` writes."""
    return f"chat-tui: {error.title}\n" + "".join(f"          {line}\n" for line in error.hint.splitlines())


def write_output(text: str) -> None:
    """Write cleaned text to standard output, always as UTF-8. Raises `OutputError`."""
    write_data(clean(text))


def output_size() -> tuple[int, int]:
    """Return the columns and rows of the terminal that standard output is; 80 and 24 if it does not tell."""
    try:
        columns, rows = os.get_terminal_size(sys.stdout.fileno() if sys.stdout is not None else 1)
    except (OSError, ValueError):
        return 80, 24
    return columns or 80, rows or 24


def write_styled(above: int, lines: Sequence[Sequence[StyledText]]) -> None:
    """Write lines with colours to a terminal over the last rows, `above` in number, which are cleared first.

    Each text is cleaned, and no control sequences but those for colours are written. Raises `OutputError`.
    """
    pieces = [f"\x1b[{above}F\x1b[J" if above > 0 else ""]
    for line in lines:
        for parameters, text in line:
            shown = single_line(text)
            is_styled = _PARAMETERS.fullmatch(parameters) is not None
            pieces.append(f"\x1b[{parameters}m{shown}\x1b[0m" if is_styled and shown else shown)
        pieces.append("\n")
    write_data("".join(pieces))


def write_data(text: str) -> None:
    """Write data for programs to standard output, unchanged. Raises `OutputError`."""
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
    """Redirect a broken standard output to the null device, so that the interpreter exits without an error."""
    if sys.stdout is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def clean_interpreter_reports() -> None:
    """Clean what Python itself reports, too: exceptions in threads and finalisers, and log records of libraries.

    Such reports may quote values that came from outside.
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
    """A stream that writes cleaned text to standard error."""

    def write(self, text: str) -> None:
        write_error(text)


def _report(error: BaseException | None) -> None:
    import traceback

    if error is not None and not isinstance(error, SystemExit):
        write_error("".join(traceback.format_exception(error)))


class StatusLine:
    """A line on standard error that is redrawn in place; nothing is written if that is not a terminal."""

    def __init__(self) -> None:
        self.is_shown = False

    def show(self, text: str) -> None:
        """Redraw the line, truncated to the terminal's width: a wrapped line could not be cleared."""
        if error_is_terminal():
            self.is_shown = True
            _write_error(f"{_CLEAR_LINE}\x1b[?7l{clean_line(text, _LINE_CHARACTERS)}\x1b[?7h")

    def clear(self) -> None:
        """Remove the line."""
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
        # There is nowhere to report this; without it the interpreter would try again at its exit.
        sys.stderr = None
