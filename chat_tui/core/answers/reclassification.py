"""Moves the end of an answer from text to thinking, or back, as a `reclassified` chunk says."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from chat_tui.core.chunks import Chunk, Metadata, Token, TokenKind


def reclassify(text: str, thinking: str, told: Metadata) -> tuple[str, str]:
    """Return text and thinking after a `reclassified` chunk: the end of one is moved to the end of the other."""
    if told.kind == "text":
        place = max(0, len(thinking) - told.characters)
        return text + thinking[place:], thinking[:place]
    place = max(0, len(text) - told.characters)
    return text[:place], thinking + text[place:]


def reclassify_chunks(chunks: Sequence[Chunk], told: Metadata) -> list[Chunk]:
    """Return chunks that were not sent yet, with the last characters of one kind changed to the other."""
    kind: TokenKind = "text" if told.kind == "text" else "thinking"
    left, changed = told.characters, list[Chunk]()
    for chunk in reversed(chunks):
        if not left or not isinstance(chunk, Token) or chunk.kind == kind:
            changed.append(chunk)
            continue
        size = len(chunk.token)
        moves = min(left, size)
        left -= moves
        changed.append(replace(chunk, kind=kind, token=chunk.token[size - moves :]))
        if moves < size:
            changed.append(replace(chunk, token=chunk.token[: size - moves]))
    return changed[::-1]
