"""Access to the engine, which opens after the first paint."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine


class PendingEngine:
    """Holds the engine once it is open, and lets others wait for it."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        """None until it is open."""
        self._opened = asyncio.Event()

    def announce(self) -> None:
        """Let everything that waits for the engine continue; called once the last conversation is restored."""
        self._opened.set()

    async def wait(self) -> Engine:
        """Wait until the engine is open, and return it."""
        await self._opened.wait()
        assert self.engine is not None
        return self.engine
