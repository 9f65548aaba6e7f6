"""Decides what is done after an attempt that has failed. All functions are pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from chat_tui.config.schema import ErrorHandling
from chat_tui.core.errors import Busy, ChatTuiError, EmptyAnswer, ProviderError, Unreachable

LONGEST_WAIT_SECONDS = 60.0
"""The longest wait before a retry; a provider that asks for more is passed over."""

Jitter: TypeAlias = Callable[[float, float], float]
"""A random number between two bounds."""


class Retry(msgspec.Struct, frozen=True):
    """Ask the same model again."""

    delay: float
    """Seconds to wait before."""


class Shrink(msgspec.Struct, frozen=True):
    """Ask the same model again at once, with less context; it does not count as another attempt."""


class NextModel(msgspec.Struct, frozen=True):
    """Ask the next model, if there is one."""


class Stop(msgspec.Struct, frozen=True):
    """Ask nobody: the stream ends with this error."""


NextStep: TypeAlias = Retry | Shrink | NextModel | Stop


class RetryBudget(msgspec.Struct, frozen=True):
    """What a request may still use after a failed attempt."""

    tries: int
    """How many more attempts it may make, with any model."""
    seconds: float | None = None
    """How much time is left; None: no limit."""
    is_time_up: bool = False
    """Whether the limit of the whole stream has run out."""


class AttemptOutcome(msgspec.Struct, frozen=True):
    """What a failed attempt left behind."""

    has_text: bool = False
    """Whether something of the answer has come that another attempt would repeat."""
    has_calls: bool = False
    """Whether a tool call has begun, which no other attempt can continue or take back."""
    may_continue: bool = False
    """Whether an answer that was cut may be continued by another attempt."""
    can_shrink: bool = False
    """Whether the context was too long and can be cut."""
    has_other_model: bool = False
    """Whether another model is left; only looked at where no connection was made."""


def next_step(
    error: ChatTuiError,
    attempt: int,
    budget: RetryBudget,
    outcome: AttemptOutcome,
    handling: ErrorHandling,
    jitter: Jitter,
) -> NextStep:
    """Return what to do after the model's n-th attempt (from 1) has ended with this error."""
    shown = outcome.has_text and not isinstance(error, EmptyAnswer)
    if budget.is_time_up or outcome.has_calls or (shown and not outcome.may_continue):
        return Stop()
    if outcome.can_shrink:
        return Shrink()
    if isinstance(error, Unreachable) and error.unconnected and outcome.has_other_model:
        # Nothing listens there. The same model is asked again only if there is no other.
        return NextModel()
    if not isinstance(error, ProviderError) or not error.retryable:
        return NextModel()
    if attempt >= handling.retry_attempts or budget.tries <= 0:
        return NextModel()
    delay = backoff(
        attempt, error, base=handling.retry_delay_seconds, exponential=handling.exponential_backoff, jitter=jitter
    )
    if delay > LONGEST_WAIT_SECONDS or (budget.seconds is not None and delay >= budget.seconds):
        return NextModel()
    return Retry(delay)


def backoff(attempt: int, error: ProviderError, *, base: float, exponential: bool, jitter: Jitter) -> float:
    """Return the seconds to wait after the n-th attempt (from 1): what the provider asks for, else exponential backoff
    with full jitter, or `base`."""
    # A negative number, or NaN, is no wait that a provider could ask for.
    if isinstance(error, Busy) and error.retry_after is not None and error.retry_after >= 0:
        return error.retry_after
    if not exponential:
        return min(base, LONGEST_WAIT_SECONDS)
    return jitter(0.0, min(base * 2 ** min(attempt - 1, 16), LONGEST_WAIT_SECONDS))
