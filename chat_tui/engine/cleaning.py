"""Cleans long texts without blocking the event loop."""

from __future__ import annotations

import asyncio

from chat_tui.core.text.control_characters import StreamCleaner, clean

PIECE = 16_384
"""Characters that are cleaned at once: a third of a millisecond, in the worst case two."""


async def clean_in_pieces(text: str) -> str:
    """Return the text as `clean` does, letting other tasks run in between."""
    if len(text) <= PIECE:
        return clean(text)
    cleaner, pieces = StreamCleaner(), list[str]()
    for start in range(0, len(text), PIECE):
        pieces.append(cleaner.feed(text[start : start + PIECE]))
        await asyncio.sleep(0)
    return "".join((*pieces, cleaner.rest()))
