"""Notices, while pages are open, what changes in the history, and which browsers are signed in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from chat_tui.core.conversation import HistoryState
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.answer_controls import PAUSED_PREFIX
from chat_tui.web.presence.call_notes import NOTE_PREFIX
from chat_tui.web.presence.comparisons import COMPARISON_PREFIX
from chat_tui.web.presence.page_answers import PageAnswers
from chat_tui.web.presence.question_queues import QUEUE_PREFIX
from chat_tui.web.sign_in.sign_ins import SignIns

LOOK_SECONDS = 0.4
"""Time between two looks at the history."""
NOTES_PREFIXES = (NOTE_PREFIX, PAUSED_PREFIX, QUEUE_PREFIX, COMPARISON_PREFIX)
"""Begin the keys of the places with what processes note about their answers, and what waits for their end."""


class HistoryMonitor:
    """Looks at the history for all open pages of this process at once; it looks at nothing while none is open."""

    def __init__(self, page_answers: PageAnswers, sign_ins: SignIns) -> None:
        self._page_answers, self._sign_ins = page_answers, sign_ins
        self._followed: Counter[str] = Counter()
        self._watchers = 0
        self._looking: asyncio.Task[None] | None = None
        self._hurry, self._changed = asyncio.Event(), asyncio.Event()
        self.changes = 0
        """Number of changes that were noticed so far."""
        self.state = HistoryState()
        """The history as it was seen last."""

    @contextmanager
    def watching(self, engine: Engine, conversations: Collection[str]) -> Iterator[None]:
        """Keep `state` current, with the marks of these conversations."""
        self._watchers += 1
        self._followed.update(conversations)
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._look(engine))
        try:
            yield
        finally:
            self._watchers -= 1
            self._followed.subtract(conversations)
            self._followed = +self._followed
            if not self._watchers and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def look_now(self, engine: Engine) -> None:
        """Look at the history at once."""
        before = self.state
        self.state = await engine.conversations.changes.look(
            self.state, tuple(self._followed), notes_prefixes=NOTES_PREFIXES
        )
        if before != self.state:
            self._tell()

    def _tell(self) -> None:
        self.changes += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def hurry(self) -> None:
        """Look soon: something has changed in this process."""
        self._hurry.set()

    async def wait(self, seconds: float, since: int) -> None:
        """Wait for a change after the one with this number, for this long at most."""
        if self.changes != since:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _look(self, engine: Engine) -> None:
        edition = self._sign_ins.edition
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._hurry.wait()
            hurried = self._hurry.is_set()
            self._hurry.clear()
            await self.look_now(engine)
            await self._sign_ins.look()
            if self.state.running or self.state.notes:
                await self._page_answers.sign(engine.places)
            if hurried or edition != self._sign_ins.edition:
                edition = self._sign_ins.edition
                self._tell()
