"""Live figures of one stream, from its chunks: pure, so every face shows the same and every case can be tested.

Rates count from the first token; a person's pause is not the model's time. While the stream runs, a chunk counts as one
token where the provider has shown that it sends one each, else by an estimate from the text, marked as such; at the end
the provider's own usage decides. A reply that came in one burst has no rate.
"""

from __future__ import annotations

from collections import deque
from typing import Literal, TypeAlias

import msgspec

from chat_tui.core.chunks import Chunk, End, Error, Metadata, Start, State, Timings, Token, Usage
from chat_tui.core.route import Route

Phase: TypeAlias = (
    Literal[
        "idle",
        "queued",
        "fetching",
        "loading",
        "connecting",
        "waiting",
        "retrying",
        "thinking",
        "answering",
        "paused",
        "calling",
        "asking",
    ]
    | State
)
"""What a running answer does; of an ended one, its state. `calling`: its tools run; `asking`: a person is asked about a
call."""

SLOT_SECONDS = 0.5
SLOTS = 24

_PHASES: dict[str, Phase] = {
    "queued": "queued",
    "fetching": "fetching",
    "loading": "loading",
    "connecting": "connecting",
    "waiting": "waiting",
    "retry": "retrying",
    "failover": "connecting",
}


class StreamStats(msgspec.Struct, frozen=True):
    """A moment's figures; None where there is nothing true to say yet."""

    model: str = ""
    strategy: str = ""
    phase: Phase = "idle"
    phase_seconds: float = 0.0
    """How long the phase has lasted."""
    attempt: int = 0
    of: int = 0
    delay_seconds: float | None = None
    """Seconds left of a back-off (`retrying`)."""
    reason: str = ""
    """Why it was tried again, or another model: until a token comes."""
    tries: int = 0
    """So far, of all models; 0: not known."""
    candidates: int = 0
    """Models that were considered; 0: not known (yet)."""
    ttft_seconds: float | None = None
    quick_ttft_seconds: float | None = None
    """Of the short answer that was there before."""
    gap_p50_seconds: float | None = None
    """Half of the gaps between arrivals of text were not longer; None for a burst."""
    gap_p95_seconds: float | None = None
    rate: float | None = None
    """Tokens per second: over the last seconds while it runs, over the whole answer after."""
    rate_estimated: bool = False
    sparkline: tuple[float, ...] = ()
    """Tokens per second in slots of `SLOT_SECONDS`, oldest first, at most `SLOTS`; empty for a burst."""
    prompt_tokens: int | None = None
    prompt_estimated: bool = False
    completion_tokens: int | None = None
    completion_estimated: bool = False
    thinking_tokens: int | None = None
    """Part of `completion_tokens`; None where it is not known that there was any."""
    thinking_estimated: bool = False
    cost: float | None = None
    """US dollars."""
    cost_estimated: bool = False
    """Whether it is computed from estimated tokens."""
    cost_billed: bool = False
    """Whether it is the server's own figure."""
    cached_tokens: int = 0
    """Part of `prompt_tokens`, read from the server's cache."""
    saved: float | None = None
    """US dollars that the cache saved; negative where writing it cost more than reading it saved."""
    price: float | None = None
    """About what it will cost, in US dollars, until the cost is known."""
    seams: int = 0
    """How often it was cut and went on."""
    context_tokens: int | None = None
    context_window: int | None = None
    left_out: int = 0
    """Earlier exchanges that did not fit."""
    shortened: str = ""
    """What else was shortened to fit, in words."""
    step: int = 0
    """Of a document that is worked through in parts: from 1; the last step sums up."""
    steps: int = 0
    """0: it is not worked through in parts."""
    duration_seconds: float = 0.0
    error: str = ""
    served_model: str = ""
    """The model that the server says has answered; empty where it is the one that was asked."""


