"""What goes with the questions of a person: what they have asked to remember, and the notes of their folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from chat_tui.config.memory.folder_notes import FolderMemory, FolderNotes
from chat_tui.config.memory.memory_file import sent_text
from chat_tui.config.memory.user_memory import MemoryLine, UserMemory
from chat_tui.core.errors import ChatTuiError, CommandError, ConfigError, Notice
from chat_tui.core.text.memory_text import MemoryText
from chat_tui.core.usage.token_estimate import memory_tokens

T = TypeVar("T")

FolderUse = Literal["none", "on", "off", "offered"]
"""Whether the notes of the folder are sent; `none`: there are none."""


class FolderOffer(msgspec.Struct, frozen=True):
    """The notes of the folder, and whether they are sent."""

    use: FolderUse
    file: Path | None = None
    text: str = ""
    """As it is sent."""
    tokens: int = 0
    """Estimated."""
    has_changed: bool = False
    """Whether the user has decided about an earlier content of the file."""

    @property
    def title(self) -> str:
        """The offer in a few words."""
        name = self.file.name if self.file is not None else ""
        return f"{name} of this folder has changed" if self.has_changed else f"This folder has notes: {name}"


class MemoryView(msgspec.Struct, frozen=True):
    """All of the memory, to be read."""

    file: Path | None
    """The user's file; None: nothing is remembered here."""
    text: str
    """Of the user's file, as it is sent."""
    tokens: int
    """Estimated tokens of the user's file."""
    folder: FolderOffer


class Memory:
    """The memory of an engine. Its files are read for each question, so that changes count at once."""

    def __init__(
        self,
        tell: Callable[[ChatTuiError], None] = lambda error: None,
        *,
        user: UserMemory | None = None,
        folder: FolderMemory | None = None,
    ) -> None:
        """Without `user` nothing is remembered, and nothing is sent; without `folder` there are no notes."""
        self._tell, self._user, self._folder = tell, user, folder
        self._told: set[str] = set()

    @property
    def file(self) -> Path | None:
        """The user's file; None: nothing is remembered here."""
        return self._user.file if self._user is not None else None

    async def texts(self) -> tuple[MemoryText, ...]:
        """Return what is sent now, the user's own first. A file that cannot be used is reported once."""
        if self._user is None:
            return ()
        return await asyncio.to_thread(self._read_texts, self._user)

    def _read_texts(self, user: UserMemory) -> tuple[MemoryText, ...]:
        own = self._report(lambda: sent_text(user.read()), "")
        texts = [MemoryText(user.file.name, own)] if own else []
        folder = self._folder
        notes = self._report(lambda: folder.read_allowed(self._tell_change), None) if folder is not None else None
        if notes is not None:
            texts.append(MemoryText(notes.file.name, notes.text, of_folder=True))
        return tuple(texts)

    def _tell_change(self, notes: FolderNotes) -> None:
        if notes.digest not in self._told:
            self._told.add(notes.digest)
            self._tell(
                Notice(
                    f"{notes.file.name} of this folder has changed, so it is not sent any more.",
                    "In a conversation, /memory shows it, and /memory folder on sends it as it is now.",
                )
            )

    def _report(self, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except ConfigError as error:
            if error.title not in self._told:
                self._told.add(error.title)
                self._tell(error)
            return otherwise

    async def view(self) -> MemoryView:
        """Return all of it. Raises `ConfigError` if a file cannot be used."""
        text = sent_text(await asyncio.to_thread(self._user.read)) if self._user is not None else ""
        tokens = memory_tokens(MemoryText("", text)) if text else 0
        return MemoryView(self.file, text, tokens, await self.folder())

    # -- the user's file ------------------------------------------------------------------------------------------

    async def remember(self, words: str) -> bool:
        """Add a line to the user's file; False if it is there already. Raises `CommandError`, `ConfigError`."""
        return await asyncio.to_thread(self._own().add, words)

    async def find(self, words: str) -> Sequence[MemoryLine]:
        """Return the lines of the user's file with these words. Raises `CommandError`, `ConfigError`."""
        return await asyncio.to_thread(self._own().find, words)

    async def forget(self, lines: Sequence[MemoryLine]) -> Sequence[MemoryLine]:
        """Remove lines of the user's file, and return those that were there. Raises `CommandError`, `ConfigError`."""
        return await asyncio.to_thread(self._own().remove, lines)

    async def restore(self, lines: Sequence[MemoryLine]) -> None:
        """Put back what `forget` has returned. Raises `CommandError`, `ConfigError`."""
        await asyncio.to_thread(self._own().restore, lines)

    def _own(self) -> UserMemory:
        if self._user is None:
            raise CommandError("Nothing is remembered in a private session.", "Start chat-tui without --private.")
        return self._user

    # -- the folder's notes ---------------------------------------------------------------------------------------

    async def folder(self) -> FolderOffer:
        """Return the notes of the folder, and whether they are sent. Raises `ConfigError` if they cannot be used."""
        return (await asyncio.to_thread(self._look))[0]

    async def new_offer(self) -> FolderOffer | None:
        """Return notes that the user has neither decided about nor heard of; from then on they have heard of them.

        Raises `ConfigError` if there are notes that cannot be used."""
        offer, notes = await asyncio.to_thread(self._look)
        if notes is None or offer.use != "offered" or self._folder is None:
            return None
        if await asyncio.to_thread(self._folder.decision, notes) is not None:
            return None
        has_changed = await asyncio.to_thread(self._folder.was_decided, notes)
        await asyncio.to_thread(_decide, self._folder, notes, "offered")
        return msgspec.structs.replace(offer, has_changed=has_changed)

    async def use_folder(self, use: bool) -> FolderOffer:
        """Send the notes of the folder as they are now, or no longer. Raises `CommandError` where there are none,
        `ConfigError`."""
        offer, notes = await asyncio.to_thread(self._look)
        if notes is None or self._folder is None:
            raise CommandError("This folder has no notes.", "They would be in .chat-tui.md or AGENTS.md.")
        await asyncio.to_thread(_decide, self._folder, notes, "on" if use else "off")
        return msgspec.structs.replace(offer, use="on" if use else "off")

    def _look(self) -> tuple[FolderOffer, FolderNotes | None]:
        notes = self._folder.read() if self._folder is not None and self._user is not None else None
        if notes is None or self._folder is None:
            return FolderOffer("none"), None
        tokens = memory_tokens(MemoryText(notes.file.name, notes.text, of_folder=True))
        return FolderOffer(self._folder.decision(notes) or "offered", notes.file, notes.text, tokens), notes


def _decide(folder: FolderMemory, notes: FolderNotes, decision: Literal["on", "off", "offered"]) -> None:
    try:
        folder.decide(notes, decision)
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(f"The decision about {notes.file.name} could not be saved: {why}.", "Try again.") from error
