"""The engine, which is opened behind the first paint."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat_tui.engine.engine import Engine


class PendingEngine:
    """The engine, to be waited for until it is open."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        """None until it is there."""
        self._opened = asyncio.Event()

    def announce(self) -> None:
        """The conversation of the last end is back: everything that waits for the engine goes on."""
        self._opened.set()

    async def wait(self) -> Engine:
        """The engine, as soon as it is open."""
        await self._opened.wait()
        assert self.engine is not None
        return self.engine
