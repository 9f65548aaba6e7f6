"""The answers that pages have asked for: they run on without a page, for a time, and can be stopped from anywhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.answers.tool_round import Decision, StopCalls
from chat_tui.engine.conversations.places import Places
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.decision_relay import DecisionRelay, apply_decision
from chat_tui.engine.tools.steps import cancel_steps, have_ended, saved_answers
from chat_tui.web.presence.call_notes import CallNoteWriter

LOOK_SECONDS = 0.25
"""Time between two looks for whether a page is open."""
JOIN_SECONDS = 10.0
"""Time that the page has to open its stream after its question."""
LINGER_SECONDS = 10.0
"""Time for which an answer that has ended can still be followed from its beginning."""
SIGN_SECONDS = 2.0
"""Time between two signs that this worker gives of its open pages while other workers have answers."""
_SIGN_KEY = "web page open"
"""Place key: when a worker has had an open page last, in seconds since 1970."""


class PageAnswers:
    """Keeps the answers of pages until nobody needs them any more; used within one event loop."""

    def __init__(self, orphan_seconds: float, *, join_seconds: float = JOIN_SECONDS) -> None:
        self._orphan_seconds, self._join_seconds = orphan_seconds, join_seconds
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
        """Wait for an answer's end; cancel it when no page was open for too long, or another worker says so. A private
        one is cancelled with its conversation, and nothing of it is written for other workers."""
        if engine.conversations.is_private(answer.conversation_id):
            async for _ in saved_answers(answer):
                pass
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._drop, answer)
            return

        def decide(call_id: str, decision: Decision) -> bool:
            if isinstance(decision, StopCalls) and not call_id:
                stopping.set()
                return not have_ended(answer)
            return apply_decision(engine.tools.rounds(answer.conversation_id), call_id, decision)

        stopping = asyncio.Event()
        async with DecisionRelay(engine.places).receiving(answer.conversation_id, decide):
            alone = asyncio.ensure_future(self._wait_until_alone(engine, answer))
            asked = asyncio.ensure_future(stopping.wait())
            try:
                await asyncio.wait([alone, asked], return_when=asyncio.FIRST_COMPLETED)
                await cancel_steps(answer)
            finally:
                for waiting in (alone, asked):
                    waiting.cancel()
                await asyncio.wait([alone, asked])
                # A page that comes a moment late still sees all of it.
                asyncio.get_running_loop().call_later(LINGER_SECONDS, self._drop, answer)

    async def _wait_until_alone(self, engine: Engine, answer: Answer) -> None:
        """Return when the answer has ended, or no page of any worker was open for `[web] orphan_seconds`. Meanwhile its
        tool calls are noted for other workers."""
        notes = CallNoteWriter(engine.places, answer)
        try:
            await self._watch_pages(engine, answer, notes)
        finally:
            await notes.clear()

    async def _watch_pages(self, engine: Engine, answer: Answer, notes: CallNoteWriter) -> None:
        began = time.time()
        while not have_ended(answer):
            known = engine.conversations.cache.get(answer.conversation_id)
            await notes.update(known.title if known is not None else "")
            seen = self._left if self._left > began else began + self._join_seconds
            if not self._pages and time.time() > seen + self._orphan_seconds:
                seen = max(seen, await _last_sign(engine.places))
                if time.time() > seen + self._orphan_seconds:
                    return
            await asyncio.sleep(LOOK_SECONDS)

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


async def stop_answers(engine: Engine, conversation_id: str) -> bool:
    """Stop what runs of a conversation in this process; False if nothing does."""
    running = engine.running(conversation_id)
    rounds = engine.tools.rounds(conversation_id)
    for round in rounds:
        round.stop()
    await asyncio.gather(*(answer.cancel() for answer in running))
    return bool(running or rounds)
