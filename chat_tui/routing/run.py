"""One request on its way: ranks are given, this opens, retries, fails over and says how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TypeAlias

import msgspec

from chat_tui.chunks import Chunk, End, Error, Metadata, Start, State, Timings, Token, TokenKind, Usage, error_info
from chat_tui.config import ErrorHandling, Timeouts
from chat_tui.errors import AllFailed, ChatTuiError, ContextTooLong, Garbled, ProviderError, TooSlow
from chat_tui.models import Model, cost
from chat_tui.request import Request
from chat_tui.route import Candidate, Route, Try
from chat_tui.routing.context import Context, fit
from chat_tui.routing.health import Health
from chat_tui.routing.resilience import LONGEST_WAIT_SECONDS, Cancelled, Control, Expired, delay_seconds
from chat_tui.text_safety import Cleaner
from chat_tui.tokens import estimate

OpenStream: TypeAlias = Callable[[Model, Request], AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]]
"""Speaks to a model: bursts of chunks, the last chunk an `End` with finish reason, state and usage. Raises
`ProviderError`. The one seam between the router and whoever answers."""

BURST_SECONDS = 0.05
"""Tokens that all came within this time have no honest rate."""
SMALLER_CONTEXT_TRIES = 3
"""How often a context that the server finds too long is cut once more."""


class Settings(msgspec.Struct, frozen=True):
    """How the router waits, retries and cuts."""

    timeouts: Timeouts = Timeouts()
    error_handling: ErrorHandling = ErrorHandling()
    exchanges: int | None = None
    """At most so many earlier exchanges are sent; None: as many as fit."""
    streams: dict[str, int] = {}
    """Concurrent streams by provider; others have `streams_default`."""
    streams_default: int = 3
    streaming: bool = True
    """False: the whole reply comes as one token chunk."""


class Plan(msgspec.Struct, frozen=True):
    """What the strategy has decided."""

    strategy: str
    models: tuple[Model, ...]
    """To be tried in this order."""
    candidates: tuple[Candidate, ...] = ()
    error: ChatTuiError | None = None
    """Why there is nothing to try."""


class Run:
    """The state of one request while it runs. `bursts()` is read once."""

    def __init__(
        self,
        request: Request,
        plan: Plan,
        *,
        open_stream: OpenStream,
        health: Health,
        settings: Settings,
        control: Control,
        slots: Callable[[str], asyncio.Semaphore],
        clock: Callable[[], float],
        jitter: Callable[[float, float], float],
    ) -> None:
        self._request, self._plan = request, plan
        self._open, self._health, self._settings = open_stream, health, settings
        self._control, self._slots, self._clock, self._jitter = control, slots, clock, jitter
        self._begun = clock()
        self._model: Model | None = plan.models[0] if plan.models else None
        self._tries: list[Try] = []
        self._failures: list[ChatTuiError] = []
        self._cleaners = {"text": Cleaner(), "thinking": Cleaner()}
        self._held: list[Token] = []
        self._count = 0
        self._sample = ""
        self._characters = 0
        self._first: float | None = None
        self._last: float | None = None
        self._usage: Usage | None = None
        self._ending: End | None = None
        self._context: Context | None = None
        self._scale: dict[str, float] = {}
        self.error: ChatTuiError | None = plan.error

    @property
    def _whole(self) -> bool:
        return not (self._settings.streaming and self._request.stream)

    async def bursts(self) -> AsyncGenerator[Sequence[Chunk], None]:
        """All chunks of the stream, from its `Start` to its `End`."""
        model = self._model
        name = model.name if model else self._request.model or ""
        yield [Start(name, model.provider if model else "", self._request.id, self._plan.strategy)]
        state: State | None = None
        try:
            async with aclosing(self._tried()) as tried:
                async for burst in tried:
                    yield self._wanted(burst)
        except Cancelled:
            state = "cancelled"
        except Expired:
            # The whole stream's limit ran out in the line or in a back-off.
            self.error = self._too_slow(self._model or Model(name))
        rest = [*self._rest(), *self._held]
        if self.error is not None and state is None:
            state = "broken" if self._count else "failed"
            rest.append(Error(error_info(self.error)))
        yield [*rest, self._end(state)]

    def _wanted(self, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        if self._request.include_metadata:
            return burst
        return [chunk for chunk in burst if not isinstance(chunk, Metadata)]

    async def _tried(self) -> AsyncGenerator[Sequence[Chunk], None]:
        """Model after model, attempt after attempt, until one has answered or text has been shown."""
        handling = self._settings.error_handling
        for number, model in enumerate(self._plan.models):
            if number:
                last = self._failures[-1].title if self._failures else ""
                yield [Metadata("failover", model=model.name, reason=last)]
            self._model = model
            attempt, waited = 1, 0.0
            while len(self._tries) < handling.max_tries:
                async with aclosing(self._one_try(model, attempt, waited)) as bursts:
                    async for burst in bursts:
                        yield burst
                if self._ending is not None or self._count:
                    return
                error = self._failures[-1]
                if self._cut_smaller(model, error):
                    continue
                if self._time_is_up():
                    self.error = error
                    return
                if not isinstance(error, ProviderError) or not error.retryable or attempt >= handling.retry_attempts:
                    break
                waited = self._delay(attempt, error)
                if waited > LONGEST_WAIT_SECONDS or len(self._tries) >= handling.max_tries:
                    break
                attempt += 1
                yield [
                    Metadata(
                        "retry",
                        model=model.name,
                        attempt=attempt,
                        of=handling.retry_attempts,
                        delay_seconds=round(waited, 3),
                        reason=error.title,
                    )
                ]
                await self._control.wait(asyncio.sleep(waited), self._left(None))
        self._give_up()

    def _delay(self, attempt: int, error: ProviderError) -> float:
        handling = self._settings.error_handling
        return delay_seconds(
            attempt,
            error,
            base=handling.retry_delay_seconds,
            exponential=handling.exponential_backoff,
            jitter=self._jitter,
        )

    def _cut_smaller(self, model: Model, error: ChatTuiError) -> bool:
        """A context that the server finds too long is sent again without its oldest exchanges."""
        if not isinstance(error, ContextTooLong) or self._context is None or len(self._context.turns) <= 2:
            return False
        if sum(entry.model == model.name for entry in self._tries) > SMALLER_CONTEXT_TRIES:
            return False
        told = error.prompt_tokens / max(1, self._context.tokens) if error.prompt_tokens else 0.0
        self._scale[model.name] = max(told, 1.4) * self._scale.get(model.name, 1.0)
        return model.context_window is not None

    def _give_up(self) -> None:
        if len({entry.model for entry in self._tries}) <= 1:
            self.error = self._failures[-1] if self._failures else self.error
            return
        tried = "; ".join(dict.fromkeys(f"{entry.model}: {entry.reason}" for entry in self._tries))
        self.error = AllFailed("No model could answer.", tried, tries=self._failures)

    async def _one_try(self, model: Model, attempt: int, waited: float) -> AsyncGenerator[Sequence[Chunk], None]:
        """One attempt; it notes its outcome and raises only `Cancelled`."""
        began = self._clock()
        outcome, reason = "cancelled", ""
        slot = self._slots(model.provider)
        if slot.locked():
            yield [Metadata("queued", model=model.name)]
        await self._control.wait(slot.acquire(), self._left(None))
        self._health.began(model.name)
        try:
            async with aclosing(self._spoken(model)) as bursts:
                async for burst in bursts:
                    yield burst
            outcome = "answered"
        except ChatTuiError as error:
            outcome, reason = error.kind, error.title
            self._failures.append(error)
            if isinstance(error, ProviderError):
                self._health.failed(model.name, error)
            if self._count:
                self.error = error
        finally:
            slot.release()
            self._health.ended(model.name)
            at, took = began - self._begun, self._clock() - began
            self._tries.append(
                Try(model.name, attempt, outcome, reason, round(at, 4), round(took, 4), round(waited, 4))
            )

    async def _spoken(self, model: Model) -> AsyncGenerator[Sequence[Chunk], None]:
        """What the model says; returns when it has ended. Raises `ChatTuiError`, `Cancelled`."""
        limits = self._settings.timeouts
        context = self._context = fit(
            self._request.spoken(),
            window=model.context_window,
            reply_tokens=self._request.max_tokens,
            exchanges=self._settings.exchanges,
            step_tokens=model.trim_step_tokens,
            scale=self._scale.get(model.name, 1.0),
        )
        opening = [
            Metadata(
                "connecting",
                model=model.name,
                context_tokens=context.tokens,
                context_window=model.context_window or 0,
            )
        ]
        if context.left_out:
            opening.append(Metadata("trimmed", left_out=context.left_out))
        yield opening
        request = self._request.changed(prompt="", turns=context.turns)
        async with self._open(model, request) as source:
            while self._ending is None:
                limit = limits.token_seconds if self._count else limits.first_token_seconds
                try:
                    burst = await self._control.wait(anext(source), self._left(limit))
                except StopAsyncIteration:
                    raise Garbled(f"{model.name} ended without an ending.", "Ask again.") from None
                except Expired:
                    raise self._too_slow(model) from None
                chunks = self._taken(burst)
                if chunks:
                    yield chunks

    def _limit(self) -> float | None:
        """The whole stream's limit in seconds."""
        return self._request.timeout_seconds or self._settings.timeouts.stream_seconds

    def _time_is_up(self) -> bool:
        whole = self._limit()
        return whole is not None and self._clock() - self._begun >= whole - 0.01

    def _left(self, limit: float | None) -> float | None:
        """Seconds for the next wait: the limit, or less where the whole stream's limit is nearer."""
        whole = self._limit()
        if whole is None:
            return limit
        left = max(0.0, self._begun + whole - self._clock())
        return left if limit is None else min(limit, left)

    def _too_slow(self, model: Model) -> TooSlow:
        limits = self._settings.timeouts
        about = {"provider": model.provider, "model": model.name}
        if self._time_is_up():
            return TooSlow(f"The answer took longer than {self._limit():g} s.", "Allow more time for it.", **about)
        if self._count:
            return TooSlow(f"{model.name} fell silent for {limits.token_seconds:g} s.", "Ask again.", **about)
        return TooSlow(
            f"{model.name} gave no token within {limits.first_token_seconds:g} s.",
            "Ask again, or take another.",
            **about,
        )

    def _taken(self, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        """A burst as it goes on: tokens cleaned and counted, the dialect's `End` kept for the ending."""
        chunks: list[Chunk] = []
        for chunk in burst:
            if isinstance(chunk, Token):
                text = self._cleaners[chunk.kind].feed(chunk.token)
                if text:
                    chunks.append(self._counted(text, chunk))
            elif isinstance(chunk, End):
                self._ending = chunk
                self._usage = chunk.usage or self._usage
            elif isinstance(chunk, Metadata):
                self._usage = chunk.usage or self._usage
                chunks.append(chunk)
        if self._count and self._first is None:
            self._first = self._clock()
        if chunks:
            self._last = self._clock()
        if self._whole:
            self._held += [chunk for chunk in chunks if isinstance(chunk, Token)]
            return [chunk for chunk in chunks if not isinstance(chunk, Token)]
        return chunks

    def _counted(self, text: str, chunk: Token) -> Token:
        index, self._count = self._count, self._count + 1
        self._characters += len(text)
        if len(self._sample) < 8000:
            self._sample += text
        return Token(text, chunk.kind, index)

    def _rest(self) -> list[Chunk]:
        """What the cleaners still held; in a reply that is handed out whole, the whole."""
        rest: list[Chunk] = []
        kinds: tuple[TokenKind, ...] = ("thinking", "text")
        for kind in kinds:
            text = self._cleaners[kind].rest()
            if text:
                rest.append(self._counted(text, Token("", kind)))
        if self._whole:
            tokens = self._held + [chunk for chunk in rest if isinstance(chunk, Token)]
            self._held = []
            rest = []
            for kind in kinds:
                text = "".join(token.token for token in tokens if token.kind == kind)
                if text:
                    rest.append(Token(text, kind, len(rest)))
        return rest

    def _end(self, state: State | None) -> End:
        now = self._clock()
        ending = self._ending or End()
        usage = self._final_usage()
        timings = self._timings(usage, now)
        model = self._model
        final = state or ending.state
        if model is not None and final in {"complete", "length", "refused"}:
            self._health.answered(model.name, timings)
        return End(
            model=model.name if model else self._request.model or "",
            provider=model.provider if model else "",
            request_id=self._request.id,
            finish_reason=ending.finish_reason or ("cancelled" if final == "cancelled" else ""),
            state=final,
            usage=usage,
            timings=timings,
            cost=cost(model, usage.prompt_tokens, usage.completion_tokens) if model and usage else None,
            route=Route(self._plan.strategy, self._plan.candidates, tuple(self._tries)),
        )

    def _final_usage(self) -> Usage | None:
        """The provider's usage, else an estimate; None where nothing was sent."""
        if self._usage is not None and (self._usage.completion_tokens or not self._count):
            return self._usage
        if self._context is None:
            return None
        said = 0
        if self._sample:
            said = max(1, round(estimate(self._sample) * self._characters / len(self._sample)))
        prompt = self._usage.prompt_tokens if self._usage else self._context.tokens
        return Usage(prompt, said, prompt + said, estimated=True)

    def _timings(self, usage: Usage | None, now: float) -> Timings:
        rate = None
        if self._first is not None and self._last is not None and usage and self._count > 2 and not self._whole:
            span = self._last - self._first
            if span >= BURST_SECONDS and usage.completion_tokens > 1:
                rate = round((usage.completion_tokens - 1) / span, 2)
        return Timings(
            ttft_seconds=round(self._first - self._begun, 4) if self._first is not None else None,
            duration_seconds=round(now - self._begun, 4),
            tokens_per_second=rate,
            estimated=bool(usage and usage.estimated),
        )
