"""The files that go along with the next question: read off the loop, listed above the prompt before they are sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from textual.worker import Worker

from chat_tui.core.attachments import attachment
from chat_tui.core.attachments.attachment import Attachment
from chat_tui.core.errors import AttachmentRefused, ChatTuiError, CommandError
from chat_tui.core.request import Request
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.usage.token_estimate import attachment_tokens
from chat_tui.tui.prompt.attachments_line import AttachmentsLine, PendingAttachment
from chat_tui.tui.prompt.prompt import Prompt
from chat_tui.tui.widgets import formatting as words
from chat_tui.tui.widgets.styled_lines import StyledLines

if TYPE_CHECKING:
    from chat_tui.core.context import Context
    from chat_tui.core.new_conversation import NewConversation
    from chat_tui.core.preset import Preset

    # Behind the first paint: the engine is not loaded for it.
    from chat_tui.engine.engine import Engine

MOST = 20
"""Files that go along with one question."""


class DraftFile(msgspec.Struct, frozen=True):
    """A file as a draft remembers it."""

    path: str
    named: str = ""


class AttachmentTarget(Protocol):
    """The chat whose questions files go along with."""

    prompt: Prompt
    preset: Preset | None
    rivals: Sequence[str]
    settings: Callable[[], Request]

    @property
    def conversation_id(self) -> str | None:
        """The conversation in view."""

    @property
    def engine(self) -> Engine | None:
        """None until it is open."""

    @property
    def asked_in(self) -> str | NewConversation:
        """The conversation of the next question."""

    def do(self, work: Coroutine[Any, Any, None]) -> Worker[None]:
        """Run it beside the rest."""

    def put_above_prompt(self, widget: StyledLines) -> None:
        """Put a line above the prompt."""

    def tell_foreseen(self, words: str) -> None:
        """Say at the prompt what the next question costs."""


class PromptAttachments:
    """The attachments of the next question in the conversation in view."""

    def __init__(self, chat: AttachmentTarget) -> None:
        self._chat = chat
        self._going: list[PendingAttachment] = []
        self._reading: dict[int, Worker[None]] = {}
        self._line: AttachmentsLine | None = None
        self._foreseen: Context | None = None
        self._asked = 0

    def __len__(self) -> int:
        return len(self._going)

    def names(self) -> list[str]:
        """The names of the attachments."""
        return [going.name for going in self._going]

    # -- which files ----------------------------------------------------------------------------------------------

    async def attach(self, path: str) -> PendingAttachment:
        """Let a file go along. Raises `AttachmentRefused`, `CommandError`."""
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
        """Take off the file of this name, by default the last; None where there is none."""
        found = [going for going in self._going if not name or name in (going.name, going.path, going.named)]
        if not found:
            return None
        self._chat.prompt.forget_name(found[-1].named)
        self._drop(found[-1])
        return found[-1]

    def follow(self, named: Sequence[str]) -> None:
        """The text names these files now: those that are there go along, the others are just words."""
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
        self.foresee()

    def take(self) -> list[PendingAttachment]:
        """Remove the attachments, since they have been sent."""
        self.follow(self._chat.prompt.names())
        taken, self._going = self._going, []
        self._foreseen = None
        self._asked += 1
        self._chat.tell_foreseen("")
        self._show()
        return taken

    def give_back(self, going: Iterable[PendingAttachment]) -> None:
        """They could not be sent."""
        mine = {known.path for known in self._going}
        self._going = [*(one for one in going if one.path not in mine), *self._going]
        self._show()
        self.foresee()

    # -- a draft's memory -----------------------------------------------------------------------------------------

    def kept(self) -> str:
        """The attachments as they are stored with a draft; empty for none."""
        files = [DraftFile(going.path, going.named) for going in self._going]
        return msgspec.json.encode(files).decode() if files else ""

    def bring_back(self, kept: str) -> None:
        """In place of what is there now: what a draft has remembered."""
        try:
            files = msgspec.json.decode(kept, type=list[DraftFile]) if kept else []
        except (msgspec.MsgspecError, ValueError, RecursionError):
            files = []
        self._going = [PendingAttachment(file.path, file.named) for file in files[:MOST]]
        for going in self._going:
            self._chat.prompt.take_name(going.named)
            self._begin_reading(going)
        self._show()

    # -- reading --------------------------------------------------------------------------------------------------

    def _begin_reading(self, going: PendingAttachment) -> Worker[None]:
        worker = self._chat.do(self._read(going))
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
        self.foresee()

    async def contents(
        self, taken: Sequence[PendingAttachment], text: str, *, checked: bool = True
    ) -> list[Attachment]:
        """What is in them now. Raises `AttachmentRefused` for one that cannot be sent, or, unless it is not `checked`,
        not to the model that would be asked in the conversation in view."""
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
        if checked and any(file.is_image for file in found):
            refuse_images(await self._context(text, found), [file.name for file in found if file.is_image])
        return found

    # -- what is told ---------------------------------------------------------------------------------------------

    def foresee(self) -> None:
        """Estimate again what the next question costs."""
        self._asked += 1
        self._chat.do(self._foresee(self._asked))

    async def _foresee(self, number: int) -> None:
        if number != self._asked:
            # More was written since.
            return
        text = self._chat.prompt.draft
        files = [going.file for going in self._going if going.file is not None]
        self._foreseen = None
        told = self._chat.prompt.command_argument(text) if text.startswith("/") else ""
        if files or (text.strip() and not text.startswith("/")):
            try:
                self._foreseen = await self._context(text, files)
            except ChatTuiError:
                # The question itself will meet it and tell.
                pass
        if number != self._asked:
            return
        if self._chat.rivals:
            told = await self.costs_of_all(self._chat.rivals, text)
            if number != self._asked:
                return
        elif (context := self._foreseen) is not None:
            both = " for both answers" if context.quick else ""
            price = f"{words.about_cost(context.price)}{both}" if context.price else ""
            told = " · ".join(filter(None, [f"{words.tokens(context.tokens, True)} tokens", price]))
        self._chat.tell_foreseen(told)
        self._show()

    async def costs_of_all(self, models: Sequence[str], text: str) -> str:
        """What the answers of several models to these words may cost, such as `≈12 tokens · ≈$0.02 for 3`."""
        chat = self._chat
        if chat.engine is None or not models:
            return ""
        try:
            prices = await chat.engine.estimates.prices(
                chat.asked_in,
                text,
                models,
                chat.settings(),
                attachments=[going.file for going in self._going if going.file is not None],
            )
        except ChatTuiError:
            # The question itself will meet it and tell.
            return ""
        costs = words.about_cost(prices.dollars)
        if prices.unknown:
            costs = f"{costs} and more" if prices.dollars else "price not known"
        return f"{words.tokens(prices.tokens, True)} tokens · {costs} for {len(models)}"

    async def _context(self, text: str, files: Sequence[Attachment]) -> Context | None:
        chat = self._chat
        if chat.engine is None:
            return None
        return await chat.engine.estimates.estimate(chat.asked_in, text, chat.settings(), attachments=files)

    def _show(self) -> None:
        if not self._going:
            if self._line is not None:
                self._line.display = False
            return
        if self._line is None:
            self._line = AttachmentsLine()
            self._chat.put_above_prompt(self._line)
        context = self._foreseen
        no_images = context is not None and (context.images is False or not context.model)
        self._line.show(self._going, no_images=no_images)


class _NotThere(AttachmentRefused):
    """There is no such file."""


def refuse_images(context: Context | None, names: Sequence[str]) -> None:
    """Raises `AttachmentRefused` where the model that would be asked takes none."""
    if context is None or (context.model and context.images is not False):
        return
    who = (
        clean_line(context.model, 100) + " takes no images"
        if context.model
        else "The current model does not accept images"
    )
    raise AttachmentRefused(
        f"{who}; nothing was sent.", f"Choose one that does with Ctrl+O, or /detach {clean_line(names[0], 60)}."
    )


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
    going.error, going.file, going.stamp = None, None, stamp
    try:
        going.file = attachment.read(Path(going.path))
        going.tokens = attachment_tokens(going.file)
    except AttachmentRefused as error:
        going.error = error


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))
