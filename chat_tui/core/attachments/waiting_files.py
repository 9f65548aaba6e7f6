"""Files that were uploaded and wait to be sent with a question, in a folder that several processes share.

A file is checked when all of it has arrived, and kept as it will be sent: of a PDF, its text. Files of private
conversations are kept in the memory of this process. All functions block.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from chat_tui.core.attachments.attachment import (
    HEAD_BYTES,
    PDF_LIMIT,
    Attachment,
    file_name,
    of_bytes,
    read,
    size_limit,
    too_large,
)
from chat_tui.core.errors import AttachmentRefused
from chat_tui.core.files import writing
from chat_tui.core.files.private_files import open_private

UNUSED_SECONDS = 900.0
"""A file that nobody has looked at for so long is removed."""
FILES = 100
"""Maximum number of files of one owner."""
BYTES = 200_000_000
"""Maximum size of all files of one owner in bytes."""
ARRIVING = 8
"""Maximum number of files of one owner that arrive at the same time."""
BEGINNING_BYTES = 20_000
"""What `WaitingFiles.beginning` reads of a file: enough to estimate its tokens."""
_HEADER_BYTES = 4_000
_ID = re.compile(r"[0-9a-f]{48}")
_OWNER_CHARACTERS = 16
_ARRIVING = ".part"


class _Header(msgspec.Struct, frozen=True, array_like=True):
    """The first line of a file, in front of its content."""

    name: str
    media_type: str


class _FileInMemory:
    """A private file, and when somebody has last looked at it."""

    def __init__(self, attachment: Attachment, used: float) -> None:
        self.attachment, self.used = attachment, used


class ArrivingFile:
    """A file of which not all has arrived yet; without a path, it is kept in memory."""

    def __init__(self, id: str, name: str, path: Path | None) -> None:
        self.id, self.name, self.path = id, name, path
        self.content = bytearray()
        """What has arrived of one in memory."""
        self.size_bytes = 0
        self._head = b""
        self._lock = threading.Lock()
        """A request that is cancelled closes the file while a thread may still write to it."""
        self._file = -1 if path is None else open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def add(self, content: bytes) -> None:
        """Write the next part. Raises `AttachmentRefused` if the file is too large, `OSError`."""
        if len(self._head) < HEAD_BYTES:
            self._head = (self._head + content)[:HEAD_BYTES]
        self.expect(self.size_bytes + len(content))
        rest = memoryview(content)
        if self.path is None:
            self.content += content
        with self._lock:
            while rest and self._file >= 0:
                rest = rest[os.write(self._file, rest) :]
        self.size_bytes += len(content)

    def expect(self, size_bytes: int) -> None:
        """Raise `AttachmentRefused` if a file of this size is too large for its kind, as far as that is known."""
        limit = size_limit(self._head) if len(self._head) >= HEAD_BYTES else PDF_LIMIT
        if size_bytes > limit:
            raise too_large(self.name, self._head)

    def close(self) -> None:
        """Remove it; does nothing if it is closed."""
        with self._lock:
            if self.path is not None and self._file >= 0:
                os.close(self._file)
                self._file = -1
                self.path.unlink(missing_ok=True)


class WaitingFiles:
    """The files in a folder, which is created for the first one. `clock` returns the time as `time.time` does."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock
        self._own: set[str] = set()
        """Names of those that came in here, and not in another process."""
        self._in_memory: dict[str, _FileInMemory] = {}
        """By id."""

    def begin(self, owner: str, path: str, *, is_private: bool = False) -> ArrivingFile:
        """Begin to receive a file with the name at the end of this path; a private one is never written to disk. Raises
        `AttachmentRefused` if too many of this owner wait already, `OSError`."""
        self.remove_unused()
        mark = hashlib.sha256(owner.encode("utf-8", "replace")).hexdigest()[:_OWNER_CHARACTERS]
        self._check_room(mark)
        id = mark + secrets.token_hex(16)
        if is_private:
            return ArrivingFile(id, file_name(path), None)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._own |= {id, id + _ARRIVING}
        return ArrivingFile(id, file_name(path), self._folder / (id + _ARRIVING))

    def _check_room(self, mark: str) -> None:
        sizes = {name: status.st_size for name, status in self._entries() if name.startswith(mark)}
        sizes |= {id: file.attachment.size_bytes for id, file in self._in_memory.items() if id.startswith(mark)}
        arriving = sum(name.endswith(_ARRIVING) for name in sizes)
        if len(sizes) >= FILES or arriving >= ARRIVING or sum(sizes.values()) >= BYTES:
            hint = f"They are removed after {UNUSED_SECONDS / 60:.0f} minutes; send or remove some of them."
            raise AttachmentRefused("Too many files wait to be sent.", hint)

    def keep(self, arriving: ArrivingFile) -> Attachment:
        """Check a file that has arrived, and keep it until it is sent; the result has its id and no content. Raises
        `AttachmentRefused`, `OSError`."""
        if arriving.path is None:
            checked = of_bytes(arriving.name, bytes(arriving.content))
            self._in_memory[arriving.id] = _FileInMemory(checked, self._clock())
        else:
            checked = read(arriving.path, arriving.name)
            header = msgspec.json.encode(_Header(checked.name, checked.media_type)) + b"\n"
            writing.write(self._folder / arriving.id, header + checked.content)
        arriving.close()
        beginning = checked.content[:BEGINNING_BYTES]
        return msgspec.structs.replace(checked, id=arriving.id, content=beginning)

    def beginning(self, id: str) -> Attachment | None:
        """Return a file with the first bytes of its content; None if it does not wait any more."""
        return self._read(id, BEGINNING_BYTES)

    def load(self, ids: Sequence[str]) -> list[Attachment | None]:
        """Return these files with their content; None for each that does not wait any more."""
        return [self._read(id, -1) for id in ids]

    def _read(self, id: str, most_bytes: int) -> Attachment | None:
        if not _ID.fullmatch(id):
            return None
        if (known := self._in_memory.get(id)) is not None:
            known.used = self._clock()
            whole = known.attachment
            content = whole.content if most_bytes < 0 else whole.content[:most_bytes]
            return msgspec.structs.replace(whole, id=id, content=content)
        path = self._folder / id
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                line = file.readline(_HEADER_BYTES)
                header = msgspec.json.decode(line, type=_Header)
                content = file.read(most_bytes)
            now = self._clock()
            os.utime(path, (now, now))
        except (OSError, msgspec.MsgspecError):
            return None
        return Attachment(header.name, header.media_type, content, id, size - len(line))

    def remove(self, ids: Collection[str]) -> None:
        """Remove these files: they were sent, or are not needed."""
        for id in ids:
            if _ID.fullmatch(id):
                self._own.discard(id)
                self._in_memory.pop(id, None)
                (self._folder / id).unlink(missing_ok=True)

    def remove_unused(self) -> None:
        """Remove the files that nobody has looked at for a while, whichever process has received them."""
        end = self._clock() - UNUSED_SECONDS
        for id, file in list(self._in_memory.items()):
            if file.used < end:
                self._in_memory.pop(id, None)
        for name, status in self._entries():
            if status.st_mtime < end:
                (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove what came in here, and the folder if nothing is left."""
        self._in_memory.clear()
        for name in self._own:
            (self._folder / name).unlink(missing_ok=True)
        with suppress(OSError):
            self._folder.rmdir()

    def _entries(self) -> list[tuple[str, os.stat_result]]:
        """Return the names of the files and what is known of them."""
        found = []
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                # Another process may remove it meanwhile.
                with suppress(FileNotFoundError):
                    if _ID.fullmatch(entry.name.removesuffix(_ARRIVING)):
                        found.append((entry.name, entry.stat()))
        return found
