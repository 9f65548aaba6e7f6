"""Keeps keys and texts out of the debug log, whatever a log call is given.

A record may hold numbers, names without spaces and errors, which are written as the name of their class. Everything
else (a prompt, an answer, the message of an error) is replaced by its length. Configured credentials are removed from
the whole line, and tracebacks are dropped: the message of an exception may quote anything.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Mapping

from chat_tui.core.text.lazy_pattern import lazy_pattern
from chat_tui.core.text.redaction import Credential, Redactor

LOGGER = "chat_tui"
"""The logger above those of all modules; without `--debug` it has no handler and writes nothing."""
LINE_LIMIT = 2000
"""The most characters of a line."""
_NAME = lazy_pattern(r"[!-~]{0,200}")
"""The name of a model, a host, a path, an outcome: printable ASCII without spaces. Prose has spaces, or is longer."""
_ITEMS = 12
"""The most items of a list."""
_NOT_IN_NAMES = lazy_pattern(r"[^\w$.%+-]+", re.ASCII)


class LogFilter(logging.Filter):
    """Replaces a record's message by one without credentials and texts; belongs to the handler that writes the file."""

    def __init__(self) -> None:
        super().__init__()
        self._credentials: set[Credential] = set()
        self._redactor = Redactor()

    def hide(self, credentials: Iterable[Credential]) -> None:
        """Remove these, too, from all records that follow."""
        new = set(credentials) - self._credentials
        if new:
            self._credentials |= new
            self._redactor = Redactor(self._credentials)

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; it is always written."""
        arguments = record.args
        if isinstance(arguments, Mapping):
            safe: object = {name: _safe(value) for name, value in arguments.items()}
        else:
            safe = tuple(map(_safe, arguments or ()))
        try:
            message = str(record.msg) % safe
        except (TypeError, ValueError, KeyError):
            message = "[a log call with wrong arguments]"
        record.msg, record.args = self._redactor.redact(" ".join(message.split()))[:LINE_LIMIT], ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def _safe(value: object) -> object:
    """The value as it may be written."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, str):
        return value if _NAME.fullmatch(value) else f"[text of {len(value)} characters]"
    if isinstance(value, Collection) and not isinstance(value, bytes | bytearray | memoryview | Mapping):
        shown = [str(_safe(item)) for item in list(value)[:_ITEMS]]
        return ",".join([*shown, *([f"+{len(value) - _ITEMS}"] if len(value) > _ITEMS else [])]) or "-"
    return f"[{type(value).__name__}]"


def name_of_reason(reason: str) -> str:
    """A short reason that the program has worded itself, as a name: `would cost $2` is `would-cost-$2`."""
    return _NOT_IN_NAMES.sub("-", reason).strip("-")[:80]


def hide_in_log(credentials: Iterable[Credential]) -> None:
    """Keep these credentials out of the debug log, if one is written."""
    for handler in logging.getLogger(LOGGER).handlers:
        for each in handler.filters:
            if isinstance(each, LogFilter):
                each.hide(credentials)
