"""The files that browsers have uploaded and not sent yet. Their functions block, so they run in threads."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

import msgspec

from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.attachments.waiting_files import WaitingFiles
from chat_tui.core.usage.token_estimate import attachment_tokens

WRITTEN_BYTES = 512 * 1024
"""So much of a body is collected before it is written."""
LOOK_SECONDS = 60.0
"""Time between two searches for files that nobody uses."""


class UploadedFile(msgspec.Struct, frozen=True, rename="camel"):
    """A file that waits to be sent."""

    id: str
    name: str
    media_type: str
    """Of an image, its type; of everything else `text/plain`."""
    size: int
    """Bytes of what is sent to a model: of a PDF, its text."""
    tokens: int
    """Estimated tokens."""


def uploaded_file(file: Attachment) -> UploadedFile:
    """Return what is told of a file that waits."""
    return UploadedFile(file.id, file.name, file.media_type, file.size_bytes, attachment_tokens(file))


class Uploads:
    """The files in a folder that all workers share; without one, in a temporary folder of this worker."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        """None before the first upload, if it is a temporary one."""
        self._is_temporary = folder is None
        self._opened: WaitingFiles | None = None
        self._expiry: asyncio.Task[None] | None = None

    @property
    def files(self) -> WaitingFiles:
        """The files."""
        if self._opened is None:
            if self.folder is None:
                self.folder = Path(tempfile.mkdtemp(prefix="chat-tui-"))
            self._opened = WaitingFiles(self.folder)
        return self._opened

    def start(self) -> None:
        """Remove what nobody uses, from now on; also what a process that was killed has left."""
        if self._expiry is None:
            self._expiry = asyncio.create_task(self._expire())

    async def receive(
        self, client: str, path: str, told_bytes: int, body: AsyncIterator[bytes], *, is_private: bool = False
    ) -> Attachment:
        """Receive a file from a client, which names its path and its size (0: unknown); the result has the first bytes
        of its content. A private one is kept in memory. Raises `AttachmentRefused`, `OSError`."""
        self.start()
        files = self.files
        arriving = await asyncio.to_thread(lambda: files.begin(client, path, is_private=is_private))
        try:
            waiting = bytearray()
            async for part in body:
                waiting += part
                if len(waiting) >= WRITTEN_BYTES:
                    await asyncio.to_thread(arriving.add, bytes(waiting))
                    arriving.expect(told_bytes)
                    waiting.clear()
            await asyncio.to_thread(arriving.add, bytes(waiting))
            return await asyncio.to_thread(files.keep, arriving)
        finally:
            arriving.close()

    async def beginnings(self, ids: Sequence[str]) -> list[Attachment | None]:
        """Return these files with the first bytes of their content; None for each that does not wait any more. They
        are kept for longer."""
        return await asyncio.to_thread(lambda: [self.files.beginning(id) for id in ids]) if ids else []

    async def load(self, ids: Sequence[str]) -> list[Attachment | None]:
        """Return these files; None for each that does not wait any more."""
        return await asyncio.to_thread(self.files.load, ids) if ids else []

    async def remove(self, ids: Collection[str]) -> None:
        """Remove files that were sent, or are not needed."""
        if ids:
            await asyncio.to_thread(self.files.remove, ids)

    async def _expire(self) -> None:
        while True:
            if self.folder is not None:
                await asyncio.to_thread(self.files.remove_unused)
            await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        """Remove all that has arrived here."""
        if self._expiry is not None:
            self._expiry.cancel()
            await asyncio.wait([self._expiry])
        if self._opened is not None:
            await asyncio.to_thread(self._opened.close)
        if self.folder is not None and self._is_temporary:
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)
