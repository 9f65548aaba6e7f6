"""Reads an answer as events at its reader's pace: nothing waits for a slow reader, who gets more at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from time import monotonic

import msgspec

from chat_tui.core.chunks import Chunk, End, Token
from chat_tui.engine.answers.answer import Answer
from chat_tui.engine.engine import Engine
from chat_tui.engine.tools.steps import StepChunk, answers_so_far, ask_chunk, result_chunk
from chat_tui.web.api.events import CompletedMessage, EventEncoder, to_camel
from chat_tui.web.api.html_events import GrowingHtml, StatsEvent, html_event, place_event
from chat_tui.web.api.live.events import AnswerEvent, ToolStateEvent

FIGURES_SECONDS = 1.0
"""Time between two events with figures while nothing arrives."""


class ReadingPosition(msgspec.Struct, frozen=True):
    """How far an answer was read, with those that follow its tool calls."""

    turn: str
    """Id of the answer that was read last."""
    chunks: int = 0
    """Of its log; -1 if all that follows was read, too."""
    results: int = 0
    """Of its tool calls."""

    def __str__(self) -> str:
        return f"{self.turn}~{self.chunks}~{self.results}"


def parse_position(text: str) -> ReadingPosition | None:
    """Return the position that `str` has made this of; None if it is none."""
    turn, _, rest = text.partition("~")
    chunks, _, results = rest.partition("~")
    try:
        return ReadingPosition(turn, int(chunks), int(results))
    except ValueError:
        return None


class AnswerReader:
    """Reads an answer with those that follow its tool calls, from its beginning on, or from where it was read before.
    It holds a position in the log of the answer and no events."""

    def __init__(self, engine: Engine, answer: Answer, position: ReadingPosition | None = None) -> None:
        self._engine = engine
        steps = answers_so_far(answer)
        was_at = next((step for step in steps if position is not None and step.turn.id == position.turn), None)
        self._step = _StepReader(engine, answer) if was_at is None else _StepReader(engine, was_at, position)
        self.turns = {step.turn.id for step in steps[: steps.index(self._step.answer) + 1]}
        """Ids of the answers that were read so far."""
        self.ended = False
        """Whether the last event was returned."""

    @property
    def position(self) -> ReadingPosition:
        """How far it has read."""
        return ReadingPosition(self._step.answer.turn.id, -1) if self.ended else self._step.position

    async def read(self) -> Sequence[AnswerEvent]:
        """Return all events since the last call."""
        events: list[AnswerEvent] = []
        while not self.ended:
            events += await self._step.read()
            if not self._step.ended:
                break
            following = self._step.answer.next
            if following is None:
                events += self._step.end_events()
                self.ended = True
            else:
                self._step = _StepReader(self._engine, following)
                self.turns.add(following.turn.id)
        return events


class _StepReader:
    """Reads one answer and its tool calls."""

    def __init__(self, engine: Engine, answer: Answer, position: ReadingPosition | None = None) -> None:
        self.answer = answer
        self.ended = False
        """Whether the answer and its calls have ended, and all but the end was returned."""
        self._engine, self._html = engine, GrowingHtml()
        self._encoder = EventEncoder(answer.conversation_id, metadata=True)
        self._position = self._results = 0
        self._is_placed = position is not None
        self._skipped: Sequence[Chunk] = ()
        """What was read before: it is rendered only so that what follows joins it."""
        if position is not None:
            self._skipped = answer.chunks_from(0)[: max(0, position.chunks)]
            self._position, self._results = len(self._skipped), max(0, position.results)
        self._end: End | None = None
        self._called: tuple[int, str] = (-1, "")
        """Place and state of the call that was told last."""
        self._told_figures = 0.0

    @property
    def position(self) -> ReadingPosition:
        return ReadingPosition(self.answer.turn.id, self._position, self._results)

    def end_events(self) -> Sequence[AnswerEvent]:
        """Return the event of the answer's end."""
        return self._events_of([self._end] if self._end is not None else [])

    async def read(self) -> Sequence[AnswerEvent]:
        events: list[AnswerEvent] = []
        if not self._is_placed:
            self._is_placed = True
            events.append(place_event(self._engine, self.answer))
        if self._skipped:
            await self._skip()
        if self._end is None:
            events += await self._read_text()
        if self._end is not None and not self.ended:
            events += self._read_calls()
        return events

    async def _skip(self) -> None:
        skipped, self._skipped = self._skipped, ()
        if isinstance(skipped[-1], End):
            self._end = skipped[-1]
        else:
            await asyncio.to_thread(self._html.changes, skipped, False)

    async def _read_text(self) -> Sequence[AnswerEvent]:
        chunks = self.answer.chunks_from(self._position)
        self._position += len(chunks)
        if not chunks and monotonic() - self._told_figures < FIGURES_SECONDS:
            return []
        if chunks and isinstance(chunks[-1], End):
            self._end = chunks[-1]
            chunks = chunks[:-1]
        merged = list(_merge_tokens(chunks))
        # Rendering takes milliseconds.
        changes = await asyncio.to_thread(self._html.changes, merged, self._end is not None)
        self._told_figures = monotonic()
        figures = StatsEvent(to_camel(self.answer.figures()))
        return [*self._events_of(merged), *map(html_event, changes), figures]

    def _read_calls(self) -> Sequence[AnswerEvent]:
        round = self.answer.round
        if round is None:
            self.ended = True
            return []
        events: list[AnswerEvent] = []
        for status in round.statuses[self._results :]:
            now = (self._results, status.state)
            if status.state == "asking" and now != self._called:
                events += self._events_of([ask_chunk(status)])
            if status.state == "running" and now != self._called:
                events.append(ToolStateEvent(status.call.id))
            self._called = now
            if status.state != "ended" or status.result is None:
                break
            self._results += 1
            events += self._events_of([result_chunk(status.result)])
        self.ended = round.ended
        return events

    def _events_of(self, chunks: Sequence[StepChunk]) -> list[AnswerEvent]:
        events = map(self._encoder.event_of, chunks)
        return [event for event in events if event is not None and not isinstance(event, CompletedMessage)]


def _merge_tokens(chunks: Sequence[Chunk]) -> Iterator[Chunk]:
    """Yield the chunks with neighbouring tokens of one kind as one, so that all that was missed is short."""
    waiting: list[Token] = []
    for chunk in chunks:
        if isinstance(chunk, Token):
            if waiting and (chunk.kind, chunk.phase) != (waiting[0].kind, waiting[0].phase):
                yield _merged(waiting)
                waiting = []
            waiting.append(chunk)
            continue
        if waiting:
            yield _merged(waiting)
            waiting = []
        yield chunk
    if waiting:
        yield _merged(waiting)


def _merged(tokens: Sequence[Token]) -> Token:
    first = tokens[0]
    return Token("".join(token.token for token in tokens), first.kind, first.index, first.phase)
