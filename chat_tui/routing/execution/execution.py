"""One request on its way: ranks are given, this opens, retries, fails over and says how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from typing import TypeAlias

import msgspec

from chat_tui.config.schema import ErrorHandling
from chat_tui.core.answers.served_models import substitute
from chat_tui.core.chunks import Chunk, End, Error, Metadata, Start, State, Usage, error_info
from chat_tui.core.context import Context
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import (
    AllFailed,
    ChatTuiError,
    ContextTooLong,
    EmptyAnswer,
    Garbled,
    ProviderError,
    TooSlow,
    Unreachable,
)
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Alternative, Route, Seam, Try
from chat_tui.core.text.control_characters import clean_line
from chat_tui.core.usage.pricing import cost_of, with_savings
from chat_tui.routing.execution import event_log, messages
from chat_tui.routing.execution.accounting import StreamAccounting
from chat_tui.routing.execution.context_window import fit
from chat_tui.routing.execution.control import Cancelled, Expired, StreamControl
from chat_tui.routing.execution.endings import fault_in, is_visible
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
from chat_tui.routing.execution.silence import SilenceLimit
from chat_tui.routing.execution.timeouts import Phase, TimeLimits
from chat_tui.routing.policy import FIXED, Plan
from chat_tui.routing.policy import RoutingPolicy as RoutingPolicy
from chat_tui.routing.ranking.health import Health
from chat_tui.routing.ranking.scoring import estimated_price, price_limit

PriceLookUp: TypeAlias = Callable[[Model], Awaitable[Model]]
"""The model with the prices that are known of it now; those that are being looked up are waited for."""

OpenStream: TypeAlias = Callable[[Model, Request], AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]]
"""Speaks to a model: bursts of chunks, the last chunk an `End` with finish reason, state and usage. Raises
`ProviderError`. The one seam between the router and whoever answers."""

TURNS_AT_ONCE = 200
"""Turns that are fitted into a window on the event loop, within a millisecond or two; more go to a thread."""
NOTES_LIMIT = 20
"""Of one route."""
SMALLER_CONTEXT_TRIES = 3
"""How often a context that the server finds too long is cut once more."""


class ExecutionDependencies(msgspec.Struct, frozen=True):
    """What a router gives to each of its runs."""

    open_stream: OpenStream
    look_up_price: PriceLookUp | None
    health: Health
    settings: RoutingPolicy
    slots: Callable[[str], asyncio.Semaphore]
    """The streams that a provider takes at once."""
    next_rung: Callable[[Request, str, Collection[str]], Sequence[Model]]
    """The models that a strategy chooses on with, where those of these names have failed."""
    others: Callable[[Request, Plan, int], Sequence[Alternative]]
    """What other strategies would have chosen, for so many tokens."""
    clock: Callable[[], float]
    jitter: Callable[[float, float], float]


class Execution:
    """The state of one request while it runs. `bursts()` is read once."""

    def __init__(self, request: Request, plan: Plan, control: StreamControl, means: ExecutionDependencies) -> None:
        self._request, self._plan, self._control, self._means = request, plan, control, means
        self._health, self._settings, self._clock = means.health, means.settings, means.clock
        self._limits = TimeLimits(request, means.settings, control, means.clock)
        self._begun = means.clock()
        self._model: Model | None = plan.models[0] if plan.models else None
        self._tries: list[Try] = []
        self._failures: list[ChatTuiError] = []
        self._context: Context | None = None
        self._scale: dict[str, float] = {}
        self._windows: dict[str, int] = {}
        self._seams: list[Seam] = []
        self._count_at_seam = 0
        """Tokens at the last seam, or behind the last answer that was empty."""
        self._earlier: list[tuple[Model | None, Usage | None]] = []
        """What was used before the last seam, and of whom."""
        self._priced: dict[str, Model] = {}
        """Models whose prices have become known since they were asked."""
        self._candidates = self._ordered_models()
        self._upcoming: tuple[str, Model] | None = None
        """The next candidate, where it was looked for already."""
        self._rung, self._number, self._waited = "", 1, 0.0
        """Of the attempt that runs: its rung of the ladder, its number with the model, the seconds it has waited."""
        self._asked: Model | None = None
        self._address = ""
        """That is asked, where the model has several."""
        self._streams = means.settings.streaming and request.stream
        self._notes: dict[str, None] = {}
        self._tally = StreamAccounting(self._limits.now, whole=not self._streams, part=request.part)
        self.error: ChatTuiError | None = plan.error

    async def bursts(self) -> AsyncGenerator[Sequence[Chunk], None]:
        """All chunks of the stream, from its `Start` to its `End`."""
        event_log.log_plan(self._request, self._plan)
        model = self._model
        name = model.name if model else self._request.model or ""
        yield [Start(name, model.provider if model else "", self._request.id, self._plan.strategy)]
        if dear := messages.too_dear(self._plan):
            yield self._wanted([dear])
        state: State | None = None
        try:
            if self._request.part and model:
                yield self._wanted([self._seam(model, "")])
            step: NextStep = NextModel()
            while (announced := self._begin_attempt(step)) is not None:
                if announced:
                    yield self._wanted(announced)
                if isinstance(step, Retry):
                    await self._control.wait(asyncio.sleep(step.delay), self._limits.left(self._model))
                if joined := self._join_answer():
                    yield self._wanted(joined)
                async with aclosing(self._attempt()) as attempt:
                    async for burst in attempt:
                        yield self._wanted(burst)
                if self._tally.ending is not None:
                    break
                step = self._next_step()
                if isinstance(step, Stop):
                    self.error = self._failures[-1]
                    break
            else:
                self._give_up()
        except Cancelled:
            state = "cancelled"
        except Expired:
            # The whole stream's limit ran out in the line or in a back-off.
            self.error = self._too_slow(self._model or Model(name))
        finally:
            self._control.close()
        last: list[Chunk] = [*self._tally.rest()]
        if self.error is not None and state is None:
            state = self._state_of_failure()
            last.append(Error(error_info(self.error)))
        if state != "failed" and (unpriced := self._unpriced()):
            yield last
            last = []
            await self._look_up_prices(unpriced)
        end = self._end(state)
        event_log.log_end(end)
        yield [*last, end]

    def _state_of_failure(self) -> State:
        if any(isinstance(error, EmptyAnswer) for error in self._failures) and not is_visible(self._tally.text):
            return "empty"
        return "broken" if self._tally.count or self._request.part else "failed"

    def _wanted(self, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        if self._request.include_metadata:
            return burst
        # What of the text was thinking must be told to whoever has it.
        return [chunk for chunk in burst if not isinstance(chunk, Metadata) or chunk.event == "reclassified"]

    def _ordered_models(self) -> Iterator[tuple[str, Model]]:
        """The models to be asked, in order, with the rung of the ladder that has chosen each.

        One that rests by now, or is being retried after its cooldown, gives way: it comes when no other is left.
        """
        plan = self._plan
        asked: list[str] = []
        given_way: dict[str, tuple[str, Model]] = {}
        for rung in ("", *plan.rungs):
            for model in self._means.next_rung(self._request, rung, asked) if rung else plan.models:
                insisted = plan.strategy == FIXED and model is plan.models[0]
                if self._health.why_not(model.name) and not insisted:
                    given_way.setdefault(model.name, (rung, model))
                elif model.name not in asked:
                    asked.append(model.name)
                    yield rung, model
        yield from (left for name, left in given_way.items() if name not in asked)

    def _begin_attempt(self, step: NextStep) -> Sequence[Chunk] | None:
        """Go on to the next attempt; what is told of it, None where none is left."""
        if len(self._tries) >= self._settings.error_handling.max_tries:
            return None
        if isinstance(step, Shrink):
            return ()
        if isinstance(step, Retry) and self._model is not None:
            self._number, self._waited = self._number + 1, step.delay
            most = self._handling(self._model).retry_attempts
            return [messages.retry(self._model, self._number, most, step.delay, self._failures[-1])]
        upcoming = self._upcoming or next(self._candidates, None)
        if upcoming is None:
            return None
        (self._rung, self._model), self._upcoming = upcoming, None
        self._number, self._waited = 1, 0.0
        if not self._failures:
            return ()
        price = estimated_price(self._model, self._sent_tokens() or 0, self._request.max_tokens)
        return [Metadata("failover", model=self._model.name, reason=self._failures[-1].title, price=price)]

    def _join_answer(self) -> Sequence[Chunk]:
        """What comes between an attempt that has failed and the next one."""
        assert self._model is not None
        if self._failures and isinstance(self._failures[-1], EmptyAnswer):
            return self._settled()
        if self._tally.count > self._count_at_seam:
            return self._joined(self._model)
        if self._seams:
            # Nothing has come since the seam: the model that is asked now is the one that goes on there.
            self._seams[-1] = msgspec.structs.replace(self._seams[-1], model=self._model.name)
        return ()

    def _next_step(self) -> NextStep:
        """What to do after the attempt that has just failed. Raises `Cancelled`."""
        if self._control.cancelled:
            raise Cancelled
        assert self._model is not None
        error = self._failures[-1]
        tries = self._settings.error_handling.max_tries - len(self._tries)
        budget = RetryBudget(tries, self._limits.left(self._model), self._limits.is_up(self._model))
        unconnected = isinstance(error, Unreachable) and error.unconnected
        outcome = AttemptOutcome(
            has_text=bool(self._seams) or self._tally.count > self._count_at_seam,
            may_continue=self._settings.on_break == "continue",
            can_shrink=self._can_shrink(self._model, error),
            has_other_model=unconnected and self._has_other_model(),
        )
        step = next_step(error, self._number, budget, outcome, self._handling(self._model), self._means.jitter)
        if isinstance(step, Shrink) and isinstance(error, ContextTooLong):
            self._shrink(self._model, error)
        event_log.log_step(self._request, self._model, step)
        return step

    def _has_other_model(self) -> bool:
        """Whether another model is left; it is remembered, since the candidates are read once."""
        self._upcoming = self._upcoming or next(self._candidates, None)
        return self._upcoming is not None

    def _handling(self, model: Model) -> ErrorHandling:
        return self._settings.handling_of(model)

    def _joined(self, model: Model) -> Sequence[Chunk]:
        """What stands between the part that was cut and its continuation."""
        return [*self._settled(), self._seam(model, self._failures[-1].title)]

    def _settled(self) -> Sequence[Chunk]:
        """Counts what the last try has used before the next one begins, and gives what was held of it."""
        self._earlier.append((self._asked, self._tally.usage_of_try(self._sent_tokens())))
        held = self._tally.go_on(self._sent_tokens())
        self._count_at_seam = self._tally.count
        return held

    def _cost(self, *parts: tuple[Model | None, Usage | None]) -> float | None:
        """US dollars for these parts, each at its own model's price; None when one is not known."""
        dollars = 0.0
        for model, usage in parts:
            price = cost_of(self._priced.get(model.name, model), usage) if model and usage else None
            if price is None:
                return None
            dollars += price
        return dollars

    def _unpriced(self) -> Sequence[Model]:
        """The models of whose answers it is not known yet what they cost."""
        parts = [*self._earlier, (self._asked, self._tally.usage_of_try(self._sent_tokens()))]
        return [model for model, usage in parts if model and usage and cost_of(model, usage) is None]

    async def _look_up_prices(self, models: Sequence[Model]) -> None:
        """The first answers of a new installation are there before the prices are."""
        if (look_up := self._means.look_up_price) is not None:
            for model in models:
                self._priced[model.name] = await look_up(model)

    def _seam(self, model: Model, reason: str) -> Metadata:
        """Notes where the answer goes on."""
        self._seams.append(Seam(len(self._tally.text), model.name, reason))
        return Metadata("seam", model=model.name, reason=reason)

    def _can_shrink(self, model: Model, error: ChatTuiError) -> bool:
        """Whether the server found the context too long, and it can be sent without its oldest exchanges."""
        if not isinstance(error, ContextTooLong) or self._context is None or len(self._context.turns) <= 2:
            return False
        return sum(entry.model == model.name for entry in self._tries) <= SMALLER_CONTEXT_TRIES

    def _shrink(self, model: Model, error: ContextTooLong) -> None:
        """Let the next attempt fit a smaller context."""
        tokens = self._context.tokens if self._context else 0
        measured = error.prompt_tokens / max(1, tokens)
        self._scale[model.name] = max(measured, 1.4) * self._scale.get(model.name, 1.0)
        known = [window for window in (error.window, model.context_window) if window]
        # If the window is not known, the size that was refused is used instead.
        self._windows[model.name] = min(known, default=self._windows.get(model.name, tokens))

    def _give_up(self) -> None:
        if len({entry.model for entry in self._tries}) <= 1:
            self.error = self._failures[-1] if self._failures else self.error
            return
        self.error = AllFailed(
            "No model could answer.", messages.all_failed(self._tries, self._failures), tries=self._failures
        )

    async def _attempt(self) -> AsyncGenerator[Sequence[Chunk], None]:
        """One attempt with the model; it notes its outcome and raises only `Cancelled` and `Expired`."""
        model = self._model
        assert model is not None
        came = self._clock()
        slot = self._means.slots(model.provider)
        if slot.locked():
            yield [Metadata("queued", model=model.name)]
        await self._control.wait(slot.acquire(), self._limits.left(model))
        began = self._clock()
        self._waited += began - came
        self._address = ""
        self._health.began(model.name)
        failure: ChatTuiError | None = None
        try:
            context = self._context = await self._fitted(model)
            yield messages.connecting(model, context, self._request.max_tokens)
            self._tally.begin_try()
            async with self._means.open_stream(model, self._request_to(model, context)) as source:
                silence = SilenceLimit(model, self._limits, self._control)
                while self._tally.ending is None:
                    if chunks := self._tally.take(await self._read(source, model, silence)):
                        yield chunks
                self._judge(model)
        except (Cancelled, Expired):
            raise
        except ChatTuiError as error:
            failure = error
        except Exception as error:  # noqa: BLE001
            # The seam's border: dialects may be plug-ins, and a fault in one must not cost the stream its ending.
            failure = messages.fault(model, error)
        finally:
            slot.release()
            self._health.ended(model.name)
            self._note_try(model, failure, began)

    def _note_try(self, model: Model, failure: ChatTuiError | None, began: float) -> None:
        """Add an attempt that has ended to the route."""
        at, took = began - self._begun, self._clock() - began
        outcome, reason = self._outcome(model, failure)
        times = (round(at, 4), round(took, 4), round(self._waited, 4))
        served = self._served_instead_of(model)
        self._tries.append(Try(model.name, self._number, outcome, reason, *times, self._rung, self._address, served))
        event_log.log_try(self._request, self._tries[-1])

    def _served_instead_of(self, model: Model) -> str:
        """The model that the server says has answered, where that is another one."""
        ending = self._tally.ending or self._tally.rejected
        return substitute(model.id, clean_line(ending.served_model, 200)) if ending else ""

    def _outcome(self, model: Model, failure: ChatTuiError | None) -> tuple[str, str]:
        """How a try ended, in the words of the route; a failure is noted for the model's health."""
        if self._tally.ending is not None:
            return "answered", ""
        if failure is None or self._control.cancelled:
            return "cancelled", ""
        messages.tell_wait(failure)
        self._failures.append(failure)
        # That the asker had no more time says nothing of the model.
        if isinstance(failure, ProviderError) and not self._limits.is_up(self._model):
            self._health.failed(model.name, failure, self._plan.kind)
        return failure.kind, failure.title

    async def _fitted(self, model: Model) -> Context:
        """What of the conversation the model is sent."""
        self._asked = model
        part = self._tally.text.rstrip()
        spoken = self._request.spoken()
        turns = (*spoken, Turn("assistant", part)) if part else spoken
        fitted = partial(
            fit,
            turns,
            window=self._windows.get(model.name, model.context_window),
            reply_tokens=self._request.max_tokens,
            exchanges=self._settings.exchanges,
            step_tokens=model.trim_step_tokens,
            scale=self._scale.get(model.name, 1.0),
        )
        # A long conversation takes milliseconds, which the loop has not got.
        return fitted() if len(turns) < TURNS_AT_ONCE else await asyncio.to_thread(fitted)

    async def _read(
        self, source: AsyncGenerator[Sequence[Chunk], None], model: Model, silence: SilenceLimit
    ) -> Sequence[Chunk]:
        """The next burst of a reply. Raises `ChatTuiError`, `Cancelled`."""
        try:
            burst = await self._control.wait(anext(source), self._limits.left(model, silence.seconds_left()))
        except StopAsyncIteration:
            raise Garbled(f"{model.name} closed the stream early.", "Ask again.") from None
        except Expired:
            raise self._too_slow(model, silence.phase) from None
        self._note(model, burst)
        return silence.note(burst)

    def _request_to(self, model: Model, context: Context) -> Request:
        """What this model is asked, with this context."""
        request = self._request.changed(
            prompt="",
            turns=context.turns,
            max_tokens=self._tally.left_of(self._request.max_tokens),
            stream=self._streams,
            begins_thinking=self._health.vitals(model.name).begins_thinking,
        )
        return request.changed(**price_limit(request, model, context.tokens, self._cost(*self._earlier) or 0.0))

    def _note(self, model: Model, burst: Sequence[Chunk]) -> None:
        """Keep what a burst tells of the way to the model, and of how its answers begin."""
        self._address = messages.address(burst) or self._address
        self._notes.update(dict.fromkeys(messages.notes(burst)))
        for kind in messages.reclassified_as(burst):
            self._health.reclassified(model.name, kind)

    def _judge(self, model: Model) -> None:
        """Raises `ProviderError` where what has ended is no answer."""
        tally = self._tally
        fault = tally.ending and fault_in(
            model,
            tally.ending,
            text=tally.text,
            thinking_characters=tally.thinking_characters,
            tools=tally.tools,
        )
        if fault:
            tally.reject()
            raise fault

    def _too_slow(self, model: Model, phase: Phase = "asked") -> TooSlow:
        limit = None if self._limits.is_up(self._model) else self._limits.silence(model, phase)
        return messages.too_slow(model, limit, self._limits.whole(self._model), phase)

    def _sent_tokens(self) -> int | None:
        return self._context.tokens if self._context else None

    def _end(self, state: State | None) -> End:
        model, ending = self._model, self._tally.ending or self._tally.rejected or End()
        final = state or ending.state
        unused = final == "failed" or (final == "empty" and self._tally.rejected is None)
        sent = self._sent_tokens() if not unused else None
        usage, last = self._tally.usage(sent), self._tally.usage_of_try(sent)
        if usage is not None and last is not None and model is not None:
            priced = self._priced.get(model.name, model)
            usage = msgspec.structs.replace(usage, saved=with_savings(priced, last).saved)
        took = self._clock() - self._begun
        if model is not None and final in {"complete", "length", "refused"}:
            self._health.answered(model.name, self._tally.timings(usage, took, of_model=True), self._plan.kind)
        plan = self._plan
        listed, others = messages.listed(plan.candidates, {entry.model for entry in self._tries})
        return End(
            model=model.name if model else self._request.model or "",
            provider=model.provider if model else "",
            request_id=self._request.id,
            finish_reason=clean_line(ending.finish_reason, 60) or ("cancelled" if final == "cancelled" else ""),
            state=final,
            served_model=self._served_instead_of(model) if model else "",
            usage=usage,
            timings=self._tally.timings(usage, took),
            cost=self._cost(*self._earlier, (model, last)) if usage else None,
            route=Route(
                plan.strategy,
                listed,
                tuple(self._tries),
                left_out=sum(others.values()),
                left_out_for={why: count for why, count in others.items() if why},
                seams=tuple(self._seams),
                others=tuple(self._means.others(self._request, plan, self._sent_tokens() or 0)),
                needs=plan.needs,
                notes=tuple(self._notes)[:NOTES_LIMIT],
            ),
        )
