"""The files attached to the next question: read off the loop, listed above the prompt before they are sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import cast

import msgspec
from textual.widget import Widget
from textual.worker import Worker

from chat_tui.core.attachments import attachment
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import AttachmentRefused, CommandError
from chat_tui.tui.prompt.attachments_line import AttachmentsLine, PendingAttachment
from chat_tui.tui.prompt.prompt import Prompt

MOST = 20
"""Files that can be attached to one question."""


class DraftFile(msgspec.Struct, frozen=True):
    """A file as it is stored with a draft."""

    path: str
    named: str = ""


class PromptAttachments:
    """The attachments of the next question."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self.on_change: Callable[[], None] = lambda: None
        """Called when a file is attached, read or removed."""
        self.on_taken: Callable[[], None] = lambda: None
        """Called when all were taken, to be sent."""
        self._going: list[PendingAttachment] = []
        self._reading: dict[int, Worker[None]] = {}
        self._line: AttachmentsLine | None = None
        self._no_images = False

    def __len__(self) -> int:
        return len(self._going)

    def names(self) -> list[str]:
        """The names of the attachments."""
        return [going.name for going in self._going]

    @property
    def attachments(self) -> list[Attachment]:
        """Those that have been read."""
        return [going.file for going in self._going if going.file is not None]

    # -- which files ----------------------------------------------------------------------------------------------

    async def attach(self, path: str) -> PendingAttachment:
        """Attach a file. Raises `AttachmentRefused`, `CommandError`."""
        going = PendingAttachment(_absolute(path))
        if any(known.path == going.path for known in self._going):
            raise CommandError(f"{going.name} is already attached.", "Use /detach to remove it.")
        if len(self._going) >= MOST:
            raise CommandError(f"You can attach at most {MOST} files.", "Use /detach to remove one.")
        self._going.append(going)
        await self._begin_reading(going).wait()
        if going.error is not None:
            self._drop(going)
            raise going.error
        return going

    def detach(self, name: str = "") -> PendingAttachment | None:
        """Detach the file of this name, by default the last one; None if there is none."""
        found = [going for going in self._going if not name or name in (going.name, going.path, going.named)]
        if not found:
            return None
        self._prompt.named.discard(found[-1].named)
        self._drop(found[-1])
        return found[-1]

    def follow(self, named: Sequence[str]) -> None:
        """Attach the files that the text names now, as far as they exist, and remove those that it names no longer."""
        for going in [going for going in self._going if going.named and going.named not in named]:
            self._drop(going)
        known = {going.path for going in self._going}
        for name in named:
            path = _absolute(name)
            if path not in known and len(self._going) < MOST:
                known.add(path)
                self._going.append(PendingAttachment(path, name))
                self._begin_reading(self._going[-1])

    def _drop(self, going: PendingAttachment) -> None:
        self._going = [known for known in self._going if known is not going]
        self._show()
        self.on_change()

    def take(self) -> list[PendingAttachment]:
        """Remove the attachments, since they have been sent."""
        self.follow(self._prompt.named.paths())
        taken, self._going = self._going, []
        self._show()
        self.on_taken()
        return taken

    def give_back(self, going: Iterable[PendingAttachment]) -> None:
        """Restore attachments that could not be sent."""
        mine = {known.path for known in self._going}
        self._going = [*(one for one in going if one.path not in mine), *self._going]
        self._show()
        self.on_change()

    # -- stored with a draft --------------------------------------------------------------------------------------

    def encode(self) -> str:
        """The attachments as they are stored with a draft; empty for none."""
        files = [DraftFile(going.path, going.named) for going in self._going]
        return msgspec.json.encode(files).decode() if files else ""

    def restore(self, stored: str) -> None:
        """Replace the attachments by those that were stored with a draft."""
        try:
            files = msgspec.json.decode(stored, type=list[DraftFile]) if stored else []
        except (msgspec.MsgspecError, ValueError, RecursionError):
            files = []
        self._going = [PendingAttachment(file.path, file.named) for file in files[:MOST]]
        for going in self._going:
            self._prompt.named.restore(going.named)
            self._begin_reading(going)
        self._show()

    # -- reading --------------------------------------------------------------------------------------------------

    def _begin_reading(self, going: PendingAttachment) -> Worker[None]:
        worker = self._prompt.run_worker(self._read(going), group="beside")
        self._reading[id(going)] = worker
        return worker

    async def _read(self, going: PendingAttachment) -> None:
        try:
            await asyncio.to_thread(_read, going)
        finally:
            self._reading.pop(id(going), None)
        if isinstance(going.error, _NotThere) and going.named:
            # It names no file: just words.
            self._going = [known for known in self._going if known is not going]
        self._show()
        self.on_change()

    async def load(self, taken: Sequence[PendingAttachment]) -> list[Attachment]:
        """Read them as they are now. Raises `AttachmentRefused` for one that cannot be sent."""
        found = []
        for going in taken:
            if (reading := self._reading.get(id(going))) is not None:
                await reading.wait()
            seen = going.stamp is not None
            await asyncio.to_thread(_read, going)
            if going.error is not None and not (isinstance(going.error, _NotThere) and going.named and not seen):
                raise going.error
            if going.file is not None:
                found.append(going.file)
        return found

    # -- what is shown --------------------------------------------------------------------------------------------

    def refuse_images(self, refused: bool) -> None:
        """Mark the images, or no longer: the model that would be asked takes none."""
        self._no_images = refused
        self._show()

    def _show(self) -> None:
        if not self._going:
            if self._line is not None:
                self._line.display = False
            return
        if self._line is None:
            self._line = AttachmentsLine()
            cast("Widget", self._prompt.parent).mount(self._line, before=self._prompt)
        self._line.show(self._going, no_images=self._no_images)


class _NotThere(AttachmentRefused):
    """The file does not exist."""


def _read(going: PendingAttachment) -> None:
    """Read it unless it is what was read before; a blocking call."""
    try:
        status = os.stat(going.path)
    except (OSError, ValueError):
        name = going.name or "file"
        what = f"{name} no longer exists." if going.stamp is not None else f"File not found: {name}."
        going.error, going.file = _NotThere(what, "Check its path, or use /detach; nothing was sent."), None
        return
    stamp = (status.st_size, status.st_mtime_ns)
    if going.file is not None and stamp == going.stamp:
        return
    from chat_tui.core.usage.token_estimate import attachment_tokens

    going.error, going.file, going.stamp = None, None, stamp
    try:
        going.file = attachment.read(Path(going.path))
        going.tokens = attachment_tokens(going.file)
    except AttachmentRefused as error:
        going.error = error


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))
