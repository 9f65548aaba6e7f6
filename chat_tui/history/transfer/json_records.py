"""Splits a file into JSON records without parsing them: a list, lines, or one record after another.

Only brackets and strings are recognised, so an invalid record does not affect the next ones, a record that is too long
is skipped without being kept, and a file of any size needs the memory of one record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from chat_tui.history.transfer.records import RECORD_BYTES

_PIECE = 1 << 18
_BEGINNING_BYTES = 200
_BEGIN = re.compile(rb'\s*(?:\{\s*"conversations"\s*:\s*)?\[')
_BRACKET = re.compile(rb'["{}\[\]]')
_QUOTE = re.compile(rb'["\\]')
_BOM = b"\xef\xbb\xbf"
_OPENING = b"{["
_BETWEEN = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]]|[^\s,\[\]}"][^,\[\]}"]*', re.DOTALL)
"""Matches what can be between two records: the beginning or end of a list, or a value that is no object."""


class ByteStream(Protocol):
    """A source of bytes."""

    def read(self, size: int, /) -> bytes: ...


class OversizedRecord:
    """Stands for a record that is longer than the limit."""


class NotAnObject:
    """Stands for a value of a list that is no record."""


def records(source: ByteStream, limit: int = RECORD_BYTES) -> Iterator[bytes | OversizedRecord | NotAnObject]:
    """The bytes of each record of a list, also one under `"conversations"`, or of a file of records."""
    return _Splitter(source, limit).records()


class _Splitter:
    def __init__(self, source: ByteStream, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._held = b""
        self._at = 0
        self._lists = 0
        """The number of open lists; outside of them, values that are no records are ignored."""

    def _more(self) -> bool:
        piece = self._source.read(_PIECE)
        self._held = self._held[self._at :] + piece
        self._at = 0
        return bool(piece)

    def records(self) -> Iterator[bytes | OversizedRecord | NotAnObject]:
        while len(self._held) < _BEGINNING_BYTES and self._more():
            pass
        if self._held.startswith(_BOM):
            self._at = len(_BOM)
        if begin := _BEGIN.match(self._held, self._at):
            self._at = begin.end()
            self._lists = 1
        while True:
            place = self._held.find(b"{", self._at)
            # An incomplete value is looked at when the rest was read, unless it is too long.
            if place < 0 and len(self._held) - self._at <= _PIECE and self._more():
                continue
            for _ in range(self._others(place if place >= 0 else len(self._held))):
                yield NotAnObject()
            if place >= 0:
                yield self._record()
            elif not self._more():
                return

    def _others(self, end: int) -> int:
        """Skip to this position; returns how many values of lists that are no objects were skipped."""
        others = 0
        for found in _BETWEEN.finditer(self._held, self._at, end):
            if found[0] == b"[":
                self._lists += 1
            elif found[0] == b"]":
                self._lists = max(0, self._lists - 1)
            elif self._lists:
                others += 1
        self._at = end
        return others

    def _record(self) -> bytes | OversizedRecord:
        pieces: list[bytes] = []
        size = depth = 0
        in_string = False
        while True:
            end, depth, in_string = self._scan(depth, in_string)
            size += end - self._at
            if size <= self._limit:
                pieces.append(self._held[self._at : end])
            else:
                pieces.clear()
            self._at = end
            if depth == 0 or not self._more():
                return b"".join(pieces) if size <= self._limit else OversizedRecord()

    def _scan(self, depth: int, in_string: bool) -> tuple[int, int, bool]:
        """The end of the record in the buffer, with the depth of brackets there, and whether that is in a string."""
        held, at, end = self._held, self._at, len(self._held)
        while at < end:
            if in_string:
                found = _QUOTE.search(held, at)
                if found is None:
                    return end, depth, True
                at = found.end()
                if held[at - 1] == 0x5C:
                    if at == end:
                        # The escaped character was not read yet.
                        return end - 1, depth, True
                    at += 1
                    continue
                in_string = False
                continue
            found = _BRACKET.search(held, at)
            if found is None:
                return end, depth, False
            at = found.end()
            mark = held[at - 1]
            if mark == 0x22:
                in_string = True
            elif mark in _OPENING:
                depth += 1
            else:
                depth -= 1
                if depth == 0:
                    return at, 0, False
        return end, depth, in_string
