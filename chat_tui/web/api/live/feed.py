"""`GET /api/events`: one stream of all that a page shows, of as many answers as it likes.

Nothing is queued for a reader: each round takes what is new since the last one, so that a reader who stood still gets
one large event instead of many small ones, and holds no memory meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chat_tui.core.conversation import HistoryState
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.steps import answers_so_far
from chat_tui.web.api.event_stream import wait_for_disconnect
from chat_tui.web.api.events import to_sse
from chat_tui.web.api.html_events import RENDER_SECONDS
from chat_tui.web.api.live.answer_reader import AnswerReader, parse_position
from chat_tui.web.api.live.events import (
    AnswerBatch,
    AnswerEvent,
    ChangedEvent,
    ListEvent,
    LiveEvent,
    QueueEvent,
    ReadyEvent,
    RunningEvent,
    shown_questions,
)
from chat_tui.web.api.schemas import parse_query
from chat_tui.web.presence.call_notes import NOTE_PREFIX
from chat_tui.web.presence.comparisons import COMPARISON_PREFIX, without_compared
from chat_tui.web.presence.question_queues import QUEUE_PREFIX, decode_queue
from chat_tui.web.presence.running_answers import RunningAnswer, answers_here, running_answers
from chat_tui.web.sign_in.cookie import PROOF_HEADER, ids_in
from chat_tui.web.state import AppState, state_of

FOLLOWED_LIMIT = 50
"""Maximum number of conversations that one stream follows."""
_PING = b": ping\n\n"


class FeedQuery(msgspec.Struct, frozen=True):
    """Parameters of the URL."""

    follow: Annotated[str, Meta(max_length=10_000)] = ""
    """Ids of the conversations whose answers are sent, separated by commas; each with `~` and the `at` of the last
    batch, if a stream is to go on where another one has ended. `ID!TURN` follows one answer of a comparison."""


class FollowedConversation:
    """A conversation that a stream follows, and how far."""

    def __init__(self, text: str) -> None:
        name, _, at = text.partition("~")
        self.id, _, self.answer = name.partition("!")
        """Id of the conversation, and of the only answer of a comparison that is followed; empty: those that are not
        compared."""
        self.position = parse_position(at) if at else None
        self.reader: AnswerReader | None = None
        self._known = {self.position.turn} if self.position is not None and self.position.chunks < 0 else set[str]()
        """Turns of answers that are or were read."""

    def begin_reading(
        self, engine: Engine, asked: Sequence[Answer], running: Sequence[Answer], compared: Sequence[Answer]
    ) -> None:
        """Read the next answer, if there is one: those that pages have asked for from their first one on. `compared`
        are the answers of the conversation's comparison."""
        if self.answer:
            asked, running = [answer for answer in compared if answer.turn.id == self.answer], ()
        running = without_compared(running, compared)
        covered = {step.turn.id for first in asked for step in answers_so_far(first)}
        mine = [answer for answer in running if answer.conversation_id == self.id]
        for answer in [*asked, *(each for each in mine if each.turn.id not in covered)]:
            if not any(step.turn.id in self._known for step in answers_so_far(answer)):
                self.reader = AnswerReader(engine, answer, self.position)
                self.position = None
                return

    async def read(self) -> Sequence[AnswerEvent]:
        """Return what is new of the answer that is read."""
        if self.reader is None:
            return []
        events = await self.reader.read()
        self._known |= self.reader.turns
        self.position = self.reader.position
        if self.reader.ended:
            self.reader = None
        return events


async def follow_events(request: Request) -> Response:
    """Send what changes, and the answers of the followed conversations, until the client goes."""
    asked, state = parse_query(request, FeedQuery), state_of(request)
    engine = await state.engine()
    followed = [FollowedConversation(text) for text in asked.follow.split(",")[:FOLLOWED_LIMIT] if text]
    return PageFeed(state, engine, followed, request.headers)


