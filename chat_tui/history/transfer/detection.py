"""Recognises the format of a file by its content, and reads its conversations. Blocks, so it is for a thread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from zipfile import BadZipFile, ZipFile

import msgspec

from chat_tui.core.files.reading import NotRegularError, open_regular
from chat_tui.core.text.excerpts import shorten
from chat_tui.history.transfer import archive, json_records
from chat_tui.history.transfer.formats import chatgpt, elia, llm, native
from chat_tui.history.transfer.records import BadRecord, ImportedConversation, ImportRefused, SkippedRecord

_SQLITE = b"SQLite format 3\0"
_LOGGED = b"\x02\x02"
"""Bytes 18 and 19 of a database with a write-ahead log."""
_ZIP = b"PK\x03\x04"
_CELL_BYTES = 200_000_000
"""The longest value that is read from another program's database."""

Item: TypeAlias = ImportedConversation | SkippedRecord


class ImportSource:
    """An open file to import."""

    def __init__(self, kind: str, total: int, done: Callable[[], int], items: Iterator[Item]) -> None:
        self.kind = kind
        self.total = total
        """In bytes of a JSON file, or conversations of a database."""
        self.done = done
        """How much of `total` was read."""
        self.items = items


def read_items(file: Path) -> Generator[ImportSource | Item, None, None]:
    """The file as an `ImportSource`, then its items. Raises `READ_ERRORS`, or `ImportRefused` without a format."""
    with open_regular(file) as raw, ExitStack() as stack:
        head = raw.read(4096)
        raw.seek(0)
        if head.startswith(_SQLITE):
            source = _open_database(stack.enter_context(_database(file, has_log=head[18:20] == _LOGGED)), file)
        elif head.startswith(_ZIP):
            source = _open_archive(stack.enter_context(ZipFile(raw)), file)
        elif head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
            source = _open_json(raw, file)
        else:
            raise _unknown_format(file)
        yield source
        yield from source.items


READ_ERRORS = (OSError, BadZipFile, sqlite3.Error)
"""The errors that reading a file can raise at any time."""


def read_error(file: Path, error: BaseException) -> ImportRefused:
    """The error for the user for one of `READ_ERRORS`."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, FileNotFoundError | NotRegularError):
        hint = "Name a file to import."
    else:
        hint = (
            "What was imported so far is kept. Fix the file, or close other programs that use it, then import it again."
        )
    return ImportRefused(f"{file} cannot be read: {why.rstrip('.')}.", hint)


def _open_json(raw: BinaryIO, file: Path) -> ImportSource:
    first, items = _find_kind(_records(raw, None), file)
    return ImportSource(first, file.stat().st_size, raw.tell, items)


def _open_archive(zipped: ZipFile, file: Path) -> ImportSource:
    inside = archive.Archive(zipped)
    if not inside.conversations:
        raise _unknown_format(file)

    def records() -> Iterator[tuple[str, Item]]:
        for name in inside.conversations:
            with inside.open(name) as stream:
                yield from _records(stream, inside)

    first, items = _find_kind(records(), file)
    return ImportSource(first, inside.total, lambda: inside.done, items)


def _records(stream: json_records.ByteStream, inside: archive.Archive | None) -> Iterator[tuple[str, Item]]:
    """Each record with its kind, which is empty if it is unknown."""
    for number, found in enumerate(json_records.records(stream), 1):
        place = f"record {number}"
        if isinstance(found, json_records.OversizedRecord):
            yield "", SkippedRecord(place, "it is too long")
            continue
        if isinstance(found, json_records.NotAnObject):
            yield "", SkippedRecord(place, "it is not an object")
            continue
        try:
            value = _decode(found)
        except (ValueError, RecursionError) as error:
            yield "", SkippedRecord(place, f"it is not JSON: {shorten(str(error), 100)}")
            continue
        yield _convert(value, place, inside)


def _decode(record: bytes) -> Any:
    try:
        return msgspec.json.decode(record)
    except msgspec.DecodeError:
        # msgspec refuses lone surrogates, as a truncated emoji leaves them; `json` accepts them.
        return json.loads(record, parse_int=_bounded_int)


def _bounded_int(digits: str) -> int | None:
    """The number; None if it is too long, since Python refuses numbers of thousands of digits."""
    return int(digits) if len(digits) < 30 else None


def _convert(value: Any, place: str, inside: archive.Archive | None) -> tuple[str, Item]:
    try:
        if native.is_ours(value):
            return "chat-tui", native.convert(value)
        if chatgpt.is_conversation(value):
            return "ChatGPT", chatgpt.convert(value, inside.image if inside else None)
    except BadRecord as error:
        return "chat-tui" if native.is_ours(value) else "ChatGPT", SkippedRecord(place, str(error))
    except RecursionError:
        return "", SkippedRecord(place, "it is nested too deeply")
    return "", SkippedRecord(place, "it is not a conversation from chat-tui or ChatGPT")


def _find_kind(records: Iterator[tuple[str, Item]], file: Path) -> tuple[str, Iterator[Item]]:
    """The kind of the first record that has one, and all records. Raises `ImportRefused` if none has."""
    before: list[Item] = []
    for kind, item in records:
        before.append(item)
        if kind:
            return kind, _chain(before, records)
    broken = next((item for item in before if isinstance(item, SkippedRecord)), None)
    raise _unknown_format(file, f"{broken.record}: {broken.reason}" if broken else "")


def _chain(before: list[Item], records: Iterator[tuple[str, Item]]) -> Iterator[Item]:
    yield from before
    for _, item in records:
        yield item


@contextmanager
def _database(file: Path, *, has_log: bool) -> Generator[sqlite3.Connection, None, None]:
    # Reading a database with a log creates files beside it. If there are none, no program is writing to it.
    how = "mode=ro" if not has_log or file.with_name(f"{file.name}-wal").exists() else "immutable=1"
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True, check_same_thread=False)) as db:
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _CELL_BYTES)
        db.text_factory = lambda value: value.decode("utf-8", "replace")
        db.row_factory = sqlite3.Row
        # The file is untrusted: no code in it may run.
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA query_only = ON")
        yield db


def _open_database(db: sqlite3.Connection, file: Path) -> ImportSource:
    tables: dict[str, set[str]] = {}
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        quoted = name.replace('"', '""')
        tables[name] = {row["name"] for row in db.execute(f'PRAGMA table_info("{quoted}")')}
    for kind, format in (("llm", llm), ("elia", elia)):
        if format.is_known(tables):
            total, items = format.items(db, tables)
            counted = _CountedItems(items)
            return ImportSource(kind, total, counted.so_far, iter(counted))
    raise _unknown_format(file)


class _CountedItems:
    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._number = 0

    def so_far(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[Item]:
        for item in self._items:
            self._number += 1
            yield item


def _unknown_format(file: Path, why: str = "") -> ImportRefused:
    title = f"{file.name} is not in a format that chat-tui can import; nothing was changed."
    if why:
        title = f"{file.name} contains no readable conversation ({why}); nothing was changed."
    return ImportRefused(
        title,
        "chat-tui can import ChatGPT's export (zip or conversations.json), llm's `logs.db`, elia's database, "
        "and JSON written by `chat-tui history export`.",
    )
