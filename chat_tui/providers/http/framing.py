"""Turns bytes into events: server-sent events and JSON lines, without any I/O.

Lines are split as bytes and at CR, LF and CRLF only, since text may hold other line separators; every cut of the bytes
gives the same events.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from chat_tui.core.errors import Garbled

LINE_LIMIT = 64 * 1024 * 1024
"""The most bytes of one line or event."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"
_DATA = b"data: "


class ServerEvent(NamedTuple):
    """One event of a stream."""

    data: bytes
    name: str = ""
    """The event's name; `error` for a bare `error:` line, which some servers send."""


def _too_long() -> Garbled:
    return Garbled("The server sent a line of more than 64 MB.", "Ask again, or choose another model.")


class Decoder(Protocol):
    """Takes bytes as they come, and returns complete events."""

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the events that these bytes complete."""

    def close(self) -> list[ServerEvent]:
        """Return the events that the end of the bytes completes."""


class _Lines:
    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held = 0
        self._after_cr = False
        self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        if not self._begun:
            data = self._without_bom(data)
        if self._after_cr and data:
            self._after_cr = False
            if data[0] == 10:
                data = data[1:]
        if b"\n" not in data and b"\r" not in data:
            if data:
                self._parts.append(data)
                self._held += len(data)
                if self._held > LINE_LIMIT:
                    raise _too_long()
            return []
        if self._parts:
            data = b"".join(self._parts) + data
        lines = data.split(b"\n") if b"\r" not in data else _LINE_END.split(data)
        self._after_cr = data[-1] == 13
        rest = lines.pop()
        self._parts, self._held = ([rest], len(rest)) if rest else ([], 0)
        return lines

    def _without_bom(self, data: bytes) -> bytes:
        data = b"".join(self._parts) + data
        self._parts, self._held = [], 0
        if len(data) < 3 and _BOM.startswith(data):
            self._parts, self._held = [data], len(data)
            return b""
        self._begun = True
        return data[3:] if data.startswith(_BOM) else data

    def rest(self) -> bytes:
        rest = b"".join(self._parts)
        self._parts = []
        return rest[3:] if not self._begun and rest.startswith(_BOM) else rest


class SseDecoder:
    """Server-sent events. An event at the end of the bytes counts without its blank line, as some servers send it."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._data: list[bytes] = []
        self._size = 0
        self._name = ""

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the events that these bytes complete; comments and unknown fields are ignored."""
        events: list[ServerEvent] = []
        data_of_event = self._data
        for line in self._lines.feed(data):
            # As nearly all events are: one line with `data:` and a blank one.
            if not line and len(data_of_event) == 1 and not self._name:
                events.append(ServerEvent(data_of_event[0]))
                data_of_event.clear()
                self._size = 0
            elif not data_of_event and line[:6] == _DATA and len(line) < LINE_LIMIT:
                data_of_event.append(line[6:])
                self._size = len(line) - len(_DATA) + 1
            else:
                self._take(line, events)
        return events

    def close(self) -> list[ServerEvent]:
        """Return the last event, if the stream ended without a blank line."""
        events: list[ServerEvent] = []
        rest = self._lines.rest()
        if rest:
            self._take(rest, events)
        self._take(b"", events)
        return events

    def _take(self, line: bytes, events: list[ServerEvent]) -> None:
        if not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                events.append(ServerEvent(data, self._name))
                self._data.clear()
                self._size = 0
            self._name = ""
            return
        field, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if field == b"data":
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > LINE_LIMIT:
                raise _too_long()
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field == b"error" and value[:1] == b"{":
            events.append(ServerEvent(value, "error"))


class JsonLinesDecoder:
    """One JSON value per line; blank lines are ignored."""

    def __init__(self) -> None:
        self._lines = _Lines()

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the lines that these bytes complete."""
        return [ServerEvent(line) for line in self._lines.feed(data) if line.strip()]

    def close(self) -> list[ServerEvent]:
        """Return the last line, if it has no line end."""
        rest = self._lines.rest()
        return [ServerEvent(rest)] if rest.strip() else []
