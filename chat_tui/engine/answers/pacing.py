"""Slow typing for demonstrations: what is shown of an answer waits after each token, the answer itself does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from chat_tui.config.schema import Display
from chat_tui.core.chunks import Chunk, Token


class TypingPace:
    """Paces one answer as `[display]` says. Once `hurry` is set, the rest is shown at once."""

    def __init__(self, display: Display, hurry: asyncio.Event | None = None) -> None:
        self._delay_seconds = display.typing_delay_seconds
        self._hurry = hurry or asyncio.Event()
        self.is_typing = False
        """Whether text that has arrived is still to be shown."""

    @property
    def is_slow(self) -> bool:
        """A delay is configured."""
        return self._delay_seconds > 0

    def skip(self) -> bool:
        """Show the rest at once; False when nothing is being typed."""
        self._hurry.set()
        return self.is_typing

    def follow(self, chunks: AsyncIterator[Chunk], known: int = 0) -> AsyncIterator[Chunk]:
        """Return the chunks, with a delay after each token; the first `known` chunks come at once."""
        return self._type(chunks, known) if self.is_slow else chunks

    async def _type(self, chunks: AsyncIterator[Chunk], known: int) -> AsyncIterator[Chunk]:
        self.is_typing = True
        try:
            async for chunk in chunks:
                yield chunk
                known -= 1
                if known < 0 and isinstance(chunk, Token) and not self._hurry.is_set():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._hurry.wait(), self._delay_seconds)
        finally:
            self.is_typing = False
