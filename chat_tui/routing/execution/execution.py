"""One request: the models are tried in order, and one stream is made of what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from chat_tui.core.chunks import Chunk, End, Error, Metadata, Start, State, Usage, error_info
from chat_tui.core.errors import AllFailed, ChatTuiError, EmptyAnswer, Unreachable
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Route, Seam, Try
from chat_tui.routing.execution import event_log, messages
from chat_tui.routing.execution.accounting import AttemptCosts, StreamAccounting
from chat_tui.routing.execution.attempt import (
    Attempt,
    ExecutionDependencies,
    FittedWindow,
    SharedState,
    served_instead,
    too_slow,
)
from chat_tui.routing.execution.candidates import CandidateQueue
from chat_tui.routing.execution.control import Cancelled, Expired, StreamControl
from chat_tui.routing.execution.retry import (
    AttemptOutcome,
    NextModel,
    NextStep,
    Retry,
    RetryBudget,
    Shrink,
    Stop,
    next_step,
)
from chat_tui.routing.execution.timeouts import TimeLimits
from chat_tui.routing.policy import Plan
from chat_tui.routing.ranking.eligibility import estimated_price

_NEEDED = frozenset({"reclassified", "replay"})
"""Events that go to readers without metadata, too: those that have the text must learn which part of it was thinking,
and the engine keeps what must be returned with the answer."""
NOTES_LIMIT = 20
"""Notes in one route."""


class Execution:
    """Carries a request out. `bursts()` is read once."""

    def __init__(self, request: Request, plan: Plan, control: StreamControl, deps: ExecutionDependencies) -> None:
        self._request, self._plan, self._control, self._deps = request, plan, control, deps
        self._limits = TimeLimits(request, deps.settings, control, deps.clock)
        self._started = deps.clock()
        whole = not (deps.settings.streaming and request.stream)
        self._accounting = StreamAccounting(self._limits.now, whole=whole, part=request.part)
        self._costs = AttemptCosts(deps.look_up_price)
        self._shared = SharedState(
            request, plan.kind, deps, control, self._limits, self._accounting, self._costs, self._started
        )
        self._candidates = CandidateQueue(request, plan, deps.health, deps.next_rung)
        self._attempts: list[Attempt] = []
        self._seams: list[Seam] = []
        self._count_at_seam = 0
        """Tokens at the last seam, or behind the last answer that was empty."""
        self.error: ChatTuiError | None = plan.error

    async def bursts(self) -> AsyncGenerator[Sequence[Chunk], None]:
        """Yield all chunks of the stream, from its `Start` to its `End`."""
        event_log.log_plan(self._request, self._plan)
        model = self._model
        name = model.name if model else self._request.model or ""
        yield [Start(name, model.provider if model else "", self._request.id, self._plan.strategy)]
        if over_price := messages.over_price_limit(self._plan):
            yield self._filter([over_price])
        state: State | None = None
        try:
            if self._request.part and model:
                yield self._filter([self._add_seam(model, "")])
            step: NextStep = NextModel()
            while (attempt := self._next_attempt(step)) is not None:
                if announced := self._announce(attempt, step):
                    yield self._filter(announced)
                if isinstance(step, Retry):
                    await self._control.wait(asyncio.sleep(step.delay), self._limits.seconds_left(attempt.model))
                if joined := self._join(attempt):
                    yield self._filter(joined)
                try:
                    async with aclosing(attempt.bursts()) as bursts:
                        async for burst in bursts:
                            yield self._filter(burst)
                finally:
                    if attempt.record is not None:
                        event_log.log_try(self._request, attempt.record)
                if self._accounting.ending is not None:
                    break
                step = self._next_step(attempt)
                if isinstance(step, Stop):
                    self.error = self._failures[-1]
                    break
            else:
                self.error = self._error_of_all()
        except Cancelled:
            state = "cancelled"
        except Expired:
            # The limit of the whole stream ran out while it waited for a slot or before a retry.
            self.error = too_slow(self._model or Model(name), self._limits)
        finally:
            self._control.close()
        last: list[Chunk] = [*self._accounting.rest()]
        if self.error is not None and state is None:
            state = self._state_of_failure()
            last.append(Error(error_info(self.error)))
        if state != "failed" and (unpriced := self._costs.unpriced_models(*self._last_part())):
            yield last
            last = []
            await self._costs.look_up(unpriced)
        end = self._end(state)
        event_log.log_end(end)
        yield [*last, end]

    def _filter(self, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        if self._request.include_metadata:
            return burst
        return [chunk for chunk in burst if not isinstance(chunk, Metadata) or chunk.event in _NEEDED]

    # -- attempts -------------------------------------------------------------------------------------------------

    @property
    def _model(self) -> Model | None:
        """The model that is asked, or asked first."""
        if self._attempts:
            return self._attempts[-1].model
        return self._plan.models[0] if self._plan.models else None

    @property
    def _failures(self) -> list[ChatTuiError]:
        return [attempt.failure for attempt in self._attempts if attempt.failure is not None]

    @property
    def _tries(self) -> list[Try]:
        return [attempt.record for attempt in self._attempts if attempt.record is not None]

    @property
    def _last_sent(self) -> Attempt | None:
        """The last attempt that has sent something: the accounting's usage is that of this one."""
        return next((attempt for attempt in reversed(self._attempts) if attempt.context is not None), None)

    def _next_attempt(self, step: NextStep) -> Attempt | None:
        """Return the next attempt; None if none is left."""
        if len(self._tries) >= self._deps.settings.error_handling.max_tries:
            return None
        if isinstance(step, Retry | Shrink):
            attempt = self._attempts[-1].repeat(step)
        else:
            ranked = self._candidates.take()
            if ranked is None:
                return None
            attempt = Attempt(self._shared, ranked, FittedWindow(ranked.model))
        self._attempts.append(attempt)
        return attempt

    def _announce(self, attempt: Attempt, step: NextStep) -> Sequence[Chunk]:
        """Return the metadata that announces a retry or another model."""
        failures, model = self._failures, attempt.model
        if not failures or isinstance(step, Shrink):
            return ()
        if isinstance(step, Retry):
            most = self._deps.settings.handling_of(model).retry_attempts
            return [messages.retry(model, attempt.number, most, step.delay, failures[-1])]
        price = estimated_price(model, self._sent_tokens() or 0, self._request)
        return [Metadata("failover", model=model.name, reason=failures[-1].title, price=price)]

    def _join(self, attempt: Attempt) -> Sequence[Chunk]:
        """Return what comes between the part of a failed attempt and its continuation by this one."""
        failures, model = self._failures, attempt.model
        if failures and isinstance(failures[-1], EmptyAnswer):
            return self._settle()
        if self._accounting.count > self._count_at_seam:
            return [*self._settle(), self._add_seam(model, failures[-1].title)]
        if self._seams:
            # Nothing has come since the seam, so this model is the one that continues there.
            self._seams[-1] = msgspec.structs.replace(self._seams[-1], model=model.name)
        return ()

    def _settle(self) -> Sequence[Chunk]:
        """Count what the last attempt has used before the next one begins; returns the text that was held back."""
        if (last := self._last_sent) is not None:
            self._costs.add(last.model, last.usage)
        held = self._accounting.settle_try(self._sent_tokens())
        self._count_at_seam = self._accounting.count
        return held

    def _add_seam(self, model: Model, reason: str) -> Metadata:
        """Note that the answer is continued by this model."""
        self._seams.append(Seam(len(self._accounting.text), model.name, reason))
        return Metadata("seam", model=model.name, reason=reason)

    def _next_step(self, attempt: Attempt) -> NextStep:
        """Return what to do after an attempt that has failed. Raises `Cancelled`."""
        if self._control.cancelled or attempt.failure is None:
            raise Cancelled
        model, error, settings = attempt.model, attempt.failure, self._deps.settings
        tries = settings.error_handling.max_tries - len(self._tries)
        budget = RetryBudget(tries, self._limits.seconds_left(model), self._limits.is_time_up(model))
        unconnected = isinstance(error, Unreachable) and error.unconnected
        outcome = AttemptOutcome(
            has_text=bool(self._seams) or self._accounting.count > self._count_at_seam,
            has_calls=bool(self._accounting.calls),
            may_continue=settings.on_break == "continue",
            can_shrink=attempt.can_shrink(),
            has_other_model=unconnected and self._candidates.has_more(),
        )
        step = next_step(error, attempt.number, budget, outcome, settings.handling_of(model), self._deps.jitter)
        event_log.log_step(self._request, model, step)
        return step

    # -- the ending -----------------------------------------------------------------------------------------------

    def _error_of_all(self) -> ChatTuiError | None:
        """Return why no model has answered."""
        tries, failures = self._tries, self._failures
        if len({entry.model for entry in tries}) <= 1:
            return failures[-1] if failures else self.error
        return AllFailed("No model could answer.", messages.all_failed(tries, failures), tries=failures)

    def _state_of_failure(self) -> State:
        if not self._accounting.is_visible and any(isinstance(error, EmptyAnswer) for error in self._failures):
            return "empty"
        return "broken" if self._accounting.count or self._accounting.calls or self._request.part else "failed"

    def _sent_tokens(self) -> int | None:
        return last.sent_tokens if (last := self._last_sent) is not None else None

    def _last_part(self) -> list[tuple[Model, Usage | None]]:
        """Return the last attempt that was sent, with its usage."""
        return [(last.model, last.usage)] if (last := self._last_sent) is not None else []

    def _end(self, state: State | None) -> End:
        accounting, model = self._accounting, self._model
        ending = accounting.ending or accounting.rejected or End()
        final = state or ending.state
        was_used = final != "failed" and (final != "empty" or accounting.rejected is not None)
        sent = self._sent_tokens() if was_used else None
        usage, last = accounting.usage(sent), accounting.usage_of_try(sent)
        if usage is not None and last is not None and model is not None:
            usage = self._costs.with_savings(model, usage, last)
        took = self._deps.clock() - self._started
        if model is not None and final in {"complete", "length", "refused"}:
            timings = accounting.timings(usage, took, of_model=True)
            self._deps.health.note_answer(model.name, timings, self._plan.kind)
        return End(
            model=model.name if model else self._request.model or "",
            provider=model.provider if model else "",
            request_id=self._request.id,
            finish_reason=ending.finish_reason or ("cancelled" if final == "cancelled" else ""),
            state=final,
            served_model=served_instead(model, ending) if model else "",
            usage=usage,
            timings=accounting.timings(usage, took),
            cost=self._costs.dollars((model, last)) if usage and model else None,
            route=self._route(),
        )

    def _route(self) -> Route:
        plan, tries = self._plan, self._tries
        wanted = self._request.alternatives
        others = self._deps.others(self._request, plan, self._sent_tokens() or 0) if wanted else ()
        notes = dict.fromkeys(note for attempt in self._attempts for note in attempt.notes)
        return msgspec.structs.replace(
            messages.route_of(plan, {entry.model for entry in tries}, others),
            tries=tuple(tries),
            seams=tuple(self._seams),
            notes=tuple(notes)[:NOTES_LIMIT],
        )