class LiveStats:
    """Takes chunks with the time at which they came, in seconds of one monotonic clock; gives `StreamStats`."""

    def __init__(self, started: float) -> None:
        # The screen's first paint shows the record of an empty stream, and meters nothing.
        from chat_tui.core.usage.stream_meter import StreamMeter

        self._started = started
        self._phase: Phase = "connecting"
        self._phase_from = started
        self._model = self._strategy = self._reason = self._error = ""
        self._attempt = self._of = self._left_out = 0
        self._shortened = ""
        self._seams = 0
        self._delay: float | None = None
        self._price: float | None = None
        self._context: tuple[int, int] = (0, 0)
        self._step: tuple[int, int] = (0, 0)
        self._usage: Usage | None = None
        self._end: End | None = None
        self._ended: float | None = None
        self._meter = StreamMeter()
        self._characters_at_usage = 0
        self._slots: deque[tuple[int, int]] = deque(maxlen=SLOTS + 1)
        self._thought = 0
        """Characters of thinking."""
        self._ttft: float | None = None
        self._tries, self._candidates = 1, 0
        self._held_from: float | None = None
        self._held = 0.0

    def hold(self, at: float) -> None:
        """A person has paused the stream."""
        if self._held_from is None and self._end is None:
            self._held_from = at

    def let_go(self, at: float) -> None:
        """The pause is over."""
        if self._held_from is not None:
            self._held += at - self._held_from
            self._held_from = None

    def _unheld(self, at: float) -> float:
        """The time `at`, less the pauses until then."""
        return (at if self._held_from is None else self._held_from) - self._held

    def feed(self, chunk: Chunk, at: float) -> None:
        """Take the next chunk."""
        if isinstance(chunk, End):
            self.let_go(at)
        at = self._unheld(at)
        if isinstance(chunk, Token):
            self._feed_token(chunk, at)
        elif isinstance(chunk, Metadata):
            self._feed_metadata(chunk, at)
        elif isinstance(chunk, Start):
            self._model, self._strategy = chunk.model, chunk.strategy
            # The router counts from here.
            self._started = self._phase_from = at
        elif isinstance(chunk, End):
            self._end, self._ended = chunk, at
            self._model = chunk.model or self._model
            self._note(chunk.usage)
            self._delay = None
            self._enter(chunk.state, at)
            self._tries, self._candidates = count_tries(chunk.route)
        elif isinstance(chunk, Error):
            self._error = chunk.error.title

    def _feed_token(self, chunk: Token, at: float) -> None:
        self._meter.count(chunk.token)
        self._meter.mark(at)
        self._thought += len(chunk.token) if chunk.kind == "thinking" else 0
        self._reason = ""
        phase: Phase = "thinking" if chunk.kind == "thinking" else "answering"
        if phase != self._phase:
            self._enter(phase, at)
        slot = int((at - self._started) / SLOT_SECONDS)
        if self._slots and self._slots[-1][0] == slot:
            self._slots[-1] = (slot, self._slots[-1][1] + len(chunk.token))
        else:
            self._slots.append((slot, len(chunk.token)))

    def _feed_metadata(self, chunk: Metadata, at: float) -> None:
        self._model = chunk.model or self._model
        if chunk.event in {"retry", "failover", "seam"}:
            # What a try has used that came to nothing is not this answer's.
            self._usage = None
            self._tries += 1
            self._reason = chunk.reason
            self._meter.begin_try()
        if chunk.event == "reclassified":
            self._thought += chunk.characters if chunk.kind == "thinking" else -chunk.characters
        if chunk.event == "first_token":
            self._ttft = chunk.ttft_seconds
        self._note(chunk.usage)
        if chunk.context_tokens:
            self._context = (chunk.context_tokens, chunk.context_window)
            self._price = chunk.price
        self._seams += chunk.event == "seam"
        if chunk.event == "trimmed" and chunk.left_out:
            self._left_out = chunk.left_out
        elif chunk.event == "trimmed":
            self._shortened = chunk.reason
        if chunk.event == "part":
            self._step = (chunk.attempt, chunk.of)
        phase = _PHASES.get(chunk.event)
        if phase and self._end is None:
            self._attempt, self._of = chunk.attempt, chunk.of
            self._delay = chunk.delay_seconds
            if not phase == self._phase == "fetching":
                # A fetch tells again and again how far it is.
                self._enter(phase, at)

    def _note(self, usage: Usage | None) -> None:
        if usage is not None:
            self._usage, self._characters_at_usage = usage, self._meter.characters

    def _enter(self, phase: Phase, at: float) -> None:
        self._phase, self._phase_from = phase, at

    def _completion_tokens(self) -> tuple[int | None, bool]:
        """The count so far, and whether it is estimated."""
        told, meter = self._usage, self._meter
        fresh = meter.characters - self._characters_at_usage
        if told and told.completion_tokens and (self._end is not None or not fresh):
            return told.completion_tokens, told.estimated
        if not meter.pieces:
            return (0, bool(self._usage and self._usage.estimated)) if self._end else (None, False)
        counted = meter.estimated_tokens()
        if told and told.completion_tokens and meter.characters:
            # The provider's last count, and an estimate of what has arrived since.
            return told.completion_tokens + round(counted * fresh / meter.characters), True
        return counted, True

    def _rate(self, tokens: int | None, at: float) -> float | None:
        """Tokens per second: of the last two seconds while it runs, of the whole after."""
        if self._end is not None:
            return self._end.timings.tokens_per_second
        meter = self._meter
        if meter.first is None or not tokens or not meter.has_rate():
            return None
        per_character = tokens / meter.characters if meter.characters else 0.0
        now = int((at - self._started) / SLOT_SECONDS)
        characters = sum(count for slot, count in self._slots if slot >= now - 4)
        begin = self._started + (now - 4) * SLOT_SECONDS
        if begin < meter.first:
            # The first chunk took no measured time.
            begin, characters = meter.first, characters - meter.characters_at_first
        from chat_tui.core.usage.stream_meter import BURST_SECONDS

        seconds = max(at - begin, BURST_SECONDS)
        return max(0, characters) * per_character / seconds

    def _sparkline(self, tokens: int | None, at: float) -> tuple[float, ...]:
        """The slots that are over; silent ones are 0."""
        if not self._slots or not tokens or not self._meter.characters or self._meter.is_burst:
            return ()
        begin = self._slots[0][0]
        end = self._slots[-1][0] + 1 if self._end is not None else int((at - self._started) / SLOT_SECONDS)
        counts = dict(self._slots)
        factor = tokens / self._meter.characters / SLOT_SECONDS
        return tuple(counts.get(slot, 0) * factor for slot in range(max(begin, end - SLOTS), end))

    def _first_token(self, timings: Timings) -> float | None:
        """The router's measurement, otherwise our own."""
        told = timings.ttft_seconds if timings.ttft_seconds is not None else self._ttft
        if told is not None:
            return told
        return self._meter.first - self._started if self._meter.first is not None else None

    def figures(self, at: float) -> StreamStats:
        """The figures at this time."""
        now = self._unheld(at)
        tokens, estimated = self._completion_tokens()
        until = self._ended if self._ended is not None else now
        timings = self._end.timings if self._end is not None else Timings()
        prompt = self._usage.prompt_tokens if self._usage and self._usage.prompt_tokens else None
        sent = prompt if prompt is not None else self._context[0]
        told = self._usage if self._end is not None else None
        thought, thought_estimated = thinking_tokens(told, tokens, self._thought, self._meter.characters)
        paused = self._held_from is not None
        return StreamStats(
            model=self._model,
            strategy=self._strategy,
            phase="paused" if paused else self._phase,
            phase_seconds=max(0.0, at - self._held_from if self._held_from is not None else until - self._phase_from),
            attempt=self._attempt,
            of=self._of,
            delay_seconds=max(0.0, self._delay - (now - self._phase_from)) if self._delay is not None else None,
            reason=self._reason,
            tries=self._tries,
            candidates=self._candidates,
            ttft_seconds=self._first_token(timings),
            gap_p50_seconds=timings.gap_p50_seconds if self._end else self._meter.gap_seconds(0.5),
            gap_p95_seconds=timings.gap_p95_seconds if self._end else self._meter.gap_seconds(0.95),
            # What comes by the second while nothing may come would tell of the pause and not of the model.
            rate=None if paused else self._rate(tokens, now),
            rate_estimated=self._end.timings.estimated if self._end else estimated,
            sparkline=self._sparkline(tokens, now),
            prompt_tokens=sent or None,
            prompt_estimated=prompt is None or bool(self._usage and self._usage.estimated),
            completion_tokens=tokens,
            completion_estimated=estimated,
            thinking_tokens=thought,
            thinking_estimated=thought_estimated,
            cost=self._end.cost if self._end else None,
            cost_estimated=estimated and not is_billed(told),
            cost_billed=is_billed(told),
            cached_tokens=self._usage.cached_tokens if self._usage else 0,
            saved=told.saved if told else None,
            price=None if self._end else self._price,
            seams=self._seams,
            context_tokens=sent + (tokens or 0) if sent else None,
            context_window=self._context[1] or None,
            left_out=self._left_out,
            shortened=self._shortened,
            step=self._step[0],
            steps=self._step[1],
            duration_seconds=timings.duration_seconds or max(0.0, until - self._started) + self._paused_seconds(at),
            error=self._error,
            served_model=self._end.served_model if self._end else "",
        )

    def _paused_seconds(self, at: float) -> float:
        return self._held + (at - self._held_from if self._held_from is not None else 0.0)


def thinking_tokens(
    told: Usage | None, completion_tokens: int | None, thought_characters: int, characters: int
) -> tuple[int | None, bool]:
    """How many tokens were thought, and whether that is estimated: from the share of the characters, where the
    provider does not tell. None where nothing was thought as far as is known."""
    if told is not None and told.thinking_tokens:
        return told.thinking_tokens, told.estimated
    if not thought_characters or not characters or not completion_tokens:
        return None, False
    return round(completion_tokens * thought_characters / characters), True


def is_billed(usage: Usage | None) -> bool:
    """Whether the server has said what all of it costs."""
    return usage is not None and usage.cost is not None


def count_tries(route: Route | None) -> tuple[int, int]:
    """The tries and the candidates of a route; 0 where there is none."""
    return (len(route.tries), len(route.candidates) + route.left_out) if route is not None else (0, 0)
