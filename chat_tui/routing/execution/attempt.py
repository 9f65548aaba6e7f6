"""One attempt: a request is sent to a model, and what comes back is checked, timed and counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeAlias

import msgspec

from chat_tui.core.answers.served_models import substitute
from chat_tui.core.chunks import Chunk, End, Metadata, Token, TokenKind, Usage
from chat_tui.core.context import Context
from chat_tui.core.conversation import Turn
from chat_tui.core.errors import ChatTuiError, ContextTooLong, Garbled, ProviderError, TooSlow
from chat_tui.core.models import Model
from chat_tui.core.request import Request
from chat_tui.core.route import Alternative, Try
from chat_tui.core.usage.token_estimate import tool_tokens
from chat_tui.routing.execution import messages
from chat_tui.routing.execution.accounting import AttemptCosts, PriceLookUp, StreamAccounting, clean_chunk
from chat_tui.routing.execution.candidates import NextRung, RankedModel
from chat_tui.routing.execution.context_window import can_be_cut, fit
from chat_tui.routing.execution.control import Cancelled, Expired, StreamControl
from chat_tui.routing.execution.endings import fault_in
from chat_tui.routing.execution.retry import Retry, Shrink
from chat_tui.routing.execution.silence import SilenceLimit
from chat_tui.routing.execution.timeouts import Phase, TimeLimits
from chat_tui.routing.policy import Plan, RoutingPolicy
from chat_tui.routing.ranking.eligibility import price_limit
from chat_tui.routing.ranking.health import Health

OpenStream: TypeAlias = Callable[[Model, Request], AbstractAsyncContextManager[AsyncGenerator[Sequence[Chunk], None]]]
"""Asks a model. Yields bursts of chunks; the last chunk is an `End` with finish reason, state and usage. Raises
`ProviderError`. The only seam between the router and the backend."""

TURNS_AT_ONCE = 200
"""Turns that are fitted into a window on the event loop, within a millisecond or two; more go to a thread."""
SMALLER_CONTEXT_TRIES = 3
"""How often a context that the server finds too long is cut once more."""


class ExecutionDependencies(msgspec.Struct, frozen=True):
    """What a router passes to each of its executions."""

    open_stream: OpenStream
    look_up_price: PriceLookUp | None
    health: Health
    settings: RoutingPolicy
    slots: Callable[[str], asyncio.Semaphore]
    """The concurrent streams that a provider allows."""
    next_rung: NextRung
    others: Callable[[Request, Plan, int], Sequence[Alternative]]
    """What other strategies would have chosen, with the price for this many tokens."""
    clock: Callable[[], float]
    jitter: Callable[[float, float], float]


class SharedState(msgspec.Struct, frozen=True):
    """What all attempts of one request share."""

    request: Request
    task_kind: str
    """The plan's kind of task, under which a model's health is kept."""
    dependencies: ExecutionDependencies
    control: StreamControl
    limits: TimeLimits
    accounting: StreamAccounting
    costs: AttemptCosts
    started: float
    """When the execution began, on the dependencies' clock."""


class FittedWindow:
    """The context window of a model; smaller than configured once the server has refused a context."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._tokens = model.context_window
        self._scale = 1.0
        """How much larger the server's count of tokens is than the estimate."""
        self.attempts = 0
        """How often a context was fitted."""

    async def fit(self, request: Request, text: str, exchanges: int | None) -> Context:
        """Return what is sent of the conversation; `text` is the part of the answer that the model continues."""
        self.attempts += 1
        part, spoken = text.rstrip(), request.spoken()
        turns = (*spoken, Turn("assistant", part)) if part else spoken
        fitted = partial(
            fit,
            turns,
            window=self._tokens,
            reply_tokens=request.max_tokens,
            exchanges=exchanges,
            step_tokens=self._model.trim_step_tokens,
            scale=self._scale,
            tool_tokens=tool_tokens(request.tools),
        )
        # A long conversation takes milliseconds, which the event loop must not wait for.
        return fitted() if len(turns) < TURNS_AT_ONCE else await asyncio.to_thread(fitted)

    def shrink(self, error: ContextTooLong, tokens: int) -> None:
        """Make the next context smaller than the refused one, which had this many tokens."""
        measured = error.prompt_tokens / max(1, tokens)
        self._scale *= max(measured, 1.4)
        known = [window for window in (error.window, self._model.context_window) if window]
        # If the window is not known, the size that was refused is used instead.
        self._tokens = min(known, default=tokens if self._tokens is None else self._tokens)


