"""The answers that pages have asked for: they run on without a page, for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.conversations.places import Places
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.steps import cancel_steps, current_of, have_ended
from chat_tui.web.presence.call_notes import CallNoteWriter

LOOK_SECONDS = 0.25
"""Time between two looks for whether a page is open."""
JOIN_SECONDS = 10.0
"""Time that the page has to open its stream after its question."""
LINGER_SECONDS = 10.0
"""Time for which an answer that has ended can still be followed from its beginning."""
PAUSE_SECONDS = 600.0
"""Longest pause of an answer, which holds a connection to its model; it then ends, and can be continued."""
SIGN_SECONDS = 2.0
"""Time between two signs that this worker gives of its open pages while other workers have answers."""
_SIGN_KEY = "web page open"
"""Place key: when a worker has had an open page last, in seconds since 1970."""


class PageAnswers:
    """Keeps the answers of pages until nobody needs them any more; used within one event loop."""

    def __init__(
        self, orphan_seconds: float, *, join_seconds: float = JOIN_SECONDS, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        self._orphan_seconds, self._join_seconds, self._pause_seconds = orphan_seconds, join_seconds, pause_seconds
        self._answers: dict[str, Answer] = {}
        """The last one of each conversation, also shortly after its end."""
        self._pages = 0
        self._left = 0.0
        """When the last open page went."""
        self._signed = 0.0

    @contextmanager
    def open_page(self) -> Iterator[None]:
        """Count a page that is open: while there is one, no answer is without a page."""
        self._pages += 1
        try:
            yield
        finally:
            self._pages -= 1
            self._left = time.time()

    def of(self, conversation_id: str) -> Sequence[Answer]:
        """Return the answer of a conversation that a page has asked for last, if it runs or has just ended."""
        answer = self._answers.get(conversation_id)
        return [] if answer is None else [answer]

    def add(self, answer: Answer) -> None:
        """Keep an answer that a page has asked for."""
        self._answers[answer.conversation_id] = answer

    async def watch(self, engine: Engine, answer: Answer) -> None:
        """Wait for an answer's end; cancel it when no page was open for too long, or it was paused for too long. If its
        conversation is private, it is cancelled with that, and nothing of it is written for other workers."""
        try:
            await self._wait_until_unneeded(engine, answer)
            await cancel_steps(answer)
        finally:
            # A page that comes a moment late still sees all of it.
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._drop, answer)

    async def _wait_until_unneeded(self, engine: Engine, answer: Answer) -> None:
        """Return when the answer has ended or was paused for too long, or no page of any worker was open for `[web]
        orphan_seconds`. Meanwhile its tool calls are noted for other workers."""
        notes = CallNoteWriter(engine.places, answer)
        try:
            await self._watch_pages(engine, answer, notes)
        finally:
            await notes.clear()

    async def _watch_pages(self, engine: Engine, answer: Answer, notes: CallNoteWriter) -> None:
        is_private = engine.conversations.is_private(answer.conversation_id)
        began, paused_from = time.time(), None
        while not have_ended(answer):
            paused_from = (paused_from or time.time()) if current_of(answer).paused else None
            if paused_from is not None and time.time() > paused_from + self._pause_seconds:
                return
            if not is_private:
                known = engine.conversations.cache.get(answer.conversation_id)
                await notes.update(known.title if known is not None else "")
                if await self._is_alone(engine, began):
                    return
            await asyncio.sleep(LOOK_SECONDS)

    async def _is_alone(self, engine: Engine, began: float) -> bool:
        """Return whether no page was open for too long."""
        seen = self._left if self._left > began else began + self._join_seconds
        if self._pages or time.time() <= seen + self._orphan_seconds:
            return False
        return time.time() > max(seen, await _last_sign(engine.places)) + self._orphan_seconds

    def _drop(self, answer: Answer) -> None:
        if self._answers.get(answer.conversation_id) is answer:
            del self._answers[answer.conversation_id]

    async def sign(self, places: Places) -> None:
        """Tell other workers that a page is open here, which may be that of their answers."""
        if time.time() - self._signed >= SIGN_SECONDS:
            self._signed = time.time()
            await places.set(_SIGN_KEY, f"{self._signed:.1f}")


async def _last_sign(places: Places) -> float:
    """Return until when a sign of another worker counts."""
    with suppress(ValueError):
        return float(await places.get(_SIGN_KEY)) + 2 * SIGN_SECONDS
    return 0.0
