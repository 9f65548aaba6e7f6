"""One request on its way: ranks are given, this opens, retries, fails over and says how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import TypeAlias

import msgspec

from chat_tui.chunks import Chunk, End, Error, Metadata, Start, State, Token, error_info
from chat_tui.config import ErrorHandling, Timeouts
from chat_tui.errors import (
    AllFailed,
    ChatTuiError,
    ContextTooLong,
    Garbled,
    InternalError,
    ProviderError,
    TooSlow,
)
from chat_tui.models import Model, cost
from chat_tui.request import Request
from chat_tui.route import Candidate, Route, Try
from chat_tui.routing.context import Context, fit
from chat_tui.routing.health import Health
from chat_tui.routing.resilience import LONGEST_WAIT_SECONDS, Cancelled, Control, Expired, delay_seconds
from chat_tui.routing.tally import Tally
from chat_tui.text_safety import clean_line

OpenStream: TypeAlias = Callable[[Model, Request], AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]]
"""Speaks to a model: bursts of chunks, the last chunk an `End` with finish reason, state and usage. Raises
`ProviderError`. The one seam between the router and whoever answers."""

SMALLER_CONTEXT_TRIES = 3
"""How often a context that the server finds too long is cut once more."""
_NEWS = frozenset({"fetching", "loading", "connecting", "waiting"})


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
        self._context: Context | None = None
        self._scale: dict[str, float] = {}
        self._windows: dict[str, int] = {}
        self._tally = Tally(self._now, whole=not (settings.streaming and request.stream))
        self.error: ChatTuiError | None = plan.error

    def _now(self) -> float:
        """Seconds on a clock that stands still in a pause."""
        return self._clock() - self._control.paused_seconds

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
        finally:
            self._control.close()
        last: list[Chunk] = [*self._tally.rest()]
        if self.error is not None and state is None:
            state = "broken" if self._tally.count else "failed"
            last.append(Error(error_info(self.error)))
        yield [*last, self._end(state)]

    def _wanted(self, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        if self._request.include_metadata:
            return burst
        return [chunk for chunk in burst if not isinstance(chunk, Metadata)]

    async def _tried(self) -> AsyncGenerator[Sequence[Chunk], None]:
        """Model after model, attempt after attempt, until one has answered or text has been shown."""
        handling = self._settings.error_handling
        for number, model in enumerate(self._plan.models):
            if len(self._tries) >= handling.max_tries:
                break
            if number:
                last = self._failures[-1].title if self._failures else ""
                yield [Metadata("failover", model=model.name, reason=last)]
            self._model = model
            attempt, waited = 1, 0.0
            while len(self._tries) < handling.max_tries:
                async with aclosing(self._one_try(model, attempt, waited)) as bursts:
                    async for burst in bursts:
                        yield burst
                if self._tally.ending is not None:
                    return
                if self._control.cancelled:
                    raise Cancelled
                error = self._failures[-1]
                if self._tally.count or self._time_is_up():
                    self.error = error
                    return
                if self._cut_smaller(model, error):
                    continue
                delay = self._delay(attempt, error)
                if delay is None or len(self._tries) >= handling.max_tries:
                    break
                attempt, waited = attempt + 1, delay
                yield [_retry(model, attempt, handling.retry_attempts, delay, error)]
                await self._control.wait(asyncio.sleep(delay), self._left(None))
        self._give_up()

    def _delay(self, attempt: int, error: ChatTuiError) -> float | None:
        """How long to wait before the same model is asked again; None where that is of no use."""
        handling = self._settings.error_handling
        if not isinstance(error, ProviderError) or not error.retryable or attempt >= handling.retry_attempts:
            return None
        delay = delay_seconds(
            attempt,
            error,
            base=handling.retry_delay_seconds,
            exponential=handling.exponential_backoff,
            jitter=self._jitter,
        )
        left = self._left(None)
        return None if delay > LONGEST_WAIT_SECONDS or (left is not None and delay >= left) else delay

    def _cut_smaller(self, model: Model, error: ChatTuiError) -> bool:
        """A context that the server finds too long is sent again without its oldest exchanges."""
        context = self._context
        if not isinstance(error, ContextTooLong) or context is None or len(context.turns) <= 2:
            return False
        if sum(entry.model == model.name for entry in self._tries) > SMALLER_CONTEXT_TRIES:
            return False
        told = error.prompt_tokens / max(1, context.tokens)
        self._scale[model.name] = max(told, 1.4) * self._scale.get(model.name, 1.0)
        known = [window for window in (error.window, model.context_window) if window]
        # Where nobody tells the window, what was refused stands for it.
        self._windows[model.name] = min(known, default=self._windows.get(model.name, context.tokens))
        return True

    def _give_up(self) -> None:
        if len({entry.model for entry in self._tries}) <= 1:
            self.error = self._failures[-1] if self._failures else self.error
            return
        tried = "; ".join(dict.fromkeys(f"{entry.model}: {entry.reason}" for entry in self._tries))
        self.error = AllFailed("No model could answer.", tried, tries=self._failures)

    async def _one_try(self, model: Model, attempt: int, waited: float) -> AsyncGenerator[Sequence[Chunk], None]:
        """One attempt; it notes its outcome and raises only `Cancelled` and `Expired`."""
        began = self._clock()
        slot = self._slots(model.provider)
        if slot.locked():
            yield [Metadata("queued", model=model.name)]
        await self._control.wait(slot.acquire(), self._left(None))
        self._health.began(model.name)
        failure: ChatTuiError | None = None
        try:
            async with aclosing(self._spoken(model)) as bursts:
                async for burst in bursts:
                    yield burst
        except (Cancelled, Expired):
            raise
        except ChatTuiError as error:
            failure = error
        except Exception as error:  # noqa: BLE001
            # The seam's border: dialects may be plug-ins, and a fault in one must not cost the stream its ending.
            failure = _fault(model, error)
        finally:
            slot.release()
            self._health.ended(model.name)
            at, took = began - self._begun, self._clock() - began
            outcome, reason = self._outcome(model, failure)
            self._tries.append(
                Try(model.name, attempt, outcome, reason, round(at, 4), round(took, 4), round(waited, 4))
            )

    def _outcome(self, model: Model, failure: ChatTuiError | None) -> tuple[str, str]:
        """How a try ended, in the words of the route; a failure is noted for the model's health."""
        if self._tally.ending is not None:
            return "answered", ""
        if failure is None or self._control.cancelled:
            return "cancelled", ""
        self._failures.append(failure)
        # That the asker had no more time says nothing of the model.
        if isinstance(failure, ProviderError) and not self._time_is_up():
            self._health.failed(model.name, failure)
        return failure.kind, failure.title

    async def _spoken(self, model: Model) -> AsyncGenerator[Sequence[Chunk], None]:
        """What the model says; returns when it has ended. Raises `ChatTuiError`, `Cancelled`."""
        window = self._windows.get(model.name, model.context_window)
        context = self._context = fit(
            self._request.spoken(),
            window=window,
            reply_tokens=self._request.max_tokens,
            exchanges=self._settings.exchanges,
            step_tokens=model.trim_step_tokens,
            scale=self._scale.get(model.name, 1.0),
        )
        opening = [Metadata("connecting", model=model.name, context_tokens=context.tokens, context_window=window or 0)]
        if context.left_out:
            opening.append(Metadata("trimmed", left_out=context.left_out))
        yield opening
        self._tally.begin_try()
        async with self._open(model, self._request.changed(prompt="", turns=context.turns)) as source:
            quiet_from = self._control.waited_seconds
            while self._tally.ending is None:
                limit = self._silence_limit()
                if limit is not None:
                    limit = max(0.0, limit - (self._control.waited_seconds - quiet_from))
                try:
                    burst = await self._control.wait(anext(source), self._left(limit))
                except StopAsyncIteration:
                    raise Garbled(f"{model.name} ended without an ending.", "Ask again.") from None
                except Expired:
                    raise self._too_slow(model) from None
                if any(map(_breaks_silence, burst)):
                    quiet_from = self._control.waited_seconds
                chunks = self._tally.take(burst)
                if chunks:
                    yield chunks

    def _silence_limit(self) -> float | None:
        timeouts = self._settings.timeouts
        return timeouts.token_seconds if self._tally.count else timeouts.first_token_seconds

    def _limit(self) -> float | None:
        """The whole stream's limit in seconds."""
        return self._request.timeout_seconds or self._settings.timeouts.stream_seconds

    def _time_is_up(self) -> bool:
        left = self._left(None)
        return left is not None and left <= 0.01

    def _left(self, limit: float | None) -> float | None:
        """Seconds for the next wait: the limit, or less where the whole stream's limit is nearer."""
        whole = self._limit()
        if whole is None:
            return limit
        left = max(0.0, self._begun + whole - self._now())
        return left if limit is None else min(limit, left)

    def _too_slow(self, model: Model) -> TooSlow:
        about = {"provider": model.provider, "model": model.name}
        limit = self._silence_limit()
        if limit is None or self._time_is_up():
            return TooSlow(f"The answer took longer than {self._limit():g} s.", "Allow more time for it.", **about)
        if self._tally.count:
            return TooSlow(f"{model.name} fell silent for {limit:g} s.", "Ask again.", **about)
        return TooSlow(f"{model.name} gave no token within {limit:g} s.", "Ask again, or take another.", **about)

    def _end(self, state: State | None) -> End:
        model, ending = self._model, self._tally.ending or End()
        final = state or ending.state
        usage = self._tally.usage(self._context.tokens if self._context and final != "failed" else None)
        took = self._clock() - self._begun
        if model is not None and final in {"complete", "length", "refused"}:
            self._health.answered(model.name, self._tally.timings(usage, took, of_model=True))
        return End(
            model=model.name if model else self._request.model or "",
            provider=model.provider if model else "",
            request_id=self._request.id,
            finish_reason=clean_line(ending.finish_reason, 60) or ("cancelled" if final == "cancelled" else ""),
            state=final,
            usage=usage,
            timings=self._tally.timings(usage, took),
            cost=cost(model, usage.prompt_tokens, usage.completion_tokens) if model and usage else None,
            route=Route(self._plan.strategy, self._plan.candidates, tuple(self._tries)),
        )


def _retry(model: Model, attempt: int, of: int, delay: float, error: ChatTuiError) -> Metadata:
    return Metadata(
        "retry", model=model.name, attempt=attempt, of=of, delay_seconds=round(delay, 3), reason=error.title
    )


def _breaks_silence(chunk: Chunk) -> bool:
    """Keep-alives and remarks do not: only words, and news of the way to them."""
    if isinstance(chunk, Token):
        return bool(chunk.token)
    return isinstance(chunk, Metadata) and chunk.event in _NEWS


def _fault(model: Model, error: Exception) -> InternalError:
    """A foreign exception, told by its kind and place: its own text may hold a key."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})" if trace else ""
    fault = InternalError(
        f"{model.name} was asked in a way that failed: {type(error).__name__}{place}.",
        "That is a fault of the program's, not of the model. Please report it, or take another model.",
    )
    fault.__cause__ = error
    return fault
