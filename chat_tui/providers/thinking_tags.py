"""Tells thinking from answer where a model writes `<think>…</think>` into its text, with tags cut anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from chat_tui.chunks import TokenKind

_OPENINGS = ("<think>", "<thinking>")
BLANKS_LIMIT = 64
"""Blank characters before a tag; after more of them it is no beginning."""


class ThinkingTags:
    """Only a tag at the very beginning of a text counts: later ones are somebody writing about tags.

    Newlines right behind a tag belong to the tag.
    """

    def __init__(self) -> None:
        self._held = ""
        self._closing = ""
        self._begun = False
        self._behind_tag = False

    def feed(self, piece: str) -> Iterator[tuple[str, TokenKind]]:
        """The parts of the text that are decided now."""
        if self._begun and not self._closing:
            yield from self._behind(piece, "text")
            return
        text = self._held + piece
        self._held = ""
        if not self._begun:
            bare = text.lstrip()
            few = len(text) - len(bare) <= BLANKS_LIMIT
            opening = next((tag for tag in _OPENINGS if bare.startswith(tag)), None)
            if opening and few:
                self._begun, self._closing, self._behind_tag = True, opening.replace("<", "</"), True
                text = bare[len(opening) :]
            elif few and (not bare or any(tag.startswith(bare) for tag in _OPENINGS)):
                self._held = text
                return
            else:
                self._begun = True
                yield text, "text"
                return
        yield from self._thinking(text)

    def _behind(self, text: str, kind: TokenKind) -> Iterator[tuple[str, TokenKind]]:
        if self._behind_tag:
            text = text.lstrip("\n")
            self._behind_tag = not text
        if text:
            yield text, kind

    def _thinking(self, text: str) -> Iterator[tuple[str, TokenKind]]:
        before, tag, after = text.partition(self._closing)
        if tag:
            self._closing = ""
            yield from self._behind(before, "thinking")
            self._behind_tag = True
            yield from self._behind(after, "text")
            return
        # The end of the text may be the beginning of the closing tag.
        for length in range(min(len(self._closing) - 1, len(text)), 0, -1):
            if self._closing.startswith(text[-length:]):
                self._held = text[-length:]
                text = text[:-length]
                break
        yield from self._behind(text, "thinking")

    def rest(self) -> Iterator[tuple[str, TokenKind]]:
        """What was held, at the end of the text."""
        if self._held:
            held, self._held = self._held, ""
            yield held, "thinking" if self._closing else "text"