class PageFeed(Response):
    """The stream of one page, or of all pages of a browser."""

    media_type = "text/event-stream"

    def __init__(
        self, state: AppState, engine: Engine, followed: Sequence[FollowedConversation], given: Headers
    ) -> None:
        super().__init__(None, 200, {"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._state, self._engine, self._followed = state, engine, followed
        self._given = given
        """The headers of the request."""
        self._checked, self._edition = monotonic(), state.sign_ins.edition
        self._names = tuple({each.id for each in followed if not engine.conversations.is_private(each.id)})
        self._private = tuple({each.id for each in followed if each.id in state.private})
        self._list_mark = 0
        self._marks: dict[str, object] = {}
        self._queues: dict[str, QueueEvent] = {}
        self._running: tuple[RunningAnswer, ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream until the client disconnects or the server stops."""
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(wait_for_disconnect(receive))
        try:
            await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        except OSError:
            # Some servers tell so that the client has gone.
            pass
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.wait([sending, leaving])

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        monitor, wrote = self._state.monitor, monotonic()
        with (
            self._state.page_answers.open_page(),
            self._state.private.following(self._private),
            monitor.watching(self._engine, self._names),
        ):
            await monitor.look_now(self._engine)
            seen = monitor.changes
            self._list_mark = monitor.state.list_mark
            self._marks = {name: _mark_of(name, monitor.state) for name in self._names}
            self._running = running_answers(self._engine, monitor.state, self._private)
            body = to_sse(
                [ReadyEvent(), RunningEvent(self._running), *await self._read_queues(), *await self._read_answers()]
            )
            while True:
                if body:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                    wrote = monotonic()
                is_reading = any(each.reader is not None for each in self._followed)
                if (self._state.has_stopped and not is_reading) or not await self._is_signed_in():
                    break
                await monitor.wait(RENDER_SECONDS if is_reading else self._state.ping_seconds, seen)
                seen = monitor.changes
                body = to_sse([*self._changes(), *await self._read_queues(), *await self._read_answers()])
                if not body and monotonic() - wrote >= self._state.ping_seconds:
                    body = _PING
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _is_signed_in(self) -> bool:
        """Return whether the client may still read: its sign-in may have ended since."""
        edition = self._state.sign_ins.edition
        is_fresh = edition == self._edition and monotonic() - self._checked < self._state.ping_seconds
        if is_fresh or "authorization" in self._given:
            return True
        self._checked, self._edition = monotonic(), edition
        proof = self._given.get(PROOF_HEADER, "")
        for id in ids_in(self._given):
            if await self._state.sign_ins.is_valid(id, proof):
                return True
        return False

    def _changes(self) -> Iterator[LiveEvent]:
        """Yield what differs from what was told last."""
        state = self._state.monitor.state
        running = running_answers(self._engine, state, self._private)
        if running != self._running:
            self._running = running
            yield RunningEvent(running)
        if state.list_mark != self._list_mark:
            self._list_mark = state.list_mark
            yield ListEvent()
        marks = {name: _mark_of(name, state) for name in self._names if name in state.marks}
        for name, mark in marks.items():
            if mark != self._marks.get(name, mark):
                yield ChangedEvent(name)
        self._marks |= marks

    async def _read_queues(self) -> Sequence[LiveEvent]:
        """Return the queues that have changed."""
        told = list[LiveEvent]()
        for name in dict.fromkeys(each.id for each in self._followed):
            if name in self._names:
                queue = decode_queue(self._state.monitor.state.notes.get(QUEUE_PREFIX + name, ""))
            elif name in self._state.private:
                queue = await self._state.queues.queue_of(self._engine.places, name).read()
            else:
                continue
            event = QueueEvent(name, shown_questions(queue), self._state.queues.is_held(name, queue), queue.problem)
            if event != self._queues.get(name):
                told.append(event)
            self._queues[name] = event
        return told

    async def _read_answers(self) -> Sequence[LiveEvent]:
        running, batches = answers_here(self._engine, self._private), list[LiveEvent]()
        for place, each in enumerate(self._followed):
            if each.reader is None and each.id in (*self._names, *self._private):
                compared = self._state.comparisons.answers(each.id)
                each.begin_reading(self._engine, self._state.page_answers.of(each.id), running, compared)
            if events := await each.read():
                batches.append(AnswerBatch(each.id, place, list(events), str(each.position)))
        return batches


def _mark_of(name: str, state: HistoryState) -> object:
    """Return what differs when a conversation was changed; that a note is renewed is no change."""
    calls = state.notes.get(NOTE_PREFIX + name, "").partition(" ")[2]
    return state.marks.get(name), calls, state.notes.get(COMPARISON_PREFIX + name, "")
