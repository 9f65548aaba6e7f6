"""What is done after a failed attempt, as a table."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chat_tui.config.schema import ErrorHandling
from chat_tui.core.errors import (
    Busy,
    ChatTuiError,
    ContextTooLong,
    EmptyAnswer,
    InternalError,
    KeyRefused,
    Overloaded,
    Unreachable,
)
from chat_tui.routing.execution.retry import (
    LONGEST_WAIT_SECONDS,
    AttemptOutcome,
    NextModel,
    NextStep,
    Retry,
    RetryBudget,
    Shrink,
    Stop,
    next_step,
)

HANDLING = ErrorHandling(retry_attempts=3, retry_delay_seconds=1.0, exponential_backoff=True)
BUDGET = RetryBudget(tries=10)


def of(kind: type[ChatTuiError], **fields: Any) -> ChatTuiError:
    error = kind("It failed.")
    for name, value in fields.items():
        setattr(error, name, value)
    return error


BUSY = of(Overloaded)
UNCONNECTED = of(Unreachable, unconnected=True)
EMPTY = of(EmptyAnswer)


@pytest.mark.parametrize(
    ("error", "attempt", "changes", "expected"),
    [
        # What may pass by itself is tried again, later each time.
        (BUSY, 1, {}, Retry(1.0)),
        (BUSY, 2, {}, Retry(2.0)),
        (BUSY, 3, {}, NextModel()),
        (of(KeyRefused), 1, {}, NextModel()),
        (of(InternalError), 1, {}, NextModel()),
        # The provider's own wait counts, if it is not too long.
        (of(Busy, retry_after=7.0), 1, {}, Retry(7.0)),
        (of(Busy, retry_after=0.0), 1, {}, Retry(0.0)),
        (of(Busy, retry_after=LONGEST_WAIT_SECONDS), 1, {}, Retry(LONGEST_WAIT_SECONDS)),
        (of(Busy, retry_after=LONGEST_WAIT_SECONDS + 1), 1, {}, NextModel()),
        # The budget.
        (BUSY, 1, {"tries": 1}, Retry(1.0)),
        (BUSY, 1, {"tries": 0}, NextModel()),
        (BUSY, 1, {"seconds": 1.5}, Retry(1.0)),
        (BUSY, 1, {"seconds": 1.0}, NextModel()),
        (BUSY, 1, {"seconds": 0.0, "is_time_up": True}, Stop()),
        # Text that was shown is not repeated.
        (BUSY, 1, {"has_text": True}, Stop()),
        (BUSY, 1, {"has_text": True, "may_continue": True}, Retry(1.0)),
        (EMPTY, 3, {"has_text": True}, NextModel()),
        (BUSY, 1, {"is_time_up": True, "has_text": True, "may_continue": True}, Stop()),
        # A context that is too long is cut, and that is no further attempt.
        (of(ContextTooLong), 3, {"can_shrink": True}, Shrink()),
        (of(ContextTooLong), 1, {"can_shrink": False}, NextModel()),
        (of(ContextTooLong), 1, {"can_shrink": True, "has_text": True}, Stop()),
        (of(ContextTooLong), 1, {"can_shrink": True, "is_time_up": True}, Stop()),
        # Where nothing listens, other models come first.
        (UNCONNECTED, 1, {"has_other_model": True}, NextModel()),
        (UNCONNECTED, 1, {}, Retry(1.0)),
        (of(Unreachable, unconnected=False), 1, {"has_other_model": True}, Retry(1.0)),
    ],
)
def test_each_failure_has_its_next_step(
    error: ChatTuiError, attempt: int, changes: dict[str, Any], expected: NextStep
) -> None:
    in_budget = {name: changes[name] for name in changes if name in BUDGET.__struct_fields__}
    budget = msgspec.structs.replace(BUDGET, **in_budget)
    outcome = AttemptOutcome(**{name: changes[name] for name in changes if name not in in_budget})
    step = next_step(error, attempt, budget, outcome, HANDLING, lambda low, high: high)
    assert step == expected


def test_without_exponential_backoff_each_delay_is_the_same() -> None:
    handling = ErrorHandling(retry_attempts=5, retry_delay_seconds=0.5, exponential_backoff=False)
    steps = [next_step(BUSY, n, BUDGET, AttemptOutcome(), handling, lambda low, high: low) for n in range(1, 6)]
    assert steps == [Retry(0.5)] * 4 + [NextModel()]
