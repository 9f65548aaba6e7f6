"""The text of a streaming turn as it comes, by kind: what is to be worked in, and what was."""

from __future__ import annotations

from collections import deque

from chat_tui.core.chunks import TokenKind
from chat_tui.core.conversation import Turn
from chat_tui.markdown.plain_text import PlainSplitter
from chat_tui.markdown.splitter import BlockSplitter
from chat_tui.tui.transcript.model.parts import TextKind, has_markdown

SLICE_CHARACTERS = 2_000
"""Of text that has come, so many are worked in at once: at most some milliseconds, also where each is a line."""
PIECE_CHARACTERS = 64_000
"""A longer piece of text is cut when it comes, so that no slice copies megabytes."""


def new_splitter(turn: Turn) -> BlockSplitter | PlainSplitter:
    """Return what splits a turn's text: answers are Markdown."""
    return BlockSplitter() if has_markdown(turn.role) else PlainSplitter()


class StreamedText:
    """Text is appended at any speed and taken in slices."""

    __slots__ = ("_worked_in", "behind", "pending")

    def __init__(self) -> None:
        self.pending: deque[tuple[str, TextKind]] = deque()
        """What has come and was not taken."""
        self.behind = 0
        """Its characters."""
        self._worked_in: dict[TokenKind, list[str]] = {"text": [], "thinking": []}

    def append(self, text: str, kind: TextKind) -> None:
        """Add text that has come."""
        if len(text) <= PIECE_CHARACTERS:
            self.pending.append((text, kind))
        else:
            self.pending += (
                (text[start : start + PIECE_CHARACTERS], kind) for start in range(0, len(text), PIECE_CHARACTERS)
            )
        self.behind += len(text)

    def take(self) -> list[tuple[str, TextKind]]:
        """Return the next few characters: as many as take a millisecond or two to be worked in."""
        taken: list[tuple[str, TextKind]] = []
        room = SLICE_CHARACTERS
        while self.pending and room > 0:
            text, kind = self.pending.popleft()
            if len(text) > room:
                self.pending.appendleft((text[room:], kind))
                text = text[:room]
            taken.append((text, kind))
            room -= len(text)
        self.behind -= SLICE_CHARACTERS - room
        return taken

    def record(self, text: str, kind: TokenKind) -> None:
        """Record a text that is worked in."""
        self._worked_in[kind].append(text)

    def worked_in(self, kind: TokenKind) -> str:
        """Return the text as far as it was worked in."""
        return "".join(self._worked_in[kind])

    def whole(self, kind: TokenKind) -> str:
        """Return all of the text that has come."""
        return self.worked_in(kind) + "".join([text for text, of in self.pending if of == kind])

    def replace(self, *, text: str, thinking: str) -> None:
        """Begin again with these, to be worked in; a quick answer that waits still waits."""
        self.forget()
        self.pending = deque(part for part in self.pending if part[1] == "quick")
        self.behind = sum(len(part) for part, _ in self.pending)
        if thinking:
            self.append(thinking, "thinking")
        if text:
            self.append(text, "text")

    def forget(self) -> None:
        """Drop what was worked in."""
        self._worked_in = {"text": [], "thinking": []}