class Attempt:
    """Sends the request to one model once.

    `bursts()` is read once; afterwards `record` and `failure` tell the outcome.
    """

    def __init__(
        self, shared: SharedState, ranked: RankedModel, window: FittedWindow, number: int = 1, waited: float = 0.0
    ) -> None:
        self.model, self.number = ranked.model, number
        """The model, and which of its attempts this is (from 1)."""
        self.context: Context | None = None
        """What was sent; None as long as nothing was."""
        self.failure: ChatTuiError | None = None
        self.record: Try | None = None
        """The entry of the route; None if the attempt has not come to its turn."""
        self.notes: dict[str, None] = {}
        """How the request was changed for the server, for people."""
        self._shared, self._ranked, self._window = shared, ranked, window
        self._waited = waited
        self._address = ""

    def repeat(self, step: Retry | Shrink) -> Attempt:
        """Return the next attempt with the same model."""
        if isinstance(step, Retry):
            return Attempt(self._shared, self._ranked, self._window, self.number + 1, step.delay)
        if isinstance(self.failure, ContextTooLong):
            self._window.shrink(self.failure, self.sent_tokens or 0)
        return Attempt(self._shared, self._ranked, self._window, self.number, self._waited)

    @property
    def sent_tokens(self) -> int | None:
        """An estimate of the prompt; None if nothing was sent."""
        return self.context.tokens if self.context else None

    @property
    def usage(self) -> Usage | None:
        """What it has used so far; valid until another attempt begins."""
        return self._shared.accounting.usage_of_try(self.sent_tokens)

    def can_shrink(self) -> bool:
        """Return whether the context was too long and can be sent with less: without its oldest exchanges, or with
        shorter results of tool calls."""
        if not isinstance(self.failure, ContextTooLong) or self.context is None or len(self.context.turns) <= 2:
            return False
        turns = self.context.turns
        if (self._shared.request.tools or any(turn.calls for turn in turns)) and not can_be_cut(turns):
            # All that is left are the newest calls and results to the last question, which always stay.
            return False
        return self._window.attempts <= SMALLER_CONTEXT_TRIES

    async def bursts(self) -> AsyncGenerator[Sequence[Chunk], None]:
        """Yield the model's chunks, in bursts. Raises only `Cancelled` and `Expired`; other errors become `failure`."""
        shared, model, deps = self._shared, self.model, self._shared.dependencies
        control, limits, accounting = shared.control, shared.limits, shared.accounting
        queued_at = deps.clock()
        slot = deps.slots(model.provider)
        if slot.locked():
            yield [Metadata("queued", model=model.name)]
        await control.wait(slot.acquire(), limits.seconds_left(model))
        began = deps.clock()
        self._waited += began - queued_at
        deps.health.note_start(model.name)
        failure: ChatTuiError | None = None
        try:
            # Nobody can go on with what cannot be seen, of which there may be megabytes.
            part = accounting.text if accounting.is_visible else ""
            self.context = await self._window.fit(shared.request, part, deps.settings.exchanges)
            self._note_shortening(self.context)
            yield messages.connecting(model, self.context, shared.request)
            accounting.begin_try()
            async with deps.open_stream(model, self._request_for(self.context)) as source:
                silence = SilenceLimit(model, limits, control)
                while accounting.ending is None:
                    try:
                        burst = await control.wait(anext(source), limits.seconds_left(model, silence.seconds_left()))
                    except StopAsyncIteration:
                        raise Garbled(f"{model.name} closed the stream early.", "Ask again.") from None
                    except Expired:
                        raise too_slow(model, limits, silence.phase) from None
                    if chunks := accounting.take(silence.note(self._receive(burst))):
                        yield chunks
                self._check_ending()
        except (Cancelled, Expired):
            raise
        except ChatTuiError as error:
            failure = error
        except Exception as error:  # noqa: BLE001
            # The seam's border: dialects may be plug-ins, and a fault in one must not cost the stream its ending.
            failure = messages.internal_error(model, error)
        finally:
            slot.release()
            deps.health.note_end(model.name)
            self._end(failure, began)

    def _request_for(self, context: Context) -> Request:
        """Return the request for this model, with this context."""
        shared, model = self._shared, self.model
        request = shared.request.replace(
            prompt="",
            turns=context.turns,
            max_tokens=shared.accounting.left_of(shared.request.max_tokens),
            stream=shared.dependencies.settings.streaming and shared.request.stream,
            begins_thinking=shared.dependencies.health.vitals(model.name).begins_thinking,
        )
        return request.replace(**price_limit(request, model, context.tokens, shared.costs.dollars() or 0.0))

    def _note_shortening(self, context: Context) -> None:
        """Keep for the route what was shortened, or may not be seen by the model."""
        for warning in messages.context_warnings(context):
            if warning.reason:
                self.notes[warning.reason] = None

    def _receive(self, burst: Sequence[Chunk]) -> Sequence[Chunk]:
        """Return the burst with all fields cleaned; keeps what concerns the route and the model."""
        for chunk in burst:
            if not isinstance(chunk, Token):
                break
        else:
            return burst
        burst = [clean_chunk(chunk) for chunk in burst]
        for chunk in burst:
            if not isinstance(chunk, Metadata):
                continue
            self._address = chunk.address or self._address
            if chunk.event == "note" and chunk.reason:
                self.notes[chunk.reason] = None
            elif chunk.event == "reclassified":
                kind: TokenKind = "thinking" if chunk.kind == "thinking" else "text"
                self._shared.dependencies.health.note_reclassified(self.model.name, kind)
        return burst

    def _check_ending(self) -> None:
        """Raise `ProviderError` if what has ended is no answer."""
        accounting = self._shared.accounting
        fault = accounting.ending and fault_in(
            self.model,
            accounting.ending,
            visible=accounting.is_visible,
            thinking_characters=accounting.thinking_characters,
            tools=accounting.tools,
            calls=accounting.calls,
        )
        if fault:
            accounting.reject()
            raise fault

    def _end(self, failure: ChatTuiError | None, began: float) -> None:
        """Record the outcome; a failure counts for the model's health."""
        shared, model = self._shared, self.model
        accounting, deps = shared.accounting, shared.dependencies
        outcome, reason = "answered", ""
        if accounting.ending is None and (failure is None or shared.control.cancelled):
            outcome = "cancelled"
        elif accounting.ending is None and failure is not None:
            messages.add_wait_to_hint(failure)
            messages.add_tools_to_hint(failure, shared.request)
            self.failure = failure
            outcome, reason = failure.kind, failure.title
            # If the time of the whole request is up, that says nothing about the model.
            if isinstance(failure, ProviderError) and not shared.limits.is_time_up(model):
                deps.health.note_failure(model.name, failure, shared.task_kind)
        at, took = began - shared.started, deps.clock() - began
        times = (round(at, 4), round(took, 4), round(self._waited, 4))
        served = served_instead(model, accounting.ending or accounting.rejected)
        self.record = Try(model.name, self.number, outcome, reason, *times, self._ranked.rung, self._address, served)


def served_instead(model: Model, ending: End | None) -> str:
    """Return the model that has answered according to the server, if that is another one; else empty."""
    return substitute(model.id, ending.served_model) if ending else ""


def too_slow(model: Model, limits: TimeLimits, phase: Phase = "asked") -> TooSlow:
    """Return the error for the limit that has run out: of the model's silence, or of the whole stream."""
    silence_limit = None if limits.is_time_up(model) else limits.silence_limit(model, phase)
    return messages.too_slow(model, silence_limit, limits.stream_limit(model), phase)
