"""A running or ended answer: an append-only log of chunks, whose turn is saved whatever the ending.

Faces follow the log from any point, and can stop following without stopping the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from time import monotonic

import msgspec

from chat_tui.core.answers.reclassification import reclassify
from chat_tui.core.chunks import Chunk, End, Error, ErrorInfo, Metadata, Start, State, Token, ToolCallDelta
from chat_tui.core.conversation import STEERED, QuickAnswer, Turn, TurnDelta
from chat_tui.core.route import Route
from chat_tui.core.text.memory_text import MemoryText
from chat_tui.core.tools import ToolCall, new_call_id
from chat_tui.core.usage.stream_stats import LiveStats, StreamStats
from chat_tui.engine.answers.tool_round import ToolOffer, ToolRound
from chat_tui.routing.execution.stream import Stream

FRAME_SECONDS = 0.05
"""The longest time that tokens wait to be sent in one batch."""

_FAULT = ErrorInfo("InternalError", "Internal error in chat-tui.", "Please report it.")

SaveTurn = Callable[[Turn, Route | None], Awaitable[None]]
"""Saves the ended turn and its route."""


class _Reader:
    """A reader that takes the answer in batches."""

    def __init__(self, hold_bytes: int) -> None:
        self.hold_bytes = hold_bytes
        self.waiting_bytes = 0
        """Bytes of text that the reader has not taken yet."""

    @property
    def slow(self) -> bool:
        return self.waiting_bytes > self.hold_bytes


class Answer:
    """A running or ended answer, created and run by the engine; `cut` is the partial answer that it continues."""

    def __init__(
        self,
        conversation_id: str,
        before: Sequence[Turn],
        turn: Turn,
        *,
        cut: Turn | None = None,
        offer: ToolOffer | None = None,
        memory: tuple[MemoryText, ...] = (),
        on_end: Callable[[Answer], None],
        save_turn: SaveTurn,
    ) -> None:
        self.conversation_id = conversation_id
        self.before = tuple(before)
        """The turns that it follows, oldest first, whichever branch is the current one by now."""
        self.turn = turn
        """The answer's turn, without its text until the answer has ended."""
        self.ended = False
        self.offer = offer
        """The tools that it may call; None: none, or those of a client that runs them itself."""
        self.round: ToolRound | None = None
        """Its tool calls, which the engine runs; None until it has ended with some."""
        self.next: Answer | None = None
        """The answer that has the results of the calls; None until the round has ended, and where there is none."""
        self.saved = asyncio.Event()
        """Set when the ended turn was stored, or could not be."""
        self.route: Route | None = None
        self._memory = memory
        self._at_end, self._save_turn = on_end, save_turn
        self._log: list[Chunk] = []
        self._grown = asyncio.Event()
        self._stats = LiveStats(monotonic())
        self._stream: Stream | None = None
        self._cancel_asked = self._steered = False
        self._quick: list[str] = []
        self._quick_thinking: list[str] = []
        self._why_alone = ""
        self._texts: dict[str, list[str]] = {"text": [], "thinking": []}
        self._cut = cut if cut is not None and cut.text else None
        self._call_ids: dict[str, str] = dict.fromkeys((call.id for each in before for call in each.calls), "")
        """Ids of calls before this answer, with the ones that stand for them if it uses them again."""
        self._readers: set[_Reader] = set()
        self._paused = False
        self._saved = {"text": 0, "thinking": 0, "quick": 0}

    def __len__(self) -> int:
        return len(self._log)

    @property
    def question(self) -> Turn:
        """The question that it answers; results of tool calls may come between."""
        return next((turn for turn in reversed(self.before) if turn.role == "user"), self.before[-1])

    def figures(self) -> StreamStats:
        """The current figures."""
        figures, quick = self._stats.figures(monotonic()), self.turn.quick
        if quick is None or (self.ended and not quick.text):
            return figures
        return msgspec.structs.replace(figures, quick_ttft_seconds=quick.ttft_seconds)

    @property
    def text(self) -> str:
        """The answer's text so far."""
        return "".join(self._texts["text"])

    @property
    def thinking(self) -> str:
        """The thinking so far."""
        return "".join(self._texts["thinking"])

    @property
    def quick(self) -> str:
        """The quick answer so far, which a detailed one will replace; empty if there is none."""
        return "".join(self._quick)

    @property
    def chunks(self) -> Sequence[Chunk]:
        """All chunks so far."""
        return tuple(self._log)

    def chunks_from(self, position: int) -> Sequence[Chunk]:
        """The chunks from this position of the log on."""
        return self._log[position:]

    async def follow(self, start: int = 0) -> AsyncIterator[Chunk]:
        """The chunks from this position of the log on, until the `End`."""
        position = start
        while True:
            while position < len(self._log):
                yield self._log[position]
                position += 1
            if self.ended:
                return
            self._grown.clear()
            await self._grown.wait()

    async def batches(self, *, tokens: int, hold_bytes: int) -> AsyncGenerator[Sequence[Chunk], None]:
        """All chunks in batches of about this many tokens, for a face that writes; the first token comes at once.

        No token waits longer than `FRAME_SECONDS`. While more than `hold_bytes` of text wait to be taken, back-pressure
        pauses the answer.
        """
        reader, position, first = _Reader(hold_bytes), 0, True
        self._readers.add(reader)
        try:
            while not self.ended or position < len(self._log):
                wanted = 1 if first else tokens
                with suppress(TimeoutError):
                    async with asyncio.timeout(None) as frame:
                        while not self._enough(position, wanted):
                            if position < len(self._log) and frame.when() is None:
                                frame.reschedule(asyncio.get_running_loop().time() + FRAME_SECONDS)
                            self._grown.clear()
                            await self._grown.wait()
                chunks = self._log[position:]
                position += len(chunks)
                first = first and not any(isinstance(chunk, Token) for chunk in chunks)
                yield chunks
                # The batch was written: what was added meanwhile waits now.
                reader.waiting_bytes = sum(map(_bytes_of, self._log[position:]))
                self._update_pause()
        finally:
            self._readers.discard(reader)
            self._update_pause()

    def _enough(self, position: int, tokens: int) -> bool:
        waiting = self._log[position:]
        return self.ended or len(waiting) >= tokens or any(not isinstance(chunk, Token) for chunk in waiting)

    def _update_pause(self) -> None:
        """Pause the stream while a reader is slow or the user has paused the answer."""
        if self._stream is None or self.ended:
            return
        held = self._paused or any(reader.slow for reader in self._readers)
        if held and not self._stream.paused:
            self._stream.pause()
        elif not held and self._stream.paused:
            self._stream.resume()

    async def attach(self, stream: Stream) -> None:
        """Let pauses and cancels reach the stream whose chunks the answer takes, those from before included."""
        self._stream = stream
        if self._cancel_asked:
            await stream.cancel()
        self._update_pause()

    def give_up(self, state: State | None = None) -> None:
        """End an answer whose stream did not, with an internal error unless a state is given."""
        if self.ended:
            return
        if state is None:
            self.take(Error(_FAULT))
            state = "broken" if self.text or self.thinking else "failed"
        self.take(End(model=self.turn.model, provider=self.turn.model.partition("/")[0], state=state))

    async def save(self) -> None:
        """Save the ended turn. The engine runs this in a task of its own, which is never cancelled."""
        try:
            await self._save_turn(self.turn, self.route)
        finally:
            self.saved.set()

    def assign_to(self, conversation_id: str, before: Sequence[Turn]) -> None:
        """Make an answer to an unsent draft the answer to the last of these turns."""
        self.conversation_id, self.before = conversation_id, tuple(before)
        self.turn = msgspec.structs.replace(self.turn, parent=self.before[-1].id)

    async def cancel(self, *, steered: bool = False) -> None:
        """End the answer and keep its part. `steered` says that the next answer continues it. Can be called again."""
        self._steered = steered or self._steered
        self._cancel_asked = True
        if self._stream is not None and not self.ended:
            await self._stream.cancel()

    @property
    def paused(self) -> bool:
        """Whether the user has paused the answer."""
        return self._paused

    def pause(self) -> None:
        """Pause the answer by back-pressure."""
        self._paused = not self.ended
        if self._paused:
            self._stats.hold(monotonic())
        self._update_pause()

    def resume(self) -> None:
        """Continue after a pause."""
        self._paused = False
        self._stats.let_go(monotonic())
        self._update_pause()

    def take(self, chunk: Chunk) -> None:
        """Append a chunk to the log."""
        if isinstance(chunk, ToolCallDelta):
            chunk = self._with_own_id(chunk)
        if isinstance(chunk, Token):
            if chunk.phase != "quick":
                self._texts[chunk.kind].append(chunk.token)
            else:
                (self._quick if chunk.kind == "text" else self._quick_thinking).append(chunk.token)
            for reader in self._readers:
                reader.waiting_bytes += _bytes_of(chunk)
                if reader.slow:
                    self._update_pause()
        elif isinstance(chunk, Start):
            self.turn = msgspec.structs.replace(self.turn, model=chunk.model, strategy=chunk.strategy)
        elif isinstance(chunk, ToolCallDelta):
            if chunk.stage == "end":
                call = ToolCall(chunk.id, chunk.name, chunk.arguments, chunk.signature)
                self.turn = msgspec.structs.replace(self.turn, calls=(*self.turn.calls, call))
        elif isinstance(chunk, Metadata):
            if chunk.event == "replay":
                self.turn = msgspec.structs.replace(self.turn, replay=chunk.replay)
                return
            if chunk.event == "reclassified":
                self._reclassify(chunk)
            if chunk.left_out and chunk.phase != "quick":
                self.turn = msgspec.structs.replace(self.turn, left_out=chunk.left_out)
            if chunk.phase == "quick":
                self._note_quick(chunk)
            elif chunk.phase == "detailed" and chunk.event == "phase":
                self._why_alone = chunk.reason
            elif chunk.model:
                self.turn = msgspec.structs.replace(self.turn, model=chunk.model)
        elif isinstance(chunk, End):
            self._finish(chunk)
        else:
            self._fault(chunk.error)
        self._log.append(chunk)
        # The figures are those of the detailed answer.
        if not isinstance(chunk, (Token, Metadata)) or chunk.phase != "quick":
            self._stats.feed(chunk, monotonic())
        if isinstance(chunk, Start) and self._cut is not None:
            self._begin_with(self._cut)
        self._grown.set()

    def _with_own_id(self, chunk: ToolCallDelta) -> ToolCallDelta:
        """Return the part of a call with an id that no call before this answer has: a person decides about it by its
        id."""
        if chunk.id not in self._call_ids:
            return chunk
        if chunk.stage == "start":
            self._call_ids[chunk.id] = new_call_id()
        return msgspec.structs.replace(chunk, id=self._call_ids[chunk.id] or chunk.id)

    def _reclassify(self, marks: Metadata) -> None:
        if marks.phase == "quick":
            text, thinking = reclassify(self.quick, "".join(self._quick_thinking), marks)
            self._quick, self._quick_thinking = [text], [thinking]
            return
        # Deltas that were saved before have the old order; the ended turn is saved as a whole.
        text, thinking = reclassify(self.text, self.thinking, marks)
        self._texts = {"text": [text], "thinking": [thinking]}
        self._saved |= {"text": 1, "thinking": 1}

    def _note_quick(self, chunk: Metadata) -> None:
        known = self.turn.quick or QuickAnswer()
        ttft = chunk.ttft_seconds if chunk.event == "first_token" else known.ttft_seconds
        quick = msgspec.structs.replace(known, model=chunk.model or known.model, ttft_seconds=ttft)
        self.turn = msgspec.structs.replace(self.turn, quick=quick)

    def _begin_with(self, cut: Turn) -> None:
        """Begin with the partial answer that is continued; the meter counts only what is new."""
        for kind, text in (("thinking", cut.thinking), ("text", cut.text)):
            if text:
                self._texts[kind].append(text)
                self._log.append(Token(text, "text" if kind == "text" else "thinking", -1))

    def _fault(self, error: ErrorInfo) -> None:
        self.turn = msgspec.structs.replace(self.turn, error=error)

    def _finish(self, end: End) -> None:
        self.ended = True
        self.route = msgspec.structs.replace(end.route, memory=self._memory) if end.route is not None else None
        model, quick = end.model or self.turn.model, (self.turn.quick or QuickAnswer()) if self._quick else None
        if quick is not None and self.text:
            quick = msgspec.structs.replace(quick, text=self.quick)
        elif quick is not None:
            # Only the quick answer came: it is the answer.
            self._texts["text"] += self._quick
            model, quick = quick.model or model, msgspec.structs.replace(quick, alone=self._why_alone)
        self.turn = msgspec.structs.replace(
            self.turn,
            text=self.text,
            thinking=self.thinking,
            model=model,
            state=end.state,
            finish_reason=STEERED if self._steered and end.state == "cancelled" else end.finish_reason,
            usage=end.usage,
            timings=end.timings,
            cost=end.cost,
            quick=quick,
            served_model=end.served_model,
            seams=(*(self._cut.seams if self._cut else ()), *(end.route.seams if end.route else ())),
        )
        if self.offer is not None and self.turn.calls and end.state == "complete":
            self.round = self.offer.round_for(self.turn.calls)
        self._at_end(self)

    def take_delta(self) -> TurnDelta | None:
        """What was added since the last call; None if nothing was."""
        new = {}
        for kind, parts in self._texts.items():
            new[kind] = "".join(parts[self._saved[kind] :])
            self._saved[kind] = len(parts)
        quick = None
        if len(self._quick) > self._saved["quick"]:
            # It is short, so all of it is stored.
            quick = msgspec.structs.replace(self.turn.quick or QuickAnswer(), text=self.quick)
            self._saved["quick"] = len(self._quick)
        return TurnDelta(self.turn.id, new["text"], new["thinking"], quick) if any(new.values()) or quick else None


def _bytes_of(chunk: Chunk) -> int:
    if not isinstance(chunk, Token):
        return 0
    text = chunk.token
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
