"""What readers of a stream do where text turns out to be thinking, or thinking to be the answer."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from chat_tui.chunks import Chunk, Metadata, Token, TokenKind


def moved(text: str, thinking: str, told: Metadata) -> tuple[str, str]:
    """Text and thinking after a `reclassified` chunk: the last characters of the one stand behind the other."""
    if told.kind == "text":
        place = max(0, len(thinking) - told.characters)
        return text + thinking[place:], thinking[:place]
    place = max(0, len(text) - told.characters)
    return text[:place], thinking + text[place:]


def retyped(chunks: Sequence[Chunk], told: Metadata) -> list[Chunk]:
    """Chunks that nobody has seen yet, with the last characters of the one kind as the other."""
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
