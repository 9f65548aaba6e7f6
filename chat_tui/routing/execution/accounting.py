"""Cleans and counts what a model sends: its tokens, its usage, its cost and its pace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from chat_tui.core.answers.reclassification import reclassify_chunks
from chat_tui.core.chunks import Chunk, End, Metadata, Timings, Token, TokenKind, ToolCallDelta, Usage, sum_usages
from chat_tui.core.models import Model
from chat_tui.core.text.control_characters import StreamCleaner, clean_line, has_controls
from chat_tui.core.usage.pricing import cost_of, with_savings
from chat_tui.core.usage.stream_meter import StreamMeter
from chat_tui.routing.execution.continuation import OverlapTrimmer
from chat_tui.routing.execution.endings import is_visible
from chat_tui.routing.execution.token_lengths import TokenLengths

_KINDS: tuple[TokenKind, ...] = ("thinking", "text")
REASON_CHARACTERS = 60
"""Of the finish reason, which is one word."""
_MODEL_AT_WORK = frozenset({"fetching", "loading"})

PriceLookUp: TypeAlias = Callable[[Model], Awaitable[Model]]
"""Returns the model with its prices, as far as they are known; waits for a look-up that runs."""


def clean_chunk(chunk: Chunk) -> Chunk:
    """Return the chunk without control characters in its fields.

    Every reply passes here, also that of a plug-in dialect. The text of tokens, which may be cut anywhere, is cleaned
    by `StreamAccounting.take`.
    """
    if isinstance(chunk, End):
        reason, served = clean_line(chunk.finish_reason, REASON_CHARACTERS), clean_line(chunk.served_model, 200)
        return replace(chunk, finish_reason=reason, served_model=served)
    if isinstance(chunk, ToolCallDelta):
        # The arguments are JSON, which faces clean where they show it.
        return replace(chunk, id=clean_line(chunk.id, 200), name=clean_line(chunk.name, 200))
    if isinstance(chunk, Metadata) and (chunk.model or chunk.reason or chunk.tool or chunk.address):
        return replace(
            chunk,
            model=clean_line(chunk.model, 300),
            reason=clean_line(chunk.reason, 300),
            tool=clean_line(chunk.tool, 100),
            address=clean_line(chunk.address, 200),
        )
    return chunk


class StreamAccounting:
    """Counts one stream, over all its attempts.

    `now` returns seconds, pauses excluded. With `whole`, tokens are held until the end. `part` is the text of the
    partial answer that is continued.
    """

    def __init__(self, now: Callable[[], float], *, whole: bool, part: str = "") -> None:
        self._now, self._whole = now, whole
        self._part = [part] if part else []
        self.is_visible = is_visible(part)
        """Whether `text` has visible characters. Megabytes may have none: they are looked at as they come."""
        self._earlier: list[Usage] = []
        self._count_before = self._characters_before = 0
        self._begun = now()
        self._held: list[Token] = []
        self._meter = StreamMeter()
        self.ending: End | None = None
        """The `End` that the dialect has sent."""
        self.rejected: End | None = None
        """The `End` of the last attempt, if that was no answer."""
        self.tools: list[str] = []
        """Tools that the last attempt called, though none was offered."""
        self.calls = 0
        """How many tool calls have begun. None can be taken back, so no other attempt follows."""
        self.thinking_characters = 0
        """Of the last attempt."""
        self._thought: tuple[float, float] | None = None
        """When thinking began and ended."""
        self._thinks = False
        self.begin_try()

    @property
    def count(self) -> int:
        """The number of token chunks so far."""
        return self._meter.pieces

    @property
    def text(self) -> str:
        """The answer's text so far, the partial answer included."""
        return "".join(self._part)

    def settle_try(self, sent_tokens: int | None) -> Sequence[Token]:
        """Add the usage of an attempt that another one continues; returns the tokens that were held back."""
        tokens = self._release_held()
        self._earlier += filter(None, [self.usage_of_try(sent_tokens)])
        self._count_before, self._characters_before = self.count, self._meter.characters
        if self._whole:
            self._held += tokens
            return ()
        return tokens

    def _release_held(self) -> list[Token]:
        texts = {kind: cleaner.rest() for kind, cleaner in self._cleaners.items()}
        if self._joint is not None:
            texts["text"] = self._joint.feed(texts["text"]) + self._joint.rest()
        for kind, text in texts.items():
            self._lengths[kind].add(0, len(text))
        return [self._count(text, kind) for kind, text in texts.items() if text]

    def begin_try(self) -> None:
        """Begin an attempt; what one without text has left behind is dropped."""
        self._cleaners = {kind: StreamCleaner() for kind in _KINDS}
        self._joint = OverlapTrimmer(self.text.rstrip(), _gap(self.text)) if self._part else None
        self._lengths = {kind: TokenLengths() for kind in _KINDS}
        self._usage: Usage | None = None
        self._count_at_usage = 0
        self.rejected, self.tools, self.thinking_characters = None, [], 0
        self._thinking: list[str] = []
        self._meter.begin_try()
        self._asked = self._now()

    def reject(self) -> None:
        """Drop the ending: the attempt was no answer. What it has used stays counted."""
        self.rejected, self.ending = self.ending, None

    def take(self, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        """Return the burst with tokens cleaned and counted, and without the dialect's `End`, which becomes `ending`."""
        meter = self._meter
        before = meter.pieces
        chunks = self._take_plain(burst)
        for chunk in () if chunks else burst:
            if isinstance(chunk, Token):
                text = self._cleaners[chunk.kind].feed(chunk.token)
                raw = len(chunk.token)
                if self._joint is not None and chunk.kind == "text":
                    text = self._joint.feed(text)
                if text:
                    chunks.append(self._count(text, chunk.kind))
                self._lengths[chunk.kind].add(raw, len(text))
            elif isinstance(chunk, ToolCallDelta):
                # What is held of the text came before the call.
                chunks += self._release_held()
                self.calls += chunk.stage == "start"
                if chunk.stage == "arguments":
                    meter.count(chunk.arguments)
                chunks.append(chunk)
            elif isinstance(chunk, End):
                # Nothing follows that could decide about what is held: it belongs to the answer that is judged now.
                chunks += self._release_held()
                self.ending = chunk
                self._note(chunk.usage)
            elif isinstance(chunk, Metadata) and chunk.event == "reclassified":
                chunks = self._reclassify(chunk, chunks)
            elif isinstance(chunk, Metadata):
                self._note(chunk.usage)
                if chunk.tool:
                    self.tools.append(chunk.tool)
                if chunk.event in _MODEL_AT_WORK:
                    self._asked = self._now()
                chunks.append(chunk)
        if meter.pieces > before:
            is_first = meter.first is None
            meter.mark(self._now())
            if is_first:
                chunks.append(Metadata("first_token", ttft_seconds=self._ttft(self._begun)))
        if self._whole:
            return self._hold_tokens(chunks)
        return chunks

    def _take_plain(self, burst: Sequence[Chunk]) -> list[Chunk]:
        """Return the tokens of a burst of nothing but text that stays as it is, as nearly all are; else nothing."""
        if self._joint is not None or self._thinks or self._cleaners["text"].holds:
            return []
        texts: list[str] = []
        for chunk in burst:
            if not isinstance(chunk, Token) or chunk.kind != "text" or not chunk.token:
                return []
            texts.append(chunk.token)
        whole = "".join(texts)
        if has_controls(whole):
            return []
        first = self._meter.count_all(texts, whole)
        self._lengths["text"].add_unchanged(texts, len(whole))
        self._part += texts
        self.is_visible = self.is_visible or is_visible(whole)
        return [Token(text, "text", index) for index, text in enumerate(texts, first)]

    def _reclassify(self, told: Metadata, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Return the chunks followed by the reclassification, in characters that are shown.

        What it reclassifies in these chunks is changed in place, since nobody has seen it yet.
        """
        kind: TokenKind = "text" if told.kind == "text" else "thinking"
        was: TokenKind = "thinking" if kind == "text" else "text"
        chunks = [*chunks, *self._release_held()]
        count = self._lengths[was].shown_of_last(told.characters)
        if not count:
            return chunks
        if kind == "thinking":
            self._part = [self.text[:-count]]
            self.is_visible = self.is_visible and is_visible(self.text)
            self._thought, self._thinks = (self._meter.first or self._asked, self._now()), True
        else:
            text = "".join(self._thinking)
            self._append(text[-count:])
            self._thinking = [text[:-count]]
        self.thinking_characters += count if kind == "thinking" else -count
        if self._joint is not None:
            self._joint = OverlapTrimmer(self.text.rstrip(), _gap(self.text))
        told = replace(told, kind=kind, characters=count)
        new = sum(len(chunk.token) for chunk in chunks if isinstance(chunk, Token) and chunk.kind == was)
        return reclassify_chunks(chunks, told) if new >= count else [*chunks, told]

    def _hold_tokens(self, chunks: Sequence[Chunk]) -> Sequence[Chunk]:
        """Hold the tokens of a reply that is sent as a whole; returns the other chunks."""
        others: list[Chunk] = []
        for chunk in chunks:
            if isinstance(chunk, Token):
                self._held.append(chunk)
            elif isinstance(chunk, Metadata) and chunk.event == "reclassified":
                self._held = [token for token in reclassify_chunks(self._held, chunk) if isinstance(token, Token)]
            else:
                others.append(chunk)
        return others

    def _ttft(self, since: float) -> float | None:
        # The model that goes on with an answer had no first token of its own.
        seconds = self._meter.seconds_to_first(since)
        return None if seconds is None else round(seconds, 4)

    def rest(self) -> Sequence[Token]:
        """Return the tokens that are still held at the end of the stream: of a whole reply, all."""
        rest = self._release_held()
        if rest and self._meter.first is None:
            self._meter.mark(self._now())
        if not self._whole:
            return rest
        tokens, self._held = [*self._held, *rest], []
        texts = [(kind, "".join(token.token for token in tokens if token.kind == kind)) for kind in _KINDS]
        return [Token(text, kind, index) for index, (kind, text) in enumerate(pair for pair in texts if pair[1])]

    def _count(self, text: str, kind: TokenKind) -> Token:
        meter = self._meter
        index = meter.pieces
        meter.count(text)
        if kind == "thinking" or self._thinks:
            now = self._now()
            self._thought = (self._thought[0] if self._thought else now, now)
            self._thinks = kind == "thinking"
        if kind == "text":
            self._append(text)
        else:
            self._thinking.append(text)
            self.thinking_characters += len(text)
        return Token(text, kind, index)

    def _append(self, text: str) -> None:
        self._part.append(text)
        self.is_visible = self.is_visible or is_visible(text)

    def _note(self, usage: Usage | None) -> None:
        if usage is not None:
            self._usage, self._count_at_usage = usage, self.count

    def usage(self, sent_tokens: int | None) -> Usage | None:
        """Return the usage of all attempts as the providers report it, else an estimate; None if nothing was used.

        `sent_tokens` is an estimate of the prompt; None if nothing was sent.
        """
        return sum_usages([*self._earlier, *filter(None, [self.usage_of_try(sent_tokens)])])

    def left_of(self, max_tokens: int | None) -> int | None:
        """Return the token limit for a continuation: `max_tokens` without those that have come."""
        if max_tokens is None or not self.text:
            return max_tokens
        return max(1, max_tokens - self._meter.estimated_tokens())

    def usage_of_try(self, sent_tokens: int | None) -> Usage | None:
        """Return the usage of the last attempt alone."""
        told, count = self._usage, self.count - self._count_before
        # A count that was told before the last tokens came is too small where the reply was cut short.
        up_to_date = bool(self.ending or self.rejected) or self._count_at_usage == self.count
        whole = told is not None and up_to_date and (told.completion_tokens or not count)
        if told is not None and whole and (told.prompt_tokens or not sent_tokens):
            return told
        if sent_tokens is None:
            return None
        told = told or Usage()
        said = told.completion_tokens or 0
        if not whole:
            before = {"after_pieces": self._count_before, "after_characters": self._characters_before}
            said = self._meter.estimated_tokens(**before) if count else 0
        # Some servers count what they say and not what they were sent.
        prompt = told.prompt_tokens or sent_tokens
        thinking = told.thinking_tokens if whole else 0
        return Usage(
            prompt,
            said,
            prompt + said,
            thinking,
            told.cached_tokens,
            estimated=True,
            cache_write_tokens=told.cache_write_tokens,
        )

    def timings(self, usage: Usage | None, duration_seconds: float, *, of_model: bool = False) -> Timings:
        """Return the pace as the reader saw it; with `of_model`, without failed attempts, queue and download."""
        since = self._asked if of_model else self._begun
        rate = self._rate(usage)
        return Timings(
            ttft_seconds=self._ttft(since),
            duration_seconds=round(duration_seconds, 4),
            tokens_per_second=rate,
            estimated=bool(usage and usage.estimated),
            thinking_seconds=round(self._thought[1] - self._thought[0], 4) if self._thought else None,
            gap_p50_seconds=self._meter.gap_seconds(0.5) if rate is not None else None,
            gap_p95_seconds=self._meter.gap_seconds(0.95) if rate is not None else None,
        )

    def _rate(self, usage: Usage | None) -> float | None:
        """Return tokens per second from the first burst to the last."""
        if usage is None or self._whole:
            return None
        # Thinking that was not shown went by before the first token.
        return self._meter.rate((usage.completion_tokens or 0) - (0 if self._thought else usage.thinking_tokens))


class AttemptCosts:
    """What the attempts of one request cost in US dollars, each at the prices of its own model."""

    def __init__(self, look_up_price: PriceLookUp | None) -> None:
        self._look_up_price = look_up_price
        self._parts: list[tuple[Model, Usage | None]] = []
        self._priced: dict[str, Model] = {}
        """Models whose prices have become known since they were asked."""

    def add(self, model: Model, usage: Usage | None) -> None:
        """Count an attempt that has ended without being the last."""
        self._parts.append((model, usage))

    def dollars(self, *more: tuple[Model, Usage | None]) -> float | None:
        """The cost of all that was added and of `more`; None if a part of it is not known."""
        dollars = 0.0
        for model, usage in (*self._parts, *more):
            price = cost_of(self._priced.get(model.name, model), usage) if usage else None
            if price is None:
                return None
            dollars += price
        return dollars

    def unpriced_models(self, *more: tuple[Model, Usage | None]) -> Sequence[Model]:
        """The models that have used something of which the price is not known."""
        return [model for model, usage in (*self._parts, *more) if usage and cost_of(model, usage) is None]

    async def look_up(self, models: Sequence[Model]) -> None:
        """Wait for the prices of these models: a new installation can answer before it has any."""
        if (look_up := self._look_up_price) is not None:
            for model in models:
                self._priced[model.name] = await look_up(model)

    def with_savings(self, model: Model, total: Usage, last: Usage) -> Usage:
        """The total with what the server's cache has saved of the last attempt."""
        return replace(total, saved=with_savings(self._priced.get(model.name, model), last).saved)


def _gap(part: str) -> str:
    """Return the whitespace at the end, which is not sent: some servers refuse an answer that ends with it."""
    return part[len(part.rstrip()) :]
