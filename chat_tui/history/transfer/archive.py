"""ChatGPT's zip file: its conversations as streams, and its images by id."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo
from zlib import error as ZlibError

from chat_tui.core.attachments.attachment import IMAGE_LIMIT, Attachment, media_type_of
from chat_tui.core.text.control_characters import clean_line
from chat_tui.history.transfer.records import ImportRefused

_CONVERSATIONS = re.compile(r"conversations([-_]\d+)?\.json")
_FILE_ID = re.compile(r"file[-_][A-Za-z0-9]+")
_RATIO = 100
"""The highest compression ratio of conversations; real ones have 3 to 10."""
_FREE_BYTES = 50_000_000
"""Unpacked bytes that are allowed whatever the ratio."""
_ENTRIES = 1_000_000


class Archive:
    """An open zip file. Its content is untrusted: names are only compared, and sizes are limited."""

    def __init__(self, zipped: ZipFile) -> None:
        entries = zipped.infolist()
        if len(entries) > _ENTRIES:
            raise _zip_bomb_error()
        self._zipped = zipped
        self.conversations = sorted(
            entry.filename for entry in entries if _CONVERSATIONS.fullmatch(PurePosixPath(entry.filename).name)
        )
        self.done = 0
        """How many bytes of conversations were read."""
        self.total = sum(zipped.getinfo(name).file_size for name in self.conversations)
        self._packed = sum(zipped.getinfo(name).compress_size for name in self.conversations)
        self._check(self.total)
        self._images: dict[str, ZipInfo] = {}
        for entry in entries:
            if found := _FILE_ID.match(PurePosixPath(entry.filename).name):
                self._images.setdefault(found[0], entry)

    @contextmanager
    def open(self, name: str) -> Generator[_CountedStream, None, None]:
        """The stream of a file of conversations, by its name."""
        with self._zipped.open(name) as stream:
            yield _CountedStream(self, stream)

    def count(self, size: int) -> None:
        """Count unpacked bytes. Raises `ImportRefused` for a zip bomb, whatever sizes the zip claims."""
        self.done += size
        self._check(self.done)

    def _check(self, size: int) -> None:
        if size > _FREE_BYTES and size > self._packed * _RATIO:
            raise _zip_bomb_error()

    def image(self, pointer: str) -> Attachment | None:
        """The image that a conversation points to; None if the zip has no usable one."""
        found = _FILE_ID.match(pointer.rpartition("/")[2])
        entry = self._images.get(found[0]) if found else None
        if entry is None or entry.file_size > IMAGE_LIMIT:
            return None
        try:
            with self._zipped.open(entry) as stream:
                content = stream.read(IMAGE_LIMIT + 1)
        except (BadZipFile, ZlibError, NotImplementedError, RuntimeError, EOFError):
            return None
        kind = media_type_of(content[:16])
        if not kind or len(content) > IMAGE_LIMIT:
            return None
        name = clean_line(PurePosixPath(entry.filename).name, 200) or "image"
        return Attachment(name, kind, content, size_bytes=len(content))


class _CountedStream:
    def __init__(self, archive: Archive, stream: IO[bytes]) -> None:
        self._archive = archive
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        try:
            piece = self._stream.read(size)
        except (ZlibError, NotImplementedError, RuntimeError, EOFError) as error:
            raise BadZipFile(str(error)) from error
        self._archive.count(len(piece))
        return piece


def _zip_bomb_error() -> ImportRefused:
    return ImportRefused(
        "This zip file expands to far more than a real export would, so reading stopped.",
        "If it is real, unpack it yourself and import conversations.json.",
    )
