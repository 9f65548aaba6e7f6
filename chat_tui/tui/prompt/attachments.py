"""The files, web pages and resources of tool servers that are attached to the next question: read in a thread, or
fetched, and listed above the prompt before they are sent."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol, cast

import msgspec
from textual.widget import Widget
from textual.worker import Worker

from chat_tui.core.attachments.attached_page import AttachedPage, is_address
from chat_tui.core.attachments.attachment import FILES_LIMIT, Attachment
from chat_tui.core.errors import AttachmentRefused, ChatTuiError, CommandError
from chat_tui.core.usage.token_estimate import attachment_tokens
from chat_tui.tui.prompt.attachments_line import PASTED, AttachmentsLine, PendingAttachment
from chat_tui.tui.prompt.prompt import Prompt

PAGE_SECONDS = 600.0
"""For so long a page that was fetched is not fetched again, for example if it is named again."""


class DraftFile(msgspec.Struct, frozen=True):
    """A file as it is stored with a draft."""

    path: str
    named: str = ""


class FetchedPages:
    """Fetches pages, and keeps them for a while. `fetch` fetches one and raises `AttachmentRefused`."""

    def __init__(
        self, fetch: Callable[[str], Awaitable[AttachedPage]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch, self._clock = fetch, clock
        self._kept: dict[str, tuple[float, AttachedPage]] = {}

    async def page(self, address: str) -> AttachedPage:
        """Return the page at an address. Raises `AttachmentRefused`."""
        begin = self._clock() - PAGE_SECONDS
        self._kept = {known: kept for known, kept in list(self._kept.items())[-FILES_LIMIT:] if kept[0] >= begin}
        if address not in self._kept:
            self._kept[address] = self._clock(), await self._fetch(address)
        return self._kept[address][1]


class ResourceSource(Protocol):
    """The resources of tool servers."""

    def is_resource(self, name: str) -> bool:
        """Whether a name in a text (`server:uri`) is that of a resource."""

    async def read_resource(self, name: str) -> Attachment:
        """Return its content. Raises `ChatTuiError`."""


class _Reading(msgspec.Struct):
    """A file that is being read, or a page or a resource that is being fetched."""

    done: asyncio.Event
    worker: Worker[None] | None = None


class PromptAttachments:
    """The attachments of the next question. `fetch` fetches a web page and raises `AttachmentRefused`; `resources` is
    called for the first name that may be a resource."""

    def __init__(
        self,
        prompt: Prompt,
        fetch: Callable[[str], Awaitable[AttachedPage]],
        resources: Callable[[], ResourceSource],
    ) -> None:
        self._prompt, self._pages, self._resources = prompt, FetchedPages(fetch), resources
        self.on_change: Callable[[], None] = lambda: None
        """Called when a file is attached, read or removed."""
        self.on_taken: Callable[[], None] = lambda: None
        """Called when all were taken, to be sent."""
        self._going: list[PendingAttachment] = []
        self._awaited: Sequence[PendingAttachment] = ()
        """Pages and resources that a question, which was sent, waits for."""
        self._pasted: dict[str, PendingAttachment] = {}
        """Images from the clipboard by their paths, as long as a draft needs them: nothing else has them."""
        self._reading: dict[int, _Reading] = {}
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
        return [file for going in self._going for file in going.files]

    # -- which files ----------------------------------------------------------------------------------------------

    async def attach(self, path: str) -> PendingAttachment:
        """Attach a file. Raises `AttachmentRefused`, `CommandError`."""
        going = PendingAttachment(_absolute(path))
        self._add(going)
        await self._begin_reading(going).wait()
        if going.error is not None:
            self._drop(going)
            raise going.error
        return going

    def _add(self, going: PendingAttachment) -> None:
        if any(known.path == going.path for known in self._going):
            raise CommandError(f"{going.name} is already attached.", "Use /detach to remove it.")
        if len(self._going) >= FILES_LIMIT:
            raise CommandError(f"You can attach at most {FILES_LIMIT} files.", "Use /detach to remove one.")
        self._going.append(going)

    async def attach_pasted(self, image: Attachment) -> None:
        """Attach an image from the clipboard. Raises `CommandError`."""
        going = await asyncio.to_thread(_pasted, image)
        stem, _, ending = image.name.rpartition(".")
        names = [known.name for known in self._going if known.path != going.path]
        number = next(number for number in range(1, FILES_LIMIT + 2) if _numbered(stem, number, ending) not in names)
        going.files = (msgspec.structs.replace(image, name=_numbered(stem, number, ending)),)
        self._add(going)
        self._show()
        self.on_change()

    def detach(self, name: str = "") -> PendingAttachment | None:
        """Detach the file of this name, by default the last one; None if there is none."""
        found = [going for going in self._going if not name or name in (going.name, going.path, going.named)]
        if not found:
            return None
        self._prompt.named.discard(found[-1].named)
        self._drop(found[-1])
        return found[-1]

    def follow(self, *, is_finished: bool = False) -> None:
        """Attach the files, pages and resources that the text names now, as far as they exist, and remove those that it
        names no longer. Unless the text is finished, a name that is being typed waits if it may come to mean something
        else, as pages, resources, folders, patterns and lines do."""
        prompt = self._prompt
        named = prompt.named.paths()
        unfinished = "" if is_finished else prompt.named.unfinished_name(prompt.cursor_location)
        for going in [going for going in self._going if going.named and going.named not in named]:
            self._drop(going)
        known = {going.path for going in self._going}
        names = {going.named for going in self._going}
        for name in named:
            if name in names:
                continue
            going = self._pending(name)
            is_unfinished = name == unfinished and (going.is_remote or _may_grow(name))
            if going.path not in known and not is_unfinished and len(self._going) < FILES_LIMIT:
                known.add(going.path)
                self._going.append(going)
                self._begin_reading(going)

    def _pending(self, name: str) -> PendingAttachment:
        """Return what a name in a text means."""
        if self._is_resource(name):
            return PendingAttachment(name, name, is_resource=True)
        return PendingAttachment(_absolute(name), name)

    def _is_resource(self, path: str) -> bool:
        is_path = ":" not in path or is_address(path) or os.path.isabs(path)
        return not is_path and self._resources().is_resource(path)

    def _drop(self, going: PendingAttachment) -> None:
        if going.is_remote:
            self._stop_reading(going)
        self._pasted.pop(going.path, None)
        self._going = [known for known in self._going if known is not going]
        self._show()
        self.on_change()

    def take(self) -> list[PendingAttachment]:
        """Remove the attachments, since they have been sent."""
        self.follow(is_finished=True)
        taken, self._going = self._going, []
        for going in taken:
            self._pasted.pop(going.path, None)
        self._show()
        self.on_taken()
        return taken

    def set_aside(self) -> list[PendingAttachment]:
        """Remove all attachments and return them, to be given back."""
        kept, self._going = self._going, []
        self._show()
        return kept

    def give_back(self, going: Iterable[PendingAttachment]) -> None:
        """Restore attachments that could not be sent."""
        mine = {known.path for known in self._going}
        self._going = [*(one for one in going if one.path not in mine), *self._going]
        self._show()
        self.on_change()

    # -- stored with a draft --------------------------------------------------------------------------------------

    def encode(self) -> str:
        """The attachments as they are stored with a draft; empty for none. Images from the clipboard are kept here."""
        self._pasted.update({going.path: going for going in self._going if going.is_pasted and going.files})
        files = [DraftFile(going.path, going.named) for going in self._going]
        return msgspec.json.encode(files).decode() if files else ""

    def restore(self, stored: str) -> None:
        """Replace the attachments by those that were stored with a draft."""
        try:
            files = msgspec.json.decode(stored, type=list[DraftFile]) if stored else []
        except (msgspec.MsgspecError, ValueError, RecursionError):
            files = []
        self._going = [self._restored(file) for file in files[:FILES_LIMIT]]
        for going in self._going:
            self._prompt.named.restore(going.named)
            if not going.is_pasted:
                self._begin_reading(going)
        self._show()

    def _restored(self, file: DraftFile) -> PendingAttachment:
        if file.path.startswith(PASTED):
            return self._pasted.get(file.path) or PendingAttachment(file.path, error=_lost_image())
        return PendingAttachment(file.path, file.named, is_resource=self._is_resource(file.path))

    # -- reading --------------------------------------------------------------------------------------------------

    def _begin_reading(self, going: PendingAttachment) -> asyncio.Event:
        """Begin to read a file, or to fetch a page or a resource; returns what is set at the end."""
        self._reading[id(going)] = reading = _Reading(asyncio.Event())
        going.is_reading = True
        reading.worker = self._prompt.run_worker(self._read(going), group="beside")
        if going.is_remote:
            self._show()
        return reading.done

    def _stop_reading(self, going: PendingAttachment) -> None:
        if (reading := self._reading.pop(id(going), None)) is not None:
            if reading.worker is not None:
                reading.worker.cancel()
            going.is_reading = False
            reading.done.set()

    async def _wait_for(self, going: PendingAttachment) -> None:
        if (reading := self._reading.get(id(going))) is not None:
            await reading.done.wait()

    async def _read(self, going: PendingAttachment) -> None:
        try:
            if going.is_remote:
                await self._fetch(going)
            else:
                await asyncio.to_thread(_read, going)
        finally:
            if (reading := self._reading.pop(id(going), None)) is not None:
                going.is_reading = False
                reading.done.set()
        if isinstance(going.error, _NotThere) and going.named:
            # It names no file: just words.
            self._going = [known for known in self._going if known is not going]
        self._show()
        self.on_change()

    async def _fetch(self, going: PendingAttachment) -> None:
        going.error = None
        try:
            if going.is_resource:
                going.files = (await self._resources().read_resource(going.path),)
            else:
                going.page = await self._pages.page(going.path)
                going.files, going.note = (going.page.file,), ", ".join(going.page.warnings)
        except ChatTuiError as error:
            going.error = error
        else:
            going.tokens = sum(map(attachment_tokens, going.files))
            going.size_bytes = _size_of(going.files)

    async def wait_for_remote(self, taken: Sequence[PendingAttachment]) -> None:
        """Wait until the pages and resources among these have been fetched, or cannot be, and show that. A cancel ends
        the fetch."""
        remote = [going for going in taken if going.is_remote and not going.files]
        if not remote:
            return
        self._awaited = remote
        self._show()
        try:
            for going in remote:
                if id(going) not in self._reading:
                    self._begin_reading(going)
            for going in remote:
                await self._wait_for(going)
        except asyncio.CancelledError:
            for going in remote:
                self._stop_reading(going)
            raise
        finally:
            self._awaited = ()
            self._show()

    async def load(self, taken: Sequence[PendingAttachment]) -> list[Attachment]:
        """Read them as they are now; pages and resources as they were fetched. Raises `ChatTuiError` for one that
        cannot be sent."""
        found: list[Attachment] = []
        for going in taken:
            await self._wait_for(going)
            seen = going.stamp is not None
            if not going.is_remote and not going.is_pasted:
                await asyncio.to_thread(_read, going)
            elif going.is_remote and not going.files and going.error is None:
                await self._fetch(going)
            if going.error is not None and not (isinstance(going.error, _NotThere) and going.named and not seen):
                raise going.error
            found += going.files
        return found

    # -- what is shown --------------------------------------------------------------------------------------------

    def refuse_images(self, refused: bool) -> None:
        """Mark the images, or no longer: the model that would be asked takes none."""
        self._no_images = refused
        self._show()

    def _show(self) -> None:
        if not self._going and not self._awaited:
            if self._line is not None:
                self._line.display = False
            return
        if self._line is None:
            self._line = AttachmentsLine()
            cast("Widget", self._prompt.parent).mount(self._line, before=self._prompt)
        self._line.show(self._going, no_images=self._no_images, awaited=self._awaited)


class _NotThere(AttachmentRefused):
    """The file does not exist."""


def _read(going: PendingAttachment) -> None:
    """Read it unless it is what was read before; a blocking call."""
    from chat_tui.core.attachments.mentions import without_sentence_end
    from chat_tui.core.attachments.referenced_files import NothingMatched, parse_reference, read_referenced

    reference = parse_reference(going.path)
    if reference.kind == "file" and going.named and not os.path.lexists(going.path):
        # What ends a sentence behind it is no part of the name.
        bare = without_sentence_end(going.path)
        if os.path.isfile(bare) or parse_reference(bare).kind == "lines":
            going.path, reference = bare, parse_reference(bare)
    stamp: tuple[int, int] | None = None
    if reference.kind in ("file", "lines", "folder"):
        try:
            status = os.stat(reference.path)
        except (OSError, ValueError):
            _note_missing(going)
            return
        if reference.kind != "folder":
            stamp = (status.st_size, status.st_mtime_ns)
    if going.files and stamp is not None and stamp == going.stamp:
        return
    going.error, going.files, going.note = None, (), ""
    try:
        read = read_referenced(going.path)
    except NothingMatched as error:
        going.error = _NotThere(error.title, error.hint)
        return
    except AttachmentRefused as error:
        going.error = error
    else:
        going.files, going.note = read.files, read.note
        going.tokens = sum(map(attachment_tokens, read.files))
        # The text of a PDF has another size than the file.
        going.size_bytes = stamp[0] if reference.kind == "file" and stamp else _size_of(read.files)
    going.stamp = stamp or (0, 0)


def _pasted(image: Attachment) -> PendingAttachment:
    """Return an image from the clipboard as it is attached; a blocking call."""
    path = PASTED + hashlib.sha256(image.content).hexdigest()
    return PendingAttachment(path, files=(image,), size_bytes=image.size_bytes, tokens=attachment_tokens(image))


def _numbered(stem: str, number: int, ending: str) -> str:
    return f"{stem}.{ending}" if number == 1 else f"{stem}-{number}.{ending}"


def _lost_image() -> AttachmentRefused:
    return AttachmentRefused("A pasted image was not kept.", "Paste it again, or use /detach; nothing was sent.")


def _size_of(files: Sequence[Attachment]) -> int:
    return sum(file.size_bytes for file in files)


def _note_missing(going: PendingAttachment) -> None:
    name = going.name or "file"
    what = f"{name} no longer exists." if going.stamp is not None else f"File not found: {name}."
    going.error, going.files = _NotThere(what, "Check its path, or use /detach; nothing was sent."), ()


def _may_grow(name: str) -> bool:
    from chat_tui.core.attachments.mentions import may_grow

    return may_grow(name)


def _absolute(path: str) -> str:
    if is_address(path):
        return path
    slash = "/" if path.endswith("/") and path.strip("/") else ""
    return os.path.abspath(os.path.expanduser(path)) + slash
